//! Walks every route of the REST API and every server function as a stranger, a neighbour, a reader and the owner.
//! A call that is missing here fails the test, so that none escapes it.

pub mod calls;
mod written;

use crate::support::{
    agent::FakeAgent,
    people::{Answer, Person, send},
    server::TestServer,
};
use calls::{Call, Kind, World};
use entity::{id::CommandId, user::Role};
use reqwest::Method;
use server::router::{Audience, endpoints};
use std::collections::BTreeSet;

/// Calls that anybody may make, from the list that may only shrink.
pub fn exempt() -> BTreeSet<String> {
    let lines = include_str!("access_exempt.txt").lines().filter(|line| !line.starts_with('#'));
    let exempt: BTreeSet<_> =
        lines.map(|line| line.split_whitespace().take(2).collect::<Vec<_>>().join(" ")).collect();
    assert!(exempt.len() <= 18, "the list of exceptions may only shrink");
    exempt
}

/// The REST routes that people call.
fn people_routes() -> BTreeSet<String> {
    let people = endpoints().into_iter().filter(|endpoint| endpoint.audience == Audience::People);
    people.map(|endpoint| format!("{} {}", endpoint.method, endpoint.path)).collect()
}

/// The server functions, as they registered themselves.
fn server_functions() -> BTreeSet<String> {
    server_fn::axum::server_fn_paths().map(|(path, method)| format!("{method} {path}")).collect()
}

