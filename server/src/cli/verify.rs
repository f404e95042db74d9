//! `reeve verify`: checks the database from outside of the server, which may be running. Reads only.

use super::{OnlyData, verify_bundle};
use crate::{
    artifacts::Artifacts,
    setting::{Data, Flags},
};
use anyhow::{Context, Result, bail};
use clap::{Args, Subcommand};
use domain::audit::Verification;
use std::io::{self, Write};

/// What is checked.
#[derive(Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(super) struct Verify {
    #[command(subcommand)]
    what: Option<What>,
    /// The head that an earlier check printed: the chain has to contain it still.
    #[arg(long, value_name = "HASH")]
    expect_head: Option<String>,
    #[command(flatten)]
    data: Flags<OnlyData>,
}

/// What is checked instead of a database.
#[derive(Subcommand)]
enum What {
    /// Check the evidence of a command: one file, with public keys alone.
    Bundle(verify_bundle::Bundle),
}

/// Checks the audit chain, the foreign keys, what is stored of samples, the devices' own records and the files of releases.
pub(super) async fn verify(options: Verify) -> Result<()> {
    if let Some(What::Bundle(bundle)) = &options.what {
        return verify_bundle::verify(bundle);
    }
    let data = Data::read(&options.data.gather()?)?;
    let url = data.url_of_existing()?;
    let found = domain::audit::verify_database(&url, options.expect_head.as_deref())
        .await
        .context("the database cannot be checked")?;
    let mut out = io::stdout();
    write!(out, "{}", report(&found))?;
    let samples = domain::metric::verify_database(&url).await.context("the samples cannot be checked")?;
    writeln!(out, "Samples: {}", samples.sentence())?;
    for fault in &samples.faults {
        writeln!(out, "  {fault}")?;
    }
    let records = domain::command::chain_verify::verify_database(&url)
        .await
        .context("the records cannot be checked")?;
    writeln!(out, "Records: {}", records.sentence())?;
    for fault in &records.faults {
        writeln!(out, "  {fault}")?;
    }
    let artifacts = Artifacts::open_for_reading(&data.artifacts_at())?;
    let releases =
        domain::release::verify(&url, &artifacts).await.context("the releases cannot be checked")?;
    writeln!(out, "Releases: {}", releases.sentence())?;
    for fault in &releases.faults {
        writeln!(out, "  {fault}")?;
    }
    out.flush()?;
    match (&found.chain.broken, found.dangling.is_empty()) {
        (Some(_), _) => bail!("{}", found.chain.sentence()),
        (None, false) => bail!("rows name rows that are not there: {}", found.dangling.join("; ")),
        (None, true) if samples.faults_total > 0 => bail!("{}", samples.sentence()),
        (None, true) if records.faults_total > 0 => bail!("{}", records.sentence()),
        (None, true) if !releases.faults.is_empty() => bail!("{}", releases.sentence()),
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
