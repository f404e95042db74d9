//! `reeve command-key`: the keys that sign what devices obey. Works beside a running server, which takes up what was changed
//! within a minute.

use super::OnlyData;
use crate::setting::{Data, Flags};
use anyhow::{Result, bail};
use clap::{Args, Subcommand};
use domain::{
    Clock as _,
    clock::SystemClock,
    command::signer::{self, SignerPlace, SignerReport},
};
use std::{
    io::{self, Write},
    path::PathBuf,
};

/// What is done with them.
#[derive(Args)]
pub(super) struct CommandKey {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Print the root's public key, and which command keys it lets sign until when. Nothing secret.
    Show(Show),
    /// Make another command key. The former ones stay good until their time is over.
    Rotate(Rotate),
}

#[derive(Args)]
struct Show {
    /// Write it as one object of JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    data: Flags<OnlyData>,
}

#[derive(Args)]
struct Rotate {
    /// File of the root key, when it is kept elsewhere.
    #[arg(long, value_name = "FILE")]
    root: Option<PathBuf>,
    #[command(flatten)]
    data: Flags<OnlyData>,
}

/// Does what is asked.
pub(super) fn command_key(options: CommandKey) -> Result<()> {
    match options.what {
        What::Show(show) => {
            let place = place(&Data::read(&show.data.gather()?)?);
            let Some(report) = signer::report_at(&place)? else {
                bail!("there are no command keys at {}; `reeve serve` makes them", place.command.display());
            };
            if show.json {
                return Ok(writeln!(io::stdout(), "{}", serde_json::to_string_pretty(&report)?)?);
            }
            print(&report, &place)
        }
        What::Rotate(rotate) => {
            let place = place(&Data::read(&rotate.data.gather()?)?);
            let report = signer::rotate(&place, rotate.root.as_deref(), &SystemClock)?;
            print(&report, &place)
        }
    }
}

/// Where the settings say that the keys are.
pub(super) fn place(data: &Data) -> SignerPlace {
    SignerPlace::new(&data.data_dir, data.command_key_file.as_deref())
}

fn print(report: &SignerReport, place: &SignerPlace) -> Result<()> {
    let mut out = io::stdout();
    writeln!(out, "Root: {}", report.root_public)?;
    let whether = if report.has_root {
        format!("{}; it can be kept elsewhere", place.root.display())
    } else {
        "kept elsewhere; `reeve command-key rotate --root FILE` makes another command key with it".to_owned()
    };
    writeln!(out, "Root key: {whether}.")?;
    for key in &report.keys {
        let day = |at: chrono::DateTime<chrono::Utc>| at.format("%Y-%m-%d %H:%M UTC").to_string();
        writeln!(
            out,
            "Command key {}: signs from {} until {}.",
            key.keyid,
            day(key.not_before),
            day(key.not_after)
        )?;
    }
    if let Some(warning) = report.warning(SystemClock.now()) {
        writeln!(out, "{warning}")?;
    }
    Ok(out.flush()?)
}