#[tokio::test]
async fn every_call_is_listed_and_no_exception_is_stale() {
    let _server = TestServer::start().await;
    let world = World::imaginary();
    let listed: BTreeSet<_> = calls::rest(&world)
        .into_iter()
        .chain(calls::portal(&world))
        .map(|call| call.route.to_owned())
        .collect();
    let (people, functions) = (people_routes(), server_functions());
    assert!(!functions.is_empty(), "the server functions have not registered themselves");
    let public = endpoints().into_iter().filter(|endpoint| endpoint.audience == Audience::Public);
    let public = public.map(|endpoint| format!("{} {}", endpoint.method, endpoint.path));
    let there: BTreeSet<_> = people.iter().chain(&functions).cloned().chain(public).collect();
    let excused: BTreeSet<_> = listed.union(&exempt()).cloned().collect();
    let walked: Vec<_> = there.difference(&excused).collect();
    assert!(walked.is_empty(), "calls that nobody walks: {walked:#?}");
    let stale: Vec<_> = excused.difference(&there).collect();
    assert!(stale.is_empty(), "calls that do not exist: {stale:#?}");
    let both: Vec<_> = listed.intersection(&exempt()).cloned().collect();
    assert!(both.is_empty(), "walked and excused: {both:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_rest_api_keeps_everybody_to_their_own() {
    let server = TestServer::start().await;
    let world = World::of(&server).await;
    walk(&server, &world, &calls::rest(&world)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_portal_keeps_everybody_to_their_own() {
    let server = TestServer::start().await;
    let world = World::of(&server).await;
    walk(&server, &world, &calls::portal(&world)).await;
}

/// Everybody tries everything; the owner last, because that changes things.
async fn walk(server: &TestServer, world: &World, calls: &[Call]) {
    let mut wrong = Vec::new();
    let mut judge = |who: &str, call: &Call, answer: &Answer, is_right: bool| {
        if !is_right {
            wrong.push(format!("{who}: {} -> {} {}", call.route, answer.status, shorten(&answer.body)));
        }
    };
    let stranger = server.stranger();
    for call in calls {
        let answer = call.send(&stranger).await;
        judge("stranger", call, &answer, answer.status == 401);
    }
    for role in [Role::Technician, Role::BusinessOwner, Role::Contact] {
        let neighbour = server.person(role, server.theirs).await;
        for call in calls {
            let answer = call.send(&neighbour).await;
            let status = answer.status.as_u16();
            let is_right = match call.kind {
                Kind::Reads | Kind::Changes => status == 404 || (status == 403 && call.is_for_some_roles),
                Kind::Makes => matches!(status, 403 | 404 | 422),
                Kind::Lists => matches!(status, 200 | 403),
                Kind::Own => true,
            };
            judge(
                "neighbour",
                call,
                &answer,
                is_right && (call.kind == Kind::Own || !world.is_named_in(&answer.body)),
            );
        }
    }
    for role in [Role::Auditor, Role::Contact] {
        let reader = server.person(role, server.ours).await;
        for call in calls {
            let answer = call.send(&reader).await;
            let status = answer.status.as_u16();
            let is_right = match call.kind {
                Kind::Reads | Kind::Lists => status == 200 || (status == 403 && call.is_for_some_roles),
                Kind::Changes | Kind::Makes => status == 403 || (role == Role::Contact && status == 404),
                Kind::Own => true,
            };
            judge("reader", call, &answer, is_right);
        }
    }
    for call in calls.iter().filter(|call| call.kind != Kind::Own) {
        let answer = call.send(&server.admin).await;
        judge("owner", call, &answer, matches!(answer.status.as_u16(), 200 | 201));
    }
    assert!(wrong.is_empty(), "wrong answers:\n  {}", wrong.join("\n  "));
}

fn shorten(text: &str) -> String {
    text.chars().take(200).collect()
}

#[tokio::test]
async fn agents_routes_take_no_person_and_no_other_device() {
    let server = TestServer::start().await;
    let agent = FakeAgent::of(&server, server.ours).await;
    let other = FakeAgent::of(&server, server.ours).await;
    let neighbour = FakeAgent::of(&server, server.theirs).await;
    let routes: Vec<_> =
        endpoints().into_iter().filter(|endpoint| endpoint.audience == Audience::Agents).collect();
    assert!(!routes.is_empty());
    // Files of releases are for people of the MSP, too: `release/serve.rs` looks at them.
    let routes = routes.into_iter().filter(|endpoint| !endpoint.path.starts_with("/artifacts/"));
    for endpoint in routes {
        // Of which command it is says the body, too: without one, the address alone is not enough.
        let path = endpoint.path.replace("{id}", &agent.id.to_string());
        let path = path.replace("{command_id}", &CommandId::generate().to_string());
        // An update that is nobody's is not found, whoever asks.
        let is_about_nothing = path.contains("{update_id}");
        let call = |token: Option<&str>, person: &Person| {
            let method: Method = endpoint.method.parse().expect("a method");
            let request = person.request(method, &format!("/api/v1{path}")).json(&serde_json::json!({}));
            send(if let Some(token) = token { request.bearer_auth(token) } else { request })
        };
        assert_eq!(call(None, &server.stranger()).await.status, 401, "a stranger: {path}");
        assert_eq!(call(None, &server.admin).await.status, 401, "a person: {path}");
        // An address that names no device is every device's own.
        let names_device = endpoint.path.contains("{id}");
        for token in [&other.token, &neighbour.token].into_iter().filter(|_| names_device) {
            assert_eq!(call(Some(token), &server.stranger()).await.status, 404, "another device: {path}");
        }
        let own = call(Some(&agent.token), &server.stranger()).await.status.as_u16();
        let is_known = matches!(own, 200 | 204 | 422) || is_about_nothing && own == 404;
        assert!(is_known, "the device itself: {path}: {own}");
    }
}

#[tokio::test]
async fn a_device_is_no_person() {
    let server = TestServer::start().await;
    let agent = FakeAgent::of(&server, server.ours).await;
    for path in people_routes() {
        let (method, path) = path.split_once(' ').expect("a method and a path");
        let path = path.replace("{id}", &agent.id.to_string());
        for person in [server.stranger(), server.admin.clone()] {
            let request = person.request(method.parse().expect("a method"), &format!("/api/v1{path}"));
            let answer = send(request.bearer_auth(&agent.token).json(&serde_json::json!({}))).await;
            assert_eq!(answer.status, 401, "{method} {path}");
        }
    }
}

/// Pages are rendered by the same server functions; this looks at what they show.
#[tokio::test(flavor = "multi_thread")]
async fn pages_show_nobody_what_is_anothers() {
    let server = TestServer::start().await;
    let world = World::of(&server).await;
    let neighbour = server.person(Role::Technician, server.theirs).await;
    for path in world.pages() {
        let page = |person: Person| {
            let path = path.clone();
            async move { send(person.request(Method::GET, &path).header("accept", "text/html")).await }
        };
        let seen = page(neighbour.clone()).await;
        assert!(!world.is_named_in(&seen.body), "a neighbour sees ours on {path}");
        let seen = page(server.stranger()).await;
        assert!(!world.is_named_in(&seen.body), "a stranger sees ours on {path}");
        let is_sent_away = seen.status == 302 && seen.header("location").starts_with("/sign-in");
        assert!(is_sent_away || seen.status == 401, "a stranger on {path}: {}", seen.status);
        let seen = page(server.admin.clone()).await;
        assert_eq!(seen.status, 200, "the owner on {path}");
    }
}
