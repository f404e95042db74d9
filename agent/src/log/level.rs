//! What is worth a line in the log.

use serde::{Deserialize, Serialize};
use std::str::FromStr;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;

/// The target of errors without which the agent cannot go on; see [`LogLevel::Fatal`].
pub const FATAL: &str = "fatal";
/// What is written of other people's libraries at most: their details help nobody and may quote what they were given.
const OTHERS: LevelFilter = LevelFilter::INFO;

/// The levels, from the most to the fewest lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogLevel {
    /// Everything.
    Verbose,
    /// What helps to find a fault.
    Debug,
    /// What happens.
    #[default]
    Info,
    /// What is worth a look.
    Warn,
    /// What went wrong.
    Error,
    /// What the agent cannot go on after.
    Fatal,
}

impl LogLevel {
    /// Every level, in order.
    pub const ALL: [Self; 6] = [Self::Verbose, Self::Debug, Self::Info, Self::Warn, Self::Error, Self::Fatal];

    /// The word of the command line and the configuration.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Verbose => "verbose",
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
            Self::Fatal => "fatal",
        }
    }

    /// What passes.
    #[must_use]
    pub fn filter(self) -> Targets {
        let level = match self {
            Self::Verbose => LevelFilter::TRACE,
            Self::Debug => LevelFilter::DEBUG,
            Self::Info => LevelFilter::INFO,
            Self::Warn => LevelFilter::WARN,
            Self::Error => LevelFilter::ERROR,
            Self::Fatal => return Targets::new().with_target(FATAL, LevelFilter::ERROR),
        };
        // The smaller filter lets fewer lines pass.
        Targets::new()
            .with_default(level.min(OTHERS))
            .with_target("agent", level)
            .with_target("reeve_agent", level)
            .with_target("updater", level)
            .with_target(FATAL, level)
    }
}

impl FromStr for LogLevel {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim().to_ascii_lowercase();
        Self::ALL
            .into_iter()
            .find(|level| level.word() == text)
            .ok_or_else(|| format!("must be one of: {}", Self::ALL.map(Self::word).join(", ")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tracing::Level;

    #[test]
    fn each_level_lets_its_own_pass_and_no_details_of_others() {
        assert_eq!("DEBUG".parse(), Ok(LogLevel::Debug));
        assert!("loud".parse::<LogLevel>().is_err_and(|error| error.contains("verbose, debug")));
        let passes = |level: LogLevel, target, of: Level| level.filter().would_enable(target, &of);
        assert!(passes(LogLevel::Verbose, "agent::link", Level::TRACE));
        assert!(!passes(LogLevel::Verbose, "hyper::client", Level::DEBUG));
        assert!(passes(LogLevel::Verbose, "hyper::client", Level::INFO));
        assert!(
            !passes(LogLevel::Info, "agent", Level::DEBUG) && passes(LogLevel::Info, "agent", Level::INFO)
        );
        assert!(!passes(LogLevel::Error, "hyper", Level::INFO));
        assert!(
            !passes(LogLevel::Fatal, "agent", Level::ERROR) && passes(LogLevel::Fatal, FATAL, Level::ERROR)
        );
        assert!(passes(LogLevel::Error, FATAL, Level::ERROR));
    }
}
