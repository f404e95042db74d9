//! Getting the agent onto a machine: the install scripts, the programs they fetch from this server, and the packages.

use crate::{
    api::{ApiProblem, no_such_address},
    download,
    state::AppState,
};
use axum::{
    extract::{Path, Request, State},
    http::{HeaderName, HeaderValue, header},
    response::{IntoResponse, Response},
};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use entity::{
    package::PackageFormat,
    platform::{Arch, Os},
};
use sha2::{Digest, Sha256};
use std::{
    collections::BTreeMap,
    fmt::Write as _,
    io::{self, Read as _},
    path::{Path as FsPath, PathBuf},
};
use tower::ServiceExt as _;
use tower_http::services::ServeFile;

const INSTALL_SH: &str = include_str!("../../agent/package/linux/install.sh");
const INSTALL_PS1: &str = include_str!("../../agent/package/windows/install.ps1");
/// The programs that make an agent, in the order in which the scripts expect their digests.
const PROGRAMS: [&str; 2] = ["reeve-agent", "reeve-updater"];

/// The agent's programs as they lay in the folder when the server started.
pub(crate) struct Downloads {
    dir: PathBuf,
    /// SHA-256 by file name.
    files: BTreeMap<String, [u8; 32]>,
}

impl Downloads {
    /// Looks for the programs of every platform and takes their digests. A folder that is not there holds none.
    pub(crate) fn find(dir: &FsPath) -> Self {
        let names = Os::ALL
            .iter()
            .flat_map(|os| Arch::ALL.iter().map(move |arch| (*os, *arch)))
            .flat_map(|(os, arch)| PROGRAMS.map(|program| file_name(program, os, arch)));
        let packages = packages().map(|(format, arch)| format.file_name(arch));
        let files = names.chain(packages).filter_map(|name| match sha256(&dir.join(&name)) {
            Ok(digest) => Some((name, digest)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => {
                tracing::warn!(file.name = name, %error, "this program cannot be read and is not offered");
                None
            }
        });
        Self { dir: dir.to_owned(), files: files.collect() }
    }

    /// The packages that are offered.
    pub(crate) fn packages(&self) -> Vec<(PackageFormat, Arch)> {
        packages().filter(|(format, arch)| self.files.contains_key(&format.file_name(*arch))).collect()
    }

    /// How many files are offered.
    pub(crate) fn len(&self) -> usize {
        self.files.len()
    }

    /// One line for each platform that has both programs: `os arch sha256_agent sha256_updater`.
    fn artifacts(&self) -> String {
        let mut lines = String::new();
        for os in Os::ALL {
            for arch in Arch::ALL {
                let digests = PROGRAMS.map(|program| self.files.get(&file_name(program, *os, *arch)));
                if let [Some(agent), Some(updater)] = digests {
                    let (agent, updater) = (hex::encode(agent), hex::encode(updater));
                    // Writing to a string cannot fail.
                    let _ = writeln!(lines, "{} {} {agent} {updater}", os.word(), arch.word());
                }
            }
        }
        lines.trim_end().to_owned()
    }

    fn script(&self, template: &str, public_url: &str) -> String {
        template.replace("@PUBLIC_URL@", public_url).replace("@ARTIFACTS@", &self.artifacts())
    }
}

/// Every package that there could be.
fn packages() -> impl Iterator<Item = (PackageFormat, Arch)> {
    PackageFormat::ALL.iter().flat_map(|format| Arch::ALL.iter().map(move |arch| (*format, *arch)))
}

fn file_name(program: &str, os: Os, arch: Arch) -> String {
    let suffix = if os == Os::Windows { ".exe" } else { "" };
    format!("{program}-{}-{}{suffix}", os.word(), arch.word())
}

fn sha256(file: &FsPath) -> io::Result<[u8; 32]> {
    let mut file = std::fs::File::open(file)?;
    let (mut hash, mut block) = (Sha256::new(), vec![0; 1 << 16]);
    loop {
        match file.read(&mut block)? {
            0 => return Ok(hash.finalize().into()),
            length => hash.update(&block[..length]),
        }
    }
}

/// `GET /install.sh`: Linux and macOS.
pub(crate) async fn install_sh(State(state): State<AppState>) -> Response {
    script("text/x-shellscript; charset=utf-8", state.downloads.script(INSTALL_SH, &state.config.public_url))
}

/// `GET /install.ps1`: Windows.
pub(crate) async fn install_ps1(State(state): State<AppState>) -> Response {
    script("text/plain; charset=utf-8", state.downloads.script(INSTALL_PS1, &state.config.public_url))
}

fn script(content_type: &'static str, text: String) -> Response {
    ([(header::CONTENT_TYPE, content_type)], text).into_response()
}

/// `GET /downloads/{file}` and `GET /downloads/{file}.sha256`: the programs beside the server, and those of releases by
/// version.
pub(crate) async fn download(
    State(state): State<AppState>,
    Path(name): Path<String>,
    request: Request,
) -> Result<Response, ApiProblem> {
    let wanted = name.strip_suffix(".sha256").unwrap_or(&name);
    let Some(digest) = state.downloads.files.get(wanted) else {
        let Ok(file) = domain::release::named(&state.store, wanted).await else {
            return Err(no_such_address().await);
        };
        if wanted != name {
            return Ok(format!("{}  {wanted}\n", file.sha256).into_response());
        }
        let (method, headers) = (request.method().clone(), request.headers().clone());
        return download::answer(&state, file, &method, &headers, download::FOR_AN_HOUR).await;
    };
    if wanted != name {
        return Ok(format!("{}  {wanted}\n", hex::encode(digest)).into_response());
    }
    // Opening fails only by answering so: a file that is gone is a 404.
    let mut response = match ServeFile::new(state.downloads.dir.join(wanted)).oneshot(request).await {
        Ok(response) => response.into_response(),
        Err(never) => match never {},
    };
    if response.status().is_success() {
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        for (name, value) in [
            (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{wanted}\"")),
            (HeaderName::from_static("repr-digest"), format!("sha-256=:{}:", BASE64_STANDARD.encode(digest))),
        ] {
            // Both are made of plain characters.
            headers.extend(HeaderValue::from_str(&value).ok().map(|value| (name, value)));
        }
    }
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_complete_platforms_are_offered_and_hashed() {
        let dir = tempfile::tempdir().expect("a folder");
        for name in [
            "reeve-agent-linux-x86_64",
            "reeve-updater-linux-x86_64",
            "reeve-agent-windows-x86_64.exe",
            "reeve-agent_amd64.deb",
            "other",
        ] {
            std::fs::write(dir.path().join(name), "abc").expect("written");
        }
        let downloads = Downloads::find(dir.path());
        assert_eq!(downloads.len(), 4);
        assert_eq!(downloads.packages(), [(PackageFormat::Deb, Arch::X86_64)]);
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(downloads.artifacts(), format!("linux x86_64 {abc} {abc}"));
        let script = downloads.script("url=@PUBLIC_URL@\n@ARTIFACTS@\n", "https://reeve.example.com");
        assert_eq!(script, format!("url=https://reeve.example.com\nlinux x86_64 {abc} {abc}\n"));
    }
}
