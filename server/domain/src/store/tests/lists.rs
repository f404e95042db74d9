//! Lists at the size of a large fleet: what each asks of the database is answered from an index, in its order, on both
//! engines and under row-level security. Counted in rows and plans, not in time.

mod rollouts;

use super::{
    estate::{Engine, Estate},
    fleet::{LARGE_ONE, LOUD_ONE, Size, fill},
};
use crate::{
    Cx, access,
    store::{Db, heard, statement},
};
use entity::{
    alert::{AlertQuery, AlertState, Severity},
    api_key::{ApiKeyQuery, ServiceAccountQuery},
    audit::AuditQuery,
    business::{BusinessQuery, BusinessSort},
    device::{DeviceQuery, DeviceSort},
    error_report::{ErrorReportQuery, ErrorState},
    id::{AlertId, BusinessId, DeviceId, ServiceLocationId},
    log_entry::{LogLevel, LogQuery},
    monitored_service::MonitoredServiceRuleQuery,
    platform::Os,
    presence::Presence,
    registration::{RegistrationState, RegistrationTokenQuery},
    service_location::{ServiceLocationQuery, ServiceLocationSort},
    session::{SessionQuery, SetupInput},
    suggestion::{SuggestionQuery, SuggestionState},
    user::{Role, UserQuery, UserSort},
};
use sea_orm::{ConnectionTrait as _, DatabaseBackend, Statement, Value, Values};

const SIZE: Size = Size { businesses: 2_000, people: 5_000, devices: 10_000, entries: 20_000 };

/// Tables that grow with the fleet, by name and by the letter that statements call them.
const LARGE: [&str; 18] = [
    "agent_devices",
    "d",
    "businesses",
    "b",
    "users",
    "monitored_service_rules",
    "service_locations",
    "s",
    "device_latest",
    "l",
    "registration_tokens",
    "api_keys",
    "audit_entries",
    "error_reports",
    "agent_logs",
    "agent_alert_history",
    "command_suggestions",
    "rollout_devices",
];

/// A fleet, and an admin who reaches all of it.
async fn admin_of_fleet(engine: Engine) -> (Estate, Cx) {
    let estate = Estate::on(engine).await;
    let key = access::new_setup_key(&estate.store).await.expect("a key").expect("the setup is open");
    let visitor =
        crate::Visitor { source_ip: "192.0.2.1".to_owned(), user_agent: "test".to_owned(), request_id: None };
    let input = SetupInput {
        key,
        full_name: "Ada Admin".to_owned(),
        email: "ada@msp.example".to_owned(),
        password: "correct horse battery staple".to_owned(),
    };
    let secret = access::complete_setup(&estate.store, &visitor, input).await.expect("an admin");
    access::decide_factor_policy(
        &crate::SystemCx::new(&estate.store, "test"),
        entity::factor::FactorPolicy::Nobody,
    )
    .await
    .expect("decided");
    fill(&estate, SIZE).await;
    let cx = access::session_cx(&estate.store, &visitor, &secret).await.expect("signed in");
    (estate, cx)
}

fn number_id(kind: u8, number: u32) -> uuid::Uuid {
    format!("019a0000-{kind}000-7000-8000-{number:012x}").parse().expect("an id")
}

/// How the database answers a statement, in lines.
async fn plan(db: &Db, asked: &Statement) -> Vec<String> {
    let backend = db.get_database_backend();
    let is_postgres = backend == DatabaseBackend::Postgres;
    let explain = if is_postgres { "EXPLAIN (COSTS OFF)" } else { "EXPLAIN QUERY PLAN" };
    let values = asked.values.clone().unwrap_or(Values(Vec::new()));
    let explain =
        Statement { sql: format!("{explain} {}", asked.sql), values: Some(values), db_backend: backend };
    let rows = db.query_all_raw(explain).await.expect("a plan");
    let column = if is_postgres { 0 } else { 3 };
    rows.iter().map(|row| row.try_get_by_index::<String>(column).expect("a line")).collect()
}

/// What of a plan grows with the fleet instead of with the page.
fn faults(plan: &[String], is_postgres: bool) -> Vec<&String> {
    let is_large = |name: &str| LARGE.contains(&name.trim_matches('"'));
    let is_fault = |line: &&String| {
        let words: Vec<&str> = line.split_whitespace().filter(|word| *word != "->").collect();
        if is_postgres {
            let is_scan = words.starts_with(&["Seq", "Scan", "on"]) && is_large(words[3]);
            is_scan || words.first() == Some(&"Sort") && words.len() == 1
        } else {
            let is_scan = words.first() == Some(&"SCAN") && words.get(1).is_some_and(|name| is_large(name));
            is_scan && !line.contains("INDEX") || line.starts_with("USE TEMP B-TREE FOR ORDER BY")
        }
    };
    plan.iter().filter(is_fault).collect()
}

