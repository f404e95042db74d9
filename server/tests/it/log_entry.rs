//! Log entries: stored once, acknowledged after the commit, bounded, found again, kept for their time; and where agents
//! are told to look.

use crate::support::{
    agent::FakeAgent,
    server::{TestServer, each_engine as each_server},
    world::{World, each_engine, noon},
};
use chrono::{DateTime, Duration, Utc};
use domain::AgentCx;
use entity::{
    id::DeviceId,
    log_entry::{
        LogEntry, LogEntryView, LogLevel, LogQuery, LogSources, LogSourcesInput, LogSourcesView, LogTotals,
        SettingScope,
    },
    page::Page,
    portal_event::PortalEvent,
    presence::LinkKind,
    problem::ProblemCode,
    user::Role,
    wire::{Logs, LogsAnswer, SpooledEntry, ToAgent, ToServer, limits::LOG_ENTRIES_PER_MESSAGE_MAX},
};
use serde_json::json;

pub fn entry(position: u64, at: DateTime<Utc>, level: LogLevel, message: &str) -> SpooledEntry {
    let entry = LogEntry { at, level, source: "/var/log/app.log".to_owned(), message: message.to_owned() };
    SpooledEntry { position, entry }
}

pub fn logs(entries: Vec<SpooledEntry>) -> Logs {
    Logs { entries, dropped_total: 0, suppressed_total: 0 }
}

pub async fn append(cx: &AgentCx, entries: Vec<SpooledEntry>) -> domain::Result<LogsAnswer> {
    domain::log_entry::append(cx, LinkKind::Socket, logs(entries)).await
}

async fn found(world: &World, query: &LogQuery) -> Page<LogEntryView> {
    domain::log_entry::list(&world.admin, query).await.expect("a list")
}

fn messages(page: &Page<LogEntryView>) -> Vec<&str> {
    page.items.iter().map(|entry| entry.message.as_str()).collect()
}

#[tokio::test]
async fn a_repeated_entry_is_stored_once_and_what_it_says_can_harm_nobody() {
    each_engine(|world| async move {
        let (device, agent) = world.device().await;
        let batch = vec![
            entry(7, noon() - Duration::seconds(2), LogLevel::Error, "\u{1b}[31mred\u{0}\u{202e}"),
            entry(9, noon() - Duration::seconds(1), LogLevel::Warn, &"x".repeat(9_000)),
        ];
        for _ in 0..3 {
            let answer = append(&agent, batch.clone()).await.expect("stored");
            assert_eq!((answer.received, answer.position), (2, 9));
        }
        let page = found(&world, &LogQuery::default()).await;
        assert_eq!(page.items.len(), 2);
        assert_eq!(page.items[0].message.len(), 2_000);
        assert_eq!(page.items[1].message, r"\x1b[31mred\x00\u{202e}");
        assert_eq!((page.items[1].position, page.items[1].level), (7, LogLevel::Error));
        assert_eq!(page.items[1].device_id, device.agent_id);
        assert_eq!(page.items[1].business_name, "Acme");
    })
    .await;
}

#[tokio::test]
async fn what_cannot_be_is_refused_or_put_right() {
    each_engine(|world| async move {
        let (_, agent) = world.device().await;
        let problem = |outcome: domain::Result<LogsAnswer>| outcome.expect_err("refused").problem();
        let backwards = vec![entry(2, noon(), LogLevel::Warn, "a"), entry(2, noon(), LogLevel::Warn, "b")];
        assert_eq!(problem(append(&agent, backwards).await).field.as_deref(), Some("entries"));
        let many = (0..=LOG_ENTRIES_PER_MESSAGE_MAX as u64).map(|n| entry(n, noon(), LogLevel::Warn, "x"));
        assert_eq!(problem(append(&agent, many.collect()).await).code, ProblemCode::Invalid);
        let odd = vec![
            entry(1, noon() + Duration::days(400), LogLevel::Warn, "from the future"),
            entry(2, noon() - Duration::days(31), LogLevel::Warn, "too old"),
            entry(u64::MAX, noon(), LogLevel::Warn, "the last number"),
        ];
        assert_eq!(append(&agent, odd).await.expect("stored").received, 3);
        let page = found(&world, &LogQuery::default()).await;
        assert_eq!(page.items.len(), 2, "{:?}", messages(&page));
        assert!(page.items.iter().all(|entry| entry.at == noon()), "a clock that is wrong loses nothing");
        assert_eq!(append(&agent, vec![]).await.expect("nothing").received, 0);
    })
    .await;
}

