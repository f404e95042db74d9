//! The same over HTTP, as a browser without JavaScript and a script send it: what the cookies are good for, and what
//! they are not.

use super::{ADA, set_up};
use crate::support::{
    people::{Answer, send},
    server::{TestServer, each_engine},
    world::PASSWORD,
};
use entity::problem::{Problem, ProblemCode};
use reqwest::{Method, header};

/// Calls a server function with these cookies.
async fn call(server: &TestServer, path: &str, cookies: &str, fields: &[(&str, &str)]) -> Answer {
    let request = server.stranger().request(Method::POST, &format!("/portal/{path}"));
    send(request.header(header::COOKIE, cookies).form(fields)).await
}

/// The value of a cookie that an answer sets.
fn cookie(answer: &Answer, name: &str) -> String {
    let mut lines = answer.headers.get_all(header::SET_COOKIE).iter().filter_map(|line| line.to_str().ok());
    let line = lines.find(|line| line.starts_with(&format!("{name}="))).expect("a cookie");
    assert!(line.contains("; HttpOnly; SameSite=Lax"), "{line}");
    line.split(['=', ';']).nth(1).expect("a value").to_owned()
}

#[track_caller]
fn problem(answer: Answer, code: ProblemCode) -> Problem {
    let problem: Problem = answer.expect(code.status());
    assert_eq!(problem.code, code);
    problem
}

#[tokio::test]
async fn the_cookie_of_half_a_sign_in_opens_nothing_and_ends_with_it() {
    each_engine(async |server| {
        let world = &server.world;
        let (app, _) = set_up(world, &world.admin).await;
        let input = [("input[email]", ADA), ("input[password]", PASSWORD), ("next", "/devices")];
        let first = call(&server, "sign-in", "", &input).await;
        assert!(
            first
                .headers
                .get_all(header::SET_COOKIE)
                .iter()
                .all(|line| !line.as_bytes().starts_with(b"reeve="))
        );
        let waiting = cookie(&first, "reeve-sign-in");
        let session = world.admin_secret.expose();
        for nothing in [format!("reeve={waiting}"), format!("reeve-sign-in={waiting}"), String::new()] {
            problem(call(&server, "factor/get", &nothing, &[]).await, ProblemCode::SignedOut);
        }
        let code = app.shows(world, 0).code;
        let fields = [("input[code]", code.as_str()), ("next", "//evil.example")];
        for nothing in [format!("reeve={session}"), format!("reeve-sign-in={session}"), String::new()] {
            problem(call(&server, "sign-in/code", &nothing, &fields).await, ProblemCode::Gone);
            problem(call(&server, "sign-in/choice", &nothing, &[]).await, ProblemCode::Gone);
        }
        let waiting = format!("reeve-sign-in={waiting}");
        assert!(call(&server, "sign-in/choice", &waiting, &[]).await.status.is_success());
        let wrong = [("input[code]", "12345"), ("next", "/")];
        let wrong = problem(call(&server, "sign-in/code", &waiting, &wrong).await, ProblemCode::SignedOut);
        assert_eq!(wrong.field.as_deref(), Some("code"));
        let done = call(&server, "sign-in/code", &waiting, &fields).await;
        assert_eq!(cookie(&done, "reeve-sign-in"), "");
        let location = [done.header("location"), done.header("serverfnredirect")].concat();
        assert!(!location.contains("evil"), "{location}");
        let session = format!("reeve={}", cookie(&done, "reeve"));
        assert!(call(&server, "factor/get", &session, &[]).await.status.is_success());
        problem(call(&server, "sign-in/code", &waiting, &fields).await, ProblemCode::Gone);
    })
    .await;
}

#[tokio::test]
async fn guessing_over_http_is_told_when_to_come_back() {
    let server = TestServer::start().await;
    let (world, mut last) = (&server.world, None);
    set_up(world, &world.admin).await;
    let input = [("input[email]", ADA), ("input[password]", PASSWORD), ("next", "/")];
    for _ in 0..11 {
        let waiting = cookie(&call(&server, "sign-in", "", &input).await, "reeve-sign-in");
        let fields = [("input[code]", "000000"), ("next", "/")];
        last = Some(call(&server, "sign-in/code", &format!("reeve-sign-in={waiting}"), &fields).await);
    }
    let refused = problem(last.expect("an answer"), ProblemCode::TooMany);
    assert_eq!(refused.retry_after_seconds, Some(600));
}
