//! The database: is it there, is it ours, and is it set up to keep its promises.

use super::{clock, finding::Finding};
use crate::setting::{Data, DatabaseUrl};
use domain::{Clock as _, clock::SystemClock, inspect};
use std::time::Duration;
use tokio::time::timeout;

/// A database that does not answer within this time does not answer.
const WITHIN: Duration = Duration::from_secs(15);

pub(super) async fn examine(data: &Data) -> Vec<Finding> {
    let (url, shown) = match &data.database_url {
        Some(url @ DatabaseUrl(text)) => (text.clone(), url.shown()),
        None => {
            let file = data.file();
            let shown = file.display().to_string();
            if !file.is_file() {
                let what =
                    format!("There is no database {shown} yet; `reeve serve` or `reeve migrate` makes it.");
                return vec![Finding::ok("database", what)];
            }
            // Without a log of what was written last nobody has it open; then no file is made beside it.
            let is_open = file.with_extension("db-wal").exists();
            (format!("sqlite://{shown}?mode=ro{}", if is_open { "" } else { "&immutable=true" }), shown)
        }
    };
    let asked_at = SystemClock.now();
    let found = match timeout(WITHIN, inspect::inspect(&url)).await {
        Ok(Ok(found)) => found,
        Ok(Err(error)) => {
            let advice = "Start the database, and look at the address, the login and its rights.";
            return vec![Finding::problem("database", format!("{shown} cannot be read: {error}."), advice)];
        }
        Err(_) => {
            let what = format!("{shown} does not answer within {} seconds.", WITHIN.as_secs());
            return vec![Finding::problem(
                "database",
                what,
                "Look at the address, and at the network between.",
            )];
        }
    };
    let mut findings = vec![Finding::ok("database", format!("{} answers at {shown}.", found.engine))];
    if !found.unknown.is_empty() {
        let what = format!("A newer version of Reeve has changed the schema: {}.", found.unknown.join(", "));
        findings.push(Finding::warning(
            "database",
            what,
            "The version before runs on it; go on with the newer one.",
        ));
    }
    if found.missing.is_empty() {
        findings.push(Finding::ok("database", "The schema is up to date."));
    } else {
        let what = format!("Steps of the schema are missing: {}.", found.missing.join(", "));
        findings.push(Finding::warning(
            "database",
            what,
            "`reeve serve` applies them when it starts, `reeve migrate` now.",
        ));
    }
    findings.extend(found.good.into_iter().map(|what| Finding::ok("database", what)));
    let advice = "See \"The database\" in docs/operations.md.";
    findings.extend(found.warnings.into_iter().map(|what| Finding::warning("database", what, advice)));
    findings.extend(found.now.map(|theirs| clock::compare("the database", theirs, asked_at)));
    findings
}
