//! What the demo has of releases: keys of its own, a root that its server trusts, and two releases of the agent that was
//! just built. The first runs on this machine; the second waits to be rolled out to it.

use crate::demo::built;
use anyhow::{Context, Result, bail};
use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// What the agent of this machine begins as.
const FIRST: Release =
    Release { version: "1.0.0", seq: 1, notes: "What the agent of the demo's machine begins as.\n" };
/// What it can become.
pub const NEXT: Release = Release {
    version: "1.1.0",
    seq: 2,
    notes: "The same program under its next name: roll it out, and watch the machine that you sit at take it.\n",
};

/// A release of the demo.
pub struct Release {
    /// What people call it.
    pub version: &'static str,
    seq: u64,
    notes: &'static str,
}

/// Trials of new builds take seconds here where they usually take minutes.
const TERMS: &str = r#"{"alive_ms":15000,"receipt_every_ms":2000,"reach_ms":10000,"control_every_ms":2000,"probe_every_ms":2000}"#;

/// Who holds which key. On a real release workstation each lies on a medium of its own.
const HOLDERS: [(&str, &str); 4] = [
    ("root-a", "Anna Bauer (demo)"),
    ("root-b", "Boris Novak (demo)"),
    ("root-c", "the safe (demo)"),
    ("sign", "Dora Klein, releases (demo)"),
];

/// The demo's release workstation. A real one is another machine, without a network.
pub struct Workstation {
    folder: PathBuf,
    /// The data of the server.
    data: PathBuf,
}

impl Workstation {
    /// In this folder, for the server with this data.
    pub const fn new(folder: PathBuf, data: PathBuf) -> Self {
        Self { folder, data }
    }

    /// Makes keys, root and releases and brings them to the server, unless that was done the last time.
    pub fn publish(&self) -> Result<()> {
        if self.at("done").exists() {
            return Ok(());
        }
        if self.folder.exists() {
            fs::remove_dir_all(&self.folder)?;
        }
        fs::create_dir_all(&self.folder)?;
        let fingerprint = self.make_root()?;
        self.server("root").arg(self.at("root.json")).args(["--fingerprint", &fingerprint]).said()?;
        let mut former = None;
        for release in [&FIRST, &NEXT] {
            let manifest = self.sign(release, former.as_deref())?;
            self.server("import").arg(&manifest).arg(self.program(release)).said()?;
            former = Some(manifest);
        }
        fs::write(self.at("done"), "")?;
        Ok(())
    }

    /// Puts what was built where the agent of this machine runs from, as the first release.
    pub fn install(&self, agent: &Path) -> Result<()> {
        let fresh = self.at("installing");
        if fresh.exists() {
            fs::remove_file(&fresh)?;
        }
        self.stamp(&FIRST, &fresh)?;
        fs::rename(&fresh, agent).with_context(|| format!("cannot write {}", agent.display()))
    }

    /// The file that shortens the trials of new builds. Nobody but its owner may write it.
    pub fn terms(&self) -> Result<PathBuf> {
        let file = self.at("terms.json");
        fs::create_dir_all(&self.folder)?;
        fs::write(&file, TERMS)?;
        #[cfg(unix)]
        fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
        Ok(file)
    }

    /// Keys, and the root that names them; answers its fingerprint.
    fn make_root(&self) -> Result<String> {
        for (name, holder) in HOLDERS {
            self.tool("keygen").arg("--out").arg(self.at(name)).args(["--holder", holder]).said()?;
        }
        let freshness = self.at("freshness.pub");
        fs::write(&freshness, self.server("freshness-key").said()?)?;
        let mut make = self.tool("root");
        make.arg("make");
        for name in ["root-a", "root-b", "root-c"] {
            make.arg("--root-key").arg(self.at(&format!("{name}.pub")));
        }
        make.args(["--root-threshold", "2", "--release-key"]).arg(self.at("sign.pub"));
        make.arg("--freshness-key").arg(freshness);
        make.arg("--key").arg(self.at("root-a")).arg("--key").arg(self.at("root-b"));
        let told = make.arg("--out").arg(self.at("root.json")).said()?;
        let line = told.lines().find_map(|line| line.strip_prefix("fingerprint"));
        Ok(line.context("reeve-release says no fingerprint")?.trim().to_owned())
    }

