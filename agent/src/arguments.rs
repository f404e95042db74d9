//! The command line.

use crate::{
    device_lock::LockInput,
    install::{InstallInput, ServiceInput, UninstallInput},
    machine,
    paths::Paths,
    update::pin::TrustInput,
};
use clap::{Args, CommandFactory as _, Parser, Subcommand, builder::PossibleValuesParser, error::ErrorKind};
use std::path::PathBuf;
use updater::exit;

/// The levels of the log, from the most to the fewest lines.
pub const LOG_LEVELS: [&str; 6] = ["verbose", "debug", "info", "warn", "error", "fatal"];

/// The Reeve agent: registers this machine as a device and reports on it.
#[derive(Debug, Parser)]
#[command(name = "reeve-agent", version = machine::version(), disable_help_subcommand = true, after_help = exit::help())]
pub struct Arguments {
    /// Where the agent keeps its key, registration and spool [default: /var/lib/reeve as root, else the user's state folder]
    #[arg(long, global = true, value_name = "FOLDER", env = "REEVE_DATA_DIR")]
    pub data_dir: Option<PathBuf>,
    /// How to start: `reeve-agent --force` is `reeve-agent run --force`.
    #[command(flatten)]
    pub start: StartInput,
    /// Whether it starts when somebody signs in.
    #[command(flatten)]
    pub autostart: AutostartInput,
    /// What to do.
    #[command(subcommand)]
    pub verb: Option<Verb>,
}

impl Arguments {
    /// The files of the agent.
    #[must_use]
    pub fn paths(&self) -> Paths {
        self.data_dir.clone().map_or_else(Paths::usual, Paths::under)
    }

    /// What to do, with what was said before the verb.
    ///
    /// # Errors
    /// When nothing was said, or what was said does not go together.
    pub fn verb(self) -> Result<Verb, clap::Error> {
        let Self { start, verb, autostart, .. } = self;
        let refuse = |kind, what: &str| Err(Self::command().error(kind, what));
        match verb {
            None if autostart.enable_autostart => Ok(Verb::EnableAutostart),
            None if autostart.disable_autostart => Ok(Verb::DisableAutostart),
            Some(_) if autostart != AutostartInput::default() => {
                refuse(ErrorKind::ArgumentConflict, "--enable-autostart and --disable-autostart stand alone")
            }
            None if start.force => Ok(Verb::Run(RunInput { start, ..RunInput::default() })),
            None => refuse(ErrorKind::MissingSubcommand, "say what to do, such as `reeve-agent status`"),
            Some(Verb::Run(run)) => Ok(Verb::Run(RunInput { start: run.start.or(start), ..run })),
            Some(_) if start != StartInput::default() => refuse(
                ErrorKind::ArgumentConflict,
                "--force, --loglevel and --foreground belong to `reeve-agent run`",
            ),
            Some(verb) => Ok(verb),
        }
    }
}

/// How an agent is started.
#[derive(Args, Clone, Debug, Default, PartialEq, Eq)]
pub struct StartInput {
    /// Ask the agent that runs to make room, and take its place; a supervised one is started again by its supervisor
    #[arg(long)]
    pub force: bool,
    /// What is worth a line in the log
    #[arg(long, alias = "log-level", value_name = "LEVEL", ignore_case = true, value_parser = PossibleValuesParser::new(LOG_LEVELS))]
    pub loglevel: Option<String>,
    /// Log to standard error too
    #[arg(long)]
    pub foreground: bool,
}

impl StartInput {
    /// The same, completed by what was said elsewhere.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self {
            force: self.force || other.force,
            loglevel: self.loglevel.or(other.loglevel),
            foreground: self.foreground || other.foreground,
        }
    }
}

/// Whether the agent starts when somebody signs in.
#[derive(Args, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AutostartInput {
    /// Start when this user signs in, or anybody when run as root or administrator; the service of the machine is `install`
    #[arg(long, conflicts_with_all = ["disable_autostart", "force", "loglevel", "foreground"])]
    pub enable_autostart: bool,
    /// Start no more when somebody signs in
    #[arg(long, conflicts_with_all = ["force", "loglevel", "foreground"])]
    pub disable_autostart: bool,
}

