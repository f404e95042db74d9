//! Whole updates with nothing played: the program `reeve` with a database, `reeve-updater`, agents that differ in their
//! stamps, a release that is uploaded and rolled out over REST, and a network between them that may be bad.

mod fault;
mod machine;

use crate::support::{
    fault_proxy::FaultProxy,
    people::{Answer, Person},
    program::{Program, session_of_today},
    release::{Trust, file_form, upload},
    server::TestServer,
    world::{Engine, World},
};
use entity::{
    agent_release::{ReleaseState, UploadAnswer},
    id::{ReleaseId, RolloutId},
    page::Page,
    release::Reason,
    rollout::{RolloutState, RolloutView},
    update::{UpdateState, UpdateView},
};
use machine::{Machine, Programs};
use reqwest::multipart::Form;
use serde_json::{Value, json};
use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};
use tokio::time::sleep;

/// What is awaited longer than this will not come, on a busy machine too.
const LONG: Duration = Duration::from_secs(180);

/// A server that runs, and a device of it on which release 1 runs.
struct Scene {
    machine: Machine,
    programs: Programs,
    trust: Trust,
    admin: Person,
    program: Program,
    _server: TestServer,
}

impl Scene {
    async fn on(engine: Engine) -> Self {
        Self::behind(engine, None).await
    }

    /// The same where the device reaches the server through a proxy alone.
    async fn behind(engine: Engine, proxy: Option<&FaultProxy>) -> Self {
        let programs = Programs::built().await;
        let public_url = proxy.map(|proxy| proxy.url.clone());
        let world = async |url: String| World::on(engine, public_url.as_ref().unwrap_or(&url)).await;
        let mut server = TestServer::upon(world, |_| ()).await;
        let address: SocketAddr = server.url.trim_start_matches("http://").parse().expect("an address");
        let trust = Trust::of(&server);
        trust.begin(&server).await;
        if let Some(proxy) = proxy {
            proxy.lead_to(address);
        }
        let door = public_url.clone().unwrap_or_else(|| server.url.clone());
        let mut machine = Machine::registered(&programs, &server, &door).await;
        server.stop().await;
        let secret = session_of_today(&server.world, &server.url).await;
        let program = Program::start_at(address, server.world.folder(), &server.world.database_url).await;
        let admin = Person::with_session(&server.url, &secret);
        machine.start().await;
        Self { machine, programs, trust, admin, program, _server: server }
    }

    /// Brings a release of a program to the server, as people do.
    async fn bring(&self, program: &[u8], seq: u64) -> ReleaseId {
        let (version, manifest, file) = self.programs.release(&self.trust, program, seq);
        let first = upload(&self.admin, Form::new().text("manifest", manifest)).await;
        assert!(!first.expect::<UploadAnswer>(200).is_complete, "its file is not there yet");
        let answer: UploadAnswer = upload(&self.admin, file_form(&version, &file)).await.expect(200);
        assert_eq!(answer.release.state, ReleaseState::Available, "{answer:?}");
        answer.release.id
    }

    /// Rolls it out to everybody at once.
    async fn roll_out(&self, release: ReleaseId, halt: Value) -> RolloutId {
        let asked = json!({
            "name": "To everybody",
            "release_id": release,
            "target": {"scope": "all"},
            "waves": [{"percent": 100, "soak_seconds": 0, "min_successes": 1, "success_percent": 95}],
            "halt": halt,
            "spread_seconds": 0,
        });
        let draft: RolloutView = self.admin.post("/rollouts", &asked).await.expect(201);
        let id = draft.rollout.id;
        for step in ["submit", "start"] {
            let answer: Answer = self.admin.post(&format!("/rollouts/{id}/{step}"), &json!({})).await;
            assert_eq!(answer.status, 200, "{step}: {}", answer.body);
        }
        id
    }

