//! The queue of a device: its order, what is left out, what ends by time, and what a restart of the server leaves.

use super::{ask, look, next_command, note, poll, reboot};
use crate::support::{
    agent::FakeAgent,
    people::send,
    server::{TestServer, each_engine, field},
    world::Engine,
};
use entity::{
    command::{CommandDetail, CommandRow, CommandState, Order, RequestRow, SCRIPT_BYTES_MAX},
    device::DeviceTransferInput,
    page::Page,
    seal::{self, Purpose},
};
use serde_json::{Value, json};
use sim::Asked;
use std::collections::BTreeSet;

#[tokio::test(flavor = "multi_thread")]
async fn what_is_urgent_goes_first_and_equals_in_the_order_they_were_asked() {
    each_engine(async |server| {
        let agent = FakeAgent::of(&server, server.ours).await;
        let mut made = Vec::new();
        for priority in ["low", "normal", "high", "normal", "high"] {
            let asked = json!({ "payload": { "kind": "patch_scan" }, "priority": priority });
            made.push(ask(&server.admin, agent.id, &asked).await.command.id);
        }
        let (mut socket, _) = agent.connect().await;
        for index in [2, 4, 1, 3, 0] {
            assert_eq!(next_command(&mut socket).await.order.command_id, made[index]);
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_is_not_there_is_left_out_where_that_was_asked() {
    each_engine(async |server| {
        let (away, here) =
            (FakeAgent::of(&server, server.ours).await, FakeAgent::of(&server, server.ours).await);
        let (mut socket, _) = here.connect().await;
        let asked = json!({ "payload": { "kind": "patch_scan" }, "on_offline": "skip" });
        let left_out = ask(&server.admin, away.id, &asked).await;
        assert_eq!(left_out.command.state, CommandState::Cancelled);
        assert!(left_out.command.detail.contains("offline"), "{}", left_out.command.detail);
        let sent = ask(&server.admin, here.id, &asked).await;
        assert_eq!(next_command(&mut socket).await.order.command_id, sent.command.id);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_decided_or_fetched_in_time_ends() {
    each_engine(async |server| {
        let agent = FakeAgent::of(&server, server.ours).await;
        let soon = json!({ "payload": { "kind": "patch_scan" }, "deliver_within_seconds": 60 });
        let unfetched = ask(&server.admin, agent.id, &soon).await;
        let strong =
            json!({ "payload": { "kind": "reboot", "delay_seconds": 0 }, "deliver_within_seconds": 60 });
        let undecided = ask(&server.admin, agent.id, &strong).await;
        server.advance(59);
        domain::job::pass_commands(&server.world.job()).await.expect("passed");
        domain::job::expire(&server.world.job()).await.expect("expired");
        assert_eq!(look(&server.admin, &unfetched).await.command.state, CommandState::Pending);
        server.advance(1);
        assert!(
            poll(&agent).await.commands.is_empty(),
            "its time is over, whether it was written down or not"
        );
        domain::job::pass_commands(&server.world.job()).await.expect("passed");
        domain::job::expire(&server.world.job()).await.expect("expired");
        for made in [unfetched, undecided] {
            let after = look(&server.admin, &made).await;
            assert_eq!(after.command.state, CommandState::Expired);
            assert!(!after.command.detail.is_empty());
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_goes_to_another_business_takes_nothing_along() {
    each_engine(async |server| {
        let agent = FakeAgent::of(&server, server.ours).await;
        let made = ask(&server.admin, agent.id, &note()).await;
        let admin = server.world.admin_now().await;
        let input = DeviceTransferInput { business_id: server.theirs.business, service_location_id: None };
        domain::device::transfer(&admin.confirmed().expect("just now"), agent.id, input)
            .await
            .expect("moved");
        let after = look(&server.admin, &made).await;
        assert_eq!(after.command.state, CommandState::Cancelled);
        assert_eq!(after.command.business_id, server.ours.business);
        let owner = server.person(entity::user::Role::BusinessOwner, server.theirs).await;
        assert_eq!(owner.get(&format!("/commands/{}", made.command.id)).await.status, 404);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_was_started_anew_hands_out_what_waited_with_keys_that_devices_know() {
    for engine in [Engine::Sqlite, Engine::Postgres] {
        let mut server = TestServer::on(engine).await;
        let agent = FakeAgent::of(&server, server.ours).await;
        let made = ask(&server.admin, agent.id, &note()).await;
        let root = server.store().signer().root_public();
        server.stop().await;
        let config = domain::Config {
            database_url: server.world.database_url.clone(),
            data_dir: server.world.folder().to_owned(),
            public_url: server.url.clone(),
            command_key_file: None,
        };
        let store = domain::Store::open(config, server.world.clock.clone()).await.expect("opens");
        let cx = domain::agent_token::authenticate(&store, &agent.token).await.expect("the device");
        let delivery =
            domain::command::deliver(&cx, domain::command::Occasion::Arrived).await.expect("found");
        let [envelope] = delivery.orders.as_slice() else { panic!("one command") };
        let at = crate::support::world::noon();
        let (order, _) = seal::open::<Order>(&root, Purpose::Order, envelope, at).expect("signed");
        assert_eq!(order.command_id, made.command.id);
        assert_eq!(Asked::read(envelope).expect("an order").order, order);
        store.close().await;
    }
}

/// A program that lost the answer asks again with the same key: one request, whatever comes in between and at once.
#[tokio::test(flavor = "multi_thread")]
async fn asked_again_with_the_same_key_it_is_asked_once() {
    each_engine(async |server| {
        let agent = FakeAgent::of(&server, server.ours).await;
        let path = format!("/api/v1/agents/{}/commands", agent.id);
        let ask = async |path: &str, key: &str, body: &Value| {
            let request = server.admin.request(reqwest::Method::POST, path);
            send(request.header("Idempotency-Key", key).json(body)).await
        };
        let strong = reboot();
        let at_once = futures::future::join_all((0..6).map(|_| ask(&path, "one", &strong))).await;
        let ids: BTreeSet<String> =
            at_once.into_iter().map(|answer| field(&answer.expect::<Value>(201)["command"], "id")).collect();
        assert_eq!(ids.len(), 1, "{ids:?}");
        let other = ask(&path, "one", &note()).await.problem(409);
        assert_eq!(other.field.as_deref(), Some("Idempotency-Key"));
        let fresh: CommandDetail = ask(&path, "two", &reboot()).await.expect(201);
        assert!(!ids.contains(&fresh.command.id.to_string()));
        let many = json!({ "targets": [agent.id], "command": note() });
        let first: Vec<RequestRow> = ask("/api/v1/commands", "three", &many).await.expect(201);
        let again: Vec<RequestRow> = ask("/api/v1/commands", "three", &many).await.expect(201);
        assert_eq!(again[0].id, first[0].id);
        assert_eq!(
            ask(&path, &"k".repeat(129), &note()).await.problem(422).field.as_deref(),
            Some("Idempotency-Key")
        );
        let all: Page<CommandRow> = server.admin.get("/commands").await.expect(200);
        assert_eq!(all.items.len(), 3);
    })
    .await;
}

/// What is promised of scripts passes both faces, and what is longer is refused by its name.
#[tokio::test(flavor = "multi_thread")]
async fn a_script_of_the_promised_size_passes_the_portal_and_the_api() {
    let server = TestServer::start().await;
    let line = "echo \"ä & b\"\n";
    let good = line.repeat(SCRIPT_BYTES_MAX / line.len());
    let long = "x".repeat(SCRIPT_BYTES_MAX + 1);
    let agent = FakeAgent::of(&server, server.ours).await;
    for (script, status) in [(&good, 201), (&long, 422)] {
        let payload = json!({ "kind": "run_script", "shell": "sh", "script": script });
        let path = format!("/agents/{}/commands", agent.id);
        let answer = server.admin.post(&path, &json!({ "payload": payload })).await;
        assert_eq!(answer.status, status, "{}", answer.body);
        assert!(status == 201 || answer.problem(422).field.is_some_and(|field| field.contains("script")));
        let name = format!("Long {status}");
        let asked = json!({ "script_name": name, "version": { "shell": "sh", "script": script } });
        assert_eq!(server.admin.post("/scripts", &asked).await.status, status);
        let form =
            [("form[script_name]", "By form"), ("form[shell]", "sh"), ("form[script]", script.as_str())];
        let answer =
            send(server.admin.request(reqwest::Method::POST, "/portal/script/add").form(&form)).await;
        assert_eq!(
            answer.status.is_success() || answer.status.is_redirection(),
            status == 201,
            "{}",
            answer.body
        );
        assert!(status == 201 || answer.body.contains("script"), "{}", answer.body);
        let form = [
            ("form[devices]", agent.id.to_string()),
            ("form[kind]", "run_script".to_owned()),
            ("form[shell]", "sh".to_owned()),
            ("form[script]", script.clone()),
        ];
        let answer =
            send(server.admin.request(reqwest::Method::POST, "/portal/command/create").form(&form)).await;
        assert_eq!(
            answer.status.is_success() || answer.status.is_redirection(),
            status == 201,
            "{}",
            answer.body
        );
    }
    let huge = [("form[script]", "x".repeat(2 * 1024 * 1024))];
    let answer = send(server.admin.request(reqwest::Method::POST, "/portal/script/add").form(&huge)).await;
    assert_eq!(answer.status, 413);
    let other = [("name", "x".repeat(128 * 1024))];
    let answer = send(server.admin.request(reqwest::Method::POST, "/portal/business/add").form(&other)).await;
    assert_eq!(answer.status, 413, "other forms are short");
}
