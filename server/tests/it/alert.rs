//! Alerts: a burst of errors opens one and no more, people take it on and resolve it, quiet ends it, and a restart
//! forgets nothing.

use crate::{
    log_entry::{append, entry, stored},
    support::{
        agent::FakeAgent,
        server::{TestServer, each_engine as each_server},
        world::{World, each_engine, noon},
    },
};
use chrono::{DateTime, Duration, Utc};
use domain::{AgentCx, Cx, SystemCx};
use entity::{
    activity::ActivityKind,
    alert::{AlertQuery, AlertState, AlertView, LogBurstInput, LogBurstView, ResolveInput, Severity},
    audit::AuditQuery,
    log_entry::{LogLevel, SettingScope},
    page::Page,
    problem::ProblemCode,
    user::Role,
    wire::ToServer,
};
use serde_json::{Value, json};

async fn alerts(world: &World) -> Vec<AlertView> {
    alerts_of(&world.admin).await
}

async fn alerts_of(cx: &Cx) -> Vec<AlertView> {
    domain::alert::list(cx, &AlertQuery::default()).await.expect("a list").items
}

/// So many errors, one a second, the last of them now.
async fn errors(agent: &AgentCx, from: u64, count: u64, last: DateTime<Utc>) {
    let error = |n: u64| {
        let at = last - Duration::seconds((count - 1 - n).cast_signed());
        entry(from + n, at, LogLevel::Error, "failed")
    };
    append(agent, (0..count).map(error).collect()).await.expect("stored");
}

#[tokio::test]
async fn a_burst_opens_one_alert_and_repeats_open_none() {
    each_engine(|world| async move {
        let (device, agent) = world.device().await;
        errors(&agent, 1, 9, noon()).await;
        let warnings = (20..60).map(|n| entry(n, noon(), LogLevel::Warn, "warned")).collect();
        append(&agent, warnings).await.expect("stored");
        assert_eq!(alerts(&world).await.len(), 0, "nine errors and any number of warnings are no burst");
        errors(&agent, 100, 1, noon()).await;
        let open = alerts(&world).await;
        assert_eq!(open.len(), 1);
        let alert = &open[0];
        assert_eq!((alert.state, alert.severity), (AlertState::Firing, Severity::Critical));
        assert_eq!((alert.metric_value, alert.threshold_value), (Some(10.0), Some(10.0)));
        assert_eq!(alert.message, "10 errors within 60 seconds");
        assert_eq!((alert.device_id, alert.triggered_at), (device.agent_id, noon()));
        errors(&agent, 100, 1, noon()).await;
        errors(&agent, 200, 5, noon()).await;
        let still = alerts(&world).await;
        assert_eq!(still.len(), 1);
        assert_eq!(still[0].metric_value, Some(15.0), "the worst of it");
        assert_eq!(stored(&world, device.agent_id).await, 55);
        let activity =
            domain::device::activity(&world.admin, device.agent_id, None, None).await.expect("some");
        let told = activity.items.iter().filter(|item| item.kind == ActivityKind::Alert).count();
        assert_eq!(told, 1);
        assert_eq!(domain::overview::get(&world.admin).await.expect("one").open_alerts, 1);
        let (_, other) = world.device().await;
        errors(&other, 1, 10, noon()).await;
        assert_eq!(alerts(&world).await.len(), 2, "one for each device");
    })
    .await;
}

