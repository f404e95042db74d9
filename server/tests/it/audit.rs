//! The audit log through its faces: who sees what, how it is narrowed, taken along and checked.

use crate::support::{
    agent::FakeAgent,
    people::{Answer, Person},
    server::{TestServer, each_engine},
    world::{World, session_of, user_input},
};
use entity::{
    audit::{AuditEntryView, AuditQuery, ChainReport},
    page::Page,
    policy::Action,
    user::{Role, UserInput},
};
use serde_json::{Value, json};
use std::{
    collections::BTreeSet,
    process::{Command, Output},
};

async fn entries(person: &Person, query: &str) -> Vec<AuditEntryView> {
    person.get(&format!("/audit?limit=200&{query}")).await.expect::<Page<_>>(200).items
}

async fn rename(server: &TestServer, path: &str, body: Value) {
    let answer = server.admin.call("PATCH", path, Some(&body)).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
}

/// Somebody with more or less than their role.
async fn person_with(server: &TestServer, input: UserInput) -> Person {
    let world: &World = &server.world;
    let admin = world.admin_now().await;
    let added = domain::user::add(&admin.confirmed().expect("just now"), input).await.expect("added");
    let session = session_of(world.accept(&added.link).await.expect("a first password"));
    Person::with_session(&server.url, &session)
}

