//! The agent's channel: who may talk to it, what it takes, and `--force` with each of its answers.

use crate::support::{Device, FakeServer, eventually};
use agent::{
    force::{self, NewArguments, Outcome},
    ipc::{self, Desk, secret::Secret},
    lock::{self, Lock},
    paths::Paths,
    phase::Phase,
    state::Recorder,
    timing::Timing,
};
use entity::agent_state::{AgentEvent, AgentState};
use serde_json::{Value, json};
use std::{
    fs,
    io::{ErrorKind, Read as _, Write as _},
    os::unix::fs::PermissionsExt as _,
    process::Stdio,
    sync::Arc,
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::UnixStream,
    sync::mpsc,
    time::{sleep, timeout},
};
use updater::exit;

/// Says these bytes on the channel and reads the answer to its end; whatever happens, not for long.
pub async fn say(device: &Device, bytes: &[u8]) -> String {
    let mut stream = UnixStream::connect(device.data().join("agent.sock")).await.unwrap();
    // It may have heard enough before the end.
    let _ = stream.write_all(bytes).await;
    heard(&mut stream).await
}

async fn heard(stream: &mut UnixStream) -> String {
    let mut answer = Vec::new();
    let read = timeout(Duration::from_secs(15), stream.read_to_end(&mut answer)).await;
    // One that hangs up while we still talk resets the connection.
    let _ = read.expect("the agent answers or hangs up");
    String::from_utf8(answer).unwrap()
}

fn secret(device: &Device) -> String {
    fs::read_to_string(device.data().join("ipc.secret")).unwrap()
}

async fn up(device: &Device) -> crate::support::Running {
    let running = device.run();
    eventually("the channel", || device.data().join("agent.sock").exists()).await;
    running
}

/// Waits that a test can wait for.
fn hasty() -> Timing {
    Timing {
        channel: Duration::from_millis(500),
        channel_answer: Duration::from_millis(500),
        make_room: Duration::from_millis(1500),
        ..Timing::default()
    }
}

#[tokio::test]
async fn a_new_agent_takes_the_place_of_the_one_that_runs() {
    let server = FakeServer::start().await;
    let device = Device::registered(&server).await;
    let first = up(&device).await;
    eventually("the link", || server.world().hellos.len() == 1).await;
    let said = device.data().join("second.says");
    let second = device
        .agent(&["--force", "--loglevel", "debug"])
        .stderr(fs::File::create(&said).unwrap())
        .spawn()
        .unwrap();
    let second_pid = second.id();
    eventually("the change", || {
        lock::running(&Paths::under(device.data())).and_then(|holder| holder.pid) == second_pid
    })
    .await;
    // The lock goes a moment before the process does.
    let status = first.wait().await;
    assert!(status.success(), "it ends in order: {status}");
    eventually("the second link", || server.world().hellos.len() == 2).await;
    assert!(device.status().await.contains("IDLE since"));
    let said = fs::read_to_string(said).unwrap();
    for line in [
        "Instance A acknowledged --force request. Waiting for lock release.",
        "Acquired lock successfully",
        "DEBUG",
    ] {
        assert!(said.contains(line), "{line} is missing in:\n{said}");
    }
    let log = fs::read_to_string(device.data().join("log")).unwrap();
    assert!(log.contains("IDLE -> FORCE_RESTARTING") && log.contains("FORCE_RESTARTING -> SHUTTING_DOWN"));
    let states = server.world().agent_states.clone();
    assert_eq!(
        states,
        [AgentState::Idle, AgentState::ForceRestarting, AgentState::ShuttingDown, AgentState::Idle]
    );
    crate::support::Running::of(second).stop().await;
}

#[tokio::test]
async fn of_many_that_ask_for_the_place_at_once_one_gets_it() {
    let server = FakeServer::start().await;
    let device = Device::registered(&server).await;
    let first = up(&device).await;
    eventually("the link", || server.world().hellos.len() == 1).await;
    let mut askers: Vec<_> =
        (0..6).map(|_| device.agent(&["--force"]).stderr(Stdio::piped()).spawn().unwrap()).collect();
    assert!(first.wait().await.success());
    eventually("the end of all but one", || {
        let ended = askers.iter_mut().map(|asker| asker.try_wait().unwrap());
        ended.flatten().count() >= 5
    })
    .await;
    let mut left = Vec::new();
    for asker in askers {
        if asker.id().is_some() {
            left.push(asker);
            continue;
        }
        let output = asker.wait_with_output().await.unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        // Too late, or in time and then asked by a later one to make room.
        let too_late = output.status.code() == Some(i32::from(exit::ALREADY_RUNNING));
        assert!(too_late || output.status.success(), "{}: {said}", output.status);
    }
    assert_eq!(left.len(), 1);
    // The others may have ended while it was still about to take the place.
    let holder = || lock::running(&Paths::under(device.data())).and_then(|holder| holder.pid);
    eventually("the place is taken by the one that is left", || holder() == left[0].id()).await;
    crate::support::Running::of(left.remove(0)).stop().await;
}

