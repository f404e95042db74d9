//! The agent as a resident of Windows: becomes a device, reports, one for each data directory, ends in order.

use crate::{
    machine::{Windows, ended, said},
    support::{FakeServer, eventually},
};
use entity::{
    platform::Os,
    presence::{DisconnectReason, LinkKind},
    system_service::ServiceManager,
};
use std::{os::unix::fs::PermissionsExt as _, path::Path};
use updater::exit;

pub async fn a_machine_becomes_a_device_and_reports(windows: &Windows) {
    let server = FakeServer::start().await;
    let device = windows.device();
    let refused = device.register(&server, "AGT-used").await;
    assert_eq!(refused.status.code(), Some(i32::from(exit::TOKEN_REFUSED)), "{}", said(&refused));
    let device = device.registered(&server).await;
    let mut agent = device.run(&["run", "--supervised"]);
    eventually("samples and heartbeats", || {
        server.world().samples.len() >= 2 && server.world().heartbeats(LinkKind::Socket) >= 2
    })
    .await;
    let status = device.output(&["status"]).await;
    assert!(status.status.success() && said(&status).contains("connected by WebSocket"), "{}", said(&status));
    let doctor = device.output(&["doctor"]).await;
    assert_eq!(doctor.status.code(), Some(0), "{}", said(&doctor));
    let logs = device.output(&["logs"]).await;
    assert!(said(&logs).contains("Acquired lock successfully"), "{}", said(&logs));
    // The end of its input asks it to stop.
    drop(agent.stdin.take());
    assert_eq!(ended(&mut agent).await, Some(0), "{}", device.log());
    eventually("the close", || server.world().closed_because == ["agent_stopped"]).await;
    let log = device.log();
    for line in
        ["Initiating graceful shutdown...", "Lock released successfully", "Shutdown complete. Exiting."]
    {
        assert!(log.contains(line), "{line} is missing in:\n{log}");
    }
    assert!(!device.file("agent.lock").exists());
}

pub async fn what_it_tells_is_windows(windows: &Windows) {
    let server = FakeServer::start().await;
    let device = windows.device().registered(&server).await;
    let mut agent = device.run(&["run", "--supervised"]);
    eventually("facts, software, services and two samples", || {
        let world = server.world();
        world.facts.is_some()
            && world.software.is_some()
            && world.services.is_some()
            && world.samples.len() >= 2
    })
    .await;
    {
        let world = server.world();
        assert_eq!(world.hellos[0].1.os_type, Os::Windows);
        let facts = &world.facts.as_ref().unwrap().facts;
        assert!(facts.os_name.as_ref().is_some_and(|name| name.contains("Windows")), "{facts:?}");
        assert!(facts.cpu_threads.is_some_and(|threads| threads > 0) && facts.memory_total_bytes.is_some());
        assert!(facts.boot_id.is_some() && facts.disk_total_bytes.is_some(), "{facts:?}");
        let services = world.services.as_ref().unwrap();
        assert_eq!(services.manager, ServiceManager::WindowsService);
        assert!(services.items.iter().any(|service| service.pid.is_some()), "some service runs");
    }
    drop(agent.stdin.take());
    assert_eq!(ended(&mut agent).await, Some(0));
}

pub async fn a_second_agent_is_refused_and_a_death_frees_the_lock(windows: &Windows) {
    let server = FakeServer::start().await;
    let device = windows.device().registered(&server).await;
    let mut first = device.run(&["run", "--supervised"]);
    eventually("the first hello", || server.world().hellos.len() == 1).await;
    let second = device.output(&["run", "--supervised"]).await;
    assert_eq!(second.status.code(), Some(i32::from(exit::ALREADY_RUNNING)), "{}", said(&second));
    first.kill().await.unwrap();
    let mut third = device.run(&["run", "--supervised"]);
    eventually("the second hello", || server.world().hellos.len() == 2).await;
    assert_eq!(server.world().reasons()[1].1, Some(DisconnectReason::AgentCrashed));
    drop(third.stdin.take());
    assert_eq!(ended(&mut third).await, Some(0), "{}", device.log());
}

pub async fn the_folder_is_nobody_elses(windows: &Windows) {
    let server = FakeServer::start().await;
    let device = windows.device().registered(&server).await;
    let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
    // Wine keeps the list of who may do what as the mode of the folder.
    assert_eq!(mode(&device.file("")) & 0o007, 0, "{:o}", mode(&device.file("")));
    let everybody = std::fs::Permissions::from_mode(0o777);
    std::fs::set_permissions(device.file(""), everybody).unwrap();
    let refused = device.output(&["run", "--supervised"]).await;
    assert_eq!(refused.status.code(), Some(i32::from(exit::UNPROTECTED)), "{}", said(&refused));
    assert!(said(&refused).contains("doctor --fix"), "{}", said(&refused));
    let doctor = device.output(&["doctor"]).await;
    assert_eq!(doctor.status.code(), Some(i32::from(exit::UNWELL)), "{}", said(&doctor));
}

pub async fn it_ends_with_its_supervisor(windows: &Windows) {
    let server = FakeServer::start().await;
    let device = windows.device().registered(&server).await;
    let mut supervisor = windows.program(windows.programs.join("reeve-updater.exe"));
    let agent = windows.programs.join("reeve-agent.exe");
    supervisor.args(["run", "--agent"]).arg(&agent).args(["--", "--data-dir", &device.data]);
    let mut supervisor = supervisor.spawn().unwrap();
    eventually("the hello", || server.world().hellos.len() == 1).await;
    supervisor.kill().await.unwrap();
    eventually("the close", || server.world().closed_because == ["agent_stopped"]).await;
    eventually("the end of the agent", || !device.file("agent.lock").exists()).await;
}
