//! A provider that lies: what it says is believed only when everything about it is as it should be.

use super::{add, change, input, is_refused, lands};
use crate::support::{
    oidc::{Browser, CLIENT_ID, CLIENT_SECRET, parameters},
    oidc_fake::{FakeProvider, Lie, new_key},
    people::Answer,
    server::{TestServer, each_engine},
};
use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use domain::clock::Clock as _;
use entity::{
    id::OidcProviderId,
    oidc::{OidcFailure, OidcProviderInput},
};
use serde_json::json;
use sha2::{Digest as _, Sha256};

/// Goes through the fake provider: presses the button, and comes back with a code and `more`.
async fn visit(
    server: &TestServer,
    browser: &mut Browser,
    fake: &FakeProvider,
    provider: OidcProviderId,
    more: &str,
) -> Answer {
    let out = browser.begin(provider, "/").await;
    let sent = parameters(&out);
    fake.say(|says| {
        says.nonce.clone_from(&sent["nonce"]);
        says.now = server.world.clock.now().timestamp();
    });
    let answer = browser.open(&format!("/sign-in/oidc/callback?code=c&state={}{more}", sent["state"])).await;
    if let Some((_, token)) = fake.asked().iter().find(|(path, _)| path == "token") {
        let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(token["code_verifier"].as_bytes()));
        assert_eq!(challenge, sent["code_challenge"], "the verifier belongs to the challenge");
    }
    answer
}

