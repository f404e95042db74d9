//! Error reports: what agents send is counted and kept in bounds, and shown to those who reach the device.

use crate::support::{
    agent::FakeAgent,
    people::{Answer, send},
    server::{TestServer, event},
    world::{each_engine, noon},
};
use chrono::{DateTime, Duration, Utc};
use domain::{AgentCx, Cx, error_report as verb};
use entity::{
    audit::{AuditEntryView, AuditQuery},
    error_report::{
        ErrorDecision, ErrorGroupView, ErrorReport, ErrorReportQuery, ErrorReportView, ErrorState,
        REPORT_BYTES_MAX,
    },
    id::{DeviceId, ErrorReportId},
    page::Page,
    portal_event::PortalEvent,
    problem::{Problem, ProblemCode},
    user::Role,
};
use reqwest::Method;
use serde_json::{Value, json};

fn report(device: DeviceId, error_type: &str, message: &str, at: DateTime<Utc>) -> ErrorReport {
    ErrorReport {
        report_id: Some(ErrorReportId(uuid::Uuid::now_v7())),
        agent_id: device,
        error_type: error_type.to_owned(),
        error_message: message.to_owned(),
        details: json!({ "place": "run.rs:1" }),
        timestamp: at,
        first_at: None,
        count: 1,
        agent_version: "0.1.0".to_owned(),
        failed_version: None,
        log_snippet: Some("one\ntwo".to_owned()),
    }
}

async fn takes(agent: &AgentCx, report: ErrorReport) {
    verb::receive(agent, report).await.expect("taken");
}

async fn groups(cx: &Cx) -> Vec<ErrorGroupView> {
    verb::groups(cx, &ErrorReportQuery::default()).await.expect("groups").items
}

async fn rows(cx: &Cx, query: &ErrorReportQuery) -> Vec<ErrorReportView> {
    verb::list(cx, query).await.expect("a page").items
}

fn code<T>(result: domain::Result<T>) -> Option<(ProblemCode, Option<String>)> {
    result.err().map(Problem::from).map(|problem| (problem.code, problem.field))
}

const fn decided(state: ErrorState, device_id: Option<DeviceId>) -> ErrorDecision {
    ErrorDecision { state, device_id }
}

#[tokio::test]
async fn the_same_error_is_one_row_a_device_and_one_group_for_all() {
    each_engine(|world| async move {
        let (one, first) = world.device().await;
        let (two, second) = world.device().await;
        let at = noon() - Duration::hours(1);
        let sent = ErrorReport { count: 7, ..report(one.agent_id, "disk_full", "12 bytes are missing", at) };
        takes(&first, sent.clone()).await;
        takes(&first, sent.clone()).await;
        takes(&first, report(one.agent_id, "disk_full", "99 bytes are missing", noon())).await;
        takes(&first, sent).await;
        takes(&second, report(two.agent_id, "disk_full", "5 bytes are missing", at)).await;
        takes(&second, report(two.agent_id, "other", "5 bytes are missing", at)).await;

        let found = groups(&world.admin).await;
        assert_eq!(found.len(), 2, "{found:?}");
        let full = &found[0];
        assert_eq!((full.error_type.as_str(), full.devices, full.occurrences), ("disk_full", 2, 9));
        assert_eq!((full.first_at, full.last_at, full.state), (at, noon(), ErrorState::New));
        let of_first = ErrorReportQuery { device_id: Some(one.agent_id), ..ErrorReportQuery::default() };
        let row = rows(&world.admin, &of_first).await.pop().expect("a row");
        assert_eq!(
            (row.occurrences, row.error_message.as_str()),
            (8, "99 bytes are missing"),
            "the latest words"
        );
        assert_eq!((row.device_name.as_str(), row.business_name.as_str()), ("web-01", "Acme"));
        assert_eq!(
            (row.details["place"].as_str(), row.log_snippet.as_deref()),
            (Some("run.rs:1"), Some("one\ntwo"))
        );
        assert_eq!(verb::get(&world.admin, row.id).await.expect("found"), row);
        let options = verb::options(&world.admin).await.expect("options");
        assert_eq!(options.error_types, ["disk_full", "other"]);
        assert_eq!(
            options.kinds.iter().map(|kind| (kind.errors, kind.devices)).collect::<Vec<_>>(),
            [(1, 2), (1, 1)]
        );
    })
    .await;
}