    /// The updates of the device, as the server knows them.
    async fn updates(&self) -> Vec<UpdateView> {
        let path = format!("/agents/{}/updates", self.machine.id);
        self.admin.get(&path).await.expect::<Page<UpdateView>>(200).items
    }

    /// Waits until the server says of the update to a release that it is so.
    async fn update(&self, seq: u64, is_so: impl Fn(UpdateState) -> bool) -> UpdateView {
        let since = Instant::now();
        loop {
            let updates = self.updates().await;
            let found = updates.iter().find(|update| update.seq == seq && is_so(update.state));
            if let Some(found) = found {
                return found.clone();
            }
            assert!(
                since.elapsed() < LONG,
                "release {seq}: {updates:?}\n{}\n{}",
                self.machine.said(),
                self.program.log()
            );
            sleep(Duration::from_millis(300)).await;
        }
    }

    /// Waits until a rollout is so far.
    async fn rollout(&self, id: RolloutId, state: RolloutState) -> RolloutView {
        let since = Instant::now();
        loop {
            let view: RolloutView = self.admin.get(&format!("/rollouts/{id}")).await.expect(200);
            if view.rollout.state == state {
                return view;
            }
            assert!(since.elapsed() < LONG, "{view:?}");
            sleep(Duration::from_millis(300)).await;
        }
    }

    async fn stop(self) {
        let Self { machine, program, .. } = self;
        drop(machine);
        program.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_release_goes_from_its_upload_to_confirmed_on_sqlite() {
    is_updated(Engine::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_release_goes_from_its_upload_to_confirmed_on_postgres() {
    is_updated(Engine::Postgres).await;
}

async fn is_updated(engine: Engine) {
    let scene = Scene::on(engine).await;
    let release = scene.bring(&scene.programs.agent, 2).await;
    let rollout = scene.roll_out(release, json!({})).await;
    let update = scene.update(2, UpdateState::is_terminal).await;
    assert_eq!(update.state, UpdateState::Confirmed, "{update:?}\n{}", scene.machine.said());
    assert_eq!((update.from_version.as_str(), update.version.as_str()), ("9.1.0", "9.2.0"));
    let gap_ms = update.gap_ms.expect("it was measured");
    eprintln!("a whole update on {engine:?}: no agent ran for {gap_ms} ms");
    assert!(gap_ms < 10_000, "{gap_ms} ms");
    let view = scene.rollout(rollout, RolloutState::Completed).await;
    assert_eq!((view.rollout.counts.confirmed, view.rollout.counts.total()), (1, 1), "{view:?}");
    let status = scene.machine.status(&[]).await;
    assert!(status.contains("release 2") && status.contains("in slot 2-"), "{status}");
    scene.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_build_that_crashes_is_taken_back_and_halts_its_rollout() {
    let scene = Scene::on(Engine::Sqlite).await;
    let bad = scene.bring(&scene.programs.broken, 2).await;
    let rollout = scene.roll_out(bad, json!({"bad_in_a_row": 1})).await;
    let update = scene.update(2, UpdateState::is_terminal).await;
    assert_eq!(
        (update.state, update.reason),
        (UpdateState::RolledBack, Some(Reason::Crashed)),
        "{update:?}\n{}",
        scene.machine.said()
    );
    let view = scene.rollout(rollout, RolloutState::Halted).await;
    assert!(view.rollout.reason.is_some() && view.rollout.counts.rolled_back == 1, "{view:?}");
    scene.machine.connected().await;
    let status = scene.machine.status(&[]).await;
    assert!(status.contains("release 1") && status.contains("as installed"), "{status}");
    // What comes after it reaches the device as if nothing had been.
    let good = scene.bring(&scene.programs.agent, 3).await;
    scene.roll_out(good, json!({})).await;
    let update = scene.update(3, UpdateState::is_terminal).await;
    assert_eq!(update.state, UpdateState::Confirmed, "{update:?}\n{}", scene.machine.said());
    scene.stop().await;
}