#[tokio::test(flavor = "multi_thread")]
async fn no_lie_is_believed() {
    each_engine(async |server| {
        let fake = FakeProvider::start().await;
        let provider = add(&server.world, input(&fake.issuer, None)).await.expect("added").id;
        fake.say(|says| says.email = json!("ada@msp.example"));
        for lie in Lie::ALL {
            fake.say(|says| says.lie = lie);
            let mut browser = Browser::of(&server);
            let answer = visit(&server, &mut browser, &fake, provider, "").await;
            let location = answer.header("location").to_owned();
            // What is too long is not read to its end.
            let failure = if lie == Lie::TooLong { OidcFailure::Unavailable } else { OidcFailure::Refused };
            assert!(location.contains(failure.word()), "{lie:?}: {location}");
            assert!(fake.redeemed() > 0, "{lie:?} was told");
            is_refused(&answer, &browser, failure);
            // So many tries in a row have to wait else.
            server.advance(10 * 60);
        }
        fake.say(|says| says.lie = Lie::None);
        let mut browser = Browser::of(&server);
        lands(&visit(&server, &mut browser, &fake, provider, "").await, "/");
        assert_eq!(browser.me().await.expect("signed in")["email"], "ada@msp.example");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_of_another_provider_is_refused() {
    let server = TestServer::start().await;
    let fake = FakeProvider::start().await;
    let provider = add(&server.world, input(&fake.issuer, None)).await.expect("added").id;
    fake.say(|says| says.email = json!("ada@msp.example"));
    for wrong in ["&iss=https://login.example.com", "&iss=", &format!("&iss={}/", fake.issuer)] {
        let mut browser = Browser::of(&server);
        let answer = visit(&server, &mut browser, &fake, provider, wrong).await;
        is_refused(&answer, &browser, OidcFailure::Refused);
        assert_eq!(fake.redeemed(), 0, "the code is not given away");
    }
    let named = format!("&iss={}", fake.issuer);
    lands(&visit(&server, &mut Browser::of(&server), &fake, provider, &named).await, "/");
    lands(&visit(&server, &mut Browser::of(&server), &fake, provider, "").await, "/");
    // One that says that its answers name it has to be named.
    fake.say(|says| says.names_itself = true);
    server.advance(10 * 60);
    let mut browser = Browser::of(&server);
    let answer = visit(&server, &mut browser, &fake, provider, "").await;
    is_refused(&answer, &browser, OidcFailure::Refused);
    lands(&visit(&server, &mut Browser::of(&server), &fake, provider, &named).await, "/");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_counts_only_when_it_is_verified() {
    let server = TestServer::start().await;
    let fake = FakeProvider::start().await;
    let provider = add(&server.world, input(&fake.issuer, None)).await.expect("added").id;
    let ada = json!("ada@msp.example");
    let told = |email: &serde_json::Value, verified: serde_json::Value, info: serde_json::Value| {
        fake.say(|says| (says.email, says.email_verified, says.user_info) = (email.clone(), verified, info));
    };
    let none = json!(null);
    let info =
        |sub: &str, verified| json!({"sub": sub, "email": "ada@msp.example", "email_verified": verified});
    for (email, verified, user_info) in [
        (&ada, json!(false), info("somebody", json!(true))),
        (&ada, none.clone(), none.clone()),
        (&ada, none.clone(), info("somebody", json!(false))),
        (&none, none.clone(), info("somebody", none.clone())),
        (&none, none.clone(), info("somebody-else", json!(true))),
        (&none, json!(true), json!({"sub": "somebody"})),
        (&json!("ada@msp.example.evil.example"), json!(true), none.clone()),
        (&json!("ada@msp.example\u{0}"), json!(true), none.clone()),
        (&json!("\u{e0}da@msp.example"), json!(true), none.clone()),
        (&json!("%"), json!(true), none.clone()),
    ] {
        told(email, verified, user_info);
        let mut browser = Browser::of(&server);
        let answer = visit(&server, &mut browser, &fake, provider, "").await;
        is_refused(&answer, &browser, OidcFailure::Refused);
        server.advance(10 * 60);
    }
    // Some say so in a word.
    told(&json!(" ADA@msp.example "), json!("true"), none.clone());
    lands(&visit(&server, &mut Browser::of(&server), &fake, provider, "").await, "/");
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_are_kept_for_minutes_and_asked_for_again_when_they_change() {
    let server = TestServer::start().await;
    let fake = FakeProvider::start().await;
    let provider = add(&server.world, input(&fake.issuer, None)).await.expect("added").id;
    fake.say(|says| says.email = json!("ada@msp.example"));
    lands(&visit(&server, &mut Browser::of(&server), &fake, provider, "").await, "/");
    fake.asked();
    let out = Browser::of(&server).begin(provider, "/").await;
    assert!(out.starts_with(&fake.issuer) && fake.asked().is_empty(), "nothing is asked again");
    fake.say(|says| says.key = (new_key(), "second"));
    lands(&visit(&server, &mut Browser::of(&server), &fake, provider, "").await, "/");
    // The same name for another key is no reason to ask: it is a forgery for as long as the former is kept.
    fake.say(|says| says.key = (new_key(), "second"));
    let mut browser = Browser::of(&server);
    let answer = visit(&server, &mut browser, &fake, provider, "").await;
    is_refused(&answer, &browser, OidcFailure::Refused);
    server.advance(10 * 60);
    lands(&visit(&server, &mut Browser::of(&server), &fake, provider, "").await, "/");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_secret_goes_to_the_token_endpoint_alone() {
    let server = TestServer::start().await;
    let fake = FakeProvider::start().await;
    let provider = add(&server.world, input(&fake.issuer, None)).await.expect("added").id;
    fake.say(|says| says.email = json!("ada@msp.example"));
    let sent = async || {
        let out = Browser::of(&server).begin(provider, "/").await;
        assert!(!out.contains("secret"), "{out}");
        let mut browser = Browser::of(&server);
        let out = browser.begin(provider, "/").await;
        let state = &parameters(&out)["state"];
        fake.asked();
        browser.open(&format!("/sign-in/oidc/callback?code=c&state={state}")).await;
        fake.asked().into_iter().find(|(path, _)| path == "token").expect("asked").1
    };
    let token = sent().await;
    let pair = token["authorization"].strip_prefix("Basic ").expect("by header");
    let pair = String::from_utf8(STANDARD.decode(pair).expect("base 64")).expect("text");
    let (id, secret) = pair.split_once(':').expect("two");
    assert_eq!(id, CLIENT_ID);
    let form = reqwest::Url::parse(&format!("http://x/?s={secret}")).expect("an address");
    assert_eq!(form.query_pairs().next().expect("one").1, CLIENT_SECRET, "encoded as the standard says");
    assert!(!token.contains_key("client_secret"));
    // Some take it in the body only.
    fake.say(|says| says.more = json!({"token_endpoint_auth_methods_supported": ["client_secret_post"]}));
    server.advance(10 * 60);
    let token = sent().await;
    assert_eq!((token["authorization"].as_str(), token["client_secret"].as_str()), ("", CLIENT_SECRET));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_refused_again_and_again_has_to_wait() {
    let server = TestServer::start().await;
    let fake = FakeProvider::start().await;
    let provider = add(&server.world, input(&fake.issuer, None)).await.expect("added").id;
    for round in 0..11 {
        let mut browser = Browser::of(&server);
        let answer = visit(&server, &mut browser, &fake, provider, "").await;
        let expected = if round < 10 { OidcFailure::Refused } else { OidcFailure::Slowed };
        is_refused(&answer, &browser, expected);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_issuer_knows_nobody_and_gets_no_secret() {
    let server = TestServer::start().await;
    let (fake, evil) = (FakeProvider::start().await, FakeProvider::start().await);
    let world = &server.world;
    let provider = add(world, input(&fake.issuer, None)).await.expect("added").id;
    fake.say(|says| (says.email, says.subject) = (json!("ada@msp.example"), "1".to_owned()));
    lands(&visit(&server, &mut Browser::of(&server), &fake, provider, "").await, "/");
    let moved = OidcProviderInput { client_secret: String::new(), ..input(&evil.issuer, None) };
    let refused = change(world, provider, moved).await.expect_err("the secret is not sent elsewhere");
    assert_eq!(refused.problem().field.as_deref(), Some("client_secret"));
    assert_eq!(change(world, provider, input(&evil.issuer, None)).await.expect("moved").people, 0);
    // The same subject is somebody else there.
    evil.say(|says| says.subject = "1".to_owned());
    let mut browser = Browser::of(&server);
    let answer = visit(&server, &mut browser, &evil, provider, "").await;
    is_refused(&answer, &browser, OidcFailure::Refused);
}
