//! `cargo xtask package`: the agent for release, as programs and as packages, named as a server offers them.

use crate::{
    need, package_linux, package_macos, package_try, package_windows,
    step::{cargo, command, output, run, step, target},
};
use anyhow::{Context, Result, bail};
use std::{
    env::consts::{ARCH, OS},
    fs,
    path::{Path, PathBuf},
    process::Command,
};

const PROGRAMS: [&str; 2] = ["reeve-agent", "reeve-updater"];
/// The agent's version; all of this workspace have the same.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// What is asked for on the command line.
pub struct Wanted {
    /// Only this target.
    pub target: Option<String>,
    /// Only this kind.
    pub only: Option<String>,
    /// Programs that are built already, for this machine's kind of machine.
    pub programs: Option<PathBuf>,
    /// Sequence of the release that the programs are for; they are of none without it.
    pub seq: Option<u64>,
    /// Install what was made, for real, in a container.
    pub is_tried: bool,
}

/// What the programs say of themselves (`updater::built`): the commit that they were built of and when that was made, so
/// that the same sources make the same programs.
struct Stamp {
    build_id: String,
    build_time: String,
    seq: u64,
}

impl Stamp {
    /// Sources that git does not know have no commit and no time.
    fn of_these_sources(seq: Option<u64>) -> Self {
        let commit = output(command("git").args(["describe", "--always", "--dirty", "--exclude", "*"]));
        let time = ["log", "-1", "--date=format-local:%Y-%m-%dT%H:%M:%SZ", "--format=%cd"];
        Self {
            build_id: commit.map_or_else(|| VERSION.to_owned(), |commit| format!("{VERSION}-{commit}")),
            build_time: output(command("git").args(time).env("TZ", "UTC")).unwrap_or_default(),
            seq: seq.unwrap_or(0),
        }
    }

    /// Lets the compiler know.
    fn tell(&self, cargo: &mut Command) {
        cargo
            .env("REEVE_VERSION", VERSION)
            .env("REEVE_RELEASE_SEQ", self.seq.to_string())
            .env("REEVE_BUILD_ID", &self.build_id)
            .env("REEVE_BUILD_TIME", &self.build_time);
    }
}

/// The kinds that `--only` knows, and the system of each.
const KINDS: [(&str, &str); 5] =
    [("programs", ""), ("deb", "linux"), ("rpm", "linux"), ("msi", "windows"), ("pkg", "macos")];

/// A platform that the agent runs on, and what it takes to build for it.
struct Platform {
    os: &'static str,
    arch: &'static str,
    target: &'static str,
    /// C compilers for it, each good enough: the TLS library needs one. Empty: the usual one.
    compilers: &'static [&'static str],
}

/// Static builds for Linux run on any distribution.
const PLATFORMS: [Platform; 5] = [
    Platform {
        os: "linux",
        arch: "x86_64",
        target: "x86_64-unknown-linux-musl",
        compilers: &["musl-gcc", "x86_64-linux-musl-gcc"],
    },
    Platform {
        os: "linux",
        arch: "aarch64",
        target: "aarch64-unknown-linux-musl",
        compilers: &["aarch64-linux-musl-gcc", "aarch64-linux-gnu-gcc"],
    },
    Platform {
        os: "windows",
        arch: "x86_64",
        target: "x86_64-pc-windows-gnu",
        compilers: &["x86_64-w64-mingw32-gcc"],
    },
    Platform { os: "macos", arch: "aarch64", target: "aarch64-apple-darwin", compilers: &[] },
    Platform { os: "macos", arch: "x86_64", target: "x86_64-apple-darwin", compilers: &[] },
];

