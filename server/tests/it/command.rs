//! Commands from the question to the answer, over the wire: both engines, a socket and polling.

mod fault;
mod queue;
mod race;

use crate::support::{
    agent::{FakeAgent, Socket},
    people::{Answer, Person},
    server::{TestServer, each_engine, event, field},
};
use entity::{
    command::{
        CommandDetail, CommandProgress, CommandResult, CommandRow, CommandState, Envelope, Refusal,
        RequestDetail, RequestRow, ResultStatus,
    },
    id::DeviceId,
    page::Page,
    portal_event::PortalEvent,
    problem::ProblemCode,
    user::Role,
    wire::{CommandsAnswer, ToAgent, ToServer},
};
use serde_json::{Value, json};
use sim::Asked;

/// Something harmless.
pub(super) fn note() -> Value {
    json!({ "payload": { "kind": "notify_ops", "message": "Hello" } })
}

/// Something that takes another person.
fn reboot() -> Value {
    json!({ "payload": { "kind": "reboot", "delay_seconds": 0 }, "reason": "It hangs." })
}

async fn ask(person: &Person, device: DeviceId, asked: &Value) -> CommandDetail {
    person.post(&format!("/agents/{device}/commands"), asked).await.expect(201)
}

async fn look(person: &Person, asked: &CommandDetail) -> CommandDetail {
    person.get(&format!("/commands/{}", asked.command.id)).await.expect(200)
}

/// The next command that comes over a socket.
async fn next_command(socket: &mut Socket) -> Asked {
    loop {
        match socket.next().await {
            ToAgent::Command(envelope) => return Asked::read(&envelope).expect("an order"),
            ToAgent::Config { .. } | ToAgent::Ping { .. } => {}
            other => panic!("{other:?} instead of a command"),
        }
    }
}

async fn acknowledged(socket: &mut Socket, asked: &Asked) {
    loop {
        match socket.next().await {
            ToAgent::ResultAck { command_id } if command_id == asked.order.command_id => return,
            ToAgent::Config { .. } | ToAgent::Ping { .. } => {}
            other => panic!("{other:?} instead of an acknowledgement"),
        }
    }
}

