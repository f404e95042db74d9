//! Signing in with a provider of OpenID Connect: with a real one, and with one that lies.

mod hostile;
mod manage;

use crate::support::{
    oidc::{Browser, CLIENT_ID, CLIENT_SECRET, RealProvider, parameters},
    people::Answer,
    server::{TestServer, each_engine},
    world::{World, user_input},
};
use domain::{
    clock::{Clock as _, SystemClock},
    oidc::{Callback, Finished},
};
use entity::{
    audit::{AuditEntryView, AuditQuery},
    factor::{CodeInput, FactorPolicy},
    id::{BusinessId, OidcProviderId, UserId},
    oidc::{OidcFailure, OidcProviderInput, OidcProviderView},
    user::{Role, UserInput},
};
use totp_rs::{Builder, Secret};

/// A provider as people fill it in.
fn input(issuer: &str, business: Option<BusinessId>) -> OidcProviderInput {
    OidcProviderInput {
        business_id: business,
        provider_name: "Login".to_owned(),
        issuer: issuer.to_owned(),
        client_id: CLIENT_ID.to_owned(),
        client_secret: CLIENT_SECRET.to_owned(),
        asks_for_factor: false,
        is_active: true,
    }
}

async fn add(world: &World, input: OidcProviderInput) -> domain::Result<OidcProviderView> {
    domain::oidc::add(&world.admin_now().await.confirmed().expect("just now"), input).await
}

async fn change(
    world: &World,
    id: OidcProviderId,
    input: OidcProviderInput,
) -> domain::Result<OidcProviderView> {
    domain::oidc::change(&world.admin_now().await.confirmed().expect("just now"), id, input).await
}

/// Somebody with this address, who has never chosen a password.
async fn invite(world: &World, role: Role, business: Option<BusinessId>, email: &str) -> UserId {
    let input = UserInput { email: email.to_owned(), role, business_id: business, ..user_input() };
    let admin = world.admin_now().await;
    domain::user::add(&admin.confirmed().expect("just now"), input).await.expect("added").user.id
}

/// A real provider tells the real time.
fn to_the_present(world: &World) {
    world.clock.advance(SystemClock.now() - world.clock.now());
}

/// Fails unless the browser was led back to the sign-in page with this sentence, and nobody is signed in.
#[track_caller]
fn is_refused(answer: &Answer, browser: &Browser, failure: OidcFailure) {
    let (status, location) = (answer.status.as_u16(), answer.header("location"));
    let is_right = status == 303 && location.starts_with(&format!("/sign-in?oidc={}&next=", failure.word()));
    assert!(is_right, "{status} {location}");
    let cookies = &browser.cookies;
    assert!(!cookies.contains_key("reeve") && !cookies.contains_key("reeve-sign-in"), "{cookies:?}");
}

#[track_caller]
fn lands(answer: &Answer, path: &str) {
    assert_eq!((answer.status.as_u16(), answer.header("location")), (303, path), "{}", answer.body);
}

async fn entries(world: &World, action: &str) -> Vec<AuditEntryView> {
    let query = AuditQuery { action: Some(action.to_owned()), ..AuditQuery::default() };
    domain::audit::list(&world.admin_now().await, &query).await.expect("listed").items
}