/// Builds and packs whatever this machine can, and says what it cannot and why.
pub fn run_package(wanted: &Wanted) -> Result<()> {
    let kind = wanted.only.as_deref();
    let Some(os) =
        kind.map_or(Some(""), |kind| KINDS.iter().find(|(name, _)| *name == kind).map(|(_, os)| *os))
    else {
        bail!("--only knows {}", KINDS.map(|(name, _)| name).join(", "))
    };
    if wanted.programs.is_some() && wanted.seq.is_some() {
        bail!("--seq is for programs that are built here; `reeve-release stamp` writes it into others");
    }
    let stamp = Stamp::of_these_sources(wanted.seq);
    let out = target().join("package");
    fs::create_dir_all(&out)?;
    let (mut made, mut left_out) = (Vec::new(), Vec::new());
    let platforms = PLATFORMS.iter().filter(|platform| os.is_empty() || platform.os == os);
    let platforms: Vec<_> = match &wanted.target {
        Some(target) => platforms.filter(|platform| platform.target == target).collect(),
        None => platforms.collect(),
    };
    if platforms.is_empty() {
        bail!(
            "no such target for that kind; there are {}",
            PLATFORMS.map(|platform| platform.target).join(", ")
        );
    }
    for platform in platforms {
        let given = wanted.programs.as_ref().filter(|_| platform.os == OS && platform.arch == ARCH);
        let programs = match (given, platform.missing()) {
            (Some(folder), _) => Some(folder.clone()),
            (None, _) if wanted.programs.is_some() => continue,
            (None, Some(missing)) => {
                left_out.push(format!("{}: {missing}", platform.target));
                None
            }
            (None, None) => {
                let what = format!("building the agent for {}", platform.target);
                Some(step(&what, || platform.build(&stamp))?)
            }
        };
        if let Some(programs) = &programs {
            made.extend(platform.offer(programs, &out)?);
        }
        platform.pack(programs.as_deref(), kind, &out, &mut made, &mut left_out)?;
    }
    for path in &made {
        eprintln!("xtask:   {:>6} kB {}", fs::metadata(path)?.len().div_ceil(1000), path.display());
    }
    for line in left_out {
        eprintln!("xtask: left out {line}");
    }
    eprintln!("xtask: give {} to a server with --agents-dir", out.display());
    if wanted.is_tried {
        let folder = wanted.programs.clone().unwrap_or_else(|| built_for(PLATFORMS[0].target));
        package_try::run_try(&folder)?;
    }
    Ok(())
}

fn built_for(triple: &str) -> PathBuf {
    target().join(triple).join("agent")
}

impl Platform {
    /// What this machine would need to build for it.
    fn missing(&self) -> Option<String> {
        if self.os == "macos" && OS != "macos" {
            return Some("the linker and libraries of Apple; build it on a Mac".to_owned());
        }
        let mut missing = Vec::new();
        if !need::has_target(self.target) {
            missing.push(format!("`rustup target add {}`", self.target));
        }
        if !self.compilers.is_empty() && self.compiler().is_none() {
            missing.push(format!("one of the C compilers {}", self.compilers.join(", ")));
        }
        (!missing.is_empty()).then(|| format!("it takes {}", missing.join(" and ")))
    }

    fn compiler(&self) -> Option<&'static str> {
        self.compilers.iter().copied().find(|name| need::program(name).is_some())
    }

    /// Builds; answers the folder that holds the programs.
    fn build(&self, stamp: &Stamp) -> Result<PathBuf> {
        for package in ["agent", "updater"] {
            let mut cargo = cargo();
            cargo.args(["build", "-p", package, "--bins", "--profile", "agent", "--target", self.target]);
            stamp.tell(&mut cargo);
            if let Some(compiler) = self.compiler() {
                cargo.env(format!("CC_{}", self.target.replace('-', "_")), compiler);
                if self.os == "linux" && self.arch != ARCH {
                    let target = self.target.to_uppercase().replace('-', "_");
                    cargo.env(format!("CARGO_TARGET_{target}_LINKER"), compiler);
                }
            }
            run(&mut cargo)?;
        }
        Ok(built_for(self.target))
    }

    /// Puts the bare programs where the install scripts look for them.
    fn offer(&self, programs: &Path, out: &Path) -> Result<Vec<PathBuf>> {
        let suffix = if self.os == "windows" { ".exe" } else { "" };
        PROGRAMS
            .iter()
            .map(|program| {
                let to = out.join(format!("{program}-{}-{}{suffix}", self.os, self.arch));
                fs::copy(programs.join(format!("{program}{suffix}")), &to)
                    .with_context(|| format!("cannot write {}", to.display()))?;
                Ok(to)
            })
            .collect()
    }

    fn pack(
        &self,
        programs: Option<&Path>,
        kind: Option<&str>,
        out: &Path,
        made: &mut Vec<PathBuf>,
        left_out: &mut Vec<String>,
    ) -> Result<()> {
        let wants = |name: &str| kind.is_none_or(|kind| kind == name);
        match (self.os, programs) {
            ("linux", Some(programs)) => {
                let agent = package_linux::Agent { programs, arch: self.arch, version: VERSION };
                if wants("deb") {
                    made.push(agent.write_deb(out)?);
                }
                if wants("rpm") {
                    made.push(agent.write_rpm(out)?);
                }
            }
            ("windows", Some(programs)) if wants("msi") => {
                let missing = package_windows::TOOLS.iter().find(|(tool, _)| need::program(tool).is_none());
                match missing {
                    Some((tool, package)) => {
                        left_out.push(format!("the MSI: it takes {tool} (`apt-get install {package}`)"));
                    }
                    None => made.push(package_windows::write_msi(programs, VERSION, out)?),
                }
            }
            ("macos", programs) if wants("pkg") && self.arch == "aarch64" => {
                made.push(package_macos::write_layout(programs, VERSION, out)?);
                left_out
                    .push("the .pkg itself: Apple's pkgbuild makes it of the layout, on a Mac".to_owned());
            }
            _ => {}
        }
        Ok(())
    }
}