#[tokio::test]
async fn with_a_wrong_secret_nothing_happens() {
    let server = FakeServer::start().await;
    let device = Device::registered(&server).await;
    let mut running = up(&device).await;
    let good = secret(&device);
    let path = device.data().join("ipc.secret");
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(good.len(), 64);
    for wrong in ["", "x", &good[1..], &"0".repeat(64)] {
        let request = json!({"secret": wrong, "new_args": []}).to_string();
        assert_eq!(say(&device, request.as_bytes()).await, "{\"status\":\"invalid_secret\"}\n");
    }
    fs::write(&path, "0".repeat(64)).unwrap();
    let forced = device.output(&["--force"]).await;
    assert_eq!(forced.status.code(), Some(i32::from(exit::SECRET_REFUSED)));
    let said = String::from_utf8_lossy(&forced.stderr).into_owned();
    assert!(said.contains("IPC secret mismatch. Ensure Instance B has the correct secret"), "{said}");
    fs::remove_file(&path).unwrap();
    let forced = device.output(&["--force"]).await;
    assert_eq!(forced.status.code(), Some(i32::from(exit::SECRET_REFUSED)));
    assert!(running.is_alive());
    running.stop().await;
}

#[tokio::test]
async fn hostile_words_are_answered_or_cut_off_and_change_nothing() {
    let server = FakeServer::start().await;
    let device = Device::registered(&server).await;
    let mut running = up(&device).await;
    let good = secret(&device);
    let with = |more: &str| format!("{{\"secret\":\"{good}\",{more}}}").into_bytes();
    let huge = [with("\"new_args\":[\"").as_slice(), &vec![b'a'; 10 * 1024 * 1024]].concat();
    let deep = "[".repeat(4000).into_bytes();
    let binary: Vec<u8> = (0..=255).cycle().take(3000).chain([b'\n']).collect();
    for (what, bytes, expected) in [
        ("huge", huge, "longer than"),
        ("deep", [deep, b"\n".to_vec()].concat(), "no JSON"),
        ("binary", binary, "no JSON"),
        ("http", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n".to_vec(), "no JSON"),
        ("other field", with("\"server\":\"http://evil\",\"new_args\":[]"), "server"),
        ("argument", with("\"new_args\":[\"--server\",\"http://evil\"]"), "--server"),
        ("data", with("\"new_args\":[\"--data-dir=/x\"]"), "--data-dir"),
        ("numbers", with("\"new_args\":[1,2]"), "cannot be read"),
        ("both", with("\"new_args\":[],\"ask\":\"status\""), "either"),
        ("neither", with("\"ask\":null"), "either"),
        ("unknown", with("\"ask\":\"secrets\""), "cannot be read"),
    ] {
        let answer = say(&device, &bytes).await;
        // A flood may be cut off before its answer can be read.
        if what == "huge" && answer.is_empty() {
            continue;
        }
        let answer: Value = serde_json::from_str(&answer).unwrap_or_else(|_| panic!("{what}: {answer:?}"));
        assert_eq!(answer["status"], "error", "{what}");
        assert!(answer["message"].as_str().unwrap().contains(expected), "{what}: {answer}");
    }
    // Many that say nothing keep nobody else out for longer than their time.
    let silent: Vec<_> =
        futures::future::join_all((0..20).map(|_| UnixStream::connect(device.data().join("agent.sock"))))
            .await;
    for stream in silent {
        let mut stream = stream.unwrap();
        let _ = heard(&mut stream).await;
    }
    let status = json!({"secret": good, "ask": "status"}).to_string();
    let answer: Value = serde_json::from_str(&say(&device, status.as_bytes()).await).unwrap();
    assert_eq!(answer["report"]["live"]["agent_state"], "IDLE");
    assert!(!answer.to_string().contains(&good));
    assert!(running.is_alive());
    running.stop().await;
    let log = fs::read_to_string(device.data().join("log")).unwrap();
    assert!(!log.contains(&good), "the secret is in the log");
}

#[cfg(target_os = "linux")]
/// The directory is open here by hand: the kernel's word on who calls stands behind its permissions.
#[tokio::test]
async fn another_user_is_turned_away_even_where_the_directory_is_open() {
    if !rustix::process::geteuid().is_root() {
        eprintln!("skipped: only root can become another user");
        return;
    }
    let server = FakeServer::start().await;
    let device = Device::registered(&server).await;
    let mut running = up(&device).await;
    let socket = device.data().join("agent.sock");
    let request = json!({"secret": secret(&device), "new_args": []}).to_string();
    // A thread of its own has a user of its own, which the kernel tells whoever it calls.
    let as_nobody = || {
        let (socket, request) = (socket.clone(), request.clone());
        let calling = std::thread::spawn(move || -> std::io::Result<String> {
            let nobody = rustix::thread::Uid::from_raw(65534);
            rustix::thread::set_thread_res_uid(nobody, nobody, nobody)?;
            let mut stream = std::os::unix::net::UnixStream::connect(socket)?;
            stream.set_read_timeout(Some(Duration::from_secs(10)))?;
            stream.write_all(request.as_bytes())?;
            let mut heard = String::new();
            stream.read_to_string(&mut heard)?;
            Ok(heard)
        });
        calling.join().unwrap().map_err(|error| error.kind())
    };
    assert_eq!(as_nobody(), Err(ErrorKind::PermissionDenied));
    let above = device.data().parent().unwrap();
    for (path, mode) in [(above, 0o755), (device.data(), 0o777), (socket.as_path(), 0o777)] {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }
    let heard = as_nobody();
    let turned_away = [Ok(String::new()), Err(ErrorKind::ConnectionReset), Err(ErrorKind::BrokenPipe)];
    assert!(turned_away.contains(&heard), "{heard:?}");
    assert!(running.is_alive());
    running.stop().await;
    assert!(
        fs::read_to_string(device.data().join("log")).unwrap().contains("a program of user 65534 called")
    );
}

/// An agent that stands where a test puts it: its channel, its lock and its state, and nothing else.
struct Stand {
    _folder: tempfile::TempDir,
    paths: Paths,
    phase: Phase,
    lock: Option<Lock>,
    asked: mpsc::Receiver<NewArguments>,
    _channel: ipc::Channel,
}

fn stand(supervised: bool) -> Stand {
    let folder = tempfile::tempdir().unwrap();
    let paths = Paths::under(folder.path());
    let lock = Some(Lock::take(&paths).unwrap());
    let _ = Recorder::take_over(&paths, supervised);
    let phase = Phase::default();
    phase.on(AgentEvent::Ready).unwrap();
    let (make_room, asked) = mpsc::channel(1);
    let desk = Desk {
        secret: Secret::load_or_make(&paths).unwrap(),
        phase: phase.clone(),
        make_room,
        tell: Arc::new(|_| Value::Null),
    };
    let channel = ipc::open(&paths, desk, &hasty()).unwrap();
    Stand { _folder: folder, paths, phase, lock, asked, _channel: channel }
}

#[tokio::test]
async fn an_update_is_not_interrupted_in_any_of_its_steps() {
    let mut stand = stand(false);
    stand.phase.update("7.8.9").unwrap();
    let steps =
        [AgentEvent::Download, AgentEvent::Verify, AgentEvent::ExtractUpdater, AgentEvent::PrepareShutdown];
    for step in steps.into_iter().map(Some).chain([None]) {
        let refused = force::force(&stand.paths, &NewArguments::default(), &hasty()).await.unwrap_err();
        assert_eq!(refused.code, exit::BUSY_UPDATING);
        assert_eq!(
            refused.message,
            "The running agent is currently updating to version 7.8.9 and cannot be restarted now. Please try again later."
        );
        if let Some(step) = step {
            stand.phase.on(step).unwrap();
        }
    }
    assert!(stand.asked.try_recv().is_err(), "nobody was asked to make room");
    assert!(stand.phase.now().state.is_updating());
}

#[tokio::test]
async fn one_that_acknowledges_and_makes_room_late_is_waited_for_and_one_that_never_does_is_not() {
    let (mut one, timing) = (stand(false), hasty());
    let arguments = NewArguments { loglevel: Some("warn".to_owned()), foreground: true };
    let (paths, lock, wanted) = (one.paths.clone(), one.lock.take(), arguments.clone());
    let (outcome, ()) = tokio::join!(force::force(&paths, &arguments, &timing), async {
        assert_eq!(one.asked.recv().await, Some(wanted));
        sleep(Duration::from_millis(700)).await;
        drop(lock);
    });
    assert!(matches!(outcome.unwrap(), Outcome::TakenOver(_)));

    for supervised in [false, true] {
        let never = stand(supervised);
        let refused = force::force(&never.paths, &arguments, &hasty()).await.unwrap_err();
        assert_eq!(refused.code, exit::UNRESPONSIVE);
        assert!(
            refused.message.starts_with("Could not acquire lock, another instance is running"),
            "{refused}"
        );
        assert_eq!(never.phase.now().state, AgentState::ForceRestarting);
    }
}

/// Its process is stopped, so its kernel takes the connection and nobody answers.
#[tokio::test]
async fn one_that_does_not_answer_is_left_to_run() {
    let server = FakeServer::start().await;
    let device = Device::registered(&server).await;
    let mut running = up(&device).await;
    let pid = rustix::process::Pid::from_raw(running.pid()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::STOP).unwrap();
    let paths = Paths::under(device.data());
    let refused = force::force(&paths, &NewArguments::default(), &hasty()).await.unwrap_err();
    assert_eq!(refused.code, exit::UNRESPONSIVE);
    rustix::process::kill_process(pid, rustix::process::Signal::CONT).unwrap();
    // It hears the request once it goes on, and finds that nobody waits for the answer.
    eventually("the word of it", || {
        fs::read_to_string(device.data().join("log")).unwrap().contains("FORCE_RESTARTING -> IDLE")
    })
    .await;
    assert!(running.is_alive());
    running.stop().await;
}

#[tokio::test]
async fn without_an_agent_force_is_a_start() {
    let server = FakeServer::start().await;
    let device = Device::registered(&server).await;
    let running = device.run_with(&["run", "--force"]);
    eventually("the link", || server.world().hellos.len() == 1).await;
    assert!(running.stop().await.success());
}
