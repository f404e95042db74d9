//! Somebody else in the server's place, whom the system's certificates vouch for, and somebody else at the machine: neither
//! has the keys of releases, and neither gets a program to run or the agent to obey another.

use crate::{
    support::{
        Authority, Device, FakeServer, Front, Keys, Machine, eventually, program, stamp, stamped, updater,
    },
    update_evil::Watcher,
};
use ::updater::exit;
use entity::{
    update::{UpdateRequired, UpdateState},
    wire::ToAgent,
};
use std::{collections::BTreeSet, fs, process::Output, time::Duration};
use tokio::time::sleep;

/// The sequence of what nobody signed whom this machine trusts.
const ROGUE: u64 = 66;

/// Has a machine become a device of whoever stands behind a name.
async fn register(device: &Device, front: &Front, authority: &Authority) -> Output {
    let file = device.data().with_file_name("authority.pem");
    fs::write(&file, authority.pem()).unwrap();
    let file = file.to_str().unwrap().to_owned();
    device.output(&["register", "--server", &front.url, "--ca-file", &file, "AGT-good"]).await
}

/// A machine that has become one.
async fn registered(front: &Front, authority: &Authority) -> Device {
    let device = Device::new();
    let output = register(&device, front, authority).await;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    device
}

/// What says whom the agent obeys.
fn obeys(device: &Device) -> Vec<(&'static str, Option<Vec<u8>>)> {
    let names = ["config.json", "device.key", "ca.pem", "release-root.json", "command-root.pub"];
    names.map(|name| (name, fs::read(device.data().join(name)).ok())).into()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_with_a_trusted_certificate_and_none_of_the_keys_makes_nothing_run() {
    let Some(supervisor) = updater() else { return };
    let (authority, server) = (Authority::new(), Machine::server().await);
    let mut front = Front::of(&server, &authority).await;
    let device = registered(&front, &authority).await;
    let machine = Machine::of(&supervisor, server, device).await;
    let watcher = Watcher::of(machine.device.data().parent().unwrap());
    let obeyed = obeys(&machine.device);

    let (rogue, stranger) = (Machine::server().await, Keys::of_a_stranger());
    let bad = stamped(&program(), &stamp(ROGUE));
    {
        let devices = machine.server.world().devices.clone();
        let mut world = rogue.world();
        // Whoever asks gets in, and hears of other roots, keys and releases.
        world.devices = devices;
        world.releases.is_of_a_stranger = true;
        world.releases.root = Some(stranger.root());
        world.releases.publish(stranger.release(&stamp(ROGUE), &bad), bad);
    }
    front.leads_to(&rogue, &authority).await;
    eventually("the agent at the rogue", || !rogue.world().hellos.is_empty()).await;
    let new_version = stamp(ROGUE).version;
    let hint = UpdateRequired { new_version, seq: ROGUE, within_seconds: 0 };
    rogue.world().push(&ToAgent::UpdateRequired(hint));
    let said = || rogue.world().releases.statuses.last().map(|status| (status.state, status.reason));
    eventually("that it came to nothing", || {
        said().is_some_and(|(state, _)| state == UpdateState::FailedPre)
    })
    .await;
    eprintln!("U16: {:?}", said());
    assert!(rogue.world().releases.fetched_from.is_empty(), "it was not even fetched");
    assert_eq!(obeys(&machine.device), obeyed, "it obeys whom it obeyed");

    // Back where it belongs, it takes what is signed.
    let hellos = machine.hellos();
    front.leads_to(&machine.server, &authority).await;
    eventually("the agent at its server", || machine.hellos() > hellos).await;
    let good = stamped(&program(), &stamp(2));
    let sha256 = Keys::new().release(&stamp(2), &good).sha256;
    let last = machine.update(2, good.clone(), good).await;
    assert_eq!(last.state, UpdateState::Confirmed, "{last:?}\n{}", machine.said());
    let data = machine.device.data().canonicalize().unwrap();
    let slot = data.join("updates/slots").join(format!("2-{}", sha256.short())).join("reeve-agent");
    let signed = BTreeSet::from([data.with_file_name("reeve-agent"), slot]);
    let seen = watcher.seen();
    if cfg!(target_os = "linux") {
        assert_eq!(seen, signed, "what the system has executed");
    }
}

#[tokio::test]
async fn a_server_whose_certificate_nobody_vouches_for_hears_nothing() {
    let (authority, server) = (Authority::new(), FakeServer::start().await);
    let mut front = Front::of(&server, &authority).await;
    let device = registered(&front, &authority).await;
    let running = device.run();
    eventually("the link", || !server.world().hellos.is_empty()).await;
    let (stranger, hellos) = (FakeServer::start().await, server.world().hellos.len());
    front.leads_to(&stranger, &Authority::new()).await;
    sleep(Duration::from_secs(4)).await;
    assert_eq!(stranger.world().requests, 0);
    let refused = register(&Device::new(), &front, &authority).await;
    assert_eq!(refused.status.code(), Some(i32::from(exit::UNREACHABLE)));
    assert_eq!(stranger.world().requests, 0, "no registration token is given away either");
    front.leads_to(&server, &authority).await;
    eventually("the link again", || server.world().hellos.len() > hellos).await;
    running.stop().await;
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_user_without_rights_cannot_point_the_agent_elsewhere() {
    use std::{io::ErrorKind, os::unix::fs::PermissionsExt as _};

    /// Somebody who owns nothing here.
    const NOBODY: u32 = 65_534;

    if !rustix::process::geteuid().is_root() {
        eprintln!("skipped: only root can become another user");
        return;
    }
    let (server, other) = (FakeServer::start().await, FakeServer::start().await);
    let device = Device::registered(&server).await;
    let mut running = device.run();
    eventually("the link", || !server.world().hellos.is_empty()).await;
    // The way to the agent's directory is open; what keeps others out is the directory itself.
    let above = device.data().parent().unwrap().to_owned();
    let (program_file, root) = (above.join("reeve-agent"), above.join("root.json"));
    fs::write(&program_file, program()).unwrap();
    fs::write(&root, Keys::of_a_stranger().root()).unwrap();
    for (path, mode) in [(&above, 0o755), (&program_file, 0o755), (&root, 0o644)] {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }
    let (obeyed, root) = (obeys(&device), root.to_str().unwrap().to_owned());
    let elsewhere = ["register", "--server", &other.url, "AGT-good"];
    let instead = ["register", "--server", &other.url, "--replace", "AGT-good"];
    let other_root = ["trust", "root", &root, "--replace"];
    let words: [&[&str]; 8] = [
        &elsewhere,
        &instead,
        &other_root,
        &["trust", "show"],
        &["rotate-key"],
        &["run"],
        &["--force"],
        &["run", "--force"],
    ];
    for words in words {
        let mut command = tokio::process::Command::new(&program_file);
        command.args(words).arg("--data-dir").arg(device.data()).env_remove("REEVE_TOKEN");
        command.uid(NOBODY).gid(NOBODY).stdin(std::process::Stdio::null()).kill_on_drop(true);
        let output = tokio::time::timeout(Duration::from_secs(60), command.output()).await;
        let output = output.expect("it ends").unwrap();
        assert!(!output.status.success(), "{words:?}");
    }
    let data = device.data().to_owned();
    let by_hand = std::thread::spawn(move || {
        let nobody = rustix::thread::Uid::from_raw(NOBODY);
        rustix::thread::set_thread_res_uid(nobody, nobody, nobody).unwrap();
        let config = data.join("config.json");
        let tries = [
            fs::read(&config).map(drop),
            fs::write(&config, "{}"),
            fs::remove_file(&config),
            fs::rename(&config, data.join("config.old")),
            fs::write(data.join("config.v2.json"), "{}"),
            fs::write(data.join("release-root.given.json"), "{}"),
            fs::write(data.join("updates/state/trust.a"), "{}"),
            fs::rename(&data, data.with_file_name("elsewhere")),
        ];
        tries.map(|tried| tried.map_err(|error| error.kind()))
    });
    assert_eq!(by_hand.join().unwrap(), [Err::<(), _>(ErrorKind::PermissionDenied); 8]);
    assert_eq!(obeys(&device), obeyed);
    assert_eq!(other.world().requests, 0, "nobody was asked anything");
    assert!(running.is_alive());
    running.stop().await;
}
