//! `reeve restore`: makes a server's data of a backup, where there is none. Nothing is ever overwritten.

use super::{
    OnlyData,
    progress::{grouped, watch},
};
use crate::setting::{Data, Flags};
use anyhow::{Context, Result};
use clap::Args;
use domain::{
    backup::{Origin, Restored, Target},
    clock::SystemClock,
};
use std::{
    io::{self, Write},
    path::{Path, PathBuf},
};

/// What is restored, and where to.
#[derive(Args)]
pub(super) struct Restore {
    /// The backup, or `-` for the standard input.
    file: PathBuf,
    /// Restore nothing; check every byte, every table and the audit chain.
    #[arg(long)]
    check: bool,
    /// Folder in which `--check` takes the backup apart; the system's folder for such files when absent.
    #[arg(long, value_name = "FOLDER", requires = "check")]
    scratch_dir: Option<PathBuf>,
    #[command(flatten)]
    data: Flags<OnlyData>,
}

/// Restores a backup.
pub(super) async fn restore(options: Restore) -> Result<()> {
    let origin =
        if options.file == Path::new("-") { Origin::Input } else { Origin::File(options.file.clone()) };
    let watching = watch();
    let mut out = io::stdout();
    if options.check {
        let scratch = options.scratch_dir.unwrap_or_else(std::env::temp_dir);
        let checked = until_stopped(domain::backup::check(&origin, &scratch, &watching))
            .await
            .context("the backup is not good")?;
        write!(out, "The backup is good.\n{}", contents(&checked))?;
        return Ok(());
    }
    let data = Data::read(&options.data.gather()?)?;
    let target = Target { database_url: data.url_to_make(), data_dir: data.data_dir.clone() };
    let restored = until_stopped(domain::backup::restore(&origin, &target, &SystemClock, &watching))
        .await
        .context("nothing was restored")?;
    writeln!(
        out,
        "Restored {} rows of {} into {}.",
        grouped(restored.manifest.rows()),
        restored.manifest.taken_at.format("%Y-%m-%d %H:%M:%S UTC"),
        data.data_dir.display()
    )?;
    write!(out, "{}", contents(&restored))?;
    if !restored.manifest.has_keys() {
        writeln!(
            out,
            "The backup has no keys. Put yours into {} before the server starts; `reeve accept-keys` goes on with \
             new ones.",
            data.data_dir.join("keys").display()
        )?;
    } else if !restored.manifest.has_command_keys() {
        writeln!(
            out,
            "The backup has no keys that sign commands. Put your copy of command.key, or of command-root.key, into {} \
             before the server starts. Where there is none, `reeve accept-keys` makes new ones; devices then do what they \
             are told once they are registered anew.",
            data.data_dir.join("keys").display()
        )?;
    }
    Ok(out.flush()?)
}

fn contents(restored: &Restored) -> String {
    let manifest = &restored.manifest;
    let mut text = format!(
        "Reeve {}, from {}, {} tables, {} rows.\n",
        manifest.product_version,
        manifest.engine.label(),
        manifest.tables.len(),
        grouped(manifest.rows())
    );
    match &manifest.audit.broken {
        None => text.push_str(&format!(
            "Audit chain: whole, {} entries.\nHead: {}\n",
            grouped(manifest.audit.entries),
            manifest.audit.head
        )),
        Some(broken) => {
            text.push_str(&format!("WARNING: the audit chain was not whole when it was taken. {broken}\n"));
        }
    }
    for sentence in &restored.dangling {
        text.push_str(&format!("WARNING: {sentence}.\n"));
    }
    if restored.was_older {
        text.push_str("It is of an older version; the schema is brought up to date by restoring.\n");
    }
    text
}

/// Does something long unless somebody asks it to stop; then what was begun is taken away.
pub(super) async fn until_stopped<T>(work: impl Future<Output = domain::Result<T>>) -> Result<T> {
    let mut work = Box::pin(work);
    tokio::select! {
        // Signals are listened to before anything is begun.
        biased;
        asked = super::serve::asked_to_stop() => {
            asked?;
            drop(work);
            writeln!(io::stderr(), "reeve: it was stopped, and what was begun is gone")?;
            // A thread may wait for a pipe that nobody reads or writes any more.
            std::process::exit(1);
        }
        done = &mut work => Ok(done?),
    }
}
