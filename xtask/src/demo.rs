//! `cargo xtask demo`: the whole product on this machine, with a sample MSP and one real agent.

use crate::{
    bundle::{self, Profile},
    demo_release::{NEXT, Workstation},
    process::{self, LOOK_EVERY, Running},
    step::{cargo, run, step, target},
};
use anyhow::{Context, Result, bail};
use std::{
    env::consts::{ARCH, EXE_SUFFIX, OS},
    fs,
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::atomic::AtomicBool,
    thread,
    time::{Duration, Instant},
};

/// A server that is not up within this time will not come.
const START_WITHIN: Duration = Duration::from_secs(60);

/// Builds and runs everything until Ctrl-C.
pub fn run_demo(port: u16, keep: bool) -> Result<()> {
    must_be_free(port)?;
    bundle::build(Profile::Release)?;
    build_programs()?;
    let places = Places::new(keep)?;
    let stop = process::watch_for_stop()?;
    let mut server = Running::start("the server", &mut places.server(port))?;
    places.wait_for_server(&mut server, port, &stop)?;
    // Before the machine is registered: it pins the root that the server has then.
    let has_releases = places.make_releases();
    let mut agent = places.agent(port)?;
    eprintln!(
        "\nThe portal is at http://localhost:{port}\n\
         This machine is one of its devices; its agent writes to {}",
        places.agent_log().display()
    );
    if has_releases {
        eprintln!(
            "Its agent can be updated: open Releases, {}, and roll it out. The keys that signed it lie in {}.",
            NEXT.version,
            places.workstation_folder().display()
        );
    }
    eprintln!("Ctrl-C stops everything.\n");
    while !process::asked(&stop) {
        if let Some(status) = server.ended()? {
            bail!("the server ended: {status}");
        }
        if let Some(status) = agent.ended()? {
            bail!("the agent ended: {status}; {} says why", places.agent_log().display());
        }
        thread::sleep(LOOK_EVERY);
    }
    eprintln!("\nxtask: stopping");
    // The agent says goodbye to a server that still listens.
    drop(agent);
    drop(server);
    Ok(())
}

/// Fails early, with a way out, when another program has the port.
pub fn must_be_free(port: u16) -> Result<()> {
    match TcpListener::bind(("127.0.0.1", port)) {
        Ok(_) => Ok(()),
        Err(error) => bail!(
            "port {port} cannot be used ({error}); choose another: --port {}",
            port.wrapping_add(1).max(1024)
        ),
    }
}

/// Builds server, agent, updater and the tool of the release workstation.
pub fn build_programs() -> Result<()> {
    step("building server, agent, updater and reeve-release", || {
        run(cargo()
            .args(["build", "-p", "server", "-p", "agent", "-p", "updater", "-p", "release", "--bins"]))
    })
}

/// A program that cargo built.
pub fn built(program: &str) -> PathBuf {
    target().join("debug").join(format!("{program}{EXE_SUFFIX}"))
}

/// Where the demo keeps its things.
struct Places {
    folder: PathBuf,
}

impl Places {
    /// Makes the folders; fresh ones unless told to keep what is there. The programs are copies, so that building
    /// anew does not pull them from under a running demo.
    fn new(keep: bool) -> Result<Self> {
        let folder = target().join("demo");
        if !keep && folder.exists() {
            fs::remove_dir_all(&folder).with_context(|| format!("cannot clear {}", folder.display()))?;
        }
        fs::create_dir_all(folder.join("agents"))?;
        fs::create_dir_all(folder.join("bin"))?;
        for program in ["reeve-agent", "reeve-updater"] {
            copy(&built(program), &folder.join("bin").join(format!("{program}{EXE_SUFFIX}")))?;
            copy(&built(program), &folder.join("agents").join(format!("{program}-{OS}-{ARCH}{EXE_SUFFIX}")))?;
        }
        Ok(Self { folder })
    }

    fn program(&self, name: &str) -> PathBuf {
        self.folder.join("bin").join(format!("{name}{EXE_SUFFIX}"))
    }

    fn agent_log(&self) -> PathBuf {
        self.folder.join("agent.log")
    }

    fn token(&self) -> PathBuf {
        self.folder.join("data/demo-token")
    }

    fn workstation_folder(&self) -> PathBuf {
        self.folder.join("workstation")
    }

    fn workstation(&self) -> Workstation {
        Workstation::new(self.workstation_folder(), self.folder.join("data"))
    }

    /// Two signed releases, of which the first is what the agent of this machine runs. The demo is worth seeing without
    /// them, too.
    fn make_releases(&self) -> bool {
        let workstation = self.workstation();
        let made = step("making a root and two releases", || {
            workstation.publish()?;
            workstation.install(&self.program("reeve-agent"))
        });
        if let Err(error) = &made {
            eprintln!("xtask: the demo goes on without releases: {error:#}");
        }
        made.is_ok()
    }

    fn is_registered(&self) -> bool {
        ["config.json", "agent.json"].iter().any(|name| self.folder.join("agent").join(name).exists())
    }

    fn server(&self, port: u16) -> Command {
        let mut server = Command::new(built("reeve"));
        server
            .args(["serve", "--demo", "--listen", &format!("127.0.0.1:{port}")])
            .arg("--data-dir")
            .arg(self.folder.join("data"))
            .arg("--agents-dir")
            .arg(self.folder.join("agents"))
            .arg("--site-root")
            .arg(bundle::site());
        if std::env::var_os("REEVE_LOG").is_none() {
            server.env("REEVE_LOG", "warn");
        }
        server
    }

    /// Waits until the server listens and the sample MSP, with a token for this machine, is there.
    fn wait_for_server(&self, server: &mut Running, port: u16, stop: &AtomicBool) -> Result<()> {
        let deadline = Instant::now() + START_WITHIN;
        let listens = || std::net::TcpStream::connect(("127.0.0.1", port)).is_ok();
        let has_token = || fs::metadata(self.token()).is_ok_and(|file| file.len() > 0);
        while !(listens() && (self.is_registered() || has_token())) {
            if let Some(status) = server.ended()? {
                bail!("the server ended: {status}");
            }
            if process::asked(stop) || Instant::now() > deadline {
                bail!("the server did not come up");
            }
            thread::sleep(LOOK_EVERY);
        }
        Ok(())
    }

    /// Registers this machine, unless that was done the last time, and runs its agent as an installed one runs.
    fn agent(&self, port: u16) -> Result<Running> {
        let data = self.folder.join("agent");
        if !self.is_registered() {
            let mut register = Command::new(self.program("reeve-agent"));
            register
                .arg("--data-dir")
                .arg(&data)
                .args(["register", "--server", &format!("http://127.0.0.1:{port}"), "--token-file", "-"])
                .stdin(Stdio::from(fs::File::open(self.token())?))
                .stdout(Stdio::null());
            step("registering this machine", || run(&mut register))?;
        }
        let log = fs::File::create(self.agent_log())?;
        let mut updater = Command::new(self.program("reeve-updater"));
        updater.args(["run", "--agent"]).arg(self.program("reeve-agent"));
        updater.arg("--terms").arg(self.workstation().terms()?);
        updater.args(["--", "--data-dir"]).arg(&data);
        updater.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        Running::start("the agent", &mut updater)
    }
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::copy(from, to).with_context(|| format!("cannot copy {}", from.display())).map(drop)
}
