//! What `reeve-sim` can be told.

use clap::Parser;
use sim::Fate;
use std::{path::PathBuf, str::FromStr, time::Duration};

/// A fleet of simulated agents against a real server. Secrets come from files, standard input or the environment, never
/// from arguments.
#[derive(Debug, Parser)]
#[command(version)]
pub struct Options {
    /// How many agents.
    #[arg(long, default_value_t = 100)]
    pub agents: usize,
    /// The server's address.
    #[arg(long, env = "REEVE_SERVER", default_value = "http://localhost:8080")]
    pub server: String,
    /// How often agents speak, in seconds: `heartbeat=10,metrics=60,samples=1,inventory=300,logs=0.1`; what is left out
    /// is as the server says. `samples` are taken, and `logs` written, from one message to the next.
    #[arg(long, default_value = "", value_name = "RATE")]
    pub rate: Rate,
    /// The same seed makes the same machines.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// How long agents report before they drain their spools, in seconds.
    #[arg(long, default_value_t = 60, value_name = "SECONDS")]
    pub duration: u64,
    /// How long agents may take to send what waits at the end, in seconds.
    #[arg(long, default_value_t = 120, value_name = "SECONDS")]
    pub drain: u64,
    /// All agents begin within this time, each at its own moment, in seconds.
    #[arg(long, default_value_t = 10, value_name = "SECONDS")]
    pub ramp: u64,
    /// So many of a hundred agents leave after half a minute or so and come back, again and again.
    #[arg(long, default_value_t = 0, value_name = "PERCENT", value_parser = clap::value_parser!(u8).range(..=100))]
    pub churn: u8,
    /// All agents reconnect at once, so many times, spread over the duration.
    #[arg(long, default_value_t = 0, value_name = "TIMES", num_args = 0..=1, default_missing_value = "1")]
    pub storm: u32,
    /// So many of a hundred agents read and write slowly.
    #[arg(long, default_value_t = 0, value_name = "PERCENT", value_parser = clap::value_parser!(u8).range(..=100))]
    pub slow: u8,
    /// So many of a hundred agents poll over HTTP.
    #[arg(long, default_value_t = 0, value_name = "PERCENT", value_parser = clap::value_parser!(u8).range(..=100))]
    pub polling: u8,
    /// So many agents more mean no good: junk, floods, half-open sockets, lies.
    #[arg(long, default_value_t = 0, value_name = "AGENTS", num_args = 0..=1, default_missing_value = "12")]
    pub hostile: usize,
    /// Ask the agents for so many commands a second, in the name of whose key or session is given.
    #[arg(long, default_value_t = 0.0, value_name = "A SECOND", value_parser = rate_of_commands)]
    pub commands: f64,
    /// Spread the agents over so many businesses, called “Simulated 1” and so on.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub businesses: u16,
    /// How many times as often the agents of each business send samples, such as `100,1`; the last counts for the rest.
    #[arg(long, value_delimiter = ',', default_value = "1", value_name = "WEIGHTS")]
    pub weights: Vec<f64>,
    /// Programs on each machine.
    #[arg(long, default_value_t = 60)]
    pub software: usize,
    /// Services on each machine.
    #[arg(long, default_value_t = 40)]
    pub services: usize,
    /// Samples that an agent keeps while the server is away; the oldest go first.
    #[arg(long, default_value_t = 10_000, value_name = "SAMPLES")]
    pub spool: usize,
    /// Take updates, and what every new build does: good stays, bad crashes and is rolled back, silent is never heard of
    /// again.
    #[arg(long, value_name = "good|bad|silent", value_parser = fate)]
    pub updates: Option<Fate>,
    /// Sequence of the release that the agents run at the beginning.
    #[arg(long, default_value_t = 1, value_name = "SEQ")]
    pub seq: u64,
    /// Certificates to trust besides the system's, as PEM.
    #[arg(long, value_name = "FILE")]
    pub tls_ca: Option<PathBuf>,
    /// Keep the agents' identities here from run to run. Holds their keys.
    #[arg(long, value_name = "FILE")]
    pub state: Option<PathBuf>,
    /// Registration tokens, one a line; `-` is standard input.
    #[arg(long, value_name = "FILE")]
    pub token_file: Option<PathBuf>,
    /// API keys, one a line, in whose name tokens are issued; `-` is standard input. Also: REEVE_SIM_API_KEY.
    #[arg(long, value_name = "FILE")]
    pub api_key_file: Option<PathBuf>,
    /// The secret of an admin's session, as the cookie holds it; `-` is standard input. Also: REEVE_SIM_SESSION.
    #[arg(long, value_name = "FILE")]
    pub session_file: Option<PathBuf>,
    /// Print the summary as JSON.
    #[arg(long)]
    pub json: bool,
    /// Say what happens every few seconds, on standard error.
    #[arg(long)]
    pub progress: bool,
}

