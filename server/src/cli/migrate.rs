//! `reeve migrate`: brings the schema up to date before a server starts, and says what it did.

use super::{OnlyData, place::make_private_folder};
use crate::setting::{Data, Flags};
use anyhow::{Context, Result};
use clap::Args;
use std::io::{self, Write};

/// Which database, and whether to look only. There is no way back: the version before runs on the newer schema.
#[derive(Args)]
pub(super) struct Migrate {
    /// Change nothing; say what has been done and what would be.
    #[arg(long, visible_alias = "dry-run")]
    status: bool,
    #[command(flatten)]
    data: Flags<OnlyData>,
}

/// Applies the steps that are missing.
pub(super) async fn migrate(options: Migrate) -> Result<()> {
    let data = Data::read(&options.data.gather()?)?;
    let mut out = io::stdout();
    if options.status {
        let steps = if data.database_url.is_none() && !data.file().is_file() {
            domain::schema::steps_of_nothing()
        } else {
            domain::schema::steps(&data.url_of_existing()?)
                .await
                .context("the database cannot be looked at")?
        };
        for step in &steps {
            writeln!(out, "{}  {}", if step.is_applied { "applied" } else { "missing" }, step.name)?;
        }
        let missing = steps.iter().filter(|step| !step.is_applied).count();
        match missing {
            0 => writeln!(out, "The schema is up to date.")?,
            missing => writeln!(
                out,
                "{missing} of {} steps are missing; `reeve migrate` applies them.",
                steps.len()
            )?,
        }
        return Ok(());
    }
    if data.database_url.is_none() {
        make_private_folder(&data.data_dir)?;
    }
    let done = domain::schema::migrate(&data.url_to_make())
        .await
        .context("the schema was not brought up to date")?;
    for name in &done {
        writeln!(out, "applied  {name}")?;
    }
    match done.len() {
        0 => writeln!(out, "The schema was up to date already; nothing was changed.")?,
        1 => writeln!(out, "The schema is up to date: 1 step was applied.")?,
        many => writeln!(out, "The schema is up to date: {many} steps were applied.")?,
    }
    Ok(())
}
