//! A provider of OpenID Connect that lies as it is told: what a real one never does, ours must not believe.

use super::oidc::{CLIENT_ID, CLIENT_SECRET};
use axum::{
    Form, Json, Router,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use ed25519_dalek::{Signer as _, SigningKey};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};
use tokio::net::TcpListener;

/// How it answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lie {
    /// Not at all: everything is as it should be.
    None,
    AlgNone,
    AlgNoneWithSignature,
    HmacWithPublicKey,
    HmacWithSecret,
    OtherKey,
    UnknownKey,
    NoSignature,
    OtherAudience,
    MoreAudiences,
    NoAudience,
    OtherParty,
    OtherIssuer,
    OtherNonce,
    NoNonce,
    Expired,
    FromTheFuture,
    NoExpiry,
    NoIdToken,
    NoSubject,
    LongSubject,
    Nested,
    Critical,
    TooLong,
    Redirect,
    NotJson,
    ErrorPage,
}

impl Lie {
    /// Every lie.
    pub const ALL: [Self; 26] = [
        Self::AlgNone,
        Self::AlgNoneWithSignature,
        Self::HmacWithPublicKey,
        Self::HmacWithSecret,
        Self::OtherKey,
        Self::UnknownKey,
        Self::NoSignature,
        Self::OtherAudience,
        Self::MoreAudiences,
        Self::NoAudience,
        Self::OtherParty,
        Self::OtherIssuer,
        Self::OtherNonce,
        Self::NoNonce,
        Self::Expired,
        Self::FromTheFuture,
        Self::NoExpiry,
        Self::NoIdToken,
        Self::NoSubject,
        Self::LongSubject,
        Self::Nested,
        Self::Critical,
        Self::TooLong,
        Self::Redirect,
        Self::NotJson,
        Self::ErrorPage,
    ];
}

/// What it says at this moment.
#[derive(Clone)]
pub struct Says {
    pub lie: Lie,
    pub nonce: String,
    pub subject: String,
    pub email: Value,
    pub email_verified: Value,
    /// Unix seconds.
    pub now: i64,
    /// The key that signs, and the name it is published under.
    pub key: (SigningKey, &'static str),
    /// Does its configuration say that its answers name it?
    pub names_itself: bool,
    /// What the user info endpoint says.
    pub user_info: Value,
    /// What the configuration says beyond, or instead.
    pub more: Value,
}

/// A path that it was asked at, and the fields that were sent.
type Asked = (String, BTreeMap<String, String>);

/// One that runs until its runtime ends.
#[derive(Clone)]
pub struct FakeProvider {
    pub issuer: String,
    says: Arc<Mutex<Says>>,
    asked: Arc<Mutex<Vec<Asked>>>,
    redeemed: Arc<AtomicUsize>,
}

impl FakeProvider {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let issuer = format!("http://{}", listener.local_addr().expect("an address"));
        let says = Says {
            lie: Lie::None,
            nonce: String::new(),
            subject: "somebody".to_owned(),
            email: json!("nobody@msp.example"),
            email_verified: json!(true),
            now: 0,
            key: (new_key(), "first"),
            names_itself: false,
            user_info: Value::Null,
            more: json!({}),
        };
        let provider = Self {
            issuer,
            says: Arc::new(Mutex::new(says)),
            asked: Arc::default(),
            redeemed: Arc::default(),
        };
        let router = Router::new()
            .route("/.well-known/openid-configuration", get(configuration))
            .route("/keys", get(keys))
            .route("/token", post(token))
            .route("/me", get(user_info))
            .with_state(provider.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        provider
    }

    /// Has it say something else from now on.
    pub fn say(&self, change: impl FnOnce(&mut Says)) {
        change(&mut self.says.lock().expect("whole"));
    }

    /// What it was asked since the last time, oldest first: the path and the fields.
    pub fn asked(&self) -> Vec<Asked> {
        std::mem::take(&mut self.asked.lock().expect("whole"))
    }

    /// How often it was given a code back.
    pub fn redeemed(&self) -> usize {
        self.redeemed.load(Ordering::SeqCst)
    }

    fn note(&self, path: &str, fields: BTreeMap<String, String>) -> Says {
        self.asked.lock().expect("whole").push((path.to_owned(), fields));
        self.says.lock().expect("whole").clone()
    }
}

/// A key that nobody else has.
pub fn new_key() -> SigningKey {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).expect("randomness");
    SigningKey::from_bytes(&seed)
}

async fn configuration(State(provider): State<FakeProvider>) -> Json<Value> {
    let says = provider.note("configuration", BTreeMap::new());
    let issuer = &provider.issuer;
    let mut configuration = json!({
        "issuer": issuer,
        "authorization_endpoint": format!("{issuer}/auth"),
        "token_endpoint": format!("{issuer}/token"),
        "userinfo_endpoint": format!("{issuer}/me"),
        "jwks_uri": format!("{issuer}/keys"),
        "response_types_supported": ["code"],
        "subject_types_supported": ["public"],
        // As if all of them were fine.
        "id_token_signing_alg_values_supported": ["EdDSA", "HS256", "none"],
        "authorization_response_iss_parameter_supported": says.names_itself,
    });
    for (name, value) in says.more.as_object().expect("an object") {
        configuration[name] = value.clone();
    }
    Json(configuration)
}