/// Looks at everything that was asked since the last time, but for what names one of these words.
async fn answered_from_indexes(cx: &Cx, what: &str, but: &[&str]) {
    let asked = heard::take();
    assert!(!asked.is_empty(), "{what}: nothing was asked");
    let is_postgres = cx.db().get_database_backend() == DatabaseBackend::Postgres;
    for statement in asked.iter().filter(|asked| asked.sql.starts_with("SELECT")) {
        if but.iter().any(|word| statement.sql.contains(word)) {
            continue;
        }
        let plan = plan(cx.db(), statement).await;
        let faults = faults(&plan, is_postgres);
        assert!(faults.is_empty(), "{what}: {faults:?} in\n{}\n{}", plan.join("\n"), statement.sql);
    }
    heard::take();
}

/// Every second page of a list of devices, as far as `pages`.
async fn devices(cx: &Cx, query: DeviceQuery, what: &str) {
    let is_postgres = cx.db().get_database_backend() == DatabaseBackend::Postgres;
    // On PostgreSQL an index over a time that every heartbeat moves would cost each of them more than it saves here, and
    // a search may read the texts of the whole fleet: it cannot know how many match.
    let mut but = vec!["count(*)"];
    if is_postgres && query.sort == Some(DeviceSort::LastSeen) {
        but.push("last_seen_at IS NULL");
    }
    if is_postgres && query.search.is_some() {
        but.push("search_text LIKE");
    }
    heard::take();
    let first = crate::device::list(cx, &query).await.expect("a page");
    answered_from_indexes(cx, what, &but).await;
    if let Some(cursor) = first.next_cursor {
        let query = DeviceQuery { cursor: Some(cursor), ..query };
        let second = crate::device::list(cx, &query).await.expect("a page");
        answered_from_indexes(cx, &format!("{what}, second page"), &but).await;
        assert!(second.items.iter().all(|row| first.items.iter().all(|other| other.id != row.id)), "{what}");
    }
}

#[tokio::test]
async fn every_order_and_filter_of_the_devices_is_read_from_an_index() {
    for engine in super::estate::ENGINES {
        let (_estate, cx) = admin_of_fleet(engine).await;
        let business_id = Some(BusinessId(number_id(1, LARGE_ONE)));
        for sort in DeviceSort::ALL.iter().copied() {
            for descending in [false, true] {
                let query = DeviceQuery { sort: Some(sort), descending, ..DeviceQuery::default() };
                devices(&cx, query, &format!("{engine:?} {sort:?} {descending}")).await;
            }
        }
        // Each of them leaves thousands: fewer than a page or two would rightly be sorted where they are found.
        let filters = [
            ("business", DeviceQuery { business_id, ..DeviceQuery::default() }),
            (
                "location",
                DeviceQuery {
                    service_location_id: Some(ServiceLocationId(number_id(2, LARGE_ONE - 1))),
                    ..DeviceQuery::default()
                },
            ),
            ("status", DeviceQuery { status: Some(Presence::Online), ..DeviceQuery::default() }),
            ("os", DeviceQuery { os: Some(Os::Linux), ..DeviceQuery::default() }),
            ("services", DeviceQuery { services_wrong: true, ..DeviceQuery::default() }),
            ("revoked", DeviceQuery { revoked: true, ..DeviceQuery::default() }),
            ("search", DeviceQuery { search: Some("Device".to_owned()), ..DeviceQuery::default() }),
        ];
        for (what, query) in filters {
            devices(&cx, query, &format!("{engine:?} {what}")).await;
        }
    }
}