fn fate(text: &str) -> Result<Fate, String> {
    match text {
        "good" => Ok(Fate::Good),
        "bad" => Ok(Fate::Bad),
        "silent" => Ok(Fate::Silent),
        _ => Err("it has to be good, bad or silent".to_owned()),
    }
}

fn rate_of_commands(text: &str) -> Result<f64, String> {
    let rate = text.trim().parse::<f64>().map_err(|error| error.to_string())?;
    if rate == 0.0 || (0.001..=10_000.0).contains(&rate) {
        return Ok(rate);
    }
    Err("it has to be 0, or between 0.001 and 10000".to_owned())
}

/// How often agents speak.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Rate {
    /// Between heartbeats.
    pub heartbeat: Option<Duration>,
    /// Between messages with samples.
    pub metrics: Option<Duration>,
    /// Samples from one message to the next.
    pub samples: Option<u32>,
    /// Between looks at services, software and facts.
    pub inventory: Option<Duration>,
    /// Log entries from one message to the next.
    pub logs: Option<f64>,
}

impl FromStr for Rate {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut rate = Self::default();
        for pair in text.split(',').filter(|pair| !pair.trim().is_empty()) {
            let wrong = || {
                format!(
                    "“{pair}” is not one of heartbeat=, metrics=, samples=, inventory=, logs= with a number"
                )
            };
            let (name, value) = pair.split_once('=').ok_or_else(wrong)?;
            let number: f64 = value.trim().parse().map_err(|_| wrong())?;
            if !(0.001..=86_400.0).contains(&number) {
                return Err(format!("“{pair}”: the number has to be between 0.001 and 86400"));
            }
            let seconds = Duration::from_secs_f64(number);
            match name.trim() {
                "heartbeat" => rate.heartbeat = Some(seconds),
                "metrics" => rate.metrics = Some(seconds),
                "inventory" => rate.inventory = Some(seconds),
                "logs" => rate.logs = Some(number),
                "samples" => rate.samples = Some(value.trim().parse().map_err(|_| wrong())?),
                _ => return Err(wrong()),
            }
        }
        Ok(rate)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_asked_for_at_a_rate_that_makes_sense() {
        assert_eq!(rate_of_commands("2.5"), Ok(2.5));
        for bad in ["", "often", "-1", "NaN", "100000"] {
            assert!(rate_of_commands(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_rate_is_read_or_refused() {
        let rate: Rate = "heartbeat=10, metrics=0.5,samples=60".parse().expect("good");
        assert_eq!(rate.heartbeat, Some(Duration::from_secs(10)));
        assert_eq!((rate.metrics, rate.samples), (Some(Duration::from_millis(500)), Some(60)));
        assert_eq!("".parse(), Ok(Rate::default()));
        for bad in ["10", "heartbeat=x", "heartbeat=0", "mood=1", "samples=1.5", "metrics=-1"] {
            assert!(bad.parse::<Rate>().is_err(), "{bad}");
        }
    }
}
