//! Releases at the server's command line: the key, the root, a release with its files, and what `verify` and `doctor` say.

use crate::support::{
    release::{Built, Trust, built, words},
    world::World,
};
use chrono::TimeDelta;
use domain::{Clock as _, clock::SystemClock};
use entity::{
    platform::{Arch, Os},
    release::{ArtifactKind, PublicKey, root_fingerprint},
};
use std::{fs, path::Path, process::Command};

/// Runs `reeve` with the data of a folder; says whether it was good, and what it wrote.
fn reeve(folder: &Path, arguments: &[&str]) -> (bool, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_reeve"))
        .args(arguments)
        .arg("--data-dir")
        .arg(folder)
        .output()
        .expect("reeve runs");
    let text = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&text).into_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_release_is_brought_without_a_portal() {
    let world = World::on_sqlite().await;
    let (folder, store) = (world.folder.clone(), world.store.clone());
    store.close().await;
    let folder = folder.path();
    let file = |name: &str| folder.join(name).display().to_string();

    let (is_good, text) = reeve(folder, &["release", "freshness-key", "--holder", "our server"]);
    assert!(is_good, "{text}");
    let key: PublicKey = serde_json::from_str(&text).expect("the public part as JSON");
    assert_eq!(key.holder, "our server");
    let (_, again) = reeve(folder, &["release", "freshness-key"]);
    assert_eq!(serde_json::from_str::<PublicKey>(&again).expect("JSON").keyid, key.keyid, "it is made once");

    // The program lives by the system's clock.
    let now = SystemClock.now();
    let trust = Trust::in_folder(folder);
    let root = trust.root_until(1, now + TimeDelta::days(300));
    fs::write(file("root.json"), &root).expect("written");
    let (is_good, text) = reeve(folder, &["release", "root", &file("root.json")]);
    let fingerprint = root_fingerprint(&root).expect("a root").to_string();
    assert!(!is_good && text.contains(&fingerprint), "{text}");
    let (is_good, text) =
        reeve(folder, &["release", "root", &file("root.json"), "--fingerprint", &fingerprint]);
    assert!(is_good && text.contains("root 1"), "{text}");

    let agent = built(Os::Linux, Arch::X86_64, 1, 3 << 20);
    let updater = Built { kind: ArtifactKind::Supervisor, ..built(Os::Linux, Arch::X86_64, 2, 9_000) };
    let mut said = words(1, "1.0.0");
    said.expires = now + TimeDelta::days(30);
    fs::write(file("manifest.json"), trust.manifest(&said, &[agent.clone(), updater.clone()]))
        .expect("written");
    fs::write(file("agent"), &agent.bytes).expect("written");
    fs::write(file("updater"), &updater.bytes).expect("written");
    fs::write(file("other"), "nothing of it").expect("written");
    let (is_good, text) = reeve(folder, &["release", "import", &file("manifest.json"), &file("other")]);
    assert!(!is_good && text.contains("other is not taken"), "{text}");
    let (is_good, text) =
        reeve(folder, &["release", "import", &file("manifest.json"), &file("agent"), &file("updater")]);
    assert!(is_good && text.contains("Release 1.0.0 (available): 2 of 2 files are here."), "{text}");
    let (is_good, text) = reeve(folder, &["release", "import", &file("manifest.json"), &file("agent")]);
    assert!(is_good && text.contains("was here already"), "{text}");

    let (is_good, text) = reeve(folder, &["verify"]);
    assert!(is_good && text.contains("Releases: 2 files are what was signed."), "{text}");
    let (_, text) = reeve(folder, &["doctor"]);
    assert!(text.contains("The release root 1 is good until") && !text.contains("freshness key"), "{text}");

    // One byte, a file that is gone, a manifest in the database that nobody signed.
    let stored = folder.join(format!("artifacts/sha256/{}", agent.sha256()));
    let mut bytes = fs::read(&stored).expect("there");
    bytes[1_000_000] ^= 1;
    fs::write(&stored, &bytes).expect("written");
    fs::remove_file(folder.join(format!("artifacts/sha256/{}", updater.sha256()))).expect("removed");
    let (is_good, text) = reeve(folder, &["verify"]);
    assert!(!is_good && text.contains("there are 2 faults"), "{text}");
    assert!(text.contains("agent-linux-x86_64-1.0.0: its SHA-256 is"), "{text}");
    assert!(text.contains("updater-linux-x86_64-1.0.0: it is not there"), "{text}");
    // Bringing a missing file again heals it.
    let (is_good, text) = reeve(folder, &["release", "import", &file("manifest.json"), &file("updater")]);
    assert!(is_good, "{text}");
    let (_, text) = reeve(folder, &["verify"]);
    assert!(text.contains("there is 1 fault"), "{text}");
}
