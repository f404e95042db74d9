//! The entry point of `reeve`: reads the command line and runs it.

use clap::Parser;
use server::cli::Cli;
use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    match server::cli::run(Cli::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("reeve: {error:#}");
            ExitCode::FAILURE
        }
    }
}
