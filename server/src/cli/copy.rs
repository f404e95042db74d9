//! `reeve copy`: moves everything from one database to another, such as from the embedded one to PostgreSQL.

use super::{
    OnlyData,
    progress::{grouped, watch},
    restore::until_stopped,
};
use crate::setting::{Data, Flags};
use anyhow::{Context, Result};
use clap::Args;
use domain::{backup::Engine, clock::SystemClock};
use std::io::{self, Write};

/// From where, and where to.
#[derive(Args)]
pub(super) struct Copy {
    /// The database to copy; the configured one when absent.
    #[arg(long, value_name = "URL", env = "REEVE_COPY_FROM", hide_env_values = true)]
    from: Option<String>,
    /// The database to fill: an empty PostgreSQL database, or a file that does not exist yet. Others on this machine
    /// see what is written here; a password can come from the environment or from `~/.pgpass`.
    #[arg(long, value_name = "URL", env = "REEVE_COPY_TO", hide_env_values = true)]
    to: String,
    /// Copy beside a running server. What it writes from this moment on is not in the copy.
    #[arg(long)]
    while_serving: bool,
    #[command(flatten)]
    data: Flags<OnlyData>,
}

/// Copies everything.
pub(super) async fn copy(options: Copy) -> Result<()> {
    let from = match options.from {
        Some(url) => url,
        None => Data::read(&options.data.gather()?)?.url_of_existing()?,
    };
    let to = options.to;
    let watching = watch();
    let copied =
        until_stopped(domain::backup::transfer(&from, &to, options.while_serving, &SystemClock, &watching))
            .await
            .context("nothing was copied")?;
    let mut out = io::stdout();
    writeln!(
        out,
        "Copied {} rows in {} tables from {} to {}; every row arrived as it was sent.",
        grouped(copied.rows()),
        copied.tables.len(),
        Engine::of(&from)?.label(),
        Engine::of(&to)?.label()
    )?;
    match copied.broken {
        None => writeln!(out, "Audit chain: whole.")?,
        Some(broken) => writeln!(out, "WARNING: the audit chain is not whole, and was not before. {broken}")?,
    }
    if let Some(why) = copied.unnoted {
        writeln!(out, "The audit log does not say that it was copied: {why}.")?;
    }
    if options.while_serving {
        writeln!(out, "What the server wrote since it began is not in it.")?;
    }
    writeln!(
        out,
        "The source is as it was. Start the server with the new database and the same data folder: the keys are there."
    )?;
    Ok(out.flush()?)
}