#[tokio::test(flavor = "multi_thread")]
async fn everybody_sees_the_entries_of_their_reach() {
    each_engine(async |server: TestServer| {
        let (here, there) =
            (FakeAgent::of(&server, server.ours).await, FakeAgent::of(&server, server.theirs).await);
        for (agent, estate) in [(&here, server.ours), (&there, server.theirs)] {
            let body = json!({"device_name": "Renamed", "service_location_id": estate.location});
            rename(&server, &format!("/agents/{}", agent.id), body).await;
        }
        let auditor = server.person(Role::Auditor, server.ours).await;
        let owner = server.person(Role::BusinessOwner, server.ours).await;
        let local = UserInput {
            role: Role::Technician,
            extra_permissions: vec![Action::ViewAudit],
            granted_locations: vec![server.ours.location],
            ..user_input()
        };
        let local = person_with(&server, local).await;

        let all = entries(&server.admin, "").await;
        let of_msp = |entry: &AuditEntryView| entry.business_id.is_none();
        assert!(
            all.iter().any(of_msp)
                && all.iter().any(|entry| entry.business_id == Some(server.theirs.business))
        );
        let seen = entries(&auditor, "").await;
        assert_eq!(seen.len(), all.len(), "an auditor sees all of it");

        let seen = entries(&owner, "").await;
        assert!(!seen.is_empty() && seen.iter().all(|entry| entry.business_id == Some(server.ours.business)));
        assert!(seen.iter().all(|entry| entry.business_name.as_deref() == Some("Acme")));
        let theirs = all.iter().find(|entry| entry.business_id == Some(server.theirs.business)).expect("one");
        assert_eq!(owner.get(&format!("/audit/{}", theirs.seq)).await.status, 404);
        assert_eq!(owner.get(&format!("/audit/{}", seen[0].seq)).await.status, 200);
        let asked = entries(&owner, &format!("business_id={}", server.theirs.business)).await;
        assert!(asked.is_empty(), "naming a business gives no reach");

        // Whoever was granted one service location sees what was done to its devices.
        let seen = entries(&local, "").await;
        assert!(!seen.is_empty() && seen.iter().all(|entry| entry.device_id == Some(here.id)), "{seen:?}");

        for role in [Role::Technician, Role::Contact] {
            let nosy = server.person(role, server.ours).await;
            for path in ["/audit", "/audit/1", "/audit/export"] {
                assert_eq!(nosy.get(path).await.status, 403, "{}: {path}", role.word());
            }
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_is_narrowed_and_paged_by_the_database() {
    each_engine(async |server: TestServer| {
        for name in ["100% Müller", "100 percent", r"back\slash_under"] {
            let input = entity::business::BusinessInput { business_name: name.to_owned() };
            domain::business::rename(&server.world.admin, server.ours.business, input)
                .await
                .expect("renamed");
            server.advance(24 * 3600);
        }
        // The clock went three days ahead; sessions live for less.
        let admin = person_with_fresh_session(&server).await;

        let count = async |query: &str| entries(&admin, query).await.len();
        assert_eq!(count("action=business.rename").await, 3);
        assert_eq!(count("action=business.").await, 5, "two were added, one renamed three times");
        assert_eq!(count("action=business").await, 0, "a noun alone is no action");
        assert_eq!(count("action=business_").await, 0);
        assert_eq!(count("action=business.rename&search=100%25").await, 2, "a name before, a name after");
        assert_eq!(count("action=business.rename&search=M%C3%9CLLER").await, 2);
        assert_eq!(count("action=business.rename&search=slash_under").await, 1);
        assert_eq!(count("action=business.rename&search=slashxunder").await, 0);
        assert_eq!(count("action=business.rename&search=ada+percent").await, 2, "words of the actor count");
        assert_eq!(count("action=business.rename&from=2026-11-21").await, 2);
        assert_eq!(count("action=business.rename&to=2026-11-20").await, 1);
        assert_eq!(count("action=business.rename&from=2026-11-21&to=2026-11-21").await, 1);
        let me: Value = admin.get("/me").await.expect(200);
        let by_me = entries(&admin, &format!("actor_id={}", me["id"].as_str().expect("an id"))).await;
        assert!(by_me.len() > 3 && by_me.iter().all(|entry| entry.actor_name == "Ada Admin"));

        for (query, field) in [
            ("from=yesterday", Some("from")),
            ("from=2026-11-21&to=2026-11-20", Some("to")),
            ("limit=0", Some("limit")),
            ("to=262142-12-31", Some("to")),
            ("search=a%00", Some("search")),
            ("who=me", None),
        ] {
            let problem = admin.get(&format!("/audit?{query}")).await.problem(422);
            assert!(field.is_none() || problem.field.as_deref() == field, "{query}: {problem:?}");
        }

        assert_eq!(admin.get("/audit?cursor=x").await.problem(404).field.as_deref(), Some("cursor"));

        let all: Vec<i64> = entries(&admin, "").await.iter().map(|entry| entry.seq).collect();
        let (mut paged, mut cursor) = (Vec::new(), None::<String>);
        loop {
            let cursor_part = cursor.take().map(|cursor| format!("&cursor={cursor}")).unwrap_or_default();
            let page: Page<AuditEntryView> =
                admin.get(&format!("/audit?limit=3{cursor_part}")).await.expect(200);
            paged.extend(page.items.iter().map(|entry| entry.seq));
            cursor = page.next_cursor;
            if cursor.is_none() {
                break;
            }
        }
        assert_eq!(paged, all, "newest first, each once");
        assert!(paged.windows(2).all(|pair| pair[0] == pair[1] + 1), "without gaps");
    })
    .await;
}

/// The admin after days have passed.
async fn person_with_fresh_session(server: &TestServer) -> Person {
    let input = entity::session::SignInInput {
        email: "ada@msp.example".to_owned(),
        password: crate::support::world::PASSWORD.to_owned(),
    };
    let visitor = crate::support::world::visitor();
    let arrived = domain::access::sign_in(server.store(), &visitor, input).await.expect("signs in");
    Person::with_session(&server.url, &session_of(arrived))
}

#[tokio::test(flavor = "multi_thread")]
async fn an_entry_says_what_was_before_and_which_request_it_was() {
    each_engine(async |server: TestServer| {
        let path = format!("/businesses/{}", server.ours.business);
        let answer = server.admin.call("PATCH", &path, Some(&json!({"business_name": "Acme Ltd"}))).await;
        let request = answer.header("x-request-id").to_owned();
        let entry = entries(&server.admin, "action=business.rename").await.remove(0);
        assert_eq!(entry.request_id, Some(request));
        assert_eq!((entry.source_ip.as_str(), entry.actor_name.as_str()), ("127.0.0.1", "Ada Admin"));
        assert_eq!(entry.business_id, Some(server.ours.business));
        assert!(entry.before.expect("before").to_string().contains("Acme"));
        assert!(entry.after.expect("after").to_string().contains("Acme Ltd"));
        assert_eq!((entry.hash.len(), entry.previous_hash.len()), (64, 64));

        // What was refused is not written down as done.
        let before = entries(&server.admin, "").await.len();
        let taken = server.admin.call("PATCH", &path, Some(&json!({"business_name": "Neighbour"}))).await;
        assert_eq!(taken.status, 409);
        assert_eq!(entries(&server.admin, "").await.len(), before);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_whole_log_is_taken_along_in_pieces() {
    each_engine(async |server: TestServer| {
        // More than are read at a time.
        for number in 0..510 {
            let input = entity::business::BusinessInput { business_name: format!("Acme, \"{number}\"") };
            domain::business::rename(&server.world.admin, server.ours.business, input)
                .await
                .expect("renamed");
        }
        let answer = server.admin.get("/audit/export").await;
        assert_eq!(answer.header("content-type"), "application/x-ndjson; charset=utf-8");
        assert!(answer.header("content-disposition").contains("reeve-audit.jsonl"));
        let lines: Vec<AuditEntryView> =
            answer.body.lines().map(|line| serde_json::from_str(line).expect("an entry")).collect();
        let places: Vec<i64> = lines.iter().map(|entry| entry.seq).collect();
        assert_eq!(places, (1..=lines.len() as i64).collect::<Vec<_>>(), "oldest first, each once");
        assert!(lines.len() > 510);
        assert_eq!(lines.last().map(|entry| &entry.hash), lines_head(&server, lines.len()).await.as_ref());

        let exported = entries(&server.admin, "action=audit.export").await;
        assert!(exported.len() == 1 && exported[0].summary.contains("JSON Lines"), "{exported:?}");

        let csv = server.admin.get("/audit/export?format=csv&action=business.rename").await;
        assert_eq!(csv.header("content-type"), "text/csv; charset=utf-8");
        assert!(csv.body.starts_with("seq,at,actor_kind,"));
        assert_eq!(csv.body.matches("\r\n").count(), 511, "a head and the entries");
        assert!(csv.body.contains("\"Renamed the business Acme, \"\"1\"\" to Acme, \"\"2\"\"\""));

        // An owner's export holds what an owner sees.
        let owner = server.person(Role::BusinessOwner, server.theirs).await;
        let answer = owner.get("/audit/export").await;
        assert!(!answer.body.is_empty() && !answer.body.contains("Acme"));
        assert!(answer.body.lines().all(|line| line.contains(&server.theirs.business.to_string())));
        for query in ["limit=1", "cursor=x", "format=xml"] {
            assert_eq!(owner.get(&format!("/audit/export?{query}")).await.status, 422, "{query}");
        }
    })
    .await;
}

async fn lines_head(server: &TestServer, seq: usize) -> Option<String> {
    let entry: AuditEntryView = server.admin.get(&format!("/audit/{seq}")).await.expect(200);
    Some(entry.hash)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_is_a_formula_stays_a_name() {
    let server = TestServer::start().await;
    let input =
        UserInput { full_name: "=HYPERLINK(\"http://x\")".to_owned(), role: Role::MspAdmin, ..user_input() };
    let mallory = person_with(&server, input).await;
    let path = format!("/businesses/{}", server.ours.business);
    let answer = mallory.call("PATCH", &path, Some(&json!({"business_name": "@SUM(A1)"}))).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let csv = server.admin.get("/audit/export?format=csv&action=business.rename").await.body;
    assert!(csv.contains(",\"'=HYPERLINK(\"\"http://x\"\")\","), "{csv}");
    assert!(csv.contains(",\"'@SUM(A1)\","), "{csv}");
    assert!(!csv.contains(",=") && !csv.contains(",\"=") && !csv.contains(",@"), "{csv}");
}

#[tokio::test(flavor = "multi_thread")]
async fn those_who_see_all_of_it_can_check_the_chain() {
    each_engine(async |server: TestServer| {
        let check = async |person: &Person, body: Value| person.post("/audit/verification", &body).await;
        let report: ChainReport = check(&server.admin, json!({})).await.expect(200);
        assert!(report.broken.is_none() && report.entries > 3, "{report:?}");
        let auditor = server.person(Role::Auditor, server.ours).await;
        let later: ChainReport = check(&auditor, json!({"expected_head": report.head})).await.expect(200);
        assert!(later.broken.is_none() && later.entries > report.entries);
        assert_eq!(later.expected_at, i64::try_from(report.entries).ok());

        let other: ChainReport = check(&auditor, json!({"expected_head": "ab".repeat(32)})).await.expect(200);
        assert!(other.broken.expect("another chain").reason.contains("written anew"));
        let problem = check(&auditor, json!({"expected_head": "abc"})).await.problem(422);
        assert_eq!(problem.field.as_deref(), Some("expected_head"));

        let owner = server.person(Role::BusinessOwner, server.ours).await;
        let technician = server.person(Role::Technician, server.ours).await;
        for person in [owner, technician] {
            assert_eq!(check(&person, json!({})).await.status, 403);
        }
    })
    .await;
}

async fn reeve_verify(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_reeve"));
    command.arg("verify").args(arguments).env_remove("REEVE_DATA_DIR").env_remove("REEVE_DATABASE_URL");
    tokio::task::spawn_blocking(move || command.output()).await.expect("joins").expect("reeve starts")
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_line_checks_beside_a_running_server() {
    each_engine(async |server: TestServer| {
        let url = server.world.database_url.clone();
        let report: ChainReport = server.admin.post("/audit/verification", &json!({})).await.expect(200);
        let whole = reeve_verify(&["--database-url", &url]).await;
        let said = String::from_utf8_lossy(&whole.stdout);
        assert!(whole.status.success(), "{said}{}", String::from_utf8_lossy(&whole.stderr));
        assert!(said.contains(&report.head) && said.contains("The chain is whole"), "{said}");

        // The server goes on writing, and the head that was kept is found again.
        rename(&server, &format!("/businesses/{}", server.ours.business), json!({"business_name": "New"}))
            .await;
        let later = reeve_verify(&["--database-url", &url, "--expect-head", &report.head]).await;
        assert!(later.status.success(), "{}", String::from_utf8_lossy(&later.stderr));

        let other = reeve_verify(&["--database-url", &url, "--expect-head", &"ab".repeat(32)]).await;
        assert_eq!(other.status.code(), Some(1));
        assert!(String::from_utf8_lossy(&other.stderr).contains("written anew"));
    })
    .await;
}

#[tokio::test]
async fn the_command_line_makes_no_database() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().display().to_string();
    let output = reeve_verify(&["--data-dir", &data]).await;
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("there is no database"));
    let url = format!("sqlite://{data}/other.db?mode=rwc");
    assert_eq!(reeve_verify(&["--database-url", &url]).await.status.code(), Some(1));
    assert_eq!(std::fs::read_dir(folder.path()).expect("a folder").count(), 0, "it has made something");
}

/// One of each kind of actor is in the log, and each is chained.
#[tokio::test(flavor = "multi_thread")]
async fn what_anybody_does_is_in_one_chain() {
    each_engine(async |server: TestServer| {
        let world = &server.world;
        // A stranger who tries, a person who signs in, the server by itself.
        assert!(world.sign_in("ada@msp.example", "wrong").await.is_err());
        world.admin_now().await;
        server.person(Role::Contact, server.ours).await;
        let kinds: BTreeSet<_> =
            entries(&server.admin, "").await.into_iter().map(|entry| entry.actor_kind.word()).collect();
        assert!(kinds.contains("person") && kinds.contains("system"), "{kinds:?}");
        let page = domain::audit::list(&world.admin, &AuditQuery::default()).await.expect("a page");
        assert!(page.items.iter().all(|entry| entry.hash.len() == 64));
        let report: ChainReport = server.admin.post("/audit/verification", &json!({})).await.expect(200);
        assert_eq!(report.broken, None);
    })
    .await;
}

/// A page of the log reads without a script, and holds no script of others.
#[tokio::test(flavor = "multi_thread")]
async fn the_page_shows_entries_as_text() {
    let server = TestServer::start().await;
    let name = "<script>alert(1)</script>";
    rename(&server, &format!("/businesses/{}", server.ours.business), json!({"business_name": name})).await;
    let page = async |path: &str| -> Answer {
        let request = server.admin.request(reqwest::Method::GET, path).header("accept", "text/html");
        crate::support::people::send(request).await
    };
    let list = page("/audit").await;
    assert_eq!(list.status, 200);
    assert!(list.body.contains("business.rename") && !list.body.contains(name));
    let seq = entries(&server.admin, "action=business.rename").await[0].seq;
    let one = page(&format!("/audit/{seq}")).await;
    assert!(one.status == 200 && one.body.contains("Place in the chain"), "{}", one.status);
    let found = one.body.find(name).map(|at| &one.body[at.saturating_sub(200)..at + name.len()]);
    assert_eq!(found, None, "it is on the page as it was written");
    let owner = server.person(Role::BusinessOwner, server.theirs).await;
    let request = owner.request(reqwest::Method::GET, &format!("/audit/{seq}")).header("accept", "text/html");
    assert_eq!(crate::support::people::send(request).await.status, 404);
}
