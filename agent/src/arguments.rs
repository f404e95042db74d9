//! The command line.

use crate::paths::Paths;
use clap::{Args, Parser, Subcommand};
use std::path::PathBuf;

/// The Reeve agent: registers this machine as a device and reports on it.
#[derive(Debug, Parser)]
#[command(name = "reeve-agent", version, disable_help_subcommand = true)]
pub struct Arguments {
    /// Where the agent keeps its key, registration and spool [default: /var/lib/reeve as root, else the user's state folder]
    #[arg(long, global = true, value_name = "FOLDER", env = "REEVE_DATA_DIR")]
    pub data_dir: Option<PathBuf>,
    /// What to do.
    #[command(subcommand)]
    pub verb: Verb,
}

impl Arguments {
    /// The files of the agent.
    #[must_use]
    pub fn paths(&self) -> Paths {
        self.data_dir.clone().map_or_else(Paths::usual, Paths::under)
    }
}

/// What the agent can be told to do.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Make this machine a device, with a registration token from the portal
    Register(RegisterInput),
    /// Watch this machine and report to the server, until told to stop
    Run {
        /// Started by reeve-updater: end when it ends.
        #[arg(long, hide = true)]
        supervised: bool,
    },
    /// Put another device key in the place of the present one; an agent that runs goes on with it
    RotateKey,
    /// Show the registration, the link to the server and the spool
    Status {
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// Show the version
    Version,
}

/// What registration needs.
#[derive(Args)]
pub struct RegisterInput {
    /// Address of the server, such as https://reeve.example
    #[arg(long, value_name = "URL")]
    pub server: String,
    /// Registration token, AGT-…; others on this machine can see it, so prefer --token-file, standard input or REEVE_TOKEN
    #[arg(value_name = "TOKEN")]
    pub token: Option<String>,
    /// File that holds the registration token; - is standard input
    #[arg(long, value_name = "FILE", conflicts_with = "token")]
    pub token_file: Option<PathBuf>,
    /// Certificates (PEM) to trust besides those of the system
    #[arg(long, value_name = "FILE")]
    pub ca_file: Option<PathBuf>,
    /// Give up the present registration for a new one
    #[arg(long)]
    pub replace: bool,
}

impl std::fmt::Debug for RegisterInput {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RegisterInput")
            .field("server", &self.server)
            .field("replace", &self.replace)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_is_sound_and_keeps_the_token_to_itself() {
        Arguments::command().debug_assert();
        let arguments =
            Arguments::try_parse_from(["reeve-agent", "register", "--server", "http://x", "AGT-secret"]);
        assert!(!format!("{:?}", arguments.unwrap()).contains("AGT-secret"));
    }
}
