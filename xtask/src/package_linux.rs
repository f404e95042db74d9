//! The agent as `.deb` and `.rpm`, written without the tools of either distribution.

use crate::step::root;
use anyhow::{Context as _, Result};
use flate2::{Compression, write::GzEncoder};
use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
};

/// Where packages put the programs.
const PREFIX: &str = "/usr/lib/reeve";
const DATA: &str = "/var/lib/reeve";
/// Stands where a time would: the same files make the same package. 2026-01-01.
const MADE_AT: u32 = 1_767_225_600;

/// An agent that is to be packed.
pub struct Agent<'a> {
    /// Folder that holds `reeve-agent` and `reeve-updater`.
    pub programs: &'a Path,
    /// By Rust's name.
    pub arch: &'a str,
    /// Such as `0.1.0`.
    pub version: &'a str,
}

struct Entry {
    path: String,
    mode: u16,
    content: Content,
}

enum Content {
    Bytes(Vec<u8>),
    LinkTo(&'static str),
}

impl Agent<'_> {
    /// What Debian calls the architecture.
    fn debian_arch(&self) -> &str {
        match self.arch {
            "x86_64" => "amd64",
            "aarch64" => "arm64",
            other => other,
        }
    }

    /// Names as a server offers them: without a version, so that an address stays good.
    pub fn deb_name(&self) -> String {
        format!("reeve-agent_{}.deb", self.debian_arch())
    }

    /// See [`Self::deb_name`].
    pub fn rpm_name(&self) -> String {
        format!("reeve-agent.{}.rpm", self.arch)
    }

    /// Everything that both kinds install.
    fn entries(&self) -> Result<Vec<Entry>> {
        let file = |path: String, mode, from: PathBuf| {
            let bytes = fs::read(&from).with_context(|| format!("cannot read {}", from.display()))?;
            Ok::<_, anyhow::Error>(Entry { path, mode, content: Content::Bytes(bytes) })
        };
        let source = root().join("agent/package");
        let unit = fs::read_to_string(source.join("linux/reeve-agent.service"))?
            .replace("@PREFIX@", PREFIX)
            .replace("@DATA_DIR@", DATA);
        let doc = |name: &str| format!("/usr/share/doc/reeve-agent/{name}");
        Ok(vec![
            file(format!("{PREFIX}/reeve-agent"), 0o755, self.programs.join("reeve-agent"))?,
            file(format!("{PREFIX}/reeve-updater"), 0o755, self.programs.join("reeve-updater"))?,
            Entry {
                path: "/usr/bin/reeve-agent".to_owned(),
                mode: 0o777,
                content: Content::LinkTo("../lib/reeve/reeve-agent"),
            },
            Entry {
                path: "/usr/lib/systemd/system/reeve-agent.service".to_owned(),
                mode: 0o644,
                content: Content::Bytes(unit.into_bytes()),
            },
            file(doc("copyright"), 0o644, source.join("copyright"))?,
            file(doc("LICENSE-APACHE"), 0o644, root().join("LICENSE-APACHE"))?,
            file(doc("LICENSE-MIT"), 0o644, root().join("LICENSE-MIT"))?,
            file(doc("examples/registration.conf"), 0o644, source.join("linux/registration.conf"))?,
        ])
    }

    /// Writes the `.deb`: an archive of three members, two of which are archives.
    pub fn write_deb(&self, folder: &Path) -> Result<PathBuf> {
        let entries = self.entries()?;
        let kilobytes: usize = entries
            .iter()
            .map(|entry| match &entry.content {
                Content::Bytes(bytes) => bytes.len().div_ceil(1024),
                Content::LinkTo(_) => 1,
            })
            .sum();
        let mut control = vec![Entry {
            path: "/control".to_owned(),
            mode: 0o644,
            content: Content::Bytes(
                script("deb/control")?
                    .replace("@VERSION@", self.version)
                    .replace("@ARCH@", self.debian_arch())
                    .replace("@KILOBYTES@", &kilobytes.to_string())
                    .into_bytes(),
            ),
        }];
        for name in ["preinst", "postinst", "prerm", "postrm"] {
            let text = script(&format!("deb/{name}"))?;
            let content = Content::Bytes(text.into_bytes());
            control.push(Entry { path: format!("/{name}"), mode: 0o755, content });
        }
        let path = folder.join(self.deb_name());
        let members = [
            ("debian-binary", b"2.0\n".to_vec()),
            ("control.tar.gz", archive(&control)?),
            ("data.tar.gz", archive(&entries)?),
        ];
        let mut file = fs::File::create(&path).with_context(|| format!("cannot write {}", path.display()))?;
        file.write_all(b"!<arch>\n")?;
        for (name, bytes) in members {
            let length = bytes.len();
            writeln!(file, "{name:<16}{MADE_AT:<12}{:<6}{:<6}{:<8}{length:<10}`", 0, 0, "100644")?;
            file.write_all(&bytes)?;
            if length % 2 == 1 {
                file.write_all(b"\n")?;
            }
        }
        file.sync_all()?;
        Ok(path)
    }

