//! The command line of `reeve`.

mod backup;
mod command_key;
mod copy;
mod demo;
mod doctor;
mod mail;
mod migrate;
mod place;
mod progress;
mod release;
mod rescue;
mod restore;
mod serve;
mod service;
mod setup;
mod verify;
mod verify_bundle;

use crate::setting::{Flags, Group, Groups};
use anyhow::Result;
use clap::{Parser, Subcommand};
use std::io::{self, Write};

/// Reeve: remote monitoring and management in which every change comes with its proof.
#[derive(Parser)]
#[command(name = "reeve", version)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run the server: portal, API and the agents' link.
    Serve(Box<Flags<Everything>>),
    /// Make the first admin, or print the link with which somebody makes them in a browser.
    Setup(Box<setup::Setup>),
    /// Run a server with a sample MSP to look around in, in a data folder of its own.
    Demo(Box<Flags<Everything>>),
    /// Bring the schema of the database up to date, as `serve` does when it starts.
    Migrate(migrate::Migrate),
    /// Put everything the server keeps into one file, as it is at one moment; also beside a running server.
    Backup(backup::Backup),
    /// Make a server's data of a backup, where there is none; overwrites nothing.
    Restore(restore::Restore),
    /// Move everything from one database to another, such as from the embedded one to PostgreSQL.
    Copy(copy::Copy),
    /// Print each setting and where it comes from, and check what is around the server. Changes nothing.
    Doctor(Box<doctor::Doctor>),
    /// Check the audit chain, the foreign keys, the stored samples, the devices' records and the files of releases, or the
    /// evidence of a command; reads only, also beside a running server.
    Verify(verify::Verify),
    /// Send a test letter, with the options that `serve` has for mail.
    MailTest(mail::MailTest),
    /// Take somebody's second factors away and print a link with which they choose another password.
    ResetAccess(rescue::ResetAccess),
    /// Decide who has to have a second factor.
    FactorPolicy(rescue::DecideFactorPolicy),
    /// Go on with the keys in the data folder, or with new ones, after those of the database were lost for good.
    AcceptKeys(rescue::AcceptKeys),
    /// Show or renew the keys that sign what devices obey.
    CommandKey(command_key::CommandKey),
    /// Make the freshness key, trust a root, or bring a signed release.
    Release(release::Release),
    /// Print the version.
    Version,
}

/// Flags for every setting.
struct Everything;

impl Groups for Everything {
    const LIST: &'static [Group] = Group::ALL;
}

/// Flags for where the data is.
struct OnlyData;

impl Groups for OnlyData {
    const LIST: &'static [Group] = &[Group::Data];
}

/// Flags for how mail is sent.
struct OnlyMail;

impl Groups for OnlyMail {
    const LIST: &'static [Group] = &[Group::Mail];
}

/// Does what the command line asks.
///
/// # Errors
/// With a sentence for the person at the terminal.
pub async fn run(cli: Cli) -> Result<()> {
    match cli.command {
        Command::Serve(flags) => serve::serve(flags.gather()?).await,
        Command::Setup(options) => setup::setup(*options).await,
        Command::Demo(flags) => demo::demo(*flags).await,
        Command::Migrate(options) => migrate::migrate(options).await,
        Command::Backup(options) => backup::backup(options).await,
        Command::Restore(options) => restore::restore(options).await,
        Command::Copy(options) => copy::copy(options).await,
        Command::Doctor(options) => doctor::doctor(*options).await,
        Command::Verify(options) => verify::verify(options).await,
        Command::MailTest(options) => mail::mail_test(options).await,
        Command::ResetAccess(options) => rescue::reset_access(options).await,
        Command::FactorPolicy(options) => rescue::factor_policy(options).await,
        Command::AcceptKeys(options) => rescue::accept_keys(options).await,
        Command::CommandKey(options) => command_key::command_key(options),
        Command::Release(options) => release::release(options).await,
        Command::Version => Ok(writeln!(io::stdout(), "reeve {}", env!("CARGO_PKG_VERSION"))?),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }
}