#[tokio::test]
async fn every_other_list_is_read_from_an_index() {
    for engine in super::estate::ENGINES {
        let (_estate, cx) = admin_of_fleet(engine).await;
        // The totals are counted from an index where there is one that holds all; PostgreSQL may read the table.
        let but = [
            "COUNT(*)",
            "count(*)",
            "\"custom_roles\"",
            "\"access_grants\"",
            "\"user_links\"",
            "\"sessions\"",
        ];
        heard::take();
        for sort in BusinessSort::ALL.iter().copied() {
            let query = BusinessQuery { sort: Some(sort), ..BusinessQuery::default() };
            let first = crate::business::list(&cx, &query).await.expect("a page");
            let query = BusinessQuery { cursor: first.next_cursor, ..query };
            crate::business::list(&cx, &query).await.expect("a page");
            answered_from_indexes(&cx, &format!("{engine:?} businesses by {sort:?}"), &but).await;
        }
        for sort in ServiceLocationSort::ALL.iter().copied() {
            let query = ServiceLocationQuery { sort: Some(sort), ..ServiceLocationQuery::default() };
            let first = crate::service_location::list(&cx, &query).await.expect("a page");
            let query = ServiceLocationQuery { cursor: first.next_cursor, ..query };
            crate::service_location::list(&cx, &query).await.expect("a page");
            answered_from_indexes(&cx, &format!("{engine:?} places by {sort:?}"), &but).await;
        }
        for sort in UserSort::ALL.iter().copied() {
            for descending in [false, true] {
                let query = UserQuery { sort: Some(sort), descending, ..UserQuery::default() };
                let first = crate::user::list(&cx, &query).await.expect("a page");
                let query = UserQuery { cursor: first.next_cursor, ..query };
                crate::user::list(&cx, &query).await.expect("a page");
                answered_from_indexes(&cx, &format!("{engine:?} people by {sort:?}"), &but).await;
            }
        }
        let business_id = Some(BusinessId(number_id(1, LARGE_ONE)));
        let of = UserQuery { business_id, role: Some(Role::Contact), ..UserQuery::default() };
        crate::user::list(&cx, &of).await.expect("a page");
        crate::business::choices(&cx, None, &[BusinessId(number_id(1, 1_999))]).await.expect("choices");
        crate::service_location::choices(&cx, None, None, &[]).await.expect("choices");
        for state in [None, Some(RegistrationState::Consumed)] {
            let query = RegistrationTokenQuery { state, ..RegistrationTokenQuery::default() };
            let first = crate::registration::list(&cx, &query).await.expect("a page");
            let query = RegistrationTokenQuery { cursor: first.next_cursor, ..query };
            crate::registration::list(&cx, &query).await.expect("a page");
        }
        let keys = crate::api_key::list(&cx, &ApiKeyQuery::default()).await.expect("a page");
        let behind = ApiKeyQuery { cursor: keys.next_cursor, ..ApiKeyQuery::default() };
        crate::api_key::list(&cx, &behind).await.expect("a page");
        crate::service_account::list(&cx, &ServiceAccountQuery::default()).await.expect("a page");
        crate::account::sessions(&cx, &SessionQuery::default()).await.expect("a page");
        answered_from_indexes(&cx, &format!("{engine:?} the others"), &but).await;
        for query in [
            ErrorReportQuery::default(),
            ErrorReportQuery { business_id, ..ErrorReportQuery::default() },
            ErrorReportQuery { error_type: Some("disk_full".to_owned()), ..ErrorReportQuery::default() },
            ErrorReportQuery { agent_version: Some("0.1.3".to_owned()), ..ErrorReportQuery::default() },
            ErrorReportQuery { state: Some(ErrorState::New), ..ErrorReportQuery::default() },
        ] {
            let first = crate::error_report::list(&cx, &query).await.expect("a page");
            let behind = ErrorReportQuery { cursor: first.next_cursor, ..query };
            crate::error_report::list(&cx, &behind).await.expect("a page");
            answered_from_indexes(&cx, &format!("{engine:?} errors"), &but).await;
        }
        for query in [
            MonitoredServiceRuleQuery::default(),
            MonitoredServiceRuleQuery { business_id, ..MonitoredServiceRuleQuery::default() },
        ] {
            let first = crate::monitored_service::list(&cx, &query).await.expect("a page");
            let behind = MonitoredServiceRuleQuery { cursor: first.next_cursor, ..query };
            crate::monitored_service::list(&cx, &behind).await.expect("a page");
            answered_from_indexes(&cx, &format!("{engine:?} monitored services"), &but).await;
        }
        for query in [
            AuditQuery::default(),
            AuditQuery { business_id, ..AuditQuery::default() },
            AuditQuery { action: Some("device.act3".to_owned()), ..AuditQuery::default() },
        ] {
            let first = crate::audit::list(&cx, &query).await.expect("a page");
            let behind = AuditQuery { cursor: first.next_cursor, ..query };
            crate::audit::list(&cx, &behind).await.expect("a page");
            answered_from_indexes(&cx, &format!("{engine:?} audit"), &but).await;
        }
    }
}

