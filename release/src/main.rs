//! `reeve-release`: makes keys, says who may sign, signs what was built, and looks at it all. Opens no connection: it is
//! for a machine that has none. The server and the agent do not contain it.
#![warn(missing_docs)]

mod arguments;
mod check;
mod difference;
mod file;
mod inspect;
mod key;
mod log;
mod manifest;
mod root;
mod stamp;

use anyhow::Result;
use arguments::{Cli, Command, RootCommand};
use clap::Parser;
use std::{io::Write as _, process::ExitCode};

fn main() -> ExitCode {
    match run(Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // What clap says of a wrong command line ends with 2; this is what was refused or could not be done.
            eprintln!("reeve-release: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(cli: Cli) -> Result<()> {
    match cli.command {
        Command::Keygen(given) => key::generate(&given),
        Command::Root(RootCommand::Make(given)) => root::make(&given),
        Command::Root(RootCommand::Rotate(given)) => root::rotate(&given),
        Command::Root(RootCommand::Sign(given)) => root::sign(&given),
        Command::Sign(given) => manifest::sign(&given),
        Command::Renew(given) => manifest::renew(&given),
        Command::AddSignature(given) => manifest::add_signature(&given),
        Command::Inspect(given) => inspect::inspect(&given),
        Command::Verify(given) => check::verify(&given),
        Command::Stamp(given) => stamp::stamp(&given),
    }
}

/// Says something on standard output.
fn say(text: &str) -> Result<()> {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.write_all(b"\n")?;
    Ok(())
}
