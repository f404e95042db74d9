//! Orders to the real agent: both locks, replays, what scripts can do and what they cannot, and what is told of it.
#![cfg(target_os = "linux")]

use crate::support::{Device, FakeServer, Running, Signer, eventually, script, script_of};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::TimeDelta;
use entity::{
    command::{
        ChainEvent, CommandResult, Mode, OUTPUT_BYTES_MAX, Order, Payload, Refusal, ResultStatus, Shell,
    },
    id::{CommandId, DeviceId},
    seal,
    wire::ToAgent,
};
use std::{fs, path::Path, process::Command, time::Duration};

/// A registered device with its agent running, and who signs for it.
pub struct Place {
    pub server: FakeServer,
    pub device: Device,
    pub signer: Signer,
    pub id: DeviceId,
    pub running: Option<Running>,
}

impl Place {
    pub async fn new() -> Self {
        Self::with(|_| {}).await
    }

    /// The same with a server that is otherwise from the beginning.
    pub async fn with(change: impl FnOnce(&FakeServer)) -> Self {
        let server = FakeServer::start().await;
        let signer = Signer::new();
        server.world().protocol = 3;
        server.world().command_root = Some(signer.command_root());
        change(&server);
        let device = Device::registered(&server).await;
        let id = *server.world().devices.keys().next().unwrap();
        let mut place = Self { server, device, signer, id, running: None };
        place.start().await;
        place
    }

    /// Starts the agent and waits for its link.
    pub async fn start(&mut self) {
        let before = self.server.world().hellos.len();
        self.running = Some(self.device.run());
        eventually("a hello", || self.server.world().hellos.len() > before).await;
    }

    /// The same with a command that runs it.
    pub async fn start_as(&mut self, mut command: tokio::process::Command) {
        let before = self.server.world().hellos.len();
        let log = fs::OpenOptions::new().append(true).open(self.device.data().join("log")).unwrap();
        command.stdin(std::process::Stdio::null()).stderr(log).kill_on_drop(true);
        self.running = Some(Running::of(command.spawn().unwrap()));
        eventually("a hello", || self.server.world().hellos.len() > before).await;
    }

    pub async fn kill(&mut self) {
        self.running.take().unwrap().kill().await;
    }