#[tokio::test]
async fn people_take_it_on_and_resolve_it_and_what_they_settled_is_not_counted_again() {
    each_engine(|world| async move {
        let (_, agent) = world.device().await;
        errors(&agent, 1, 10, noon()).await;
        let id = alerts(&world).await[0].id;
        let contact = world.person(Role::Contact, Some(world.business), &[]).await;
        let refused = domain::alert::acknowledge(&contact, id).await.expect_err("refused").problem();
        assert_eq!(refused.code, ProblemCode::Forbidden);
        let stranger = world.person(Role::BusinessOwner, Some(world.neighbour), &[]).await;
        let hidden =
            domain::alert::resolve(&stranger, id, ResolveInput::default()).await.expect_err("hidden");
        assert_eq!(hidden.problem().code, ProblemCode::NotFound);
        let technician = world.person(Role::Technician, None, &[world.business]).await;
        let taken = domain::alert::acknowledge(&technician, id).await.expect("taken on");
        assert_eq!(taken.state, AlertState::Acknowledged);
        assert_eq!(taken.acknowledged_by.as_deref(), Some(Role::Technician.label()));
        let twice = domain::alert::acknowledge(&world.admin, id).await.expect_err("twice").problem();
        assert_eq!(twice.code, ProblemCode::Conflict);
        errors(&agent, 50, 3, noon()).await;
        assert_eq!(alerts(&world).await.len(), 1, "the same one goes on while somebody has it");
        world.clock.advance(Duration::seconds(5));
        let long = ResolveInput { notes: "x".repeat(1_001) };
        let problem = domain::alert::resolve(&technician, id, long).await.expect_err("refused").problem();
        assert_eq!(problem.field.as_deref(), Some("notes"));
        let notes = ResolveInput { notes: " The disk was full.\nIt is not any more. ".to_owned() };
        let over = domain::alert::resolve(&technician, id, notes).await.expect("resolved");
        assert_eq!(
            (over.state, over.resolved_at),
            (AlertState::Resolved, Some(noon() + Duration::seconds(5)))
        );
        assert_eq!(over.resolution_notes.as_deref(), Some("The disk was full.\nIt is not any more."));
        let again = domain::alert::resolve(&technician, id, ResolveInput::default()).await.expect_err("over");
        assert_eq!(again.problem().code, ProblemCode::Conflict);
        let query = AuditQuery { action: Some("alert.".to_owned()), ..AuditQuery::default() };
        let written = domain::audit::list(&world.admin, &query).await.expect("entries").items;
        let actions: Vec<_> = written.iter().map(|entry| entry.action.as_str()).collect();
        assert_eq!(actions, ["alert.resolve", "alert.acknowledge"]);

        errors(&agent, 100, 1, noon() + Duration::seconds(6)).await;
        assert_eq!(alerts(&world).await.len(), 1, "errors from before it was settled do not count again");
        errors(&agent, 200, 9, noon() + Duration::seconds(20)).await;
        let both = alerts(&world).await;
        assert_eq!(
            both.iter().map(|alert| alert.state).collect::<Vec<_>>(),
            [AlertState::Firing, AlertState::Resolved]
        );
    })
    .await;
}

#[tokio::test]
async fn quiet_ends_it_and_a_restart_in_between_forgets_nothing() {
    each_engine(|world| async move {
        let (device, agent) = world.device().await;
        errors(&agent, 1, 6, noon()).await;
        let config = domain::Config {
            database_url: world.database_url.clone(),
            data_dir: world.folder().to_owned(),
            public_url: world.store.public_url().to_owned(),
            command_key_file: None,
        };
        world.store.close().await;
        let store = domain::Store::open(config, world.clock.clone()).await.expect("opens again");
        let admin = crate::support::world::cx(&store, &world.admin_secret).await;
        let agent = domain::agent_token::authenticate(&store, &device.agent_token).await.expect("good");
        errors(&agent, 50, 4, noon()).await;
        assert_eq!(alerts_of(&admin).await.len(), 1, "six before and four after");
        let clear =
            async || domain::job::clear_alerts(&SystemCx::new(&store, "test")).await.expect("cleared");
        world.clock.advance(Duration::seconds(400));
        errors(&agent, 100, 12, noon() + Duration::seconds(400)).await;
        world.clock.advance(Duration::seconds(599));
        assert_eq!(clear().await, 0, "a burst began the quiet anew");
        errors(&agent, 200, 3, noon() + Duration::seconds(999)).await;
        world.clock.advance(Duration::seconds(1));
        assert_eq!(clear().await, 1, "a few errors are no burst");
        assert_eq!(clear().await, 0);
        let over = alerts_of(&admin).await;
        assert_eq!((over.len(), over[0].state), (1, AlertState::AutoResolved));
        assert_eq!(over[0].resolved_by, None);
        assert_eq!(domain::overview::get(&admin).await.expect("one").open_alerts, 0);
    })
    .await;
}