#[tokio::test]
async fn what_is_resolved_is_new_again_when_it_comes_back_and_each_business_has_its_entry() {
    each_engine(|world| async move {
        let (one, first) = world.device().await;
        takes(&first, report(one.agent_id, "other", "it broke", noon())).await;
        let fingerprint = groups(&world.admin).await[0].fingerprint.clone();
        let decide = async |cx: &Cx, state| verb::decide(cx, &fingerprint, decided(state, None)).await;
        assert_eq!(decide(&world.admin, ErrorState::Seen).await.expect("seen").state, ErrorState::Seen);
        assert_eq!(code(decide(&world.admin, ErrorState::Seen).await), Some((ProblemCode::Conflict, None)));
        let invalid = Some((ProblemCode::Invalid, Some("state".to_owned())));
        assert_eq!(code(decide(&world.admin, ErrorState::New).await), invalid);
        takes(&first, report(one.agent_id, "other", "it broke", noon() + Duration::minutes(1))).await;
        assert_eq!(groups(&world.admin).await[0].state, ErrorState::Seen, "what is known is no news");

        world.clock.advance(Duration::minutes(10));
        let technician = world.person(Role::Technician, None, &[world.business]).await;
        assert_eq!(
            decide(&technician, ErrorState::Resolved).await.expect("resolved").state,
            ErrorState::Resolved
        );
        let row = rows(&world.admin, &ErrorReportQuery::default()).await.pop().expect("a row");
        assert_eq!(row.decided_by.as_deref(), Some("Technician"));
        assert_eq!(row.decided_at, Some(noon() + Duration::minutes(10)));
        takes(&first, report(one.agent_id, "other", "it broke", noon() + Duration::minutes(5))).await;
        assert_eq!(
            groups(&world.admin).await[0].state,
            ErrorState::Resolved,
            "what waited since before is no news"
        );
        takes(&first, report(one.agent_id, "other", "it broke", noon() + Duration::minutes(11))).await;
        let row = rows(&world.admin, &ErrorReportQuery::default()).await.pop().expect("a row");
        assert_eq!((row.state, row.decided_by, row.occurrences), (ErrorState::New, None, 4));

        let log = AuditQuery { action: Some("error_report.decide".to_owned()), ..AuditQuery::default() };
        let entries = domain::audit::list(&world.admin, &log).await.expect("entries").items;
        let told: Vec<_> = entries.iter().map(|entry| (entry.actor_name.as_str(), entry.device_id)).collect();
        assert_eq!(told, [("Technician", Some(one.agent_id)), ("Ada Admin", Some(one.agent_id))]);
        assert!(entries[0].summary.contains("it broke") && entries[0].business_id == Some(world.business));
    })
    .await;
}

#[tokio::test]
async fn a_device_fills_nothing_and_what_is_old_is_forgotten() {
    each_engine(|world| async move {
        let (device, agent) = world.device().await;
        let words: Vec<String> = (0..110_u8)
            .map(|n| format!("{}{} broke", char::from(b'a' + n / 26), char::from(b'a' + n % 26)))
            .collect();
        for (number, word) in words.iter().enumerate() {
            if number % 50 == 49 {
                world.clock.advance(Duration::minutes(11));
            }
            let at = noon() + Duration::seconds(i64::try_from(number).expect("small"));
            takes(&agent, report(device.agent_id, "other", word, at)).await;
        }
        let page = verb::list(&world.admin, &ErrorReportQuery::default()).await.expect("a page");
        assert_eq!(page.total, Some(100));
        let search =
            |text: &str| ErrorReportQuery { search: Some(text.to_owned()), ..ErrorReportQuery::default() };
        assert_eq!(rows(&world.admin, &search("aa broke")).await.len(), 0, "the oldest went");
        assert_eq!(rows(&world.admin, &search(&words[109].to_uppercase())).await.len(), 1);

        world.clock.advance(Duration::minutes(11));
        for _ in 0..60 {
            takes(&agent, report(device.agent_id, "other", &words[109], noon() + Duration::hours(1))).await;
        }
        let refused = verb::receive(&agent, report(device.agent_id, "other", "more", noon())).await;
        let refused = Problem::from(refused.expect_err("too many"));
        assert_eq!((refused.code, refused.retry_after_seconds), (ProblemCode::TooMany, Some(600)));

        world.clock.advance(Duration::days(90));
        domain::job::forget_errors(&world.job()).await.expect("done");
        let left = rows(&world.admin, &ErrorReportQuery::default()).await;
        assert_eq!(left.len(), 1, "only what was seen within ninety days");
        world.clock.advance(Duration::days(1));
        assert_eq!(domain::job::forget_errors(&world.job()).await.expect("done"), 1);
    })
    .await;
}