#[tokio::test]
async fn entries_are_found_by_every_filter_and_page_by_page() {
    each_engine(|world| async move {
        let (first, agent) = world.device().await;
        let (_, other) = world.device().await;
        let at = |seconds: i64| noon() - Duration::seconds(seconds);
        let mut all = Vec::new();
        for number in 1..=25_u64 {
            let level = [LogLevel::Critical, LogLevel::Error, LogLevel::Warn][number as usize % 3];
            all.push(entry(number, at(100 - number as i64), level, &format!("Line {number} 5%_x")));
        }
        append(&agent, all).await.expect("stored");
        // The same moment as another one's, so that only device and position tell them apart.
        append(&other, vec![entry(1, at(90), LogLevel::Error, "Other ÄRGER")]).await.expect("stored");

        let mut query = LogQuery { limit: Some(7), ..LogQuery::default() };
        let mut seen = Vec::new();
        loop {
            let page = found(&world, &query).await;
            assert!(page.items.len() <= 7);
            seen.extend(page.items.iter().map(|entry| (entry.at, entry.device_id, entry.position)));
            let Some(cursor) = page.next_cursor else { break };
            query.cursor = Some(cursor);
        }
        assert_eq!(seen.len(), 26);
        let mut sorted = seen.clone();
        sorted.sort_by_key(|(at, ..)| std::cmp::Reverse(*at));
        sorted.dedup();
        assert_eq!(sorted.len(), 26, "none twice");
        assert!(seen.is_sorted_by(|one, next| one.0 >= next.0), "newest first");

        let by = |query: LogQuery| found_count(&world, query);
        let one = LogQuery { device_id: Some(first.agent_id), ..LogQuery::default() };
        assert_eq!(by(one.clone()).await, 25);
        assert_eq!(by(LogQuery { level: Some(LogLevel::Critical), ..one.clone() }).await, 8);
        assert_eq!(by(LogQuery { level: Some(LogLevel::Error), ..one.clone() }).await, 17);
        assert_eq!(by(LogQuery { level: Some(LogLevel::Warn), ..one.clone() }).await, 25);
        assert_eq!(by(LogQuery { from: Some(at(80)), to: Some(at(75)), ..one.clone() }).await, 5);
        assert_eq!(by(LogQuery { source: Some("/var/log".to_owned()), ..one.clone() }).await, 25);
        assert_eq!(by(LogQuery { source: Some("app".to_owned()), ..one.clone() }).await, 0);
        assert_eq!(by(LogQuery { search: Some("line 7 5%_".to_owned()), ..one.clone() }).await, 1);
        assert_eq!(by(LogQuery { search: Some("5x".to_owned()), ..one }).await, 0, "taken literally");
        assert_eq!(by(LogQuery { search: Some("other".to_owned()), ..LogQuery::default() }).await, 1);
        assert_eq!(by(LogQuery { business_id: Some(world.neighbour), ..LogQuery::default() }).await, 0);
        let stray = LogQuery { cursor: Some("x".to_owned()), ..LogQuery::default() };
        let problem = domain::log_entry::list(&world.admin, &stray).await.expect_err("refused").problem();
        assert_eq!(problem.field.as_deref(), Some("cursor"));
    })
    .await;
}

#[tokio::test]
async fn a_businesss_entries_come_in_order_however_long_ago_they_were() {
    each_engine(|world| async move {
        let (_, agent) = world.device().await;
        let (_, other) = world.device().await;
        let minutes = [0, 1, 14, 15, 16, 119, 120, 121, 1_439, 1_440, 1_441, 7_200, 14_400, 14_401, 41_000];
        for (cx, offset) in [(&agent, 0), (&other, 7)] {
            let oldest_first = minutes.iter().rev().zip(1..);
            let batch = oldest_first.map(|(ago, position)| {
                let at = noon() - Duration::minutes(*ago) - Duration::seconds(offset);
                entry(position, at, LogLevel::Error, &format!("{ago} and {offset}"))
            });
            append(cx, batch.collect()).await.expect("stored");
        }
        let expected: Vec<String> =
            minutes.iter().flat_map(|ago| [0, 7].map(|offset| format!("{ago} and {offset}"))).collect();
        for (limit, search) in [(1, None), (2, None), (7, None), (50, None), (4, Some("and".to_owned()))] {
            let business_id = Some(world.business);
            let mut query = LogQuery { business_id, limit: Some(limit), search, ..LogQuery::default() };
            let mut seen = Vec::new();
            loop {
                let page = found(&world, &query).await;
                seen.extend(messages(&page).into_iter().map(str::to_owned));
                assert!(seen.len() <= expected.len(), "an end");
                let Some(cursor) = page.next_cursor else { break };
                query.cursor = Some(cursor);
            }
            assert_eq!(seen, expected, "{limit} a page");
        }
        let before = noon() - Duration::days(2);
        let old = LogQuery { business_id: Some(world.business), to: Some(before), ..LogQuery::default() };
        assert_eq!(found_count(&world, old).await, 8);
    })
    .await;
}

