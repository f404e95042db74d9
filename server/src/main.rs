//! The entry point of `reeve`: reads the command line and runs it.

use clap::Parser;
use server::cli::Cli;
use std::process::ExitCode;

/// Thousands of sessions that live for days, between requests that live for moments: it keeps them apart better than the
/// system's own, which takes a third more memory for each agent.
#[cfg(all(unix, not(target_env = "musl")))]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

#[tokio::main]
async fn main() -> ExitCode {
    match server::cli::run(Cli::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            server::complain(&error);
            // As for a flag that does not exist.
            if error.is::<server::Wrong>() { ExitCode::from(2) } else { ExitCode::FAILURE }
        }
    }
}