async fn approve(server: &TestServer, asked: &CommandDetail) {
    let other = server.person(Role::MspAdmin, server.ours).await;
    let said = json!({ "request_sha256": asked.request.request_sha256 });
    let answer = other.post(&format!("/approvals/{}/approve", asked.request.id), &said).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_goes_out_at_once_and_its_result_comes_back() {
    each_engine(async |server| {
        let agent = FakeAgent::of(&server, server.ours).await;
        let (mut socket, _) = agent.connect().await;
        let mut events = server.store().events();
        let made = ask(&server.admin, agent.id, &note()).await;
        assert_eq!((made.command.state, made.request.approvals_needed), (CommandState::Pending, 0));
        let asked = next_command(&mut socket).await;
        assert_eq!(asked.order.device_id, agent.id);
        assert_eq!(asked.order.command_id, made.command.id);
        assert_eq!(asked.order.request_sha256, made.request.request_sha256);
        assert!(entity::seal::is_what_was_approved(&asked.order) && asked.order.has_its_approvals());
        assert_eq!(look(&server.admin, &made).await.command.state, CommandState::Sent);

        let id = made.command.id;
        let [received, started, _] = asked.obeyed();
        socket.send(&received).await;
        socket.send(&started).await;
        let runs = |event: &PortalEvent| {
            matches!(event, PortalEvent::Command { command_id, state: CommandState::Executing, .. } if *command_id == id)
        };
        event(&mut events, runs).await;
        let piece = CommandProgress { command_id: id, offset: 0, output: "half".to_owned() };
        socket.send(&ToServer::CommandProgress(piece)).await;
        event(&mut events, |event| matches!(event, PortalEvent::CommandOutput { output, .. } if output == "half"))
            .await;
        // A zero is no text to PostgreSQL, and kept from nobody.
        let done = asked.result(ResultStatus::Completed, "all\0of it\u{1b}[31m\n");
        socket.send(&ToServer::CommandResult(done.clone())).await;
        acknowledged(&mut socket, &asked).await;
        let after = look(&server.admin, &made).await;
        assert_eq!(after.command.state, CommandState::Completed);
        assert_eq!(after.output.as_deref(), Some("all\u{fffd}of it\u{1b}[31m\n"));
        assert_eq!(after.command.exit_code, Some(0));
        assert!(after.received_at.is_some() && after.command.started_at.is_some());

        // The same again changes nothing, and is acknowledged again.
        let other = CommandResult { status: ResultStatus::Failed, ..done };
        socket.send(&ToServer::CommandResult(other)).await;
        acknowledged(&mut socket, &asked).await;
        assert_eq!(look(&server.admin, &made).await, after);

        let log: Value = server.admin.get("/audit?action=command.").await.expect(200);
        let actions: Vec<String> =
            log["items"].as_array().expect("items").iter().map(|entry| field(entry, "action")).collect();
        assert_eq!(actions, ["command.result", "command.start", "command.send", "command.request"]);
        assert!(domain::audit::verify(&server.world.admin, None).await.expect("checked").broken.is_none());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_strong_waits_for_somebody_else_and_says_who_it_was() {
    each_engine(async |server| {
        let agent = FakeAgent::of(&server, server.ours).await;
        let (mut socket, _) = agent.connect().await;
        let made = ask(&server.admin, agent.id, &reboot()).await;
        assert_eq!(made.command.state, CommandState::AwaitingApproval);
        assert!(!made.lock.device_allows);
        let typed = made.lock.arm_command.as_deref();
        assert_eq!(typed, Some("reeve-agent lock arm --for 2h --allow reboot"));
        // Something harmless that was asked later overtakes it: it is still with people.
        let harmless = ask(&server.admin, agent.id, &note()).await;
        assert_eq!(next_command(&mut socket).await.order.command_id, harmless.command.id);
        approve(&server, &made).await;
        let asked = next_command(&mut socket).await;
        assert_eq!(asked.order.command_id, made.command.id);
        assert!(asked.order.has_its_approvals() && asked.order.approvals.len() == 1);
        let mut refused = asked.result(ResultStatus::Refused, "");
        refused.refusal = Some(Refusal::LockedLocal);
        refused.started_at = None;
        socket.send(&ToServer::CommandResult(refused)).await;
        acknowledged(&mut socket, &asked).await;
        let after = look(&server.admin, &made).await;
        assert_eq!(
            (after.command.state, after.command.refusal),
            (CommandState::Refused, Some(Refusal::LockedLocal))
        );
        assert_eq!(after.command.detail, "the device is locked");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_was_away_gets_it_when_it_comes_and_again_until_it_answers() {
    each_engine(async |server| {
        let mut agent = FakeAgent::of(&server, server.ours).await;
        let made = ask(&server.admin, agent.id, &note()).await;
        let (mut socket, _) = agent.connect().await;
        let first = next_command(&mut socket).await;
        assert_eq!(first.order.command_id, made.command.id);
        drop(socket);
        // It said nothing: the same order comes again, as it was signed.
        let (mut socket, _) = agent.connect().await;
        assert_eq!(next_command(&mut socket).await, first);
        drop(socket);
        // The order is over, the command is not: another order for the same command.
        let late = ask(
            &server.admin,
            agent.id,
            &json!({
                "payload": { "kind": "notify_ops", "message": "Tonight" }, "deliver_within_seconds": 80_000,
            }),
        )
        .await;
        let (mut socket, _) = agent.connect().await;
        assert_eq!(next_command(&mut socket).await, first);
        let before = next_command(&mut socket).await;
        drop(socket);
        server.advance(3_601);
        // Nobody's session lasts that long, and no token.
        agent.token = agent.fresh_token().await.expect("another token");
        let admin = server.person(Role::MspAdmin, server.ours).await;
        domain::job::pass_commands(&server.world.job()).await.expect("passed");
        assert_eq!(look(&admin, &made).await.command.state, CommandState::Expired);
        let (mut socket, _) = agent.connect().await;
        let again = next_command(&mut socket).await;
        assert_eq!(again.order.command_id, late.command.id);
        assert_ne!(again.order_sha256, before.order_sha256);
        // What it has on its disk is not sent once more.
        socket.send(&ToServer::CommandReceipt(again.receipt(false))).await;
        let result = first.result(ResultStatus::Completed, "late");
        socket.send(&ToServer::CommandResult(result)).await;
        acknowledged(&mut socket, &first).await;
        drop(socket);
        let after = look(&admin, &made).await;
        assert_eq!((after.command.state, after.command.is_late), (CommandState::Completed, true));
        let (mut socket, _) = agent.connect().await;
        socket.send(&ToServer::CommandResult(again.result(ResultStatus::Interrupted, ""))).await;
        acknowledged(&mut socket, &again).await;
        assert_eq!(look(&admin, &late).await.command.state, CommandState::Interrupted);
    })
    .await;
}

/// What a device asks for that has no socket.
async fn poll(agent: &FakeAgent) -> CommandsAnswer {
    let url = format!("{}/api/v1/agents/{}/commands", agent.url, agent.id);
    let request = reqwest::Client::new().get(url).bearer_auth(&agent.token);
    crate::support::people::send(request).await.expect(200)
}

async fn tell(agent: &FakeAgent, asked: &Asked, what: &str, body: &impl serde::Serialize) -> Answer {
    agent.post(&format!("commands/{}/{what}", asked.order.command_id), body).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_polls_gets_the_same() {
    each_engine(async |server| {
        let agent = FakeAgent::of(&server, server.ours).await;
        assert!(poll(&agent).await.commands.is_empty());
        let made = ask(&server.admin, agent.id, &note()).await;
        let commands: Vec<Envelope> = poll(&agent).await.commands;
        let asked = Asked::read(commands.first().expect("one")).expect("an order");
        assert_eq!(asked.order.command_id, made.command.id);
        // Until it says that it has it, it comes again.
        assert_eq!(poll(&agent).await.commands, commands);
        assert_eq!(tell(&agent, &asked, "receipt", &asked.receipt(true)).await.status, 204);
        assert!(poll(&agent).await.commands.is_empty());
        assert_eq!(look(&server.admin, &made).await.command.state, CommandState::Executing);
        let result = asked.result(ResultStatus::Failed, "no");
        let other = agent.post(&format!("commands/{}/result", uuid::Uuid::nil()), &result).await;
        assert_eq!(other.problem(422).field.as_deref(), Some("command_id"));
        for _ in 0..2 {
            assert_eq!(tell(&agent, &asked, "result", &result).await.status, 204);
        }
        assert_eq!(look(&server.admin, &made).await.command.state, CommandState::Failed);
        // Another device speaks of it, and changes nothing.
        let stranger = FakeAgent::of(&server, server.theirs).await;
        let second = ask(&server.admin, agent.id, &note()).await;
        let mut forged = asked.result(ResultStatus::Completed, "mine");
        forged.command_id = second.command.id;
        let path = format!("commands/{}/result", second.command.id);
        assert_eq!(stranger.post(&path, &forged).await.status, 204);
        assert_eq!(look(&server.admin, &second).await.command.state, CommandState::Pending);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_asked_is_taken_back_here_or_asked_back_there() {
    each_engine(async |server| {
        let agent = FakeAgent::of(&server, server.ours).await;
        let cancel = async |made: &CommandDetail| {
            server.admin.call("POST", &format!("/commands/{}/cancel", made.command.id), None).await
        };
        let waiting = ask(&server.admin, agent.id, &note()).await;
        let after: CommandDetail = cancel(&waiting).await.expect(200);
        assert_eq!(after.command.state, CommandState::Cancelled);
        assert_eq!(cancel(&waiting).await.problem(409).code, ProblemCode::Conflict);

        let (mut socket, _) = agent.connect().await;
        let sent = ask(&server.admin, agent.id, &note()).await;
        let asked = next_command(&mut socket).await;
        assert_eq!(asked.order.command_id, sent.command.id, "what was taken back never leaves");
        let after: CommandDetail = cancel(&sent).await.expect(200);
        assert!(after.command.state == CommandState::Sent && after.command.is_cancel_asked);
        let ToAgent::CommandCancel { command_id } = socket.next().await else { panic!("no cancel") };
        assert_eq!(command_id, sent.command.id);
        socket.send(&ToServer::CommandResult(asked.result(ResultStatus::Refused, ""))).await;
        acknowledged(&mut socket, &asked).await;
        assert_eq!(look(&server.admin, &sent).await.command.state, CommandState::Cancelled);

        let runs = ask(&server.admin, agent.id, &note()).await;
        let asked = next_command(&mut socket).await;
        let mut events = server.store().events();
        socket.send(&ToServer::CommandReceipt(asked.receipt(true))).await;
        event(&mut events, |event| {
            matches!(event, PortalEvent::Command { state: CommandState::Executing, .. })
        })
        .await;
        assert_eq!(cancel(&runs).await.problem(409).code, ProblemCode::Conflict);
    })
    .await;
}

#[tokio::test]
async fn who_may_ask_whom_for_what() {
    let server = TestServer::start().await;
    let agent = FakeAgent::of(&server, server.ours).await;
    let path = format!("/agents/{}/commands", agent.id);
    let contact = server.person(Role::Contact, server.ours).await;
    assert_eq!(contact.post(&path, &note()).await.problem(403).code, ProblemCode::Forbidden);
    let neighbour = server.person(Role::BusinessOwner, server.theirs).await;
    assert_eq!(neighbour.post(&path, &note()).await.problem(404).code, ProblemCode::NotFound);
    let owner = server.person(Role::BusinessOwner, server.ours).await;
    let made = ask(&owner, agent.id, &note()).await;
    assert_eq!(neighbour.get(&format!("/commands/{}", made.command.id)).await.status, 404);
    assert_eq!(neighbour.get(&format!("/command-requests/{}", made.request.id)).await.status, 404);
    let listed: Page<CommandRow> = neighbour.get("/commands").await.expect(200);
    assert!(listed.items.is_empty());
    let listed: Page<CommandRow> = owner.get("/commands?open=true&kind=notify_ops").await.expect(200);
    assert_eq!(listed.items.len(), 1);
    let both = json!({ "targets": [agent.id], "command": note() });
    assert_eq!(neighbour.post("/commands", &both).await.status, 404);
    for (asked, field) in [
        (json!({ "payload": { "kind": "notify_ops", "message": " " } }), "message"),
        (
            json!({ "payload": { "kind": "reboot", "delay_seconds": 0 }, "timeout_seconds": 0 }),
            "timeout_seconds",
        ),
        (
            json!({ "payload": { "kind": "patch_scan" }, "deliver_within_seconds": 0 }),
            "deliver_within_seconds",
        ),
        (json!({ "payload": { "kind": "patch_scan" }, "reason": "a\u{1b}b" }), "reason"),
        (
            json!({ "payload": { "kind": "run_script", "shell": "sh", "script": "true", "script_sha256": "00" } }),
            "script_sha256",
        ),
        (
            json!({ "payload": { "kind": "run_script", "shell": "sh", "script_version_id": agent.id } }),
            "script_version_id",
        ),
    ] {
        assert_eq!(owner.post(&path, &asked).await.problem(422).field.as_deref(), Some(field));
    }
    let made = ask(
        &owner,
        agent.id,
        &json!({ "payload": { "kind": "run_script", "shell": "sh", "script": "true" } }),
    )
    .await;
    let entity::command::Payload::RunScript { script_sha256, .. } = made.request.payload else {
        panic!("a script")
    };
    assert_eq!(script_sha256, entity::seal::sha256(b"true"));
    let gone = server.admin.call("DELETE", &format!("/agents/{}", agent.id), None).await;
    assert_eq!(gone.status, 200, "{}", gone.body);
    let after: CommandDetail = owner.get(&format!("/commands/{}", made.command.id)).await.expect(200);
    assert_eq!(after.command.state, CommandState::Cancelled, "a device without access is asked for nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn many_devices_take_people_and_go_out_in_waves() {
    each_engine(async |server| {
        let mut agents = Vec::new();
        for _ in 0..32 {
            agents.push(FakeAgent::of(&server, server.ours).await);
        }
        let ids: Vec<DeviceId> = agents.iter().map(|agent| agent.id).collect();
        let asked = json!({ "targets": ids, "command": note() });
        let shown: Value = server.admin.post("/commands/preview", &asked).await.expect(200);
        assert_eq!((&shown[0]["waves"], &shown[0]["strength"]), (&json!(3), &json!("strong")));
        let made: Vec<RequestRow> = server.admin.post("/commands", &asked).await.expect(201);
        let [request] = made.as_slice() else { panic!("one business, one request") };
        assert_eq!((request.approvals_needed, request.waves, request.targets_count), (1, 3, 32));
        let look = async || -> RequestDetail {
            server.admin.get(&format!("/command-requests/{}", request.id)).await.expect(200)
        };
        let detail = look().await;
        assert_eq!(detail.commands.len(), 32);
        let other = server.person(Role::MspAdmin, server.ours).await;
        let said = json!({ "request_sha256": request.request_sha256 });
        assert_eq!(other.post(&format!("/approvals/{}/approve", request.id), &said).await.status, 200);
        let served = async || {
            let mut orders = Vec::new();
            for agent in &agents {
                let answer = poll(agent).await;
                orders.extend(answer.commands.iter().filter_map(Asked::read).map(|asked| (agent.id, asked)));
            }
            orders
        };
        let result = async |id: &DeviceId, asked: &Asked, status| {
            let agent = agents.iter().find(|agent| agent.id == *id).expect("one of them");
            assert_eq!(tell(agent, asked, "result", &asked.result(status, "")).await.status, 204);
        };
        let first = served().await;
        assert_eq!(first.len(), 5);
        for (id, asked) in &first {
            result(id, asked, ResultStatus::Completed).await;
        }
        assert!(served().await.is_empty());
        domain::job::pass_commands(&server.world.job()).await.expect("passed");
        assert!(served().await.is_empty(), "the next wave waits a while");
        server.advance(31);
        domain::job::pass_commands(&server.world.job()).await.expect("passed");
        let second = served().await;
        assert_eq!(second.len(), 25);
        for (id, asked) in second.iter().take(2) {
            result(id, asked, ResultStatus::Failed).await;
        }
        server.advance(31);
        domain::job::pass_commands(&server.world.job()).await.expect("passed");
        assert!(look().await.is_held);
        assert_eq!(served().await.len(), 23, "what was sent and not answered comes again, and no third wave");
        let after: RequestDetail = server
            .admin
            .call("POST", &format!("/command-requests/{}/cancel", request.id), None)
            .await
            .expect(200);
        let count = |state| after.counts.iter().find(|one| one.state == state).map_or(0, |one| one.count);
        assert_eq!((count(CommandState::Cancelled), count(CommandState::Sent)), (2, 23));
    })
    .await;
}
