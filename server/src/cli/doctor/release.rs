//! Release trust: is there a root, how long is it good, does it name the server's key, and does the store of files answer.

use super::finding::Finding;
use crate::{
    artifacts::{Artifacts, ArtifactsAt},
    setting::Data,
};
use chrono::TimeDelta;
use domain::{Clock as _, artifact_store::ArtifactStore as _, clock::SystemClock, release};
use entity::release::Sha256Hex;
use std::time::Duration;
use tokio::time::timeout;

/// So long before a root is out of date somebody should sign the next one.
const WARN_DAYS: i64 = 60;
/// How long a bucket may take to answer.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);

/// What is trusted is looked up only in a database that answers: asking one that does not would take as long again.
pub(super) async fn examine(data: &Data, is_readable: bool) -> Vec<Finding> {
    let mut found: Vec<Finding> = store(data).await.into_iter().collect();
    let key = match release::existing_freshness_key(&data.data_dir, "server") {
        Ok(key) => key,
        Err(error) => {
            let advice =
                "Bring keys/freshness.key back from a backup, or make another one and have the root name it.";
            found.push(Finding::problem("releases", format!("{error}."), advice));
            return found;
        }
    };
    if !is_readable {
        return found;
    }
    let Ok(url) = data.url_of_existing() else { return found };
    let Ok(root) = release::root_state(&url, key.as_ref()).await else { return found };
    let Some(root) = root else {
        found.push(Finding::ok(
            "releases",
            "No release root is trusted yet: no release is taken, and no agent updates itself.",
        ));
        return found;
    };
    let day = root.expires.format("%Y-%m-%d");
    let left = root.expires - SystemClock.now();
    let advice = "Sign the next root with `reeve-release root` and bring it with `reeve release root`.";
    found.push(if left <= TimeDelta::zero() {
        Finding::warning(
            "releases",
            format!("The release root {} is out of date since {day}: no agent updates itself.", root.version),
            advice,
        )
    } else if left <= TimeDelta::days(WARN_DAYS) {
        Finding::warning(
            "releases",
            format!("The release root {} is good until {day} only.", root.version),
            advice,
        )
    } else {
        Finding::ok("releases", format!("The release root {} is good until {day}.", root.version))
    });
    if !root.names_key {
        let what = match key {
            None => "There is no freshness key: agents learn of no update and confirm none.",
            Some(_) => {
                "The root does not name this server's freshness key: agents believe none of its timestamps."
            }
        };
        let advice = "`reeve release freshness-key` prints the public part; have the next root name it.";
        found.push(Finding::warning("releases", what, advice));
    }
    found
}

/// Does a bucket answer? A folder is looked at with the disk.
async fn store(data: &Data) -> Option<Finding> {
    let at = data.artifacts_at();
    if matches!(at, ArtifactsAt::Folder(_)) {
        return None;
    }
    let problem = |error: String| {
        let advice = "Look at --artifacts-url and at the variables with the keys of the bucket.";
        Some(Finding::problem("releases", format!("The store of releases does not answer: {error}."), advice))
    };
    let nothing: Option<Sha256Hex> = "0".repeat(64).parse().ok();
    let (store, sha256) = match (Artifacts::open_for_reading(&at), nothing) {
        (Ok(store), Some(sha256)) => (store, sha256),
        (Err(error), _) => return problem(error.to_string()),
        (_, None) => return None,
    };
    match timeout(ANSWER_WITHIN, store.size(&sha256)).await {
        Ok(Ok(_)) => {
            Some(Finding::ok("releases", format!("The store of releases answers: {}.", store.place())))
        }
        Ok(Err(fault)) => problem(fault.to_string()),
        Err(_) => problem(format!("nothing within {} seconds", ANSWER_WITHIN.as_secs())),
    }
}