    /// Writes the `.rpm`.
    pub fn write_rpm(&self, folder: &Path) -> Result<PathBuf> {
        let summary = "Agent of the Reeve remote monitoring and management server";
        let config = rpm::BuildConfig::v4().source_date(MADE_AT).compression(rpm::CompressionType::Gzip);
        let mut package =
            rpm::PackageBuilder::new("reeve-agent", self.version, "MIT OR Apache-2.0", self.arch, summary);
        package
            .using_config(config)
            .release("1")
            .vendor("The Reeve contributors")
            .build_host("localhost")
            .description("Watches this machine and reports to the Reeve server that it is registered with: presence, metrics, services, software and logs. It runs as a service of systemd and listens on no port of the network.")
            .recommends(rpm::Dependency::any("ca-certificates"))
            .pre_install_script(rpm::Scriptlet::new(script("rpm/pre")?))
            .post_install_script(rpm::Scriptlet::new(script("rpm/post")?))
            .pre_uninstall_script(rpm::Scriptlet::new(script("rpm/preun")?))
            .post_uninstall_script(rpm::Scriptlet::new(script("rpm/postun")?));
        package.with_dir_entry(rpm::FileOptions::dir(PREFIX).permissions(0o755))?;
        for entry in self.entries()? {
            match entry.content {
                Content::Bytes(bytes) => {
                    let options = rpm::FileOptions::new(entry.path.clone()).permissions(entry.mode);
                    let is_licence = entry.path.contains("/LICENSE") || entry.path.ends_with("/copyright");
                    let options = if is_licence { options.license() } else { options };
                    package.with_file_contents(bytes, options)?
                }
                Content::LinkTo(to) => package.with_symlink(rpm::FileOptions::symlink(entry.path, to))?,
            };
        }
        let path = folder.join(self.rpm_name());
        package.build()?.write_file(&path).with_context(|| format!("cannot write {}", path.display()))?;
        Ok(path)
    }
}

/// A script of a package, with the parts that both kinds share.
fn script(name: &str) -> Result<String> {
    let folder = root().join("agent/package/linux");
    let read = |name: &str| {
        let path = folder.join(name);
        fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))
    };
    Ok(read(name)?
        .replace("@BEFORE@", read("before.sh")?.trim_end())
        .replace("@AFTER@", read("after.sh")?.trim_end())
        .replace("@ENDED@", read("ended.sh")?.trim_end()))
}

/// A packed archive, owned by root, with the folders that lead to its files.
fn archive(entries: &[Entry]) -> Result<Vec<u8>> {
    let mut tar = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::default()));
    let header = |kind, mode: u16, size: usize| -> Result<tar::Header> {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(kind);
        header.set_mode(u32::from(mode));
        header.set_size(size.try_into()?);
        header.set_mtime(u64::from(MADE_AT));
        header.set_username("root")?;
        header.set_groupname("root")?;
        Ok(header)
    };
    let mut folders = vec![String::from("./")];
    for entry in entries {
        let parts = entry.path.trim_start_matches('/').split('/').collect::<Vec<_>>();
        for depth in 1..parts.len() {
            let folder = format!("./{}/", parts[..depth].join("/"));
            if !folders.contains(&folder) {
                folders.push(folder);
            }
        }
    }
    for folder in folders {
        tar.append_data(&mut header(tar::EntryType::Directory, 0o755, 0)?, folder, std::io::empty())?;
    }
    for entry in entries {
        let path = format!(".{}", entry.path);
        match &entry.content {
            Content::Bytes(bytes) => {
                let mut header = header(tar::EntryType::Regular, entry.mode, bytes.len())?;
                tar.append_data(&mut header, path, bytes.as_slice())?;
            }
            Content::LinkTo(to) => {
                let mut header = header(tar::EntryType::Symlink, entry.mode, 0)?;
                tar.append_link(&mut header, path, to)?;
            }
        }
    }
    Ok(tar.into_inner()?.finish()?)
}