async fn found_count(world: &World, query: LogQuery) -> usize {
    found(world, &query).await.items.len()
}

#[tokio::test]
async fn nobody_sees_a_neighbours_entries_and_a_device_that_moves_takes_its_own_along() {
    each_engine(|world| async move {
        let (device, agent) = world.device().await;
        append(&agent, vec![entry(1, noon(), LogLevel::Error, "secret of ours")]).await.expect("stored");
        let theirs = world.person(Role::BusinessOwner, Some(world.neighbour), &[]).await;
        let ours = world.person(Role::Contact, Some(world.business), &[]).await;
        let count =
            async |cx| domain::log_entry::list(cx, &LogQuery::default()).await.expect("a list").items.len();
        assert_eq!((count(&theirs).await, count(&ours).await), (0, 1));
        let of = LogQuery { device_id: Some(device.agent_id), ..LogQuery::default() };
        assert_eq!(domain::log_entry::list(&theirs, &of).await.expect("a list").items.len(), 0);
        let refused = domain::log_entry::of_device(&theirs, device.agent_id, &LogQuery::default()).await;
        assert_eq!(refused.expect_err("not theirs").problem().code, ProblemCode::NotFound);
        let admin = world.admin_now().await;
        let input = entity::device::DeviceTransferInput {
            business_id: world.neighbour,
            service_location_id: Some(world.neighbour_location),
        };
        domain::device::transfer(&admin.confirmed().expect("just now"), device.agent_id, input)
            .await
            .expect("moved");
        assert_eq!((count(&theirs).await, count(&ours).await), (1, 0));
    })
    .await;
}

#[tokio::test]
async fn entries_go_after_their_time_and_totals_only_grow() {
    each_engine(|world| async move {
        let (device, agent) = world.device().await;
        let batch =
            |position: u64, days: i64| entry(position, noon() - Duration::days(days), LogLevel::Warn, "x");
        append(&agent, vec![batch(1, 29), batch(2, 20), batch(3, 0)]).await.expect("stored");
        world.clock.advance(Duration::seconds(2 * 86_400));
        assert_eq!(domain::job::drop_logs(&world.job()).await.expect("dropped"), 1);
        assert_eq!(domain::job::drop_logs(&world.job()).await.expect("dropped"), 0);
        assert_eq!(found(&world, &LogQuery::default()).await.items.len(), 2);
        for (dropped_total, suppressed_total) in [(3, 100), (5, 90), (4, 120)] {
            let message = Logs { entries: vec![], dropped_total, suppressed_total };
            domain::log_entry::append(&agent, LinkKind::Socket, message).await.expect("stored");
        }
        let view = domain::log_entry::get_device(&world.admin, device.agent_id).await.expect("a view");
        assert_eq!(view.totals, Some(LogTotals { dropped: 5, suppressed: 120 }));
    })
    .await;
}

