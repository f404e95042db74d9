//! A server that means no good and has every key that a server has: the one for timestamps and receipts, and whatever
//! lets it speak to its devices. It can keep releases back and choose among them; it cannot make a device run anything that
//! people did not sign, or go back.

use crate::support::{Due, Endless, Keys, Machine, eventually, manifest, program, stamp, stamped, updater};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use chrono::{TimeDelta, Utc};
use entity::{
    id::{DeviceId, RolloutId, UpdateId},
    release::{PRODUCT, Reason, SPEC, Sha256Hex, Timestamp},
    update::{TrustAnswer, UpdateAnswer, UpdateQuestion, UpdateState},
};
use serde_json::Value;
use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};
use tokio::time::sleep;
use uuid::Uuid;

/// As for other whole updates, and whoever fetches for ever gives up soon.
const TERMS: &str = r#"{
    "alive_ms": 4000, "receipt_every_ms": 1000, "reach_ms": 4000, "control_every_ms": 1000, "probe_every_ms": 1000,
    "active_max_ms": 60000, "download_max_ms": 8000, "download_every_ms": 2000, "spare_bytes": 1
}"#;
/// The sequence of what nobody signed.
const EVIL: u64 = 66;

/// Every program of a machine that is ever executed, as the system has them.
pub struct Watcher {
    is_over: Arc<AtomicBool>,
    thread: JoinHandle<BTreeSet<PathBuf>>,
}

impl Watcher {
    pub fn of(folder: &Path) -> Self {
        let (is_over, folder) = (Arc::new(AtomicBool::new(false)), folder.canonicalize().unwrap());
        let is_over_there = Arc::clone(&is_over);
        let watch = move || {
            let mut seen = BTreeSet::new();
            while !is_over_there.load(Ordering::Relaxed) {
                for process in fs::read_dir("/proc").into_iter().flatten().flatten() {
                    let program = fs::read_link(process.path().join("exe")).unwrap_or_default();
                    if program.starts_with(&folder) {
                        seen.insert(program);
                    }
                }
                thread::sleep(Duration::from_millis(5));
            }
            seen
        };
        Self { is_over, thread: thread::spawn(watch) }
    }

    pub fn seen(self) -> BTreeSet<PathBuf> {
        self.is_over.store(true, Ordering::Relaxed);
        self.thread.join().unwrap()
    }
}

/// What the server's own key says of a release, as it should be.
fn timestamp(question: &UpdateQuestion, of: &Due) -> Timestamp {
    Timestamp {
        spec: SPEC,
        product: PRODUCT.to_owned(),
        nonce: question.nonce.clone().expect("a nonce"),
        device_id: question.agent_id.expect("it says who it is"),
        signed_time: Utc::now(),
        expires: Utc::now() + TimeDelta::hours(12),
        seq: of.seq,
        manifest_sha256: Some(of.payload_sha256.clone()),
    }
}

/// The documents: a timestamp that is signed as it is, and a manifest.
fn trust(timestamp: &Timestamp, of: &Due) -> TrustAnswer {
    TrustAnswer {
        roots: Vec::new(),
        timestamp: Some(Keys::new().freshness.sign(timestamp).unwrap()),
        manifest: Some(of.manifest.clone()),
    }
}

/// The same where the timestamp is changed before it is signed.
fn changed(question: &UpdateQuestion, of: &Due, change: impl Fn(&mut Timestamp)) -> TrustAnswer {
    let mut timestamp = timestamp(question, of);
    change(&mut timestamp);
    trust(&timestamp, of)
}

/// Whatever it says beside, it wants its own build to be fetched.
fn answer(update_id: UpdateId, evil: &Sha256Hex, trust: TrustAnswer) -> UpdateAnswer {
    UpdateAnswer {
        new_version: format!("9.{EVIL}.0"),
        download_url: format!("http://127.0.0.1:1/{evil}"),
        checksum: evil.clone(),
        update_id,
        rollout_id: RolloutId(Uuid::from_u128(0x8000)),
        seq: EVIL,
        lease_expires_at: Utc::now() + TimeDelta::hours(1),
        not_before: None,
        trust,
    }
}

/// A manifest with another digest under the signature of the first.
fn tampered(of: &Due, evil: &Sha256Hex) -> String {
    let mut envelope: Value = serde_json::from_str(&of.manifest).unwrap();
    let payload = BASE64_STANDARD.decode(envelope["payload"].as_str().unwrap()).unwrap();
    let payload = String::from_utf8(payload).unwrap().replace(of.sha256.as_str(), evil.as_str());
    envelope["payload"] = BASE64_STANDARD.encode(payload).into();
    envelope.to_string()
}

/// What people have signed, and what nobody has.
struct Releases {
    old: Due,
    runs: Due,
    new: Due,
    last: Due,
    evil: Due,
    evil_by_freshness: Due,
    evil_bytes: Vec<u8>,
}

