//! A Windows that the tests can have here: Wine, with an installation of its own that goes when the tests have ended.

use crate::{
    need::program,
    step::{command, root, run, step},
};
use anyhow::{Context as _, Result};
use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

/// What it takes, and the names of Debian's packages.
const TOOLS: [(&str, &str); 4] = [
    ("wine64", "wine64"),
    ("x86_64-w64-mingw32-gcc", "gcc-mingw-w64-x86-64"),
    ("wixl", "wixl"),
    ("msibuild", "msitools"),
];

/// The packages that are missing here, by Debian's names.
pub fn missing() -> Vec<&'static str> {
    TOOLS.iter().filter(|(tool, _)| find(tool).is_none()).map(|(_, package)| *package).collect()
}

/// Debian keeps Wine's own programs out of the search path, behind a script that talks.
fn find(tool: &str) -> Option<PathBuf> {
    let behind = Path::new("/usr/lib/wine").join(tool);
    if behind.is_file() { Some(behind) } else { program(tool) }
}

/// A fresh installation of Wine, with the server that its programs share.
pub struct Wine {
    program: PathBuf,
    server: PathBuf,
    prefix: PathBuf,
    /// A program that waits for words that nobody says. Without any program Wine ends its services; the next one would
    /// start them again, and whoever waits for the end of its output would wait for theirs.
    keeper: Option<Child>,
}

impl Wine {
    /// Makes one.
    pub fn install() -> Result<Self> {
        // Outside of the source tree: it holds links to all of this machine.
        let prefix = env::temp_dir().join(format!("reeve-wine-{}", std::process::id()));
        let server = ["wineserver64", "wineserver"].into_iter().find_map(find);
        let mut wine = Self {
            program: find("wine64").context("wine64 is missing")?,
            server: server.context("wineserver is missing")?,
            prefix,
            keeper: None,
        };
        step("making a Windows with Wine", || {
            fs::create_dir(&wine.prefix)?;
            run(&mut wine.quietly(&["wineboot", "-i"]))?;
            wine.is_ten()?;
            wine.add_chance()?;
            // Making it leaves a manager of services behind now and then; the next program would start another one, and
            // which of the two answers would be chance. What begins anew has one.
            wine.end();
            wine.begin()
        })?;
        Ok(wine)
    }

    /// Says which Windows it is. What was made a moment ago may still be ending, which takes this along now and then.
    fn is_ten(&mut self) -> Result<()> {
        let say = |wine: &Self| run(&mut wine.quietly(&["winecfg", "-v", "win10"]));
        say(self).or_else(|_| {
            self.end();
            say(self)
        })
    }

    /// Starts what its programs share.
    fn begin(&mut self) -> Result<()> {
        // Stays until it is ended: starting it for each program would take most of the time. Wine makes files with the
        // mask of its server where Windows would give them what their folder has.
        let mut server = Command::new("sh");
        server.args(["-c", r#"umask 077; exec "$0" -p"#]).arg(&self.server);
        run(self.told(&mut server))?;
        let keeper = self.quietly(&["cmd"]).stdin(Stdio::piped()).spawn();
        self.keeper = Some(keeper.context("cmd does not start")?);
        // Its manager of services answers before anybody else may ask for one.
        run(&mut self.quietly(&["sc", "query", "RpcSs"]))
    }

    /// Ends every program of this installation; when there is none any more it says so by failing.
    fn end(&mut self) {
        for word in ["-k", "-w"] {
            let _ = self.told(Command::new(&self.server).arg(word)).stderr(Stdio::null()).status();
        }
        if let Some(mut keeper) = self.keeper.take() {
            let _ = keeper.wait();
        }
    }

    /// Where Rust programs find chance, which older Wines do not have.
    fn add_chance(&self) -> Result<()> {
        let library = self.prefix.join("drive_c/windows/system32/bcryptprimitives.dll");
        if library.is_file() {
            return Ok(());
        }
        run(command("x86_64-w64-mingw32-gcc")
            .args(["-O1", "-shared", "-nostartfiles", "-e", "DllMain", "-o"])
            .arg(&library)
            .arg(root().join("agent/tests/windows/processprng.c"))
            .arg("-ladvapi32"))
    }

    /// Its program, which runs those of Windows.
    pub fn program(&self) -> &Path {
        &self.program
    }

    /// Tells a command which installation is meant.
    pub fn told<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        command
            .env("WINEPREFIX", &self.prefix)
            .env("WINEARCH", "win64")
            .env("WINEDEBUG", "-all")
            // Neither a screen nor what only browsers would need, and would ask for.
            .env("DISPLAY", "")
            .env("WINEDLLOVERRIDES", "mscoree,mshtml=")
    }

    fn quietly(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        self.told(&mut command).args(arguments).stdout(Stdio::null()).stderr(Stdio::null());
        command
    }
}

impl Drop for Wine {
    fn drop(&mut self) {
        self.end();
        if let Err(error) = fs::remove_dir_all(&self.prefix) {
            eprintln!("xtask: {} could not be removed: {error}", self.prefix.display());
        }
    }
}
