//! Adding, changing and removing providers, and what the sign-in page shows of them.

use super::{add, change, entries, input};
use crate::support::{
    oidc::{Browser, CLIENT_SECRET},
    oidc_fake::FakeProvider,
    server::{TestServer, each_engine},
    world::{World, cx, session_of, user_input},
};
use entity::{
    factor::FactorPolicy,
    id::{BusinessId, OidcProviderId},
    oidc::{OidcProviderInput, OidcProviderQuery, SignInPolicy},
    policy::Action,
    problem::ProblemCode,
    user::{Role, UserInput},
};
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread")]
async fn an_issuer_has_to_answer_when_it_is_saved() {
    let server = TestServer::start().await;
    let world = &server.world;
    let fake = FakeProvider::start().await;
    for wrong in [
        "",
        "login.example.com",
        "http://login.example.com",
        "ftp://127.0.0.1",
        "javascript:alert(1)",
        "https://user:secret@login.example.com",
        "https://login.example.com/?a=b",
        "https://login.example.com/#a",
        "http://127.0.0.1:1",
        &format!("{}/elsewhere", fake.issuer),
        &format!("https://{}.example", "x".repeat(300)),
        &server.url,
    ] {
        let refused = add(world, input(wrong, None)).await.expect_err(wrong).problem();
        // An address that is good and does not answer is another's fault.
        assert!(matches!(refused.code, ProblemCode::Invalid | ProblemCode::Conflict), "{wrong}: {refused:?}");
        assert_eq!(refused.field.as_deref(), Some("issuer"), "{wrong}");
    }
    for more in [
        json!({"issuer": "https://login.example.com"}),
        json!({"authorization_endpoint": "http://login.example.com/auth"}),
        json!({"authorization_endpoint": "javascript:alert(1)"}),
        json!({"token_endpoint": "http://10.0.0.1/token"}),
        json!({"userinfo_endpoint": "http://10.0.0.1/me"}),
        json!({"token_endpoint": null}),
        json!({"jwks_uri": "http://169.254.169.254/latest"}),
        json!({"jwks_uri": format!("{}/nowhere", fake.issuer)}),
        json!({"padding": "x".repeat(300 * 1024)}),
    ] {
        fake.say(|says| says.more = more.clone());
        let refused = add(world, input(&fake.issuer, None)).await.expect_err("it is wrong").problem();
        assert_eq!(refused.field.as_deref(), Some("issuer"), "{:.80}: {}", more.to_string(), refused.detail);
    }
    fake.say(|says| says.more = json!({}));
    // A slash too many is put right.
    let added = add(world, input(&format!(" {}/ ", fake.issuer), None)).await.expect("added");
    assert_eq!(added.issuer, fake.issuer);
    for (field, wrong) in [
        ("provider_name", OidcProviderInput { provider_name: "  ".to_owned(), ..input(&fake.issuer, None) }),
        ("client_id", OidcProviderInput { client_id: String::new(), ..input(&fake.issuer, None) }),
        (
            "client_secret",
            OidcProviderInput { client_secret: "a\nb".to_owned(), ..input(&fake.issuer, None) },
        ),
        (
            "client_secret",
            OidcProviderInput { client_secret: "x".repeat(1_001), ..input(&fake.issuer, None) },
        ),
    ] {
        assert_eq!(add(world, wrong).await.expect_err(field).problem().field.as_deref(), Some(field));
    }
    // One that is off need not answer, so that it can be switched off when it is gone.
    fake.say(|says| says.more = json!({"issuer": "https://gone.example"}));
    let off = OidcProviderInput { is_active: false, ..input(&fake.issuer, None) };
    assert!(!change(world, added.id, off).await.expect("switched off").is_active);
    assert!(
        change(world, added.id, input(&fake.issuer, None)).await.is_err(),
        "on again only when it answers"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_secret_is_never_shown_again() {
    each_engine(async |server| {
        let world = &server.world;
        let fake = FakeProvider::start().await;
        let added = add(world, input(&fake.issuer, Some(world.business))).await.expect("added");
        assert!(added.has_client_secret);
        assert_eq!(added.redirect_url, format!("{}/sign-in/oidc/callback", server.url));
        assert_eq!(added.sign_in_url, format!("{}/sign-in?provider={}", server.url, added.id));
        let kept = OidcProviderInput { client_secret: String::new(), ..input(&fake.issuer, None) };
        let kept = OidcProviderInput { provider_name: "Renamed".to_owned(), ..kept };
        assert!(change(world, added.id, kept).await.expect("changed").has_client_secret);
        let moved = OidcProviderInput { business_id: Some(world.neighbour), ..input(&fake.issuer, None) };
        let refused = change(world, added.id, moved).await.expect_err("it stays where it is").problem();
        assert_eq!(refused.field.as_deref(), Some("business_id"));

        let listed: Value = server.admin.get("/oidc-providers").await.expect(200);
        let page = server.admin.request(reqwest::Method::GET, &format!("/sign-in-settings/{}", added.id));
        let page = crate::support::people::send(page).await;
        assert_eq!(page.status, 200);
        assert!(page.body.contains("Renamed") && page.body.contains("/sign-in/oidc/callback"));
        for text in [listed.to_string(), page.body] {
            assert!(!text.contains(CLIENT_SECRET) && !text.contains("32 bytes"), "{text}");
        }
        let path = format!("/oidc-providers/{}", added.id);
        let removed: Value = server.admin.call("DELETE", &path, None).await.expect(200);
        assert_eq!(removed["provider_name"], "Renamed");
        server.admin.get(&path).await.problem(404);
        let written = entries(world, "oidc_provider.").await;
        let actions: Vec<_> = written.iter().map(|entry| entry.action.as_str()).collect();
        assert_eq!(actions, ["oidc_provider.remove", "oidc_provider.change", "oidc_provider.add"]);
        let text = serde_json::to_string(&written).expect("JSON");
        assert!(
            text.contains("Renamed") && text.contains(&fake.issuer) && !text.contains("32 bytes"),
            "{text}"
        );
    })
    .await;
}

/// Whoever runs a provider can be everybody whom it signs in.
#[tokio::test(flavor = "multi_thread")]
async fn nobody_makes_a_door_to_more_than_they_have() {
    let server = TestServer::start().await;
    let world = &server.world;
    let fake = FakeProvider::start().await;
    let person = async |extra: Vec<Action>, every: bool| {
        let granted = if every { vec![] } else { vec![world.business] };
        let wanted = UserInput {
            role: Role::Technician,
            extra_permissions: extra,
            every_business: every,
            granted,
            ..user_input()
        };
        let admin = world.admin_now().await;
        let invited = domain::user::add(&admin.confirmed().expect("just now"), wanted).await.expect("added");
        cx(&world.store, &session_of(world.accept(&invited.link).await.expect("in"))).await
    };
    let tries = async |cx: &domain::Cx, business: Option<BusinessId>| {
        let result =
            domain::oidc::add(&cx.confirmed().expect("just now"), input(&fake.issuer, business)).await;
        result.map(drop).map_err(|error| error.problem().code)
    };
    let forbidden = Err(ProblemCode::Forbidden);
    let only = person(vec![Action::ManageSignIn], true).await;
    assert_eq!(tries(&only, None).await, forbidden);
    assert_eq!(tries(&only, Some(world.business)).await, forbidden);
    let all = Action::ALL.to_vec();
    let here = person(all.clone(), false).await;
    assert_eq!(tries(&here, None).await, forbidden, "the MSP's people reach more");
    assert_eq!(tries(&here, Some(world.neighbour)).await, Err(ProblemCode::NotFound));
    assert_eq!(tries(&here, Some(world.business)).await, Ok(()));
    let msp = add(world, input(&fake.issuer, None)).await.expect("added");
    assert_eq!(
        domain::oidc::list(&here, &OidcProviderQuery::default()).await.expect("listed").items.len(),
        1,
        "the MSP's own is not theirs to see"
    );
    let confirmed = here.confirmed().expect("just now");
    let changed = domain::oidc::change(&confirmed, msp.id, input(&fake.issuer, None));
    assert_eq!(changed.await.expect_err("out of reach").problem().code, ProblemCode::NotFound);
    assert_eq!(tries(&person(all, true).await, None).await, Ok(()));
    let owner = world.person(Role::BusinessOwner, Some(world.business), &[]).await;
    assert_eq!(tries(&owner, Some(world.business)).await, forbidden);
    let wanted = UserInput {
        role: Role::Technician,
        extra_permissions: Action::ALL.to_vec(),
        granted: vec![world.business],
        denied_locations: vec![world.location],
        ..user_input()
    };
    let admin = world.admin_now().await;
    let invited = domain::user::add(&admin.confirmed().expect("just now"), wanted).await.expect("added");
    let partly = cx(&world.store, &session_of(world.accept(&invited.link).await.expect("in"))).await;
    assert_eq!(
        tries(&partly, Some(world.business)).await,
        forbidden,
        "its owner reaches what is denied to them"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_are_shown_the_msps_buttons_alone() {
    let server = TestServer::start().await;
    let world = &server.world;
    let fake = FakeProvider::start().await;
    let named = |name: &str, business| OidcProviderInput {
        provider_name: name.to_owned(),
        ..input(&fake.issuer, business)
    };
    let msp = add(world, named("Paper & Ink", None)).await.expect("added").id;
    let theirs = add(world, named("Acme Works", Some(world.business))).await.expect("added").id;
    let page = async |path: &str| {
        let answer = Browser::of(&server).open(path).await;
        assert_eq!(answer.status, 200, "{path}");
        answer.body
    };
    let body = page("/sign-in").await;
    assert!(
        body.contains("Paper &amp; Ink")
            && !body.contains("Acme Works")
            && !body.contains(&theirs.to_string())
    );
    assert!(body.contains(&format!("/sign-in/oidc/{msp}\"")), "{body}");
    let body = page(&format!("/sign-in?provider={theirs}&next=/devices%3Fa=b")).await;
    assert!(
        body.contains("Acme Works")
            && body.contains(&format!("/sign-in/oidc/{theirs}?next=/devices%3Fa%3Db\""))
    );
    for nothing in [OidcProviderId::generate().to_string(), "x".to_owned()] {
        assert!(!page(&format!("/sign-in?provider={nothing}")).await.contains("Acme Works"));
    }
    change(world, theirs, OidcProviderInput { is_active: false, ..named("Acme Works", None) })
        .await
        .expect("off");
    assert!(!page(&format!("/sign-in?provider={theirs}")).await.contains("Acme Works"));
    for word in ["cancelled", "over", "refused", "slowed", "unavailable"] {
        let failure: entity::oidc::OidcFailure = word.parse().expect("a word");
        assert!(page(&format!("/sign-in?oidc={word}")).await.contains(failure.sentence()), "{word}");
    }
    assert!(!page("/sign-in?oidc=%3Cscript%3E").await.contains("<script>%3C"));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_to_have_a_factor_is_decided_by_who_manages_sign_in() {
    each_engine(async |server| {
        let world: &World = &server.world;
        let shown: SignInPolicy = server.admin.get("/sign-in-policy").await.expect(200);
        assert_eq!(shown.factor_policy, FactorPolicy::Nobody, "as a world has it");
        let wrong = json!({"factor_policy": "somebody"});
        let refused = server.admin.call("PUT", "/sign-in-policy", Some(&wrong)).await.problem(422);
        assert_eq!(refused.field.as_deref(), Some("factor_policy"));
        let asked = json!({"factor_policy": "everybody"});
        let answer = server.admin.call("PUT", "/sign-in-policy", Some(&asked)).await;
        let shown: SignInPolicy = answer.expect(200);
        assert_eq!(shown.factor_policy, FactorPolicy::Everybody);
        let policy = domain::access::factor_policy(&world.store).await.expect("asked");
        assert_eq!(policy, FactorPolicy::Everybody);
    })
    .await;
}