impl Releases {
    fn new(program: &[u8]) -> Self {
        let (honest, stranger) = (Keys::new(), Keys::of_a_stranger());
        let release = |seq: u64| honest.release(&stamp(seq), &stamped(program, &stamp(seq)));
        let evil_bytes = stamped(program, &stamp(EVIL));
        let evil = manifest(&stamp(EVIL), &evil_bytes);
        Self {
            old: release(1),
            runs: release(2),
            new: release(3),
            last: release(9),
            evil: Due::signed(&stranger.release, &evil),
            evil_by_freshness: Due::signed(&honest.freshness, &evil),
            evil_bytes,
        }
    }
}

type Trusting = Box<dyn Fn(&UpdateQuestion) -> TrustAnswer + Send>;

/// What is said of a release to whoever asks.
fn lying(of: &Due, lie: impl Fn(&UpdateQuestion, &Due) -> TrustAnswer + Send + 'static) -> Trusting {
    let of = of.clone();
    Box::new(move |question| lie(question, &of))
}

/// Every lie, and by which word the device refuses it.
fn lies(releases: &Releases, recorded_nonce: String) -> Vec<(&'static str, Reason, Trusting)> {
    let Releases { old, runs, new, evil, evil_by_freshness, .. } = releases;
    let plain = |of: &Due| lying(of, |question, of| changed(question, of, |_| ()));
    let with = |change: fn(&mut Timestamp)| lying(new, move |question, of| changed(question, of, change));
    let rooted = |version: u64| {
        let root = Keys::of_a_stranger().root_of(version);
        lying(evil, move |question, of| TrustAnswer {
            roots: vec![root.clone()],
            ..changed(question, of, |_| ())
        })
    };
    let mixed = |of: &Due, other: &Due| {
        let other = other.clone();
        lying(of, move |question, of| trust(&timestamp(question, of), &other))
    };
    let manifest = tampered(new, &evil.sha256);
    let other_digest = lying(new, move |question, of| TrustAnswer {
        manifest: Some(manifest.clone()),
        ..changed(question, of, |_| ())
    });
    let recorded = lying(new, move |question, of| {
        changed(question, of, |timestamp| timestamp.nonce.clone_from(&recorded_nonce))
    });
    let silent =
        lying(new, |_, of| TrustAnswer { manifest: Some(of.manifest.clone()), ..TrustAnswer::default() });
    let highest = with(|timestamp| timestamp.seq = u64::MAX);
    let others = with(|timestamp| timestamp.device_id = DeviceId(Uuid::from_u128(0x99)));
    let ahead = with(|timestamp| {
        timestamp.signed_time += TimeDelta::days(3_650);
        timestamp.expires += TimeDelta::days(3_650);
    });
    let over = with(|timestamp| {
        timestamp.signed_time -= TimeDelta::days(3);
        timestamp.expires -= TimeDelta::days(3);
    });
    vec![
        ("a manifest signed by the key for timestamps", Reason::ThresholdUnmet, plain(evil_by_freshness)),
        ("a manifest signed by a key of its own", Reason::ThresholdUnmet, plain(evil)),
        ("a root of its own after ours", Reason::ThresholdUnmet, rooted(2)),
        ("a root of its own in the place of ours", Reason::ThresholdUnmet, rooted(1)),
        ("another digest in a manifest of ours", Reason::ThresholdUnmet, other_digest),
        ("a release of ours from long ago", Reason::Downgrade, plain(old)),
        ("the release that runs", Reason::Downgrade, plain(runs)),
        ("a timestamp of the new release with the old one", Reason::ManifestMismatch, mixed(new, old)),
        ("a timestamp of the old release with the new one", Reason::ManifestMismatch, mixed(old, new)),
        ("the highest number there is", Reason::ManifestMismatch, highest),
        ("what was signed for another device", Reason::NonceMismatch, others),
        ("the answer of a while ago", Reason::NonceMismatch, recorded),
        ("no timestamp", Reason::Malformed, silent),
        ("a clock that is years ahead", Reason::RootExpired, ahead),
        ("a timestamp that is over", Reason::TimestampExpired, over),
    ]
}