    /// Stamps and signs a release; answers where its manifest is.
    fn sign(&self, release: &Release, former: Option<&Path>) -> Result<PathBuf> {
        let (program, notes) = (self.program(release), self.at("notes.txt"));
        self.stamp(release, &program)?;
        fs::write(&notes, release.notes)?;
        let manifest = self.at(&format!("manifest-{}.json", release.version));
        let mut sign = self.tool("sign");
        sign.arg("--root").arg(self.at("root.json"));
        match former {
            Some(former) => {
                sign.arg("--previous").arg(former);
            }
            None => {
                let (config, spool) = self.schemas()?;
                sign.args(["--first", "--config-schema", &config, "--spool-schema", &spool]);
            }
        }
        sign.args(["--version", release.version, "--seq", &release.seq.to_string()]);
        sign.arg("--agent").arg(&program).arg("--notes-file").arg(&notes);
        sign.arg("--key").arg(self.at("sign")).arg("--log").arg(self.at("releases.log"));
        sign.arg("--out").arg(&manifest).said()?;
        Ok(manifest)
    }

    /// A copy of what was built, which says that it is this release.
    fn stamp(&self, release: &Release, to: &Path) -> Result<()> {
        let mut stamp = self.tool("stamp");
        stamp.arg(built("reeve-agent")).args(["--version", release.version]);
        stamp.args(["--seq", &release.seq.to_string(), "--build-id", &format!("demo-{}", release.seq)]);
        stamp.arg("--out").arg(to).said()?;
        if cfg!(target_os = "macos") {
            // The stamp is part of what is signed, and what is not signed does not run.
            Command::new("codesign").args(["--force", "--sign", "-"]).arg(to).said()?;
        }
        Ok(())
    }

    /// Versions of configuration and spool that the agent writes, as it says itself.
    fn schemas(&self) -> Result<(String, String)> {
        let mut ask = Command::new(built("reeve-agent"));
        ask.args(["selfcheck", "--nonce", &"0".repeat(32), "--data-dir"]).arg(self.at("nobody"));
        // It says that it could not work here, and nevertheless which it is.
        let said = ask.stdin(Stdio::null()).output().context("cannot start reeve-agent")?;
        let said: serde_json::Value =
            serde_json::from_slice(&said.stdout).context("reeve-agent selfcheck")?;
        let version = |name: &str| {
            let found = said.get(name).and_then(serde_json::Value::as_u64);
            found.map(|version| version.to_string()).with_context(|| format!("the agent says no {name}"))
        };
        Ok((version("config_schema")?, version("spool_schema")?))
    }

    fn tool(&self, verb: &str) -> Command {
        let mut tool = Command::new(built("reeve-release"));
        tool.current_dir(&self.folder).arg(verb);
        tool
    }

    fn server(&self, verb: &str) -> Command {
        let mut server = Command::new(built("reeve"));
        server.args(["release", verb, "--data-dir"]).arg(&self.data);
        server
    }

    fn program(&self, release: &Release) -> PathBuf {
        self.at(&format!("reeve-agent-{}", release.version))
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }
}

/// Runs a command to its end.
trait Said {
    /// What it prints; what it complains of when it fails.
    fn said(&mut self) -> Result<String>;
}

impl Said for Command {
    fn said(&mut self) -> Result<String> {
        let name = Path::new(self.get_program()).display().to_string();
        let output = self.stdin(Stdio::null()).output().with_context(|| format!("cannot start {name}"))?;
        if !output.status.success() {
            bail!("{name}: {}", String::from_utf8_lossy(&output.stderr).trim());
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }
}
