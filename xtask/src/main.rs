//! `cargo xtask <what>`: everything that takes more than one command.

mod bench;
mod bundle;
mod demo;
mod demo_release;
mod fault;
mod fuzz;
mod macos;
mod need;
mod package;
mod package_linux;
mod package_macos;
mod package_try;
mod package_windows;
mod process;
mod serve;
mod step;
mod test;
mod windows;
mod wine;

use anyhow::{Context as _, Result, bail};
use std::process::ExitCode;

const USAGE: &str = "\
usage: cargo xtask <what>

  demo [--port N] [--keep]   build everything and run the product with a sample MSP and a real agent on this machine;
                             --keep goes on with the data of the last time
  serve [--port N]           run the server for development; builds and starts it anew when a file changes
  build                      build the portal's files into target/site
  test [--no-browser]        run every check and every test
  fuzz [--seconds N] [--only PARSER]
                             fuzz every parser for a minute, or N seconds, each
  fault [--sweep]            try every scenario of update safety, longer than test does, and print the table of them;
                             --sweep instead meddles with each call of a whole update by the programs as they are shipped
  windows                    build the agent for Windows and run its tests under Wine, as test does
  check-macos                look whether the agent compiles for macOS; it takes zig
  bench [--quick] [--only 1,4,9] [--sqlite|--postgres]
                             measure the product beside the rulers and write docs/benchmarks.md
  bench --only footprint [--outage-minutes N] [--mesh-agent FILE]
                             measure the agent beside other people's, and for N minutes without its server
  package [--target TRIPLE] [--only programs|deb|rpm|msi|pkg] [--seq N] [--programs FOLDER] [--try]
                             build the agent for release and pack it, under the names that a server offers for download;
                             --seq says of which release; --programs packs what is built already; --try installs the
                             packages in a container";

fn main() -> ExitCode {
    match run(std::env::args().skip(1).collect()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(words: Vec<String>) -> Result<()> {
    let mut options = Options { words };
    match options.what().as_deref() {
        Some("demo") => {
            let (port, keep) = (options.port()?, options.flag("--keep"));
            options.done()?;
            demo::run_demo(port, keep)
        }
        Some("serve") => {
            let port = options.port()?;
            options.done()?;
            serve::run_serve(port)
        }
        Some("test") => {
            let no_browser = options.flag("--no-browser");
            options.done()?;
            test::run_tests(no_browser)
        }
        Some("build") => {
            options.done()?;
            bundle::build(bundle::Profile::Release)
        }
        Some("fuzz") => {
            let seconds = options.value("--seconds")?.map_or(Ok(fuzz::SECONDS), |word| word.parse());
            let only = options.value("--only")?;
            options.done()?;
            fuzz::run_fuzz(seconds.context("--seconds needs a number")?, only.as_deref())
        }
        Some("fault") => {
            let is_sweep = options.flag("--sweep");
            options.done()?;
            if is_sweep { fault::run_sweep() } else { fault::run_faults() }
        }
        Some("windows") => {
            options.done()?;
            windows::run_windows()
        }
        Some("check-macos") => {
            options.done()?;
            macos::check_macos()
        }
        Some("bench") => bench::run_bench(&options.words),
        Some("package") => {
            let wanted = package::Wanted {
                target: options.value("--target")?,
                only: options.value("--only")?,
                programs: options.value("--programs")?.map(Into::into),
                seq: options
                    .value("--seq")?
                    .map(|word| word.parse())
                    .transpose()
                    .context("--seq needs a number")?,
                is_tried: options.flag("--try"),
            };
            options.done()?;
            package::run_package(&wanted)
        }
        _ => bail!("{USAGE}"),
    }
}

/// The words of the command line that have not been understood yet.
struct Options {
    words: Vec<String>,
}

impl Options {
    fn what(&mut self) -> Option<String> {
        if self.words.is_empty() { None } else { Some(self.words.remove(0)) }
    }

    fn flag(&mut self, name: &str) -> bool {
        let found = self.words.iter().position(|word| word == name);
        found.map(|at| self.words.remove(at)).is_some()
    }

    /// The word after `name`.
    fn value(&mut self, name: &str) -> Result<Option<String>> {
        let Some(at) = self.words.iter().position(|word| word == name) else { return Ok(None) };
        if at + 1 >= self.words.len() {
            bail!("{name} needs a value");
        }
        Ok(self.words.drain(at..=at + 1).nth(1))
    }

    fn port(&mut self) -> Result<u16> {
        let Some(at) = self.words.iter().position(|word| word == "--port") else { return Ok(8080) };
        let port = self.words.get(at + 1).and_then(|word| word.parse().ok());
        let Some(port) = port.filter(|port| *port > 0) else {
            bail!("--port needs a number from 1 to 65535")
        };
        self.words.drain(at..=at + 1);
        Ok(port)
    }

    fn done(&self) -> Result<()> {
        match self.words.first() {
            None => Ok(()),
            Some(word) => bail!("{word} is not understood\n\n{USAGE}"),
        }
    }
}