/// What devices wrote, and what was made of it. A count of alerts looks at all that match, and a search at so many lines
/// as it says.
#[tokio::test]
async fn lists_of_logs_and_alerts_read_what_they_show() {
    for engine in super::estate::ENGINES {
        let (_estate, cx) = admin_of_fleet(engine).await;
        let business_id = Some(BusinessId(number_id(1, LARGE_ONE)));
        let device_id = Some(DeviceId(number_id(4, LOUD_ONE)));
        heard::take();
        for query in [
            LogQuery::default(),
            LogQuery { device_id, ..LogQuery::default() },
            LogQuery { level: Some(LogLevel::Error), ..LogQuery::default() },
            LogQuery { device_id, level: Some(LogLevel::Error), ..LogQuery::default() },
            LogQuery { search: Some("message 39".to_owned()), ..LogQuery::default() },
        ] {
            let what = format!("{engine:?} logs, {query:?}");
            let first = crate::log_entry::list(&cx, &query).await.expect("a page");
            assert!(!first.items.is_empty(), "{what}");
            crate::log_entry::list(&cx, &LogQuery { cursor: first.next_cursor, ..query })
                .await
                .expect("a page");
            // PostgreSQL knows that the lines that a search looks at are half of all here, and sorts them; of more it
            // reads an index.
            let is_postgres = engine == super::estate::Engine::Postgres;
            let but: &[&str] = if is_postgres { &["OFFSET 19999", "LIKE"] } else { &[] };
            answered_from_indexes(&cx, &what, but).await;
        }
        for query in [
            AlertQuery::default(),
            AlertQuery { business_id, ..AlertQuery::default() },
            AlertQuery { device_id, ..AlertQuery::default() },
            AlertQuery { open: Some(true), ..AlertQuery::default() },
            AlertQuery { state: Some(AlertState::Firing), ..AlertQuery::default() },
            AlertQuery { severity: Some(Severity::Critical), ..AlertQuery::default() },
        ] {
            let what = format!("{engine:?} alerts, {query:?}");
            let first = crate::alert::list(&cx, &query).await.expect("a page");
            assert!(!first.items.is_empty(), "{what}");
            crate::alert::list(&cx, &AlertQuery { cursor: first.next_cursor, ..query })
                .await
                .expect("a page");
            // Those that are open are sorted: one for a device and rule at most.
            answered_from_indexes(&cx, &what, &["COUNT(*)", "count(*)", "\"state\" IN ("]).await;
        }
        let any = SuggestionQuery::default;
        let alert_id = Some(AlertId(number_id(9, 1)));
        for query in [
            any(),
            SuggestionQuery { business_id, ..any() },
            SuggestionQuery { device_id, ..any() },
            SuggestionQuery { alert_id, ..any() },
            // Those that are open are sorted where they are few: one for a device and cause at most.
            SuggestionQuery { state: Some(SuggestionState::Taken), ..any() },
        ] {
            let what = format!("{engine:?} suggestions, {query:?}");
            let first = crate::suggestion::list(&cx, &query).await.expect("a page");
            assert!(!first.items.is_empty(), "{what}");
            let next = SuggestionQuery { cursor: first.next_cursor, ..query };
            crate::suggestion::list(&cx, &next).await.expect("a page");
            // The policy of each business of the page: its last revision of a handful.
            answered_from_indexes(&cx, &what, &["approval_policies"]).await;
        }
    }
}

/// A page of devices costs two questions and the sparklines; the overview a handful, however large the fleet is.
#[tokio::test]
async fn a_page_asks_few_questions() {
    for engine in super::estate::ENGINES {
        let (_estate, cx) = admin_of_fleet(engine).await;
        heard::take();
        let page = crate::device::list(&cx, &DeviceQuery::default()).await.expect("a page");
        assert_eq!((page.items.len(), page.total), (50, Some(10_002)));
        // How many questions the sparklines are is the business of the metrics.
        let asked = heard::take().into_iter().filter(|asked| !asked.sql.contains("metric")).count();
        assert!(asked <= 3, "{engine:?}: {asked} questions");
        let overview = crate::overview::get(&cx).await.expect("an overview");
        assert_eq!((overview.devices.offline, overview.failed_services), (200, 100), "{engine:?}");
        assert_eq!((overview.estate.len(), overview.estate_total), (50, 2_002), "{engine:?}");
        let asked = heard::take().len();
        assert!(asked <= 15, "{engine:?}: {asked} questions");
        let sql = "SELECT 1 WHERE ? = 1";
        let one = statement(cx.db().get_database_backend(), sql, [Value::from(1)]);
        cx.db().query_one_raw(one).await.expect("asks");
        assert_eq!(heard::take().len(), 1, "what is asked is heard");
    }
}
