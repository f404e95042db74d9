//! `cargo xtask package`: the agent's programs for release, named as a server offers them for download.

use crate::{
    need,
    step::{cargo, run, step, target},
};
use anyhow::{Context, Result, bail};
use std::{env::consts::ARCH, fs, path::Path};

const PROGRAMS: [&str; 2] = ["reeve-agent", "reeve-updater"];

/// A build of the agent, and what it takes.
struct Build {
    arch: &'static str,
    target: String,
    /// The C compiler that the TLS library needs for this target, when it is not the usual one.
    compiler: Option<&'static str>,
}

/// Builds for every Linux target that this machine can build for. Static builds run on any distribution; where
/// they cannot be made, this machine's own architecture is built against its C library.
pub fn run_package() -> Result<()> {
    let out = target().join("package");
    fs::create_dir_all(&out)?;
    let statics = [("x86_64", "musl-gcc"), ("aarch64", "aarch64-linux-musl-gcc")].map(|(arch, compiler)| {
        Build { arch, target: format!("{arch}-unknown-linux-musl"), compiler: Some(compiler) }
    });
    let (possible, impossible): (Vec<_>, Vec<_>) = statics.into_iter().partition(Build::is_possible);
    let own = ["x86_64", "aarch64"].into_iter().find(|arch| *arch == ARCH && cfg!(target_os = "linux"));
    let own = own.filter(|arch| possible.iter().all(|build| build.arch != *arch));
    let own = own.map(|arch| Build { arch, target: format!("{arch}-unknown-linux-gnu"), compiler: None });
    let builds: Vec<_> = possible.into_iter().chain(own).collect();
    if builds.is_empty() {
        bail!(
            "no Linux target can be built here; add one with `rustup target add x86_64-unknown-linux-musl`"
        );
    }
    for build in &builds {
        step(&format!("building the agent for {}", build.target), || build.run(&out))?;
    }
    for build in impossible {
        let compiler = build.compiler.unwrap_or_default();
        eprintln!("xtask: {} was left out: it takes `rustup target add {0}` and {compiler}", build.target);
    }
    eprintln!("xtask: the programs are in {}; give that folder to a server with --agents-dir", out.display());
    Ok(())
}

impl Build {
    fn is_possible(&self) -> bool {
        need::has_target(&self.target) && self.compiler.is_none_or(|name| need::program(name).is_some())
    }

    fn run(&self, out: &Path) -> Result<()> {
        for package in ["agent", "updater"] {
            let mut cargo = cargo();
            cargo.args(["build", "-p", package, "--bins", "--profile", "agent", "--target", &self.target]);
            if let Some(compiler) = self.compiler {
                cargo.env(format!("CC_{}", self.target.replace('-', "_")), compiler);
                if self.arch != ARCH {
                    let target = self.target.to_uppercase().replace('-', "_");
                    cargo.env(format!("CARGO_TARGET_{target}_LINKER"), compiler);
                }
            }
            run(&mut cargo)?;
        }
        let built = target().join(&self.target).join("agent");
        for program in PROGRAMS {
            let to = out.join(format!("{program}-linux-{}", self.arch));
            fs::copy(built.join(program), &to).with_context(|| format!("cannot write {}", to.display()))?;
            eprintln!("xtask:   {} kB {}", fs::metadata(&to)?.len().div_ceil(1000), to.display());
        }
        Ok(())
    }
}
