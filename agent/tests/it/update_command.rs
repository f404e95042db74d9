//! Commands and updates: people can ask for one, and what has begun comes to its end before another version comes.
#![cfg(target_os = "linux")]

use crate::support::{Device, FakeServer, Signer, Supervisor, eventually, script};
use entity::{
    command::{Order, Payload, ResultStatus},
    id::DeviceId,
    wire::ToAgent as FromServer,
};
use std::time::Duration;
use updater::channel::{ToAgent, ToSupervisor};

struct Place {
    server: FakeServer,
    device: Device,
    signer: Signer,
    id: DeviceId,
    supervisor: Supervisor,
}

impl Place {
    async fn new() -> Self {
        let server = FakeServer::start().await;
        let signer = Signer::new();
        server.world().protocol = 4;
        server.world().command_root = Some(signer.command_root());
        let device = Device::registered(&server).await;
        let id = *server.world().devices.keys().next().unwrap();
        let supervisor = Supervisor::welcomed(&device, None).await;
        eventually("a hello", || !server.world().hellos.is_empty()).await;
        Self { server, device, signer, id, supervisor }
    }

    async fn send(&mut self, payload: Payload) -> Order {
        let entry = match &payload {
            Payload::RunScript { script_sha256, .. } => format!("run_script:{script_sha256}"),
            Payload::UpdateAgent { version } => format!("update_agent:{version}"),
            other => panic!("{other:?}"),
        };
        let armed = self.device.output(&["lock", "arm", "--for", "1h", "--allow", &entry]).await;
        assert!(armed.status.success(), "{}", String::from_utf8_lossy(&armed.stderr));
        let order = self.signer.order(self.id, payload);
        self.server.world().push(&FromServer::Command(Box::new(self.signer.sign(&order))));
        order
    }

    fn result(&self, order: &Order) -> Option<ResultStatus> {
        let world = self.server.world();
        world
            .said
            .results
            .iter()
            .find(|result| result.command_id == order.command_id)
            .map(|result| result.status)
    }
}

#[tokio::test]
async fn people_can_have_the_server_asked() {
    let mut place = Place::new().await;
    let capabilities = place.server.world().hellos[0].1.capabilities.clone();
    assert!(capabilities.iter().any(|one| one == "command.update_agent"), "{capabilities:?}");
    let order = place.send(Payload::UpdateAgent { version: "9.2.0".to_owned() }).await;
    place.supervisor.until("a question", |said| matches!(said, ToSupervisor::Ask).then_some(())).await;
    eventually("the result", || place.result(&order) == Some(ResultStatus::Completed)).await;
    assert!(place.supervisor.close().await.success());
}

#[tokio::test]
async fn what_has_begun_comes_to_its_end_and_what_has_not_waits() {
    let mut place = Place::new().await;
    let first = place.send(script("sleep 3; echo done")).await;
    eventually("its beginning", || {
        let world = place.server.world();
        world.said.receipts.iter().any(|receipt| receipt.command_id == first.command_id && receipt.is_started)
    })
    .await;
    place.supervisor.say(&ToAgent::Quiesce).await;
    let second = place.send(script("echo second")).await;
    let quiet = |said: &ToSupervisor| matches!(said, ToSupervisor::Quiesced);
    assert!(!place.supervisor.hears_within(Duration::from_millis(800), quiet).await, "one still runs");
    place.supervisor.until("quiet", |said| quiet(said).then_some(())).await;
    eventually("the first", || place.result(&first) == Some(ResultStatus::Completed)).await;
    assert_eq!(place.result(&second), None, "nothing begins any more");
    assert!(place.supervisor.end().await.success());
    let running = place.device.run();
    eventually("the second, by the next version", || place.result(&second) == Some(ResultStatus::Completed))
        .await;
    running.stop().await;
}