#[tokio::test]
async fn pages_and_filters_find_each_error_once() {
    each_engine(|world| async move {
        let (device, agent) = world.device().await;
        for (number, kind) in
            ["disk_full", "other", "unhandled_exception", "disk_full", "other"].iter().enumerate()
        {
            let at = noon() - Duration::days(i64::try_from(number).expect("small"));
            let message = format!("broke in a {} way", ["red", "green", "blue", "black", "pink"][number]);
            let version = if number == 2 { "0.2.0" } else { "0.1.0" };
            let sent = ErrorReport {
                agent_version: version.to_owned(),
                ..report(device.agent_id, kind, &message, at)
            };
            takes(&agent, sent).await;
        }
        let mut query = ErrorReportQuery { limit: Some(2), ..ErrorReportQuery::default() };
        let (mut of_groups, mut of_rows) = (Vec::new(), Vec::new());
        for _ in 0..3 {
            let page = verb::groups(&world.admin, &query).await.expect("a page");
            assert_eq!(page.total, Some(5));
            of_groups.extend(page.items.into_iter().map(|group| group.error_message));
            query.cursor = page.next_cursor;
        }
        assert_eq!(query.cursor, None);
        let first = verb::list(&world.admin, &query).await.expect("a page");
        let foreign = ErrorReportQuery { cursor: first.next_cursor.clone(), ..query.clone() };
        assert!(verb::groups(&world.admin, &foreign).await.is_err(), "a cursor of another list");
        for _ in 0..3 {
            let page = verb::list(&world.admin, &query).await.expect("a page");
            of_rows.extend(page.items.into_iter().map(|row| row.error_message));
            query.cursor = page.next_cursor;
        }
        assert_eq!(of_groups, of_rows);
        assert_eq!((of_groups.len(), of_groups[0].as_str()), (5, "broke in a red way"));

        let some = |change: fn(&mut ErrorReportQuery)| {
            let mut query = ErrorReportQuery::default();
            change(&mut query);
            query
        };
        for (what, query, expected) in [
            ("kind", some(|query| query.error_type = Some("disk_full".to_owned())), 2),
            ("version", some(|query| query.agent_version = Some("0.2.0".to_owned())), 1),
            ("state", some(|query| query.state = Some(ErrorState::Resolved)), 0),
            ("since", some(|query| query.since = noon().date_naive().pred_opt()), 2),
            ("search", some(|query| query.search = Some("BLUE way".to_owned())), 1),
            ("a kind's name", some(|query| query.search = Some("unexpected failure".to_owned())), 1),
            ("a pattern", some(|query| query.search = Some("%".to_owned())), 0),
        ] {
            assert_eq!(rows(&world.admin, &query).await.len(), expected, "{what}");
        }
        let of_neighbour =
            ErrorReportQuery { business_id: Some(world.neighbour), ..ErrorReportQuery::default() };
        assert_eq!(rows(&world.admin, &of_neighbour).await.len(), 0);
        for (field, query) in [
            ("error_type", some(|query| query.error_type = Some("a\0".to_owned()))),
            ("search", some(|query| query.search = Some("x".repeat(200)))),
            ("since", some(|query| query.since = chrono::NaiveDate::from_ymd_opt(-5, 1, 1))),
            ("limit", some(|query| query.limit = Some(0))),
        ] {
            let expected = Some((ProblemCode::Invalid, Some(field.to_owned())));
            assert_eq!(code(verb::list(&world.admin, &query).await), expected, "{field}");
            assert_eq!(code(verb::groups(&world.admin, &query).await), expected, "{field}");
        }
    })
    .await;
}

#[tokio::test]
async fn everybody_sees_the_errors_of_their_own_devices_alone() {
    each_engine(|world| async move {
        let (device, agent) = world.device().await;
        takes(&agent, report(device.agent_id, "other", "it broke", noon())).await;
        let row = rows(&world.admin, &ErrorReportQuery::default()).await.pop().expect("a row");
        let not_found = Some((ProblemCode::NotFound, None));
        for (role, home, granted) in [
            (Role::BusinessOwner, Some(world.neighbour), vec![]),
            (Role::Technician, None, vec![world.neighbour]),
        ] {
            let cx = world.person(role, home, &granted).await;
            assert!(groups(&cx).await.is_empty() && rows(&cx, &ErrorReportQuery::default()).await.is_empty());
            assert!(verb::options(&cx).await.expect("options").error_types.is_empty());
            assert_eq!(code(verb::get(&cx, row.id).await), not_found);
            let of = verb::of_device(&cx, device.agent_id, &ErrorReportQuery::default()).await;
            assert_eq!(code(of), not_found);
            let asked = decided(ErrorState::Seen, None);
            assert_eq!(code(verb::decide(&cx, &row.fingerprint, asked).await), not_found);
        }
        let contact = world.person(Role::Contact, Some(world.business), &[]).await;
        assert_eq!(groups(&contact).await.len(), 1);
        let asked = decided(ErrorState::Seen, Some(device.agent_id));
        let refused = verb::decide(&contact, &row.fingerprint, asked).await;
        assert_eq!(code(refused), Some((ProblemCode::Forbidden, None)));

        // A device that is given away takes its errors along.
        let input =
            entity::device::DeviceTransferInput { business_id: world.neighbour, service_location_id: None };
        let admin = world.admin_now().await;
        domain::device::transfer(&admin.confirmed().expect("just now"), device.agent_id, input)
            .await
            .expect("moved");
        assert!(groups(&contact).await.is_empty());
        let owner = world.person(Role::BusinessOwner, Some(world.neighbour), &[]).await;
        assert_eq!(groups(&owner).await.len(), 1);
    })
    .await;
}

