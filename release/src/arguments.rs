//! What the command line may say.

use chrono::{DateTime, Utc};
use clap::{Args, Parser, Subcommand};
use entity::release::{Channel, Sha256Hex, Version};
use std::path::PathBuf;

/// Keys, roots and signed manifests of releases. Works on files alone and opens no connection. Ends with 0 when it is
/// done, 1 when something was refused, 2 when the command line is wrong.
#[derive(Debug, Parser)]
#[command(name = "reeve-release", version)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Make a key: FILE holds the private part, FILE.pub the public one. The private part is not encrypted; keep it on a
    /// medium that is
    Keygen(Keygen),
    /// Say who may sign
    #[command(subcommand)]
    Root(RootCommand),
    /// Sign what was built: make the manifest of a release
    Sign(Sign),
    /// Sign the same release again with a later date
    Renew(Renew),
    /// Add a signature to a manifest whose root wants more than one
    AddSignature(AddSignature),
    /// Show what is in a root, a manifest, a program or a log; checks no signature
    Inspect(Inspect),
    /// Check a chain of roots, and with it a manifest, files and the log
    Verify(Verify),
    /// Write into a copy of a program which build it is
    Stamp(StampFile),
}

#[derive(Debug, Subcommand)]
pub enum RootCommand {
    /// Make the first root
    Make(Make),
    /// Make the root that follows another: with other keys, thresholds, or only a later date. The keys of a role that is
    /// named take the place of those it has; the others stay
    Rotate(Rotate),
    /// Add a signature to a root
    Sign(SignRoot),
}

#[derive(Debug, Args)]
pub struct Keygen {
    /// Where the private part goes; must not exist
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
    /// Who will hold it, for people
    #[arg(long, value_name = "TEXT")]
    pub holder: String,
}

// Public keys, each a file that `keygen` or `reeve release freshness-key` wrote. Not a docstring: it would be shown as help.
#[derive(Debug, Args)]
pub struct Keys {
    /// Public key that may sign roots; once for each
    #[arg(long, value_name = "FILE")]
    pub root_key: Vec<PathBuf>,
    /// How many of them must sign
    #[arg(long, value_name = "NUMBER")]
    pub root_threshold: Option<u8>,
    /// Public key that may sign releases; once for each
    #[arg(long, value_name = "FILE")]
    pub release_key: Vec<PathBuf>,
    /// How many of them must sign
    #[arg(long, value_name = "NUMBER")]
    pub release_threshold: Option<u8>,
    /// Public key of the server; once for each
    #[arg(long, value_name = "FILE")]
    pub freshness_key: Vec<PathBuf>,
    /// How many of them must sign
    #[arg(long, value_name = "NUMBER")]
    pub freshness_threshold: Option<u8>,
}

// What every signed document needs.
#[derive(Debug, Args)]
pub struct Signing {
    /// Private key to sign with; once for each
    #[arg(long, value_name = "FILE", required = true)]
    pub key: Vec<PathBuf>,
    /// Where it goes; must not exist
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
    /// When it is signed, when the clock of this machine is not to be trusted
    #[arg(long, value_name = "TIME")]
    pub at: Option<DateTime<Utc>>,
}

impl Signing {
    /// When it is signed, in whole seconds.
    pub fn issued(&self) -> DateTime<Utc> {
        let at = self.at.unwrap_or_else(Utc::now);
        DateTime::from_timestamp(at.timestamp(), 0).unwrap_or(at)
    }
}

#[derive(Debug, Args)]
pub struct Make {
    #[command(flatten)]
    pub keys: Keys,
    /// Days until it is out of date
    #[arg(long, value_name = "DAYS", default_value_t = 730, value_parser = clap::value_parser!(u32).range(1..=3650))]
    pub expires_days: u32,
    #[command(flatten)]
    pub signing: Signing,
}

#[derive(Debug, Args)]
pub struct Rotate {
    /// The root that it follows
    #[arg(long, value_name = "FILE")]
    pub from: PathBuf,
    #[command(flatten)]
    pub keys: Keys,
    /// Days until it is out of date
    #[arg(long, value_name = "DAYS", default_value_t = 730, value_parser = clap::value_parser!(u32).range(1..=3650))]
    pub expires_days: u32,
    #[command(flatten)]
    pub signing: Signing,
}

