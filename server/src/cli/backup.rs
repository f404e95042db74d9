//! `reeve backup`: everything the server keeps, as it is at one moment, in one file. The server may be running.

use super::{
    OnlyData,
    progress::{bytes, grouped, watch},
    restore::until_stopped,
};
use crate::setting::{Data, Flags};
use anyhow::{Context, Result};
use clap::Args;
use domain::{
    Clock as _,
    backup::{Destination, Source, Taken},
    clock::SystemClock,
};
use std::{
    io::{self, Write},
    path::{Path, PathBuf},
};

/// What is backed up, and where to.
#[derive(Args)]
pub(super) struct Backup {
    /// The file to make, or a folder to make it in, or `-` for the standard output. It holds every secret of this
    /// server: keep it as you keep those.
    #[arg(default_value = ".")]
    file: PathBuf,
    /// Leave the server's keys out. Without them sealed secrets (authenticator apps, client secrets) and agents'
    /// tokens cannot be used after a restore: keep the keys elsewhere.
    #[arg(long)]
    without_keys: bool,
    /// Take the keys along that sign what devices obey. Whoever has such a backup can sign commands: keep a copy of
    /// `keys/command.key` and `keys/command-root.key` elsewhere instead. A server that is restored without them hands out no
    /// command until they are back.
    #[arg(long, conflicts_with = "without_keys")]
    with_command_keys: bool,
    /// Folder for the copy of the database that is made on the way; beside the file when absent.
    #[arg(long, value_name = "FOLDER")]
    scratch_dir: Option<PathBuf>,
    #[command(flatten)]
    data: Flags<OnlyData>,
}

/// Takes a backup.
pub(super) async fn backup(options: Backup) -> Result<()> {
    let data = Data::read(&options.data.gather()?)?;
    let source = Source {
        database_url: data.url_of_existing()?,
        data_dir: (!options.without_keys).then(|| data.data_dir.clone()),
        with_command_keys: options.with_command_keys,
    };
    let to_output = options.file == Path::new("-");
    let destination = if to_output {
        Destination::Output(options.scratch_dir.unwrap_or_else(std::env::temp_dir))
    } else {
        Destination::File { file: named(options.file), scratch: options.scratch_dir }
    };
    let taking = watch();
    let taken = until_stopped(domain::backup::take(&source, &destination, &SystemClock, &taking))
        .await
        .context("no backup was taken")?;
    let text = report(&taken, &destination);
    // The standard output may be the backup itself.
    if to_output {
        io::stderr().write_all(text.as_bytes())?
    } else {
        io::stdout().write_all(text.as_bytes())?
    }
    Ok(())
}

/// A name by the moment, in a folder.
fn named(file: PathBuf) -> PathBuf {
    if !file.is_dir() {
        return file;
    }
    let name = format!("reeve-{}.tar.zst", SystemClock.now().format("%Y%m%dT%H%M%SZ"));
    if file == Path::new(".") { PathBuf::from(name) } else { file.join(name) }
}

fn report(taken: &Taken, destination: &Destination) -> String {
    let manifest = &taken.manifest;
    let place = match destination {
        Destination::File { file, .. } => file.display().to_string(),
        Destination::Output(_) => "the standard output".to_owned(),
    };
    let mut text = format!(
        "Backed up {} rows in {} tables to {place}, {}, as they were at {}.\nSHA-256: {}\n",
        grouped(manifest.rows()),
        manifest.tables.len(),
        bytes(taken.size_bytes),
        manifest.taken_at.format("%Y-%m-%d %H:%M:%S UTC"),
        taken.sha256,
    );
    match &manifest.audit.broken {
        None => text.push_str(&format!(
            "Audit chain: whole, {} entries.\nHead: {}\n",
            grouped(manifest.audit.entries),
            manifest.audit.head
        )),
        Some(broken) => text.push_str(&format!("WARNING: the audit chain is not whole. {broken}\n")),
    }
    if manifest.has_keys() {
        text.push_str(
            "THIS FILE IS A SECRET: with the keys in it, whoever has it can be this server. Keep it where nobody \
             else reads.\n",
        );
        text.push_str(if manifest.has_command_keys() {
            "The keys that sign commands are in it, too: whoever has it can make every device act.\n"
        } else {
            "The keys that sign commands are NOT in it: keep a copy of command.key and command-root.key from the folder \
             `keys` elsewhere, or take the backup with --with-command-keys.\n"
        });
    } else {
        text.push_str(
            "The keys are NOT in it. Without the files in the folder `keys`, people with authenticator apps cannot \
             sign in and agents have to prove themselves anew.\n",
        );
    }
    if let Some(why) = &taken.unnoted {
        text.push_str(&format!("The audit log does not say that it was taken: {why}.\n"));
    }
    text
}
