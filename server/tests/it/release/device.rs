//! What devices are told: the root with their first answer, whether an update is due, that it is still meant, and that
//! they were heard. Everything is opened as a device opens it.

use crate::support::{
    PATIENCE,
    agent::{FakeAgent, Socket, hello, metrics},
    people::{Answer, send},
    release::{Trust, built, words},
    server::{TestServer, each_engine},
    world::noon,
};
use chrono::TimeDelta;
use entity::{
    agent_release::ReleaseChannelView,
    device::DeviceView,
    platform::{Arch, Os},
    problem::ProblemCode,
    registration::RegisterAnswer,
    release::{
        ArtifactKind, Channel, Device, Libc, Root, due, next_root, open_manifest, open_receipt, open_root,
        open_timestamp,
    },
    rollout::RolloutInput,
    update::{ReceiptAnswer, Running, TrustAnswer, UpdateAnswer},
    user::Role,
    wire::{Hello, ToAgent, ToServer},
};
use serde_json::json;
use tokio::time::timeout;

const NONCE: &str = "000102030405060708090a0b0c0d0e0f";

fn running(version: &str, seq: u64) -> Running {
    Running {
        version: version.to_owned(),
        seq,
        build_id: format!("b-{seq}"),
        sha256: None,
        libc: Some(Libc::Gnu),
        is_supervised: true,
    }
}

async fn ask(agent: &FakeAgent, path: &str) -> Answer {
    let url = format!("{}/api/v1/agents/{path}", agent.url);
    send(reqwest::Client::new().get(url).bearer_auth(&agent.token)).await
}

/// What an agent asks, as the requirement documents have it and with what ours adds.
fn question(agent: &FakeAgent, seq: u64) -> String {
    format!(
        "check_update?agentId={}&version=1.0.0&os=linux&arch=x86_64&libc=gnu&seq={seq}&highest_seq={seq}&nonce={NONCE}",
        agent.id
    )
}