#[tokio::test]
async fn the_closest_decision_about_log_sources_counts() {
    each_engine(|world| async move {
        let (device, _) = world.device().await;
        let id = device.agent_id;
        let input =
            |files: &str| LogSourcesInput { inherits: false, system_log: false, files: files.to_owned() };
        let inherits = || LogSourcesInput { inherits: true, ..LogSourcesInput::default() };
        let seen = async |world: &World| {
            let view = domain::log_entry::get_device(&world.admin, id).await.expect("a view");
            (view.scope, view.sources)
        };
        assert_eq!(seen(&world).await, (SettingScope::BuiltIn, LogSources::default()));
        let sources = |file: &str| LogSources { system_log: false, files: vec![file.to_owned()] };
        domain::log_entry::set_default(&world.admin, input("/a.log")).await.expect("set");
        assert_eq!(seen(&world).await, (SettingScope::Msp, sources("/a.log")));
        domain::log_entry::set_business(&world.admin, world.business, input("/b.log")).await.expect("set");
        assert_eq!(seen(&world).await, (SettingScope::Business, sources("/b.log")));
        domain::log_entry::set_device(&world.admin, id, input("/c.log")).await.expect("set");
        domain::log_entry::set_device(&world.admin, id, input("/d.log")).await.expect("set again");
        assert_eq!(seen(&world).await, (SettingScope::Device, sources("/d.log")));
        let technician = world.person(Role::Technician, None, &[world.business]).await;
        domain::log_entry::set_device(&technician, id, inherits()).await.expect("a technician may");
        assert_eq!(seen(&world).await, (SettingScope::Business, sources("/b.log")));
        let view = domain::log_entry::get_business(&world.admin, world.neighbour).await.expect("a view");
        assert_eq!(view.scope, SettingScope::Msp, "the neighbour has the default");
        let refused =
            domain::log_entry::set_default(&technician, input("/x.log")).await.expect_err("refused");
        assert_eq!(refused.problem().code, ProblemCode::Forbidden);
        let wrong =
            domain::log_entry::set_device(&world.admin, id, input("../x")).await.expect_err("refused");
        assert_eq!(wrong.problem().field.as_deref(), Some("files"));
        let contact = world.person(Role::Contact, Some(world.business), &[]).await;
        let refused = domain::log_entry::set_device(&contact, id, inherits()).await.expect_err("refused");
        assert_eq!(refused.problem().code, ProblemCode::Forbidden);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn agents_send_over_either_link_and_hear_at_once_of_other_sources() {
    each_server(async |server: TestServer| {
        let agent = FakeAgent::of(&server, server.ours).await;
        let (mut socket, welcome) = agent.connect().await;
        assert_eq!(welcome.settings.log_sources, LogSources::default());
        let mut events = server.store().events();
        let at = noon();
        let many: Vec<_> = (1..=5).map(|n| entry(n, at, LogLevel::Warn, "over the socket")).collect();
        socket.send(&ToServer::Logs(logs(many))).await;
        assert_eq!(socket.next().await, ToAgent::LogsAck { position: 5 });
        let mut was_told = false;
        while let Ok(event) = events.try_recv() {
            was_told |= matches!(event, PortalEvent::Logs { device_id, .. } if device_id == agent.id);
        }
        assert!(was_told, "open pages hear of it");
        let posted: LogsAnswer =
            agent.post("logs", &logs(vec![entry(6, at, LogLevel::Error, "over HTTP")])).await.expect(200);
        assert_eq!((posted.received, posted.position), (1, 6));
        let path = format!("/agents/{}/logs", agent.id);
        let page: Page<LogEntryView> = server.admin.get(&format!("{path}?limit=3")).await.expect(200);
        assert_eq!((page.items.len(), page.items[0].message.as_str()), (3, "over HTTP"));
        let cursor = page.next_cursor.expect("more");
        let page: Page<LogEntryView> = server.admin.get(&format!("{path}?cursor={cursor}")).await.expect(200);
        assert_eq!(page.items.len(), 3);
        let page: Page<LogEntryView> = server.admin.get("/logs?level=error&search=http").await.expect(200);
        assert_eq!(page.items.len(), 1);

        let asked = json!({"system_log": true, "files": "/var/log/app/*.log\n"});
        let set: LogSourcesView = server
            .admin
            .call("PUT", &format!("/agents/{}/log-sources", agent.id), Some(&asked))
            .await
            .expect(200);
        assert_eq!(set.scope, SettingScope::Device);
        let ToAgent::Config { settings } = socket.next().await else { panic!("no settings") };
        assert_eq!(settings.log_sources.files, ["/var/log/app/*.log"]);
        let bad = json!({"system_log": true, "files": "/etc/shadow"});
        let refused = server.admin.call("PUT", "/log-sources", Some(&bad)).await;
        assert_eq!(refused.status, 422);
        assert!(refused.body.contains("\"files\""), "{}", refused.body);
        socket
            .send(&ToServer::Logs(logs(vec![
                entry(9, at, LogLevel::Warn, "b"),
                entry(8, at, LogLevel::Warn, "a"),
            ])))
            .await;
        assert!(matches!(socket.next().await, ToAgent::Unsupported { .. }));
    })
    .await;
}

/// For other tests: what there is of a device.
pub async fn stored(world: &World, id: DeviceId) -> usize {
    found_count(world, LogQuery { device_id: Some(id), limit: Some(200), ..LogQuery::default() }).await
}
