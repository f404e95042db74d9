//! What has to be on this machine, and how it gets there.

use crate::{
    step::{cargo, command, output, run, step, target},
    windows,
};
use anyhow::{Result, bail};
use std::{
    env,
    path::{Path, PathBuf},
};

const WASM: &str = "wasm32-unknown-unknown";

/// The target that browsers run.
pub fn wasm_target() -> Result<()> {
    target_of_rust(WASM)
}

/// A target of Rust, added where it is not there.
pub fn target_of_rust(name: &str) -> Result<()> {
    if has_target(name) {
        return Ok(());
    }
    step(&format!("adding the Rust target {name}"), || run(command("rustup").args(["target", "add", name])))
}

/// True when Rust can build for a target here.
pub fn has_target(target: &str) -> bool {
    let folder = output(command("rustc").args(["--print", "target-libdir", "--target", target]));
    folder.is_some_and(|folder| Path::new(&folder).is_dir())
}

/// Where a program is, if it is in the search path.
pub fn program(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file())
}

/// What the tests need beyond Rust: a PostgreSQL and a NATS to start, servers that keep files as S3 and Azure Blob do,
/// Node.js for a provider of sign-in and to drive a browser, and that browser.
pub fn for_tests(with_browser: bool) -> Result<()> {
    if output(cargo().args(["fmt", "--version"])).is_none()
        || output(cargo().args(["clippy", "--version"])).is_none()
    {
        step("adding rustfmt and clippy", || {
            run(command("rustup").args(["component", "add", "rustfmt", "clippy"]))
        })?;
    }
    let mut missing = Vec::new();
    if !has_postgres() {
        missing.push("postgresql");
    }
    if program("nats-server").is_none() && !Path::new("/usr/sbin/nats-server").is_file() {
        missing.push("nats-server");
    }
    if program("node").is_none() {
        missing.push("nodejs");
    }
    if program("npm").is_none() {
        missing.push("npm");
    }
    if with_browser {
        if browser().is_none() {
            missing.push("chromium");
        }
        if program("sqlite3").is_none() {
            missing.push("sqlite3");
        }
    }
    if program("openssl").is_none() {
        missing.push("openssl");
    }
    if !has_mail_server() && make_mail_server().is_err() {
        missing.push("python3-aiosmtpd");
    }
    if !has_venv() {
        missing.push("python3-venv");
    }
    if can_install() {
        // Whoever cannot install is told at the end what was left out for want of these.
        missing.extend(windows::missing());
        missing.extend(for_packages());
        // It kills the agent at each call that writes its journal.
        missing.extend(program("strace").is_none().then_some("strace"));
    }
    if !missing.is_empty() {
        install(&missing)?;
    }
    make_buckets()
}

/// What the packages for Linux are tried with: a container with a systemd of its own, and the other package manager.
fn for_packages() -> impl Iterator<Item = &'static str> {
    let is_there = |file: &str| Path::new(file).is_file();
    [
        (program("systemd-nspawn").is_some() || is_there("/usr/bin/systemd-nspawn"), "systemd-container"),
        (is_there("/usr/lib/systemd/systemd"), "systemd"),
        (program("rpm").is_some(), "rpm"),
    ]
    .into_iter()
    .filter_map(|(is_there, package)| (!is_there).then_some(package))
}

/// May programs be installed here?
fn can_install() -> bool {
    program("apt-get").is_some() && is_root()
}

fn is_root() -> bool {
    output(command("id").arg("-u")).is_some_and(|id| id == "0")
}

/// The mail server that the tests start, in a Python of its own: the system's may belong to its package manager.
const MAIL_SERVER: &str = "aiosmtpd==1.4.6";

/// Where that Python is; the tests look there first.
fn mail_server_folder() -> PathBuf {
    target().join("tmp").join("aiosmtpd")
}

fn has_mail_server() -> bool {
    let made = mail_server_folder().join("bin").join("python");
    let has_it =
        |python: &Path| output(command(&python.to_string_lossy()).args(["-c", "import aiosmtpd"])).is_some();
    [made.as_path(), Path::new("python3"), Path::new("/usr/bin/python3")].into_iter().any(has_it)
}

fn make_mail_server() -> Result<()> {
    make_python("making a Python with the tests' mail server", &mail_server_folder(), MAIL_SERVER)
}

fn make_python(what: &str, folder: &Path, package: &str) -> Result<()> {
    step(what, || {
        run(command("python3").args(["-m", "venv", "--clear"]).arg(folder))?;
        let pip = folder.join("bin").join("pip");
        run(command(&pip.to_string_lossy()).args(["install", "-q", "--disable-pip-version-check", package]))
    })
}

/// The servers that keep files as S3 and Azure Blob do, each with what it needs in a folder of its own; the tests look
/// there first.
const S3_SERVER: &str = "moto[server]==5.2.1";
const AZURE_SERVER: &str = "azurite@3.37.0";

fn make_buckets() -> Result<()> {
    let folder = |name: &str| target().join("tmp").join(name);
    let (s3, azure) = (folder("moto"), folder("azurite"));
    if !s3.join("bin").join("moto_server").is_file() && program("moto_server").is_none() {
        make_python("making a Python with a server that speaks S3", &s3, S3_SERVER)?;
    }
    if !azure.join("node_modules").is_dir() && program("azurite-blob").is_none() {
        step("installing a server that speaks Azure Blob", || {
            let mut npm = command("npm");
            npm.args(["install", "--no-audit", "--no-fund", "--no-save", "--silent", "--prefix"]).arg(&azure);
            run(npm.arg(AZURE_SERVER))
        })?;
    }
    Ok(())
}

/// Can `python3` make a folder with packages of its own? Debian keeps that in another package.
fn has_venv() -> bool {
    output(command("python3").args(["-c", "import venv, ensurepip"])).is_some()
}

/// A browser of the Chromium family.
pub fn browser() -> Option<PathBuf> {
    ["chromium", "chromium-browser", "google-chrome"].iter().find_map(|name| program(name))
}

fn has_postgres() -> bool {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    program("initdb").is_some()
        || versions.into_iter().any(|version| version.path().join("bin/initdb").is_file())
}

fn install(packages: &[&str]) -> Result<()> {
    let names = packages.join(" ");
    if program("apt-get").is_none() {
        bail!("install these with your system's package manager, then try again: {names}");
    }
    if !is_root() {
        bail!(
            "the tests need more programs; install them and try again:\n\n  sudo apt-get install -y {names}\n"
        );
    }
    step(&format!("installing {names}"), || {
        run(command("apt-get").args(["update", "-q"]))?;
        let mut install = command("apt-get");
        install.env("DEBIAN_FRONTEND", "noninteractive");
        run(install.args(["install", "-y", "-q", "--no-install-recommends"]).args(packages))
    })
}