#[tokio::test]
async fn a_business_decides_what_a_burst_is() {
    each_engine(|world| async move {
        let (_, agent) = world.device().await;
        let input = |threshold, is_active| LogBurstInput {
            inherits: false,
            is_active,
            threshold,
            window_seconds: 10,
            quiet_seconds: 60,
        };
        domain::alert::set_default(&world.admin, input(3, true)).await.expect("set");
        domain::alert::set_business(&world.admin, world.business, input(5, false)).await.expect("set");
        errors(&agent, 1, 8, noon()).await;
        assert_eq!(alerts(&world).await.len(), 0, "switched off here");
        let set =
            domain::alert::set_business(&world.admin, world.business, input(5, true)).await.expect("set");
        assert_eq!((set.scope, set.rule.threshold), (SettingScope::Business, 5));
        errors(&agent, 100, 4, noon() + Duration::seconds(60)).await;
        assert_eq!(alerts(&world).await.len(), 0);
        errors(&agent, 200, 5, noon() + Duration::seconds(120)).await;
        assert_eq!(alerts(&world).await.len(), 1);
        let back = LogBurstInput { inherits: true, ..input(1, true) };
        let set = domain::alert::set_business(&world.admin, world.business, back).await.expect("set");
        assert_eq!((set.scope, set.rule.threshold), (SettingScope::Msp, 3));
        assert_eq!(alerts(&world).await.len(), 1, "what fired stays when its rule goes");
        let wrong = domain::alert::set_default(&world.admin, input(0, true)).await.expect_err("refused");
        assert_eq!(wrong.problem().field.as_deref(), Some("threshold"));
        let contact = world.person(Role::BusinessOwner, Some(world.business), &[]).await;
        let refused = domain::alert::set_business(&contact, world.business, input(1, true)).await;
        assert_eq!(refused.expect_err("refused").problem().code, ProblemCode::Forbidden);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn alerts_go_over_rest_from_the_agents_errors_to_the_end() {
    each_server(async |server: TestServer| {
        let agent = FakeAgent::of(&server, server.ours).await;
        let (mut socket, _) = agent.connect().await;
        let at = noon();
        let many = (1..=10).map(|n| entry(n, at, LogLevel::Critical, "failed")).collect();
        socket.send(&ToServer::Logs(crate::log_entry::logs(many))).await;
        socket.next().await;
        let path = format!("/agents/{}/alerts", agent.id);
        let page: Page<AlertView> = server.admin.get(&format!("{path}?open=true")).await.expect(200);
        let id = page.items[0].id;
        let one: AlertView = server.admin.get(&format!("/alerts/{id}")).await.expect(200);
        assert_eq!(one.state, AlertState::Firing);
        let _: AlertView =
            server.admin.post(&format!("/alerts/{id}/acknowledge"), &json!({})).await.expect(200);
        let notes = json!({"notes": "done"});
        let over: AlertView = server.admin.post(&format!("/alerts/{id}/resolve"), &notes).await.expect(200);
        assert_eq!(over.state, AlertState::Resolved);
        let page: Page<AlertView> = server.admin.get("/alerts?open=true").await.expect(200);
        assert!(page.items.is_empty());
        let page: Page<AlertView> =
            server.admin.get("/alerts?state=resolved&severity=critical").await.expect(200);
        assert_eq!((page.items.len(), page.total), (1, Some(1)));
        let rule: LogBurstView = server.admin.get("/alert-rules/log-burst").await.expect(200);
        assert_eq!(rule.scope, SettingScope::BuiltIn);
        let asked = json!({"is_active": true, "threshold": 4, "window_seconds": 30, "quiet_seconds": 0});
        let refused = server.admin.call("PUT", "/alert-rules/log-burst", Some(&asked)).await;
        let problem: Value = serde_json::from_str(&refused.body).expect("a problem");
        assert_eq!((refused.status.as_u16(), problem["field"].as_str()), (422, Some("quiet_seconds")));
    })
    .await;
}