/// Posts as the agent does.
async fn post(agent: &FakeAgent, body: &Value) -> Answer {
    let request = reqwest::Client::new()
        .post(format!("{}/api/v1/agents/report_error", agent.url))
        .bearer_auth(&agent.token)
        .json(body);
    send(request).await
}

#[tokio::test(flavor = "multi_thread")]
async fn over_rest_and_in_the_portal_it_is_told_once_and_escaped() {
    let server = TestServer::start().await;
    let ours = FakeAgent::of(&server, server.ours).await;
    let theirs = FakeAgent::of(&server, server.theirs).await;
    let mut events = server.store().events();
    // The fields of the requirement documents, and one of a later agent.
    let body = json!({
        "agent_id": ours.id, "agent_version": "1.2.0", "timestamp": noon(), "error_type": "update_checksum_mismatch",
        "failed_version": "1.3.0", "message": "<script>alert(1)</script> is no checksum", "log_snippet": "a\nb</pre>",
        "phase_of_the_moon": "full",
    });
    assert_eq!(post(&ours, &body).await.status, 204);
    let told = event(&mut events, |event| matches!(event, PortalEvent::ErrorReport { .. })).await;
    assert_eq!((told.device_id(), told.business_id()), (Some(ours.id), Some(server.ours.business)));

    let refused = post(&theirs, &body).await.problem(422);
    assert_eq!(refused.field.as_deref(), Some("agent_id"));
    let mut large = body.clone();
    large["log_snippet"] = "x".repeat(REPORT_BYTES_MAX).into();
    assert_eq!(post(&ours, &large).await.status, 413);
    let missing =
        json!({ "agent_id": ours.id, "agent_version": "1", "timestamp": noon(), "error_type": "x" });
    assert!(post(&ours, &missing).await.problem(422).detail.contains("error_message"));

    let page: Page<ErrorReportView> = server.admin.get("/error-reports").await.expect(200);
    assert_eq!((page.items.len(), page.items[0].failed_version.as_deref()), (1, Some("1.3.0")));
    let path = format!("/agents/{}/error-reports", ours.id);
    let of_device: Page<ErrorReportView> = server.admin.get(&path).await.expect(200);
    assert_eq!(of_device, page);
    let fingerprint = &page.items[0].fingerprint;
    let decision = json!({ "state": "seen" });
    let path = format!("/error-reports/groups/{fingerprint}");
    let group: ErrorGroupView = server.admin.post(&path, &decision).await.expect(200);
    assert_eq!((group.state, group.devices), (ErrorState::Seen, 1));
    let entries: Page<AuditEntryView> =
        server.admin.get("/audit?action=error_report.decide").await.expect(200);
    assert_eq!(entries.items.len(), 1);

    let read = async |path: String| {
        let request = server.admin.request(Method::GET, &path).header("accept", "text/html");
        let answer = send(request).await;
        assert_eq!(answer.status, 200, "{path}");
        answer.body
    };
    for path in
        ["/errors".to_owned(), format!("/errors/{fingerprint}"), format!("/devices/{}/errors", ours.id)]
    {
        let html = read(path.clone()).await;
        assert!(html.contains("is no checksum") && !html.contains("<script>alert(1)"), "{path}");
    }
    let detail = read(format!("/errors/{fingerprint}")).await;
    assert!(detail.contains("1.3.0") && detail.contains("Mark as resolved") && !detail.contains("b</pre>"));
    let contact = server.person(Role::Contact, server.ours).await;
    let request =
        contact.request(Method::GET, &format!("/errors/{fingerprint}")).header("accept", "text/html");
    let html = send(request).await.body;
    assert!(html.contains("is no checksum") && !html.contains("Mark as resolved"), "who may not decide");
    let empty = read(format!("/devices/{}/errors", theirs.id)).await;
    assert!(empty.contains("No errors"));
}
