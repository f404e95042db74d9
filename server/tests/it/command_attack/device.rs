//! Devices that lie, flood, speak of what is not theirs, or change hands with commands in them.

use crate::support::{
    agent::{FakeAgent, Socket},
    people::Person,
    server::{TestServer, each_engine, event},
};
use entity::{
    command::{
        ChainEntry, ChainEvent, ChainHead, CommandDetail, CommandProgress, CommandState, ResultStatus,
    },
    device::DeviceTransferInput,
    id::DeviceId,
    portal_event::PortalEvent,
    seal,
    user::Role,
    wire::{Chain, ToAgent, ToServer},
};
use serde_json::json;
use sim::Asked;

async fn ask(person: &Person, device: DeviceId) -> CommandDetail {
    let asked = json!({ "payload": { "kind": "patch_scan" } });
    person.post(&format!("/agents/{device}/commands"), &asked).await.expect(201)
}

async fn look(person: &Person, asked: &CommandDetail) -> CommandDetail {
    person.get(&format!("/commands/{}", asked.command.id)).await.expect(200)
}

/// The next message that is about commands.
async fn next(socket: &mut Socket) -> ToAgent {
    loop {
        match socket.next().await {
            ToAgent::Config { .. } | ToAgent::Ping { .. } | ToAgent::ChainAck { .. } => {}
            other => return other,
        }
    }
}

async fn order(socket: &mut Socket) -> Asked {
    match next(socket).await {
        ToAgent::Command(envelope) => Asked::read(&envelope).expect("an order"),
        other => panic!("{other:?} instead of a command"),
    }
}

/// Hands the device to the neighbour.
async fn give_away(server: &TestServer, device: DeviceId) {
    let admin = server.world.admin_now().await;
    let input = DeviceTransferInput { business_id: server.theirs.business, service_location_id: None };
    domain::device::transfer(&admin.confirmed().expect("just now"), device, input).await.expect("moved");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_changes_hands_is_told_not_to_begin_what_it_was_handed_before() {
    each_engine(async |server| {
        let agent = FakeAgent::of(&server, server.ours).await;
        let (mut socket, _) = agent.connect().await;
        let (waits, runs) = (ask(&server.admin, agent.id).await, ask(&server.admin, agent.id).await);
        let (first, second) = (order(&mut socket).await, order(&mut socket).await);
        socket.send(&ToServer::CommandReceipt(first.receipt(false))).await;
        give_away(&server, agent.id).await;
        drop(socket);

        let (mut socket, _) = agent.connect().await;
        let mut told = Vec::new();
        for _ in 0..2 {
            match next(&mut socket).await {
                ToAgent::CommandCancel { command_id } => told.push(command_id),
                other => panic!("{other:?} instead of word that it is not to be begun"),
            }
        }
        assert_eq!(told, [waits.command.id, runs.command.id]);
        // One is left alone, and the other had begun: what is written down is what happened.
        let left = first.result(ResultStatus::Refused, "");
        socket.send(&ToServer::CommandResult(left)).await;
        socket.send(&ToServer::CommandResult(second.result(ResultStatus::Completed, "done\n"))).await;
        let mut stored = 0;
        while stored < 2 {
            match next(&mut socket).await {
                ToAgent::ResultAck { .. } => stored += 1,
                // Told again as long as it is not known how it ended.
                ToAgent::CommandCancel { command_id } if command_id == runs.command.id => {}
                other => panic!("{other:?} instead of an acknowledgement"),
            }
        }
        assert_eq!(look(&server.admin, &waits).await.command.state, CommandState::Cancelled);
        let after = look(&server.admin, &runs).await;
        assert_eq!(after.command.state, CommandState::Completed);
        assert_eq!(after.command.business_id, server.ours.business);
        let owner = server.person(Role::BusinessOwner, server.theirs).await;
        assert_eq!(owner.get(&format!("/commands/{}", runs.command.id)).await.status, 404);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_writes_nothing_into_the_output_of_anothers_command() {
    each_engine(async |server| {
        let (ours, theirs) =
            (FakeAgent::of(&server, server.ours).await, FakeAgent::of(&server, server.theirs).await);
        let (mut socket, _) = ours.connect().await;
        let (mut hostile, _) = theirs.connect().await;
        let made = ask(&server.admin, ours.id).await;
        let asked = order(&mut socket).await;
        let mut events = server.store().events();
        let piece = |output: &str| CommandProgress {
            command_id: made.command.id,
            offset: 0,
            output: output.to_owned(),
        };
        hostile.send(&ToServer::CommandProgress(piece("forged"))).await;
        let path = format!("commands/{}/progress", made.command.id);
        theirs.post(&path, &piece("forged")).await;
        // What comes behind it on the same socket was answered after it.
        hostile.send(&ToServer::Chain(Chain { entries: Vec::new(), head: ChainHead::default() })).await;
        while !matches!(hostile.next().await, ToAgent::ChainAck { .. }) {}
        socket.send(&ToServer::CommandProgress(piece("genuine"))).await;
        let is_output = |event: &PortalEvent| matches!(event, PortalEvent::CommandOutput { .. });
        let found = event(&mut events, is_output).await;
        assert!(
            matches!(&found, PortalEvent::CommandOutput { output, device_id, .. } if output == "genuine" && *device_id == ours.id),
            "{found:?}"
        );
        // Nor does its own, once it is over.
        socket.send(&ToServer::CommandResult(asked.result(ResultStatus::Completed, "all\n"))).await;
        assert!(matches!(next(&mut socket).await, ToAgent::ResultAck { .. }));
        socket.send(&ToServer::CommandProgress(CommandProgress { offset: 9, ..piece("late") })).await;
        let second = ask(&server.admin, ours.id).await;
        order(&mut socket).await;
        let last = CommandProgress { command_id: second.command.id, offset: 0, output: "next".to_owned() };
        socket.send(&ToServer::CommandProgress(last)).await;
        let found = event(&mut events, is_output).await;
        assert!(matches!(&found, PortalEvent::CommandOutput { output, .. } if output == "next"), "{found:?}");
    })
    .await;
}

/// Entries of a record behind this one.
fn entries(head: &mut ChainHead, count: usize) -> Vec<ChainEntry> {
    let made = (0..count).map(|_| {
        let mut entry = ChainEntry {
            seq: head.seq + 1,
            at: crate::support::world::noon(),
            event: ChainEvent::Refused,
            command_id: None,
            subject_sha256: String::new(),
            note: "bad_signature".to_owned(),
            previous: if head.seq == 0 { seal::chain_start() } else { head.hash.clone() },
            hash: String::new(),
        };
        entry.hash = seal::chain_hash(&entry);
        *head = ChainHead { seq: entry.seq, hash: entry.hash.clone(), signature: None };
        entry
    });
    made.collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_floods_its_record_is_held_up_and_nobody_else_is() {
    let server = TestServer::start().await;
    let (flood, honest) =
        (FakeAgent::of(&server, server.ours).await, FakeAgent::of(&server, server.ours).await);
    let mut head = ChainHead::default();
    let chain = Chain { entries: entries(&mut head, 100), head };
    let mut stored = 0;
    let refused = loop {
        let answer = flood.post("chain", &chain).await;
        if answer.status != 200 {
            break answer.problem(429);
        }
        stored += 1;
        assert!(stored < 1_000, "a hundred thousand entries in a moment, and no end");
    };
    assert!(refused.retry_after_seconds.is_some());
    let mut own = ChainHead::default();
    let entries = entries(&mut own, 3);
    let answer = honest.post("chain", &Chain { entries, head: own.clone() }).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
}
