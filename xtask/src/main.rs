//! `cargo xtask demo | serve | build | test | package`: everything that takes more than one command.

mod bundle;
mod demo;
mod need;
mod package;
mod process;
mod serve;
mod step;
mod test;

use anyhow::{Result, bail};
use std::process::ExitCode;

const USAGE: &str = "\
usage: cargo xtask <what>

  demo [--port N] [--keep]   build everything and run the product with a sample MSP and a real agent on this machine;
                             --keep goes on with the data of the last time
  serve [--port N]           run the server for development; builds and starts it anew when a file changes
  build                      build the portal's files into target/site
  test [--no-browser]        run every check and every test
  package                    build the agent for release, under the names that a server offers for download";

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
        Some("package") => {
            options.done()?;
            package::run_package()
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