/// Nothing but what people signed was ever put where it could run, or ran, or said a word to the server.
fn only_signed_ran(machine: &Machine, releases: &Releases, seen: &BTreeSet<PathBuf>) {
    let world = machine.server.world();
    let hellos = world.hellos.iter().filter_map(|(_, hello)| hello.running.as_ref());
    let heard = hellos.chain(world.releases.receipts.iter().map(|request| &request.running));
    let heard: BTreeSet<String> = heard.map(|running| running.build_id.clone()).collect();
    let signed = [1, 2, 9].map(|seq| stamp(seq).build_id);
    assert_eq!(heard, BTreeSet::from(signed), "every build that runs speaks to its server");
    let data = machine.device.data().canonicalize().unwrap();
    let (installed, slots) = (data.with_file_name("reeve-agent"), data.join("updates/slots"));
    let of_slot = |due: &Due| slots.join(format!("{}-{}", due.seq, due.sha256.short())).join("reeve-agent");
    let signed = BTreeSet::from([installed, of_slot(&releases.runs), of_slot(&releases.last)]);
    if cfg!(target_os = "linux") {
        assert_eq!(*seen, signed, "what the system has executed");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_with_every_key_that_it_has_makes_nothing_run_that_people_did_not_sign() {
    let Some(updater) = updater() else { return };
    let machine = Machine::with_terms(&updater, TERMS).await;
    let program = program();
    let releases = Releases::new(&program);
    let watcher = Watcher::of(machine.device.data().parent().unwrap());
    let good = stamped(&program, &stamp(2));
    let last = machine.update(2, good.clone(), good).await;
    assert_eq!(last.state, UpdateState::Confirmed, "{last:?}\n{}", machine.said());
    {
        let mut world = machine.server.world();
        world.releases.due = None;
        let evil = releases.evil_bytes.clone();
        world.releases.files.insert(releases.evil.sha256.to_string(), evil);
    }
    let nonce = machine.server.world().releases.questions.last().and_then(|asked| asked.nonce.clone());
    let lies = lies(&releases, nonce.expect("it asked"));
    let count = lies.len();
    for (number, (what, reason, lie)) in (0_u128..).zip(lies) {
        let (id, evil) = (UpdateId(Uuid::from_u128(0xe000 + number)), releases.evil.sha256.clone());
        let told = move |question: &UpdateQuestion| answer(id, &evil, lie(question));
        machine.server.world().releases.lie = Some(Box::new(told));
        machine.hint(EVIL);
        let said = || {
            let world = machine.server.world();
            let said = world.releases.statuses.iter().find(|status| status.update_id == id);
            said.map(|status| (status.state, status.reason))
        };
        eventually(what, || said().is_some()).await;
        assert_eq!(said(), Some((UpdateState::FailedPre, Some(reason))), "{what}");
        assert_eq!((machine.hellos(), machine.runs()), (2, Some(2)), "{what}: the agent works on");
    }
    machine.server.world().releases.lie = None;
    wrong_files(&machine, &program, &releases).await;

    // Among what people signed it may choose, and what it says beside means nothing.
    let (id, evil, due) =
        (UpdateId(Uuid::from_u128(0xf000)), releases.evil.sha256.clone(), releases.last.clone());
    {
        let mut world = machine.server.world();
        world.releases.files.insert(due.sha256.to_string(), stamped(&program, &stamp(9)));
        let told = move |question: &UpdateQuestion| answer(id, &evil, changed(question, &due, |_| ()));
        world.releases.lie = Some(Box::new(told));
    }
    machine.hint(EVIL);
    let is_over = || {
        let world = machine.server.world();
        world.releases.statuses.iter().any(|status| status.update_id == id && status.state.is_terminal())
    };
    for _ in 0..600 {
        if is_over() {
            break;
        }
        sleep(Duration::from_millis(100)).await;
    }
    eventually("the release that is signed", || machine.runs() == Some(9)).await;
    assert!(is_over(), "{}", machine.said());
    assert_eq!(machine.hellos(), 3, "{}", machine.said());
    only_signed_ran(&machine, &releases, &watcher.seen());
    eprintln!("U15: {count} lies and 4 wrong files, none of which ran");
}

/// The documents are right, and the files are not: another program of the right length, and three without an end.
async fn wrong_files(machine: &Machine, program: &[u8], releases: &Releases) {
    let size = program.len();
    for (seq, endless, reason) in [
        (3, None, Reason::HashMismatch),
        (4, Some(Endless::WithLength(size)), Reason::HashMismatch),
        (5, Some(Endless::WithoutLength), Reason::DownloadFailed),
        (6, Some(Endless::WithLength(size + 1)), Reason::DownloadFailed),
    ] {
        machine.server.world().releases.endless = endless;
        let staging = machine.device.data().join("updates/staging");
        let watched = tokio::spawn(stays_small(staging, size as u64));
        let good = stamped(program, &stamp(seq));
        let last = machine.update(seq, good, releases.evil_bytes.clone()).await;
        watched.abort();
        assert!(watched.await.is_err_and(|ended| ended.is_cancelled()), "{seq}: more than was signed");
        assert_eq!((last.state, last.reason), (UpdateState::FailedPre, Some(reason)), "{seq}: {last:?}");
        assert_eq!((machine.hellos(), machine.runs()), (2, Some(2)), "{seq}: the agent works on");
        machine.server.world().releases.files.clear();
    }
    let mut world = machine.server.world();
    world.releases.endless = None;
    world.releases.due = None;
}

/// Looks for ever whether more lies there than was signed.
async fn stays_small(staging: PathBuf, bytes_max: u64) {
    loop {
        for file in fs::read_dir(&staging).into_iter().flatten().flatten() {
            let bytes = file.metadata().map_or(0, |about| about.len());
            assert!(bytes <= bytes_max, "{bytes} bytes");
        }
        sleep(Duration::from_millis(10)).await;
    }
}