#[tokio::test(flavor = "multi_thread")]
async fn people_of_the_msp_and_of_a_business_sign_in() {
    each_engine(async |server| {
        let world = &server.world;
        to_the_present(world);
        let accounts = [("ada-there", "Ada@MSP.example", true), ("olga-there", "olga@acme.example", true)];
        // Once as the standard has it, with the address behind the user info endpoint, and once in the ID token.
        for in_id_token in [false, true] {
            let real = RealProvider::start(&server, in_id_token, &accounts).await;
            let msp = add(world, input(&real.issuer, None)).await.expect("added");
            let theirs = add(world, input(&real.issuer, Some(world.business))).await.expect("added");
            if !in_id_token {
                invite(world, Role::BusinessOwner, Some(world.business), "olga@acme.example").await;
            }

            let mut browser = Browser::of(&server);
            lands(&browser.sign_in(msp.id, "ada-there", "/devices?sort=name").await, "/devices?sort=name");
            assert_eq!(browser.me().await.expect("signed in")["email"], "ada@msp.example");
            assert!(!browser.cookies.contains_key("reeve-oidc"), "what was begun is over");

            let mut browser = Browser::of(&server);
            lands(&browser.sign_in(theirs.id, "olga-there", "").await, "/");
            let me = browser.me().await.expect("signed in");
            assert_eq!(
                (me["email"].as_str(), me["role"].as_str()),
                (Some("olga@acme.example"), Some("business_owner"))
            );

            // This browser knows its provider, for when the session has ended; others do not.
            let theirs_only = format!("/sign-in/oidc/{}", theirs.id);
            assert!(browser.open("/sign-in").await.body.contains(&theirs_only));
            assert!(!Browser::of(&server).open("/sign-in").await.body.contains(&theirs_only));

            // Known from now on: another address, verified or not, changes nothing.
            real.change(("olga-there", "somebody.else@acme.example", false)).await;
            let mut browser = Browser::of(&server);
            lands(&browser.sign_in(theirs.id, "olga-there", "/").await, "/");
            assert_eq!(browser.me().await.expect("signed in")["email"], "olga@acme.example");
            let known = domain::oidc::get(&world.admin_now().await, theirs.id).await.expect("there");
            assert_eq!(known.people, 1);
        }
        let linked = entries(world, "account.link_identity").await;
        assert_eq!(linked.len(), 4, "once for each person and provider");
        let sign_ins = entries(world, "account.sign_in").await;
        assert!(sign_ins.iter().any(|entry| entry.summary == "Signed in: single sign-on"), "{sign_ins:?}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_gets_into_what_is_not_theirs() {
    each_engine(async |server| {
        let world = &server.world;
        to_the_present(world);
        let accounts = [
            ("admin", "ada@msp.example", true),
            ("neighbour", "nora@neighbour.example", true),
            ("own", "olga@acme.example", true),
            ("again", "olga@acme.example", true),
            ("unverified", "otto@acme.example", false),
            ("unknown", "nobody@acme.example", true),
            ("off", "oscar@acme.example", true),
        ];
        let real = RealProvider::start(&server, false, &accounts).await;
        let msp = add(world, input(&real.issuer, None)).await.expect("added");
        let ours = add(world, input(&real.issuer, Some(world.business))).await.expect("added");
        invite(world, Role::BusinessOwner, Some(world.neighbour), "nora@neighbour.example").await;
        for email in ["olga@acme.example", "otto@acme.example"] {
            invite(world, Role::Contact, Some(world.business), email).await;
        }
        let off = invite(world, Role::Contact, Some(world.business), "oscar@acme.example").await;
        switch(world, off, false).await;

        let refuses = async |provider: OidcProviderId, account: &str| {
            let mut browser = Browser::of(&server);
            let answer = browser.sign_in(provider, account, "/").await;
            is_refused(&answer, &browser, OidcFailure::Refused);
            answer.header("location").to_owned()
        };
        let mut places = Vec::new();
        for account in ["admin", "neighbour", "unverified", "unknown", "off"] {
            places.push(refuses(ours.id, account).await);
        }
        for account in ["own", "neighbour", "unknown"] {
            places.push(refuses(msp.id, account).await);
        }
        places.dedup();
        assert_eq!(places.len(), 1, "no two refusals can be told apart: {places:?}");

        let mut browser = Browser::of(&server);
        lands(&browser.sign_in(ours.id, "own", "/").await, "/");
        // Somebody else there has the address now: that does not make them who had it before.
        refuses(ours.id, "again").await;

        // Known, but not let in any more.
        let own =
            browser.me().await.expect("signed in")["id"].as_str().expect("an id").parse().expect("an id");
        switch(world, own, false).await;
        refuses(ours.id, "own").await;
        switch(world, own, true).await;
        switch_business(world, false).await;
        refuses_to_begin(&server, ours.id).await;
        switch_business(world, true).await;
        change(world, ours.id, OidcProviderInput { is_active: false, ..input(&real.issuer, None) })
            .await
            .expect("off");
        refuses_to_begin(&server, ours.id).await;
        refuses_to_begin(&server, OidcProviderId::generate()).await;

        let reasons = entries(world, "account.sign_in_refused").await;
        assert_eq!(reasons.len(), 9, "one for each whom the provider vouched for and who was not known");
        assert!(reasons.iter().any(|entry| entry.summary.ends_with("has not verified their address")));
    })
    .await;
}

async fn switch(world: &World, id: UserId, is_active: bool) {
    let admin = world.admin_now().await;
    domain::user::set_active(&admin.confirmed().expect("just now"), id, is_active).await.expect("switched");
}

async fn switch_business(world: &World, is_active: bool) {
    let admin = world.admin_now().await;
    let admin = admin.confirmed().expect("just now");
    domain::business::set_active(&admin, world.business, is_active).await.expect("switched");
}

async fn refuses_to_begin(server: &TestServer, id: OidcProviderId) {
    let mut browser = Browser::of(server);
    let answer = browser.open(&format!("/sign-in/oidc/{id}")).await;
    is_refused(&answer, &browser, OidcFailure::Refused);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_begun_is_finished_once_in_the_same_browser_and_in_time() {
    each_engine(async |server| {
        let world = &server.world;
        to_the_present(world);
        let real = RealProvider::start(&server, false, &[("ada", "ada@msp.example", true)]).await;
        let provider = add(world, input(&real.issuer, None)).await.expect("added").id;

        // The answer to somebody else's question: it does not sign in, and does not end what was begun here.
        let (mut browser, mut attacker) = (Browser::of(&server), Browser::of(&server));
        let out = browser.begin(provider, "/").await;
        let theirs = attacker.begin(provider, "/").await;
        let theirs = attacker.at_provider(&theirs, Some("ada")).await;
        let forced = browser.open(&theirs).await;
        is_refused(&forced, &browser, OidcFailure::Over);
        let home = browser.at_provider(&out, Some("ada")).await;
        let (state, code) = (&parameters(&home)["state"], &parameters(&home)["code"]);
        for wrong in
            ["", "?", "?code=x", "?state=", "?state=x&code=y", "?state=x&state=y", "?state=%00&code=%ff"]
        {
            let answer = browser.open(&format!("/sign-in/oidc/callback{wrong}")).await;
            is_refused(&answer, &browser, OidcFailure::Over);
        }
        let answer = Browser::of(&server).open(&home).await;
        is_refused(&answer, &Browser::of(&server), OidcFailure::Over);
        let mut other = Browser::of(&server);
        other.cookies.insert("reeve-oidc".to_owned(), "x".repeat(43));
        let answer = other.open(&home).await;
        is_refused(&answer, &other, OidcFailure::Over);
        assert!(state.len() >= 43 && code.len() >= 16, "they cannot be guessed");

        let kept = browser.clone();
        lands(&browser.open(&home).await, "/");
        // Used, with the same cookie and the same address.
        let mut replayed = kept;
        let answer = replayed.open(&home).await;
        is_refused(&answer, &replayed, OidcFailure::Over);

        let mut late = Browser::of(&server);
        let out = late.begin(provider, "/").await;
        let home = late.at_provider(&out, Some("ada")).await;
        server.advance(10 * 60);
        let answer = late.open(&home).await;
        is_refused(&answer, &late, OidcFailure::Over);

        let mut gives_up = Browser::of(&server);
        let out = gives_up.begin(provider, "/devices").await;
        let home = gives_up.at_provider(&out, None).await;
        assert_eq!(parameters(&home)["error"], "access_denied");
        let answer = gives_up.open(&home).await;
        is_refused(&answer, &gives_up, OidcFailure::Cancelled);
        assert_eq!(answer.header("location"), "/sign-in?oidc=cancelled&next=/devices");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_question_is_one_that_a_provider_can_hold_us_to() {
    let server = TestServer::start().await;
    to_the_present(&server.world);
    let real = RealProvider::start(&server, false, &[("ada", "ada@msp.example", true)]).await;
    let provider = add(&server.world, input(&real.issuer, None)).await.expect("added").id;
    let mut browser = Browser::of(&server);
    let answer = browser.open(&format!("/sign-in/oidc/{provider}")).await;
    let cookie = answer.header("set-cookie");
    assert!(
        cookie.contains("; HttpOnly") && cookie.contains("; SameSite=Lax") && cookie.contains("Max-Age=600")
    );
    assert_eq!(answer.header("cache-control"), "no-store");
    let out = answer.header("location").to_owned();
    let sent = parameters(&out);
    assert_eq!((sent["response_type"].as_str(), sent["code_challenge_method"].as_str()), ("code", "S256"));
    assert_eq!((sent["scope"].as_str(), sent["client_id"].as_str()), ("openid email", CLIENT_ID));
    assert_eq!(sent["redirect_uri"], format!("{}/sign-in/oidc/callback", server.url));
    assert!(!out.contains(&browser.cookies["reeve-oidc"]), "the browser's secret stays in the browser");
    assert!(sent["nonce"].len() >= 43 && sent["nonce"] != sent["state"]);
    let again = Browser::of(&server).begin(provider, "").await;
    for one_time in ["state", "nonce", "code_challenge"] {
        assert_ne!(parameters(&again)[one_time], sent[one_time], "{one_time}");
    }
    // The provider refuses a question without the challenge; that it accepts ours says that the verifier fits.
    let without = out.replace("code_challenge", "other");
    let home = Browser::of(&server).at_provider(&without, Some("ada")).await;
    assert_eq!(parameters(&home)["error"], "invalid_request");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_in_ends_on_this_site_only() {
    let server = TestServer::start().await;
    to_the_present(&server.world);
    let real = RealProvider::start(&server, false, &[("ada", "ada@msp.example", true)]).await;
    let provider = add(&server.world, input(&real.issuer, None)).await.expect("added").id;
    for next in
        ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)", "/a\r\nx: y"]
    {
        let answer = Browser::of(&server).sign_in(provider, "ada", next).await;
        lands(&answer, "/");
        assert!(answer.headers.get("x").is_none());
    }
    let long = format!("/{}", "x".repeat(3_000));
    lands(&Browser::of(&server).sign_in(provider, "ada", &long).await, "/");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_factor_is_asked_for_unless_the_provider_does() {
    each_engine(async |server| {
        let world = &server.world;
        to_the_present(world);
        let accounts = [("ada", "ada@msp.example", true), ("tom", "tom@msp.example", true)];
        let real = RealProvider::start(&server, true, &accounts).await;
        let asks = OidcProviderInput { asks_for_factor: true, ..input(&real.issuer, None) };
        let (plain, asks) = (
            add(world, input(&real.issuer, None)).await.expect("added").id,
            add(world, asks).await.expect("added").id,
        );
        invite(world, Role::Technician, None, "tom@msp.example").await;

        // The policy asks for one, and he has none.
        domain::access::decide_factor_policy(&world.job(), FactorPolicy::Msp).await.expect("decided");
        let mut browser = Browser::of(&server);
        lands(&browser.sign_in(plain, "tom", "/").await, "/");
        assert_eq!(browser.me().await.expect("signed in")["must_add_factor"], true);
        let mut browser = Browser::of(&server);
        lands(&browser.sign_in(asks, "tom", "/").await, "/");
        assert_eq!(browser.me().await.expect("signed in")["must_add_factor"], false);

        // She has one.
        domain::access::decide_factor_policy(&world.job(), FactorPolicy::Nobody).await.expect("decided");
        let admin = world.admin_now().await;
        let setup = domain::factor::begin_totp(&admin).await.expect("begun");
        let secret = Secret::try_from_base32(&setup.secret).expect("base 32");
        let app = Builder::new().with_secret(secret).build().expect("an app");
        let at = u64::try_from(world.clock.now().timestamp()).expect("after 1970");
        let code = CodeInput { code: app.generate(at).to_string() };
        domain::factor::confirm_totp(&admin, code).await.expect("set up");
        let mut browser = Browser::of(&server);
        lands(&browser.sign_in(plain, "ada", "/devices").await, "/sign-in/factor?next=/devices");
        assert!(browser.cookies.contains_key("reeve-sign-in") && browser.me().await.is_none());
        let mut browser = Browser::of(&server);
        lands(&browser.sign_in(asks, "ada", "/devices").await, "/devices");
        assert!(browser.me().await.is_some());
    })
    .await;
}

/// The verb itself, without a browser: what is begun for one provider is not finished at another.
#[tokio::test(flavor = "multi_thread")]
async fn without_the_secret_nothing_is_finished() {
    let server = TestServer::start().await;
    let world = &server.world;
    let callback =
        Callback { code: Some("x".to_owned()), state: Some(String::new()), error: None, iss: None };
    let visitor = crate::support::world::visitor();
    let Finished { arrived, next, .. } = domain::oidc::finish(&world.store, &visitor, None, callback).await;
    assert_eq!((arrived.err(), next.as_str()), (Some(OidcFailure::Over), "/"));
}