/// Says hello as a build that a supervisor with slots started.
async fn arrive(agent: &FakeAgent, seq: u64) -> Socket {
    let mut socket = agent.dial().await;
    let words = Hello { running: Some(running("1.0.0", seq)), ..hello() };
    socket.send(&ToServer::Hello(words)).await;
    assert!(matches!(socket.next().await, ToAgent::Welcome(_)));
    socket
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_pins_the_root_that_comes_with_its_registration() {
    let server = TestServer::start().await;
    let trust = Trust::of(&server);
    let register = async || -> RegisterAnswer {
        let token = server.token(server.ours).await.token;
        let asked = crate::support::world::register_request(&token);
        domain::registration::register(server.store(), &crate::support::world::visitor(), asked)
            .await
            .expect("registered")
    };
    assert_eq!(register().await.release_root, None, "nothing is trusted yet");
    trust.begin(&server).await;
    assert_eq!(register().await.release_root, Some(trust.root(1)));
    let body = json!({"root": trust.root(2)});
    assert_eq!(server.admin.post("/releases/roots", &body).await.status, 201);
    assert_eq!(register().await.release_root, Some(trust.root(2)), "the one in force");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_due_without_a_rollout_and_questions_are_checked() {
    let server = TestServer::start().await;
    let trust = Trust::of(&server);
    trust.begin(&server).await;
    trust.released(&server, &words(1, "1.1.0"), &[built(Os::Linux, Arch::X86_64, 1, 9_000)]).await;
    let (agent, other) =
        (FakeAgent::of(&server, server.ours).await, FakeAgent::of(&server, server.ours).await);
    let answer = ask(&agent, &question(&agent, 0)).await;
    assert_eq!((answer.status.as_u16(), answer.body.as_str()), (204, ""));
    assert_eq!(ask(&agent, &question(&other, 0)).await.status, 404, "another device");
    assert_eq!(
        ask(&agent, "check_update?version=1.0.0&os=linux").await.problem(422).field.as_deref(),
        Some("arch")
    );
    let odd = ask(&agent, "check_update?version=1.0.0&os=linux&arch=x86_64&nonce=short").await;
    assert_eq!(odd.problem(422).field.as_deref(), Some("nonce"));
}

#[tokio::test(flavor = "multi_thread")]
async fn freshness_brings_the_roots_that_are_missing_and_signs_for_the_question() {
    each_engine(async |server| {
        let trust = Trust::of(&server);
        trust.begin(&server).await;
        let body = json!({"root": trust.root(2)});
        assert_eq!(server.admin.post("/releases/roots", &body).await.status, 201);
        let agent = FakeAgent::of(&server, server.ours).await;
        let path = |version: u64, nonce: &str| {
            format!("{}/freshness?root_version={version}&nonce={nonce}", agent.id)
        };
        let answer: TrustAnswer = ask(&agent, &path(1, NONCE)).await.expect(200);
        let one = open_root(&trust.root(1)).expect("a root");
        assert_eq!(answer.roots.len(), 1);
        let two = next_root(&one, &answer.roots[0]).expect("the next root");
        let timestamp = answer.timestamp.expect("a timestamp");
        let opened = open_timestamp(&two, &timestamp, NONCE, agent.id).expect("opens");
        assert_eq!((opened.seq, opened.signed_time, opened.manifest_sha256), (0, noon(), None));
        assert_eq!(opened.expires - opened.signed_time, TimeDelta::hours(24));
        // For no other question and no other device.
        assert!(open_timestamp(&two, &timestamp, &"f".repeat(32), agent.id).is_err());
        assert!(open_timestamp(&two, &timestamp, NONCE, entity::id::DeviceId::generate()).is_err());
        let none: TrustAnswer = ask(&agent, &path(2, NONCE)).await.expect(200);
        assert!(none.roots.is_empty());
        assert_eq!(ask(&agent, &path(2, "x")).await.problem(422).field.as_deref(), Some("nonce"));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receipt_says_which_build_was_heard_and_rises_with_what_it_hands_in() {
    each_engine(async |server| {
        let agent = FakeAgent::of(&server, server.ours).await;
        let request = json!({"nonce": NONCE, "running": running("1.0.0", 3)});
        let refused = agent.post("receipt", &request).await.problem(503);
        assert!(refused.code == ProblemCode::Unavailable && refused.detail.contains("freshness-key"));
        let trust = Trust::of(&server);
        trust.begin(&server).await;
        let root = open_root(&trust.root(1)).expect("a root");
        let receipt = async || {
            let answer: ReceiptAnswer = agent.post("receipt", &request).await.expect(200);
            open_receipt(&root, &answer.receipt, NONCE, agent.id).expect("opens")
        };
        let first = receipt().await;
        assert_eq!((first.build_id.as_str(), first.batches), ("b-3", 0));
        server.advance(1);
        assert_eq!(agent.post("metrics", &metrics(1, 1)).await.status, 200);
        let second = receipt().await;
        assert!(second.batches > first.batches, "{second:?}");
        server.advance(60);
        assert_eq!(receipt().await.batches, second.batches, "nothing came since");
        assert_eq!(agent.post("metrics", &metrics(2, 1)).await.status, 200);
        assert!(receipt().await.batches > second.batches);
        // What looks whether it could work here is not what runs.
        let beside = Running { is_supervised: false, ..running("1.1.0", 4) };
        let request = json!({"nonce": NONCE, "running": beside});
        assert_eq!(agent.post("receipt", &request).await.status, 200);
        let path = format!("/agents/{}/release-channel", agent.id);
        let seen: ReleaseChannelView = server.admin.get(&path).await.expect(200);
        assert_eq!(seen.running.map(|running| running.seq), Some(3));
        let odd = json!({"nonce": NONCE, "running": {"version": "1", "seq": 1, "build_id": "a b"}});
        assert_eq!(agent.post("receipt", &odd).await.problem(422).field.as_deref(), Some("running.build_id"));
        let view: DeviceView = server.admin.get(&format!("/agents/{}", agent.id)).await.expect(200);
        assert_eq!(view.id, agent.id);
    })
    .await;
}

/// The whole way: a rollout starts, the device is told over its socket, asks, believes what it gets as a device does,
/// and fetches it; once the release is taken back, nothing is due any more.
#[tokio::test(flavor = "multi_thread")]
async fn a_rollout_makes_an_update_due_until_the_release_is_taken_back() {
    each_engine(async |server| {
        let trust = Trust::of(&server);
        trust.begin(&server).await;
        let file = built(Os::Linux, Arch::X86_64, 1, 9_000);
        let id = trust.released(&server, &words(5, "1.4.0"), std::slice::from_ref(&file)).await;
        let agent = FakeAgent::of(&server, server.ours).await;
        let mut socket = arrive(&agent, 4).await;
        let input: RolloutInput = serde_json::from_value(json!({
            "name": "1.4.0", "release_id": id, "target": {"scope": "all"}, "spread_seconds": 0,
            "waves": [{"percent": 100, "soak_seconds": 0, "min_successes": 1, "success_percent": 95}],
        }))
        .expect("an input");
        let cx = server.world.admin_now().await;
        let rollout = domain::rollout::create(&cx, input).await.expect("made").rollout.id;
        let person = cx.confirmed().expect("just now");
        domain::rollout::submit(&person, rollout).await.expect("handed in");
        domain::rollout::start(&person, rollout).await.expect("started");
        domain::job::pass_rollouts(&server.world.job()).await.expect("passed");
        let told = timeout(PATIENCE, async {
            loop {
                if let ToAgent::UpdateRequired(required) = socket.next().await {
                    return required;
                }
            }
        });
        let told = told.await.expect("a hint in time");
        assert_eq!((told.seq, told.new_version.as_str()), (5, "1.4.0"));

        let answer: UpdateAnswer = ask(&agent, &question(&agent, 4)).await.expect(200);
        assert_eq!((answer.new_version.as_str(), answer.seq), ("1.4.0", 5));
        assert_eq!(answer.checksum, file.sha256());
        assert_eq!(answer.download_url, format!("{}/api/v1/artifacts/sha256/{}", server.url, file.sha256()));
        let root: Root = open_root(&answer.trust.roots[0]).expect("a root");
        let manifest =
            open_manifest(&root, answer.trust.manifest.as_deref().expect("a manifest")).expect("opens");
        let timestamp = answer.trust.timestamp.as_deref().expect("a timestamp");
        let timestamp = open_timestamp(&root, timestamp, NONCE, agent.id).expect("opens");
        let device = Device {
            kind: ArtifactKind::Agent,
            os: Os::Linux,
            arch: Arch::X86_64,
            libc: Some(Libc::Gnu),
            running_seq: 4,
            highest_seq: 4,
            root_expires: root.expires,
            time_floor: noon() - TimeDelta::days(1),
            denied: &|_| false,
        };
        assert_eq!(due(&manifest, &timestamp, &device).map(|one| one.sha256.clone()), Ok(file.sha256()));
        let fetched = reqwest::Client::new().get(&answer.download_url).bearer_auth(&agent.token).send().await;
        let fetched = fetched.expect("an answer").bytes().await.expect("a body");
        assert_eq!(fetched.as_ref(), file.bytes.as_slice());
        // Asked again it is the same update; freshness names the same release.
        let again: UpdateAnswer = ask(&agent, &question(&agent, 4)).await.expect(200);
        assert_eq!(again.update_id, answer.update_id);
        let path = format!("{}/freshness?root_version=1&nonce={NONCE}", agent.id);
        let fresh: TrustAnswer = ask(&agent, &path).await.expect(200);
        assert_eq!(fresh.manifest, answer.trust.manifest);

        let reason = json!({"withdraw_reason": "It crashes."});
        assert_eq!(server.admin.call("PATCH", &format!("/releases/{id}"), Some(&reason)).await.status, 200);
        assert_eq!(ask(&agent, &question(&agent, 4)).await.status, 204);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_is_put_on_a_channel_by_the_msp() {
    each_engine(async |server| {
        let agent = FakeAgent::of(&server, server.ours).await;
        let path = format!("/agents/{}/release-channel", agent.id);
        let seen: ReleaseChannelView = server.admin.get(&path).await.expect(200);
        assert_eq!(seen.channel, Channel::Stable);
        let beta = json!({"channel": "beta"});
        let put: ReleaseChannelView = server.admin.call("PUT", &path, Some(&beta)).await.expect(200);
        assert_eq!(put.channel, Channel::Beta);
        let seen: ReleaseChannelView = server.admin.get(&path).await.expect(200);
        assert_eq!(seen.channel, Channel::Beta);
        let odd = server.admin.call("PUT", &path, Some(&json!({"channel": "nightly"}))).await;
        assert_eq!(odd.problem(422).field.as_deref(), Some("channel"));
        let neighbour = server.person(Role::Technician, server.theirs).await;
        assert_eq!(neighbour.call("PUT", &path, Some(&beta)).await.status, 404);
        let auditor = server.person(Role::Auditor, server.ours).await;
        assert_eq!(auditor.call("PUT", &path, Some(&beta)).await.status, 403);
        let owner = server.person(Role::BusinessOwner, server.ours).await;
        assert_eq!(owner.get(&path).await.status, 403, "releases are the MSP's alone");
    })
    .await;
}