    /// Arms the device for these entries.
    pub async fn arm(&self, entries: &[String]) {
        let mut arguments = vec!["lock", "arm", "--for", "1h"];
        for entry in entries {
            arguments.extend(["--allow", entry]);
        }
        let output = self.device.output(&arguments).await;
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    /// Makes an order for this device.
    pub fn order(&mut self, payload: Payload) -> Order {
        self.signer.order(self.id, payload)
    }

    pub fn send(&self, order: &Order) {
        self.server.world().push(&ToAgent::Command(Box::new(self.signer.sign(order))));
    }

    pub fn results(&self, id: CommandId) -> Vec<CommandResult> {
        self.server.world().said.results.iter().filter(|result| result.command_id == id).cloned().collect()
    }

    /// Waits for how it ended.
    pub async fn result(&self, order: &Order) -> CommandResult {
        eventually("a result", || !self.results(order.command_id).is_empty()).await;
        self.results(order.command_id).remove(0)
    }

    /// Sends an order and waits for how it ended.
    pub async fn done(&mut self, payload: Payload) -> CommandResult {
        let order = self.order(payload);
        self.send(&order);
        self.result(&order).await
    }

    /// Arms the device for a script, and has it run for so long at most.
    pub async fn run(&mut self, payload: Payload, timeout_seconds: u32) -> CommandResult {
        self.arm(&[entry(&payload)]).await;
        let order = self.signer.order_for(self.id, payload, timeout_seconds);
        self.send(&order);
        self.result(&order).await
    }

    pub fn events(&self, id: CommandId) -> Vec<ChainEvent> {
        let world = self.server.world();
        world
            .said
            .chain
            .values()
            .filter(|entry| entry.command_id == Some(id))
            .map(|entry| entry.event)
            .collect()
    }

    /// Everything that the device has told of its record follows from what came before.
    pub fn chain_is_whole(&self) {
        let world = self.server.world();
        let mut previous = seal::chain_start();
        for (seq, entry) in (1..).zip(world.said.chain.values()) {
            assert_eq!((entry.seq, &entry.previous), (seq, &previous));
            assert_eq!(entry.hash, seal::chain_hash(entry));
            previous.clone_from(&entry.hash);
        }
    }
}

/// What the device's lock calls a script.
pub fn entry(payload: &Payload) -> String {
    let (kind, argument) = payload.lock_arguments().remove(0);
    format!("{}:{argument}", kind.word())
}

/// How many processes have this among their arguments.
pub fn processes(argument: &str) -> usize {
    let lines = fs::read_dir("/proc").unwrap().flatten().filter_map(|entry| {
        let line = fs::read(entry.path().join("cmdline")).ok()?;
        Some(String::from_utf8_lossy(&line).into_owned())
    });
    lines.filter(|line| line.split('\0').any(|word| word == argument)).count()
}

#[tokio::test]
async fn a_script_runs_when_both_locks_are_open_and_everything_about_it_is_told() {
    let mut place = Place::new().await;
    {
        let world = place.server.world();
        let capabilities = &world.hellos[0].1.capabilities;
        for word in ["commands.v1", "command.run_script", "command.stop_process", "command.set_mode"] {
            assert!(capabilities.iter().any(|one| one == word), "{word} in {capabilities:?}");
        }
        assert!(!capabilities.iter().any(|one| one == "command.update_agent"));
    }
    let payload = script("echo one; echo two >&2; pwd; echo $HOME; echo $REEVE_TOKEN$REEVE_DATA_DIR; id -u");
    let order = place.order(payload.clone());
    place.send(&order);
    let refused = place.result(&order).await;
    assert_eq!((refused.status, refused.refusal), (ResultStatus::Refused, Some(Refusal::LockedLocal)));
    place.arm(&["run_script:".to_owned() + &"0".repeat(64)]).await;
    let refused = place.done(payload.clone()).await;
    assert_eq!(refused.refusal, Some(Refusal::NotAllowed));

    let done = place.run(payload, 30).await;
    assert_eq!((done.status, done.exit_code), (ResultStatus::Completed, Some(0)), "{done:?}");
    let lines: Vec<&str> = done.output.lines().collect();
    assert_eq!(lines[..2], ["one", "two"], "both streams, in order");
    let work = place.device.data().canonicalize().unwrap().join("work");
    assert!(Path::new(lines[2]).starts_with(&work), "{lines:?}");
    assert_eq!((lines[3], lines[4]), (lines[2], ""), "nothing of the agent's own environment");
    assert_eq!(done.output_bytes, done.output.len() as u64);
    assert!(!Path::new(lines[2]).exists(), "its folder goes with it");
    let id = done.command_id;
    eventually("the record", || place.events(id).contains(&ChainEvent::Done)).await;
    assert_eq!(place.events(id), [ChainEvent::Received, ChainEvent::Started, ChainEvent::Done]);
    eventually("the refusal in the record", || place.events(order.command_id).len() == 2).await;
    place.chain_is_whole();
    {
        let world = place.server.world();
        let receipts = world.said.receipts.iter().filter(|receipt| receipt.command_id == id);
        assert_eq!(receipts.map(|receipt| receipt.is_started).collect::<Vec<_>>(), [false, true]);
        let locks = world.said.chain.values().filter(|entry| entry.event == ChainEvent::Lock);
        assert!(locks.count() >= 2, "a change of the lock stands there too");
        assert!(done.order_sha256.len() == 64);
    }
    let kept = fs::read_to_string(place.device.data().join(format!("commands/{id}.jsonl"))).unwrap();
    eventually("a mark that it is over", || {
        let kept = fs::read_to_string(place.device.data().join(format!("commands/{id}.jsonl"))).unwrap();
        kept.contains("\"over\"")
    })
    .await;
    assert!(kept.contains("\"started\""));
    place.kill().await;
    place.start().await;
    let world = place.server.world();
    let head = world.hellos.last().unwrap().1.chain_head.clone().unwrap();
    let key = URL_SAFE_NO_PAD.encode(world.devices[&place.id].as_bytes());
    assert!(head.seq >= 7 && seal::is_signed_head(&key, place.id, &head), "{head:?}");
}

#[tokio::test]
async fn scripts_of_each_shell_get_their_parameters_and_say_how_they_ended() {
    let mut place = Place::new().await;
    for (shell, text) in [
        (Shell::Sh, "echo \"$1-$2\"; exit 3"),
        (Shell::Bash, "echo \"${1}-${@:2}\"; exit 3"),
        (Shell::Python, "import sys\nprint('-'.join(sys.argv[1:]))\nsys.exit(3)"),
    ] {
        if shell == Shell::Python && !Path::new("/usr/bin/python3").exists() {
            continue;
        }
        let done = place.run(script_of(shell, text, &["-a b", "$(c)"]), 30).await;
        assert_eq!((done.status, done.exit_code), (ResultStatus::Failed, Some(3)), "{done:?}");
        assert_eq!(done.output, "-a b-$(c)\n", "{}", shell.word());
    }
    let escapes = place.run(script("printf '\\033[31mred\\000\\377\\n'"), 30).await;
    assert_eq!(escapes.output, "\u{1b}[31mred\u{fffd}\u{fffd}\n", "as it is, but for what no text is");
    let killed = place.run(script("kill -9 $$"), 30).await;
    assert_eq!((killed.status, killed.exit_code), (ResultStatus::Failed, None));
    assert!(killed.detail.contains("signal 9"), "{}", killed.detail);
}

#[tokio::test]
async fn what_floods_hangs_and_forks_is_ended_with_everything_that_it_started() {
    let mut place = Place::new().await;
    let flood = place.run(script("yes"), 1).await;
    assert_eq!(flood.status, ResultStatus::TimedOut, "{}", flood.detail);
    assert_eq!(flood.output.len(), OUTPUT_BYTES_MAX);
    assert!(flood.output_bytes > OUTPUT_BYTES_MAX as u64);

    let hang =
        place.run(script("trap '' TERM; sleep 30041 & setsid sleep 30041 & wait; sleep 30041"), 1).await;
    assert_eq!(hang.status, ResultStatus::TimedOut);
    assert_eq!(processes("30041"), 0);

    let twice = "(setsid setsid sleep 30042 &) ; setsid sh -c 'setsid sleep 30042 & setsid sleep 30042 & exit' ; sleep 0.2; echo done";
    let twice = place.run(script(twice), 30).await;
    assert_eq!((twice.status, twice.output.as_str()), (ResultStatus::Completed, "done\n"), "{twice:?}");
    assert_eq!(processes("30042"), 0);

    let many =
        place.run(script("i=0; while [ $i -lt 700 ]; do sleep 30043 & i=$((i+1)); done; wait"), 30).await;
    assert_eq!(many.status, ResultStatus::Failed);
    assert!(many.detail.contains("processes"), "{}", many.detail);
    assert_eq!(processes("30043"), 0);
    assert!(place.running.as_mut().unwrap().is_alive());
}

#[tokio::test]
async fn an_order_that_comes_again_is_answered_and_not_done_again() {
    let mut place = Place::new().await;
    let count = place.device.data().join("count");
    let payload = script(&format!("echo x >> {}", count.display()));
    place.arm(&[entry(&payload)]).await;
    let orders: Vec<Order> = (0..3).map(|_| place.order(payload.clone())).collect();
    for turn in [vec![2, 0, 1], vec![0], vec![1, 1, 2], vec![0, 2, 0]] {
        turn.iter().for_each(|number| place.send(&orders[*number]));
    }
    for order in &orders {
        assert_eq!(place.result(order).await.status, ResultStatus::Completed);
    }
    for order in &orders {
        let before = place.results(order.command_id).len();
        place.send(order);
        eventually("the stored result", || place.results(order.command_id).len() > before).await;
        let results = place.results(order.command_id);
        assert!(results.iter().all(|result| result.ended_at == results[0].ended_at), "always the same one");
    }
    assert_eq!(fs::read_to_string(&count).unwrap().lines().count(), 3);
    let again = Order { issued_at: orders[0].issued_at + TimeDelta::seconds(1), ..orders[0].clone() };
    let before = place.results(again.command_id).len();
    place.send(&again);
    eventually("the stored result", || place.results(again.command_id).len() > before).await;
    assert_eq!(fs::read_to_string(&count).unwrap().lines().count(), 3, "signed anew, it is the same command");
}

#[tokio::test]
async fn what_is_forged_or_anothers_touches_nothing() {
    let mut place = Place::new().await;
    let payload = script("echo never");
    place.arm(&[entry(&payload)]).await;
    let neighbour = place.signer.order(DeviceId(uuid::Uuid::from_u128(0x77)), payload.clone());
    place.send(&neighbour);
    assert_eq!(place.result(&neighbour).await.refusal, Some(Refusal::WrongDevice));
    let order = place.order(payload);
    place.server.world().push(&ToAgent::Command(Box::new(place.signer.forge(&order))));
    assert_eq!(place.result(&order).await.refusal, Some(Refusal::BadSignature));
    let mut changed = place.signer.sign(&order);
    changed.payload.replace_range(40..41, if &changed.payload[40..41] == "A" { "B" } else { "A" });
    place.server.world().push(&ToAgent::Command(Box::new(changed)));
    place.send(&order);
    eventually("the genuine one", || {
        place.results(order.command_id).iter().any(|result| result.status == ResultStatus::Completed)
    })
    .await;
    let late = Order { expires_at: order.issued_at - TimeDelta::seconds(1), ..place.order(script("true")) };
    place.send(&late);
    assert_eq!(place.result(&late).await.refusal, Some(Refusal::Expired));
    let alone = Order { approvals: Vec::new(), ..place.order(script("true")) };
    place.send(&alone);
    assert_eq!(place.result(&alone).await.refusal, Some(Refusal::NotApproved));
    let patches = place.done(Payload::InstallPatches { patches: vec!["apt:x".to_owned()] }).await;
    assert_eq!(patches.refusal, Some(Refusal::Unsupported), "said before anybody arms the device for it");
}

#[tokio::test]
async fn stops_and_modes_hold_through_restarts_until_they_are_taken_back() {
    let mut place = Place::new().await;
    let payload = script("echo ran");
    place.arm(&[entry(&payload)]).await;
    place.server.world().push(&ToAgent::Stop(Box::new(place.signer.stop(1, true))));
    assert_eq!(place.done(payload.clone()).await.refusal, Some(Refusal::Stopped));
    place.kill().await;
    place.start().await;
    assert_eq!(place.done(payload.clone()).await.refusal, Some(Refusal::Stopped));
    assert!(place.device.status().await.contains("emergency stop"));
    assert_eq!(place.done(Payload::CollectInventory {}).await.status, ResultStatus::Completed);
    place.server.world().push(&ToAgent::Stop(Box::new(place.signer.stop(1, false))));
    assert_eq!(place.done(payload.clone()).await.refusal, Some(Refusal::Stopped), "an old number");
    place.server.world().push(&ToAgent::Stop(Box::new(place.signer.stop(2, false))));
    assert_eq!(place.done(Payload::SetMode { mode: Mode::Safe }).await.status, ResultStatus::Completed);
    assert_eq!(place.done(payload.clone()).await.refusal, Some(Refusal::SafeMode));
    place.kill().await;
    place.start().await;
    assert_eq!(place.done(payload.clone()).await.refusal, Some(Refusal::SafeMode), "after a restart too");
    assert!(place.device.status().await.contains("safe mode"));
    assert_eq!(place.done(Payload::SetMode { mode: Mode::Normal }).await.status, ResultStatus::Completed);
    assert_eq!(place.done(payload).await.output, "ran\n");
}

#[tokio::test]
async fn limits_and_notes_are_kept_shown_and_told() {
    let mut place = Place::new().await;
    let limit = Payload::SetRateLimit { endpoint: "/api".to_owned(), limit_rps: 50 };
    assert_eq!(place.done(limit).await.status, ResultStatus::Completed);
    assert!(place.device.status().await.contains("/api 50 a second"));
    let none = Payload::SetRateLimit { endpoint: "/api".to_owned(), limit_rps: 0 };
    assert_eq!(place.done(none).await.status, ResultStatus::Completed);
    assert!(!place.device.status().await.contains("a second"));
    let message = "The cleaner unplugs you at nine.".to_owned();
    assert_eq!(
        place.done(Payload::NotifyOps { message: message.clone() }).await.status,
        ResultStatus::Completed
    );
    eventually("the note", || {
        place
            .server
            .world()
            .events
            .iter()
            .any(|event| event.event_type == "ops_note" && event.summary == message)
    })
    .await;
}

#[tokio::test]
async fn a_limit_slows_what_is_asked_of_an_endpoint_and_holds_through_a_restart() {
    let mut place = Place::with(|server| server.world().block_sockets = true).await;
    let order = place.order(Payload::SetRateLimit { endpoint: "/api/v1".to_owned(), limit_rps: 2 });
    place.server.world().orders = vec![place.signer.sign(&order)];
    assert_eq!(place.result(&order).await.status, ResultStatus::Completed);
    place.kill().await;
    let from = place.server.world().asked_at.len();
    place.start().await;
    eventually("eight requests", || place.server.world().asked_at.len() >= from + 8).await;
    let took = {
        let world = place.server.world();
        world.asked_at[from + 7].duration_since(world.asked_at[from])
    };
    // Seven pauses of half a second; without a limit it asks twice as often, and at its start many times.
    assert!(took >= Duration::from_secs(3), "{took:?}");
    assert!(place.device.status().await.contains("/api/v1 2 a second"));
}

#[tokio::test]
async fn processes_are_ended_and_started_again_by_their_exact_name() {
    let mut place = Place::new().await;
    let folder = tempfile::tempdir().unwrap();
    let name = format!("sleeper-{}", std::process::id());
    let program = folder.path().join(&name);
    fs::copy("/bin/sleep", &program).unwrap();
    let mut stays = Command::new("/bin/sleep").arg("30044").spawn().unwrap();
    let mut sleeper = Command::new(&program).arg("30045").spawn().unwrap();
    place
        .arm(&[
            format!("stop_process:{name}"),
            format!("restart_process:{name}"),
            "stop_process:reeve-*".to_owned(),
        ])
        .await;
    let restarted = place.done(Payload::RestartProcess { process_name: name.clone() }).await;
    assert_eq!(restarted.status, ResultStatus::Completed, "{}", restarted.detail);
    sleeper.wait().unwrap();
    assert_eq!(processes("30045"), 1, "with what it was told before");
    let stopped = place.done(Payload::StopProcess { process_name: name.clone() }).await;
    assert_eq!(stopped.status, ResultStatus::Completed, "{}", stopped.detail);
    assert_eq!(processes("30045"), 0);
    assert!(stays.try_wait().unwrap().is_none(), "another name");
    let gone = place.done(Payload::StopProcess { process_name: name }).await;
    assert_eq!((gone.status, gone.detail.contains("no process")), (ResultStatus::Failed, true));
    let own = place.done(Payload::StopProcess { process_name: "reeve-agent".to_owned() }).await;
    assert_eq!(own.status, ResultStatus::Failed);
    assert!(place.running.as_mut().unwrap().is_alive());
    stays.kill().unwrap();
    stays.wait().unwrap();
}

#[tokio::test]
async fn a_clock_that_is_years_off_changes_nothing() {
    for years in [-5, 5] {
        let ahead = TimeDelta::days(365 * years);
        let mut place = Place::with(|server| server.world().clock_ahead = ahead).await;
        place.signer.ahead = ahead;
        let payload = script("echo ran");
        assert_eq!(place.run(payload.clone(), 30).await.output, "ran\n", "{years}");
        let order = place.order(payload);
        let late = Order { expires_at: order.issued_at, ..order };
        place.send(&late);
        assert_eq!(place.result(&late).await.refusal, Some(Refusal::Expired), "{years}");
    }
}

#[tokio::test]
async fn output_is_told_while_it_comes_and_a_large_result_takes_another_way() {
    let mut place = Place::new().await;
    let slow = script("echo first; sleep 1; echo second");
    let done = place.run(slow, 30).await;
    let told: String = {
        let world = place.server.world();
        let pieces = world.said.progress.iter().filter(|piece| piece.command_id == done.command_id);
        pieces.map(|piece| piece.output.as_str()).collect()
    };
    assert!(told.starts_with("first"), "{told:?}");
    let large =
        place.run(script("i=0; while [ $i -lt 9000 ]; do echo 0123456789; i=$((i+1)); done"), 30).await;
    assert_eq!(large.output.len(), 99_000);
}

#[tokio::test]
async fn where_sockets_are_blocked_commands_come_with_the_heartbeats() {
    let mut place = Place::with(|server| server.world().block_sockets = true).await;
    let payload = script("echo polled");
    place.arm(&[entry(&payload)]).await;
    let order = place.order(payload);
    let envelope = place.signer.sign(&order);
    place.server.world().orders = vec![envelope.clone(), envelope];
    assert_eq!(place.result(&order).await.output, "polled\n");
    eventually("the record", || place.events(order.command_id).contains(&ChainEvent::Done)).await;
    place.chain_is_whole();
}

#[tokio::test]
async fn a_device_without_a_root_refuses_everything_and_says_why() {
    let mut place = Place::with(|server| server.world().command_root = None).await;
    let refused = place.done(Payload::CollectInventory {}).await;
    assert_eq!(refused.refusal, Some(Refusal::BadSignature));
    assert!(refused.detail.contains("register"), "{}", refused.detail);
    assert!(place.device.status().await.contains("register again"));
}
