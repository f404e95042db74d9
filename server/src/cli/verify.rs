//! `reeve verify`: checks the database from outside of the server, which may be running. Reads only.

use anyhow::{Context, Result, bail};
use clap::Args;
use domain::audit::Verification;
use std::{
    io::{self, Write},
    path::PathBuf,
};

/// What is checked.
#[derive(Args)]
pub(super) struct Verify {
    /// Folder with the database and the keys.
    #[arg(long, env = "REEVE_DATA_DIR", default_value = "reeve-data")]
    data_dir: PathBuf,
    /// Database: `sqlite://…` or `postgres://…`; a file in the data folder when absent.
    #[arg(long, env = "REEVE_DATABASE_URL", hide_env_values = true)]
    database_url: Option<String>,
    /// The head that an earlier check printed: the chain has to contain it still.
    #[arg(long, value_name = "HASH")]
    expect_head: Option<String>,
}

/// Checks the audit chain and the foreign keys.
pub(super) async fn verify(options: Verify) -> Result<()> {
    let url = match options.database_url {
        Some(url) => url,
        None => {
            let file = options.data_dir.join("reeve.db");
            if !file.is_file() {
                bail!(
                    "there is no database at {}; say where with --data-dir or --database-url",
                    file.display()
                );
            }
            format!("sqlite://{}", file.display())
        }
    };
    let found = domain::audit::verify_database(&url, options.expect_head.as_deref())
        .await
        .context("the database cannot be checked")?;
    let mut out = io::stdout();
    write!(out, "{}", report(&found))?;
    out.flush()?;
    match (&found.chain.broken, found.dangling.is_empty()) {
        (Some(_), _) => bail!("{}", found.chain.sentence()),
        (None, false) => bail!("rows name rows that are not there: {}", found.dangling.join("; ")),
        (None, true) => Ok(()),
    }
}

fn report(found: &Verification) -> String {
    let Verification { chain, dangling } = found;
    let keys = if dangling.is_empty() { "Foreign keys: good.\n" } else { "" };
    if chain.broken.is_some() {
        return format!("Audit chain: good up to entry {}.\n{keys}", chain.entries);
    }
    let expected = match chain.expected_at {
        Some(seq) => format!("The head that was expected is entry {seq}.\n"),
        None => String::new(),
    };
    let head = if chain.head.is_empty() {
        String::new()
    } else {
        format!(
            "Head: {}\nKeep the head elsewhere. `reeve verify --expect-head` tells later whether anything up to here \
             was written anew.\n",
            chain.head
        )
    };
    format!("Audit: {}\n{expected}{keys}{head}", chain.sentence())
}

#[cfg(test)]
mod tests {
    use super::*;
    use entity::audit::{BrokenLink, ChainReport};

    #[test]
    fn the_report_gives_the_head_of_a_whole_chain_only() {
        let chain = ChainReport { entries: 2, head: "ab".repeat(32), expected_at: Some(1), broken: None };
        let whole = Verification { chain, dangling: vec![] };
        let text = report(&whole);
        assert!(
            text.starts_with(
                "Audit: The chain is whole: 2 entries.\nThe head that was expected is entry 1.\n"
            )
        );
        assert!(text.contains(&whole.chain.head));
        let broken = Some(BrokenLink { seq: 2, reason: "It was changed.".to_owned() });
        let broken = Verification { chain: ChainReport { broken, ..whole.chain.clone() }, ..whole };
        assert_eq!(report(&broken), "Audit chain: good up to entry 2.\nForeign keys: good.\n");
    }
}