/// What `run` takes.
#[derive(Args, Clone, Debug, Default)]
pub struct RunInput {
    /// Started by reeve-updater: end when it ends.
    #[arg(long, hide = true)]
    pub supervised: bool,
    /// Started by a reeve-updater that keeps versions of the agent: it is spoken to over standard input and output.
    #[arg(long, hide = true, requires = "supervised")]
    pub channel: bool,
    /// How to start.
    #[command(flatten)]
    pub start: StartInput,
}

/// What the agent can be told to do.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Make this machine a device, with a registration token from the portal
    Register(RegisterInput),
    /// Watch this machine and report to the server, until told to stop
    Run(RunInput),
    /// Put another device key in the place of the present one; an agent that runs goes on with it
    RotateKey,
    /// Show the registration, the link to the server and the spool
    Status {
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// Check everything the agent needs, and say what is wrong
    Doctor {
        /// Repair owner and permissions of the data directory.
        #[arg(long)]
        fix: bool,
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// Show what the agent logged
    Logs {
        /// So many of the last lines.
        #[arg(short = 'n', long, value_name = "LINES", default_value_t = 50, value_parser = clap::value_parser!(u32).range(0..=10_000))]
        lines: u32,
        /// Go on with every line that is added.
        #[arg(short, long)]
        follow: bool,
        /// As the JSON that is in the file.
        #[arg(long)]
        json: bool,
    },
    /// Show or change what this machine lets happen that cannot simply be undone; administrators of the machine only
    Lock(LockInput),
    /// Show or set whose releases this machine takes; administrators of the machine only
    Trust(TrustInput),
    /// Say what this program is and whether it could work here, for the supervisor that is about to start it.
    #[command(hide = true)]
    Selfcheck {
        /// For the receipt: 128 bits as 32 lower-case hex digits.
        #[arg(long)]
        nonce: String,
    },
    /// Install the agent as a service of this machine, and start it
    Install(InstallInput),
    /// Take the service and the programs away; the data stays
    Uninstall(UninstallInput),
    /// Start the service
    Start(ServiceInput),
    /// Stop the service, until it is started or the machine is
    Stop(ServiceInput),
    /// `--enable-autostart`.
    #[command(skip)]
    EnableAutostart,
    /// `--disable-autostart`.
    #[command(skip)]
    DisableAutostart,
    /// Do what a command asks for, for the agent that runs: it says what on the standard input.
    #[command(hide = true)]
    Perform,
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

    fn verb(line: &str) -> Result<Verb, clap::Error> {
        Arguments::try_parse_from(line.split(' '))?.verb()
    }

    #[test]
    fn force_may_stand_alone_or_belong_to_run() {
        for line in [
            "reeve-agent --force --loglevel debug",
            "reeve-agent run --force --loglevel DEBUG",
            "reeve-agent --force run --loglevel debug --foreground",
        ] {
            let Verb::Run(run) = verb(line).unwrap() else { panic!("{line}") };
            assert!(run.start.force && !run.supervised, "{line}");
            assert_eq!(run.start.loglevel.map(|level| level.to_ascii_lowercase()).as_deref(), Some("debug"));
        }
        let Verb::Run(run) = verb("reeve-agent run").unwrap() else { panic!("run") };
        assert_eq!(run.start, StartInput::default());
        for bad in [
            "reeve-agent",
            "reeve-agent --foreground",
            "reeve-agent --force status",
            "reeve-agent --force --loglevel loud",
            "reeve-agent --force --server http://x",
        ] {
            assert!(verb(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn autostart_stands_alone() {
        assert!(matches!(verb("reeve-agent --enable-autostart").unwrap(), Verb::EnableAutostart));
        assert!(matches!(verb("reeve-agent --disable-autostart").unwrap(), Verb::DisableAutostart));
        for bad in [
            "reeve-agent --enable-autostart --disable-autostart",
            "reeve-agent --enable-autostart --force",
            "reeve-agent --enable-autostart status",
        ] {
            assert!(verb(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_command_line_is_sound_and_keeps_the_token_to_itself() {
        Arguments::command().debug_assert();
        let arguments =
            Arguments::try_parse_from(["reeve-agent", "register", "--server", "http://x", "AGT-secret"]);
        assert!(!format!("{:?}", arguments.unwrap()).contains("AGT-secret"));
    }
}