#[derive(Debug, Args)]
pub struct SignRoot {
    /// The root; the signature is written into it
    pub root: PathBuf,
    /// Private key to sign with
    #[arg(long, value_name = "FILE")]
    pub key: PathBuf,
    /// The root that it follows, to say which signatures are still missing
    #[arg(long, value_name = "FILE")]
    pub from: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct Sign {
    /// The root that says who may sign
    #[arg(long, value_name = "FILE")]
    pub root: PathBuf,
    /// The manifest of the release before
    #[arg(long, value_name = "FILE", required_unless_present = "first", conflicts_with = "first")]
    pub previous: Option<PathBuf>,
    /// There is no release before
    #[arg(long)]
    pub first: bool,
    /// What people call it, such as 1.4.0
    #[arg(long, value_name = "VERSION")]
    pub version: Version,
    /// Its sequence, which every program carries in its stamp
    #[arg(long, value_name = "NUMBER")]
    pub seq: u64,
    /// For whom: stable or beta
    #[arg(long, value_name = "CHANNEL", default_value = "stable")]
    pub channel: Channel,
    /// A program reeve-agent, stamped; once for each platform
    #[arg(long, value_name = "FILE", required = true)]
    pub agent: Vec<PathBuf>,
    /// A program reeve-updater, stamped; once for each platform
    #[arg(long, value_name = "FILE")]
    pub supervisor: Vec<PathBuf>,
    /// Version of the configuration that the agent writes; that of the release before when it is not given
    #[arg(long, value_name = "NUMBER")]
    pub config_schema: Option<u64>,
    /// Version of the spool that the agent writes; that of the release before when it is not given
    #[arg(long, value_name = "NUMBER")]
    pub spool_schema: Option<u64>,
    /// Lowest sequence from which a device may come; that of the release before when it is not given
    #[arg(long, value_name = "NUMBER")]
    pub min_from: Option<u64>,
    /// Below this sequence nothing is safe to run; that of the release before when it is not given
    #[arg(long, value_name = "NUMBER")]
    pub min_secure: Option<u64>,
    /// SHA-256 of a program that must not run again; those of the release before stay
    #[arg(long, value_name = "SHA256")]
    pub revoke: Vec<Sha256Hex>,
    /// What is new, for people
    #[arg(long, value_name = "FILE")]
    pub notes_file: Option<PathBuf>,
    /// Show what would be signed, and sign nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Days until it is out of date
    #[arg(long, value_name = "DAYS", default_value_t = 45, value_parser = clap::value_parser!(u32).range(1..=400))]
    pub expires_days: u32,
    /// The record of everything that was ever signed; made when it does not exist
    #[arg(long, value_name = "FILE")]
    pub log: PathBuf,
    #[command(flatten)]
    pub signing: Signing,
}

#[derive(Debug, Args)]
pub struct Renew {
    /// The manifest
    pub manifest: PathBuf,
    /// The root that says who may sign
    #[arg(long, value_name = "FILE")]
    pub root: PathBuf,
    /// Days until it is out of date
    #[arg(long, value_name = "DAYS", default_value_t = 45, value_parser = clap::value_parser!(u32).range(1..=400))]
    pub expires_days: u32,
    /// The record of everything that was ever signed
    #[arg(long, value_name = "FILE")]
    pub log: PathBuf,
    #[command(flatten)]
    pub signing: Signing,
}

#[derive(Debug, Args)]
pub struct AddSignature {
    /// The manifest; the signature is written into it
    pub manifest: PathBuf,
    /// The root that says who may sign
    #[arg(long, value_name = "FILE")]
    pub root: PathBuf,
    /// Private key to sign with
    #[arg(long, value_name = "FILE")]
    pub key: PathBuf,
}

#[derive(Debug, Args)]
pub struct Inspect {
    /// A root, a manifest, a timestamp, a receipt, a public key, a program or a releases.log
    pub file: PathBuf,
}

#[derive(Debug, Args)]
pub struct Verify {
    /// The roots in order, from the one that is trusted
    #[arg(long, value_name = "FILE", required = true)]
    pub root: Vec<PathBuf>,
    /// Fingerprint that the first of them must have
    #[arg(long, value_name = "SHA256")]
    pub fingerprint: Option<Sha256Hex>,
    /// A manifest that the last root must let be signed
    #[arg(long, value_name = "FILE")]
    pub manifest: Option<PathBuf>,
    /// A program that must be in the manifest; once for each
    #[arg(long, value_name = "FILE", requires = "manifest")]
    pub artifact: Vec<PathBuf>,
    /// A record whose chain must be whole, and which must name the manifest
    #[arg(long, value_name = "FILE")]
    pub log: Option<PathBuf>,
    /// The time by which nothing may be out of date; the clock's when it is not given
    #[arg(long, value_name = "TIME")]
    pub at: Option<DateTime<Utc>>,
}

#[derive(Debug, Args)]
pub struct StampFile {
    /// The program
    pub file: PathBuf,
    /// What people call its release
    #[arg(long, value_name = "VERSION")]
    pub version: Version,
    /// Sequence of its release
    #[arg(long, value_name = "NUMBER")]
    pub seq: u64,
    /// Tells two builds of one version apart
    #[arg(long, value_name = "TEXT")]
    pub build_id: String,
    /// When it was built
    #[arg(long, value_name = "TIME")]
    pub build_time: Option<DateTime<Utc>>,
    /// Where the copy goes; must not exist
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
}
