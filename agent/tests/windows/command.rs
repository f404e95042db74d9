//! Orders to the agent of Windows: judged, written down, done and told, on Windows' own paths.

use crate::{
    machine::{Device, Windows, ended, said},
    support::{FakeServer, Signer, eventually, script, script_of},
};
use entity::{
    command::{ChainEvent, CommandResult, Mode, Order, Payload, Refusal, ResultStatus, Shell},
    id::DeviceId,
    seal,
    wire::ToAgent,
};
use std::fs;
use tokio::process::Child;

/// A device that knows whose orders count, with its agent running.
struct Place<'a> {
    server: FakeServer,
    device: Device<'a>,
    signer: Signer,
    id: DeviceId,
    agent: Child,
}

impl<'a> Place<'a> {
    async fn new(windows: &'a Windows) -> Self {
        let server = FakeServer::start().await;
        let signer = Signer::new();
        server.world().protocol = 3;
        server.world().command_root = Some(signer.command_root());
        let device = windows.device().registered(&server).await;
        let id = *server.world().devices.keys().next().unwrap();
        let agent = device.run(&["run", "--supervised"]);
        eventually("the hello", || server.world().hellos.len() == 1).await;
        Self { server, device, signer, id, agent }
    }

    async fn restarts(&mut self) {
        let before = self.server.world().hellos.len();
        self.agent.kill().await.unwrap();
        self.agent = self.device.run(&["run", "--supervised"]);
        eventually("the next hello", || self.server.world().hellos.len() > before).await;
    }

    fn send(&self, order: &Order) {
        self.server.world().push(&ToAgent::Command(Box::new(self.signer.sign(order))));
    }

    fn results(&self, order: &Order) -> Vec<CommandResult> {
        let world = self.server.world();
        world.said.results.iter().filter(|one| one.command_id == order.command_id).cloned().collect()
    }

    async fn result(&self, order: &Order) -> CommandResult {
        eventually("a result", || !self.results(order).is_empty()).await;
        self.results(order).remove(0)
    }

    async fn done(&mut self, payload: Payload) -> CommandResult {
        let order = self.signer.order(self.id, payload);
        self.send(&order);
        self.result(&order).await
    }

    async fn arm(&self, entry: &str) {
        let armed = self.device.output(&["lock", "arm", "--for", "1h", "--allow", entry]).await;
        assert!(armed.status.success(), "{}", said(&armed));
    }

    async fn status(&self) -> String {
        said(&self.device.output(&["status"]).await)
    }

    fn events(&self, order: &Order) -> Vec<ChainEvent> {
        let world = self.server.world();
        let about = world.said.chain.values().filter(|entry| entry.command_id == Some(order.command_id));
        about.map(|entry| entry.event).collect()
    }

    async fn ends(mut self) {
        {
            let world = self.server.world();
            let mut previous = seal::chain_start();
            for entry in world.said.chain.values() {
                assert_eq!((&entry.previous, &entry.hash), (&previous, &seal::chain_hash(entry)));
                previous.clone_from(&entry.hash);
            }
        }
        drop(self.agent.stdin.take());
        assert_eq!(ended(&mut self.agent).await, Some(0), "{}", self.device.log());
    }
}

pub async fn modes_limits_and_notes_are_kept_and_shown(windows: &Windows) {
    let mut place = Place::new(windows).await;
    let limit = Payload::SetRateLimit { endpoint: "/api".to_owned(), limit_rps: 50 };
    let note = Payload::NotifyOps { message: "The cleaner comes at nine.".to_owned() };
    for payload in [Payload::SetMode { mode: Mode::Safe }, limit, note, Payload::CollectInventory {}] {
        let done = place.done(payload).await;
        assert_eq!(done.status, ResultStatus::Completed, "{}", done.detail);
    }
    eventually("the note", || place.server.world().events.iter().any(|event| event.event_type == "ops_note"))
        .await;
    place.restarts().await;
    let status = place.status().await;
    assert!(status.contains("safe mode") && status.contains("/api 50 a second"), "{status}");
    assert_eq!(place.done(script("exit")).await.refusal, Some(Refusal::Unsupported), "no sh here");
    place.ends().await;
}

/// Wine's PowerShell does nothing and says that it succeeded: what is seen is the way there and back.
pub async fn a_script_passes_both_locks_and_the_journal(windows: &Windows) {
    let mut place = Place::new(windows).await;
    place.server.world().keep_command_acks = true;
    let payload = script_of(Shell::Powershell, "Write-Output ran", &["a b", "'"]);
    let refused = place.done(payload.clone()).await;
    assert_eq!(refused.refusal, Some(Refusal::LockedLocal), "{}", refused.detail);
    let (kind, argument) = payload.lock_arguments().remove(0);
    place.arm(&format!("{}:{argument}", kind.word())).await;
    let order = place.signer.order(place.id, payload);
    place.send(&order);
    let done = place.result(&order).await;
    assert_eq!((done.status, done.exit_code), (ResultStatus::Completed, Some(0)), "{}", done.detail);
    assert!(!place.device.file(&format!("work/{}", order.command_id)).exists(), "its folder goes with it");
    for _ in 0..2 {
        let before = place.results(&order).len();
        place.restarts().await;
        place.send(&order);
        eventually("the stored result", || place.results(&order).len() > before).await;
    }
    assert!(place.results(&order).iter().all(|result| *result == done));
    place.server.world().keep_command_acks = false;
    place.restarts().await;
    let file = place.device.file(&format!("commands/{}.jsonl", order.command_id));
    eventually("a mark that it is over", || fs::read_to_string(&file).unwrap().contains("\"over\"")).await;
    eventually("the record", || place.events(&order).contains(&ChainEvent::Done)).await;
    assert_eq!(place.events(&order), [ChainEvent::Received, ChainEvent::Started, ChainEvent::Done]);
    let elsewhere = place.signer.order(DeviceId(uuid::Uuid::from_u128(0x77)), Payload::CollectInventory {});
    place.send(&elsewhere);
    assert_eq!(place.result(&elsewhere).await.refusal, Some(Refusal::WrongDevice));
    place.ends().await;
}

pub async fn a_process_is_ended_by_its_name(windows: &Windows) {
    let mut place = Place::new(windows).await;
    let sleeper = windows.place(r"C:\reeve-test\reevesleeper.exe");
    fs::copy(windows.programs.join("reeve-updater.exe"), &sleeper).unwrap();
    let elsewhere = windows.device();
    // A supervisor that finds no agent tries again and again.
    let mut command = windows.program(&sleeper);
    command.args(["run", "--agent", r"C:\reeve-test\nothing.exe", "--", "--data-dir", &elsewhere.data]);
    let mut child = command.spawn().unwrap();
    place.arm("stop_process:reevesleeper").await;
    let stop = || Payload::StopProcess { process_name: "reevesleeper".to_owned() };
    let mut stopped = place.done(stop()).await;
    for _ in 0..50 {
        if stopped.status == ResultStatus::Completed {
            break;
        }
        assert!(stopped.detail.contains("no process"), "{}", stopped.detail);
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        stopped = place.done(stop()).await;
    }
    assert_eq!(stopped.status, ResultStatus::Completed, "{}", stopped.detail);
    ended(&mut child).await;
    let gone = place.done(stop()).await;
    assert!(gone.detail.contains("no process"), "{}", gone.detail);
    let restart = Payload::RestartProcess { process_name: "reevesleeper".to_owned() };
    assert_eq!(place.done(restart).await.refusal, Some(Refusal::Unsupported));
    place.ends().await;
}