async fn keys(State(provider): State<FakeProvider>) -> Json<Value> {
    let says = provider.note("keys", BTreeMap::new());
    let (key, kid) = &says.key;
    let x = URL_SAFE_NO_PAD.encode(key.verifying_key().as_bytes());
    Json(
        json!({"keys": [{"kty": "OKP", "crv": "Ed25519", "use": "sig", "alg": "EdDSA", "kid": kid, "x": x}]}),
    )
}

async fn user_info(State(provider): State<FakeProvider>) -> Json<Value> {
    Json(provider.note("me", BTreeMap::new()).user_info)
}

async fn token(
    State(provider): State<FakeProvider>,
    headers: HeaderMap,
    Form(mut fields): Form<BTreeMap<String, String>>,
) -> Response {
    let authorization = headers.get("authorization").and_then(|value| value.to_str().ok());
    fields.insert("authorization".to_owned(), authorization.unwrap_or_default().to_owned());
    let says = provider.note("token", fields);
    provider.redeemed.fetch_add(1, Ordering::SeqCst);
    match says.lie {
        Lie::Redirect => {
            let elsewhere = format!("{}/elsewhere", provider.issuer);
            return (StatusCode::TEMPORARY_REDIRECT, [("location", elsewhere)]).into_response();
        }
        Lie::NotJson => return "not JSON".into_response(),
        Lie::ErrorPage => return (StatusCode::INTERNAL_SERVER_ERROR, "a page").into_response(),
        Lie::NoIdToken => return Json(json!({"access_token": "a", "token_type": "Bearer"})).into_response(),
        _ => {}
    }
    let mut answer = json!({
        "access_token": "a",
        "token_type": "Bearer",
        "id_token": id_token(&provider.issuer, &says),
    });
    if says.lie == Lie::TooLong {
        answer["padding"] = json!("x".repeat(300 * 1024));
    }
    Json(answer).into_response()
}

fn id_token(issuer: &str, says: &Says) -> String {
    let mut claims = json!({
        "iss": issuer,
        "aud": CLIENT_ID,
        "sub": says.subject,
        "nonce": says.nonce,
        "iat": says.now,
        "exp": says.now + 300,
        "email": says.email,
        "email_verified": says.email_verified,
    });
    let mut header = json!({"alg": "EdDSA", "typ": "JWT", "kid": says.key.1});
    let fields = claims.as_object_mut().expect("an object");
    fields.retain(|_, value| !value.is_null());
    match says.lie {
        Lie::AlgNone | Lie::AlgNoneWithSignature => header["alg"] = json!("none"),
        Lie::HmacWithPublicKey | Lie::HmacWithSecret => header["alg"] = json!("HS256"),
        Lie::UnknownKey => header["kid"] = json!("another"),
        Lie::OtherAudience => claims["aud"] = json!("somebody-else"),
        Lie::MoreAudiences => claims["aud"] = json!([CLIENT_ID, "somebody-else"]),
        Lie::NoAudience => drop(fields.remove("aud")),
        Lie::OtherParty => claims["azp"] = json!("somebody-else"),
        Lie::OtherIssuer => claims["iss"] = json!("https://login.example.com"),
        Lie::OtherNonce => claims["nonce"] = json!("another"),
        Lie::NoNonce => drop(fields.remove("nonce")),
        Lie::Expired => claims["exp"] = json!(says.now),
        Lie::FromTheFuture => claims["iat"] = json!(says.now + 3_600),
        Lie::NoExpiry => drop(fields.remove("exp")),
        Lie::NoSubject => claims["sub"] = json!(""),
        Lie::LongSubject => claims["sub"] = json!("x".repeat(256)),
        Lie::Nested => header["cty"] = json!("JWT"),
        Lie::Critical => header["crit"] = json!(["b64"]),
        _ => {}
    }
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let signed = format!("{}.{}", part(&header), part(&claims));
    let own = &says.key.0;
    let signature = match says.lie {
        Lie::AlgNone | Lie::NoSignature => Vec::new(),
        Lie::HmacWithPublicKey => hmac(own.verifying_key().as_bytes(), signed.as_bytes()),
        Lie::HmacWithSecret => hmac(CLIENT_SECRET.as_bytes(), signed.as_bytes()),
        Lie::OtherKey => new_key().sign(signed.as_bytes()).to_vec(),
        _ => own.sign(signed.as_bytes()).to_vec(),
    };
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
}

/// HMAC with SHA-256, by RFC 2104.
fn hmac(key: &[u8], message: &[u8]) -> Vec<u8> {
    let mut block = [0; 64];
    block[..key.len()].copy_from_slice(key);
    let pad = |byte: u8| block.map(|own| own ^ byte);
    let inner = Sha256::digest([pad(0x36).as_slice(), message].concat());
    Sha256::digest([pad(0x5c).as_slice(), &inner].concat()).to_vec()
}
