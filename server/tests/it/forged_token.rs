//! Agent tokens that somebody else made: forty ways to be almost right, on HTTP and on the socket.

use crate::support::{
    agent::{FakeAgent, Socket},
    people::send,
    server::TestServer,
    world::noon,
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use ed25519_dalek::{Signer as _, SigningKey};
use hmac_sha256::hmac;
use reqwest::Method;
use serde_json::{Value, json};

/// HMAC by hand: nothing else here needs a crate for it.
mod hmac_sha256 {
    use sha2::{Digest as _, Sha256};

    pub(super) fn hmac(key: &[u8], text: &[u8]) -> Vec<u8> {
        let mut block = [0_u8; 64];
        block[..key.len()].copy_from_slice(key);
        let inner = Sha256::new().chain_update(block.map(|byte| byte ^ 0x36)).chain_update(text).finalize();
        Sha256::new().chain_update(block.map(|byte| byte ^ 0x5c)).chain_update(inner).finalize().to_vec()
    }
}

fn part(json: &Value) -> String {
    URL_SAFE_NO_PAD.encode(json.to_string())
}

fn read(part: &str) -> Value {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).expect("base64url")).expect("JSON")
}

/// A good token in its parts, and the key that signs such tokens.
struct Good {
    header: Value,
    claims: Value,
    signature: String,
    key: SigningKey,
}

impl Good {
    fn of(server: &TestServer, token: &str) -> Self {
        let parts: Vec<_> = token.split('.').collect();
        let seed =
            std::fs::read_to_string(server.world.folder().join("keys/agent-token.key")).expect("a key");
        let mut bytes = [0; 32];
        hex::decode_to_slice(seed.trim(), &mut bytes).expect("hex");
        Self {
            header: read(parts[0]),
            claims: read(parts[1]),
            signature: parts[2].to_owned(),
            key: SigningKey::from_bytes(&bytes),
        }
    }

    /// Signed with the server's own key, which nobody else has: only what it says can be wrong.
    fn signed(&self, header: &str, claims: &str) -> String {
        let signature = self.key.sign(format!("{header}.{claims}").as_bytes()).to_bytes();
        format!("{header}.{claims}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    /// With other claims, signed.
    fn claiming(&self, change: impl FnOnce(&mut Value)) -> String {
        let mut claims = self.claims.clone();
        change(&mut claims);
        self.signed(&original(&self.header), &part(&claims))
    }

    /// With another header, signed.
    fn headed(&self, change: impl FnOnce(&mut Value)) -> String {
        let mut header = self.header.clone();
        change(&mut header);
        self.signed(&part(&header), &part(&self.claims))
    }
}

/// The header as the server writes it: `Value` keeps no order.
fn original(header: &Value) -> String {
    let text = |name: &str| header[name].as_str().expect("text").to_owned();
    let json = format!(r#"{{"typ":"{}","alg":"{}","kid":"{}"}}"#, text("typ"), text("alg"), text("kid"));
    URL_SAFE_NO_PAD.encode(json)
}

fn forgeries(good: &Good) -> Vec<(&'static str, String)> {
    let (header, claims) = (original(&good.header), part(&good.claims));
    let now = noon().timestamp();
    let public = good.key.verifying_key();
    let stranger = SigningKey::from_bytes(&[7; 32]);
    let hs = |alg: &str, key: &[u8]| {
        let header = part(&json!({"typ": good.header["typ"], "alg": alg, "kid": good.header["kid"]}));
        let signature = hmac(key, format!("{header}.{claims}").as_bytes());
        format!("{header}.{claims}.{}", URL_SAFE_NO_PAD.encode(signature))
    };
    let unsigned = |alg: &str| format!("{}.{claims}.", part(&json!({"alg": alg, "typ": "JWT"})));
    let gone =
        |name: &str| good.claiming(|claims| drop(claims.as_object_mut().expect("an object").remove(name)));
    let set = |name: &str, value: Value| good.claiming(|claims| claims[name] = value);
    let head = |name: &str, value: Value| good.headed(|header| header[name] = value);
    let embedded = {
        let jwk = json!({"kty": "OKP", "crv": "Ed25519", "x": URL_SAFE_NO_PAD.encode(stranger.verifying_key().as_bytes())});
        let header =
            part(&json!({"typ": good.header["typ"], "alg": "EdDSA", "kid": good.header["kid"], "jwk": jwk}));
        let signature = stranger.sign(format!("{header}.{claims}").as_bytes()).to_bytes();
        format!("{header}.{claims}.{}", URL_SAFE_NO_PAD.encode(signature))
    };
    let stolen = stranger.sign(format!("{header}.{claims}").as_bytes()).to_bytes();
    vec![
        ("alg none", unsigned("none")),
        ("alg None", unsigned("None")),
        ("alg NONE", unsigned("NONE")),
        ("alg empty", unsigned("")),
        ("none with our header's other fields", {
            let header = part(&json!({"typ": good.header["typ"], "alg": "none", "kid": good.header["kid"]}));
            format!("{header}.{claims}.{}", good.signature)
        }),
        ("HS256 with the public key", hs("HS256", public.as_bytes())),
        ("HS256 with an empty key", hs("HS256", b"")),
        ("HS512 named, 256 made", hs("HS512", public.as_bytes())),
        ("RS256 named", head("alg", json!("RS256"))),
        ("ES256 named", head("alg", json!("ES256"))),
        ("a number as alg", head("alg", json!(1))),
        ("another kid", head("kid", json!("0000000000000000"))),
        ("a path as kid", head("kid", json!("../../../../dev/null"))),
        ("SQL as kid", head("kid", json!("x' UNION SELECT 'key"))),
        ("no kid", good.headed(|header| drop(header.as_object_mut().expect("an object").remove("kid")))),
        ("another typ", head("typ", json!("JWT"))),
        ("a challenge's typ", head("typ", json!("reeve-challenge+jwt"))),
        ("jku", head("jku", json!("https://evil.example/keys"))),
        ("x5u", head("x5u", json!("https://evil.example/cert"))),
        ("crit", head("crit", json!(["exp"]))),
        ("a key of its own in the header", embedded),
        ("somebody else's signature", format!("{header}.{claims}.{}", URL_SAFE_NO_PAD.encode(stolen))),
        ("no signature", format!("{header}.{claims}.")),
        ("no signature and no dot", format!("{header}.{claims}")),
        ("four parts", format!("{header}.{claims}.{}.{}", good.signature, good.signature)),
        ("padded signature", format!("{header}.{claims}.{}==", good.signature)),
        ("a space inside", format!("{header}.{claims}. {}", good.signature)),
        ("claims of another, signature of this", {
            let mut other = good.claims.clone();
            other["sub"] = json!(uuid::Uuid::now_v7());
            format!("{header}.{}.{}", part(&other), good.signature)
        }),
        ("no exp", gone("exp")),
        ("exp as text", set("exp", json!("99999999999"))),
        ("exp as a fraction that is over", set("exp", json!(1.5))),
        ("exp over", set("exp", json!(now - 1))),
        ("exp now", set("exp", json!(now))),
        ("exp far away", set("exp", json!(now + 365 * 86_400))),
        ("exp negative", set("exp", json!(-1))),
        ("exp beyond numbers", set("exp", json!(u64::MAX))),
        ("nbf as text", set("nbf", json!("0"))),
        ("nbf to come", set("nbf", json!(now + 600))),
        ("no nbf", gone("nbf")),
        ("iat to come", set("iat", json!(now + 600))),
        ("no aud", gone("aud")),
        ("another aud", set("aud", json!("reeve-portal"))),
        ("a challenge's aud", set("aud", json!("reeve-agent-challenge"))),
        ("a list of audiences", set("aud", json!(["reeve-agent", "reeve-portal"]))),
        ("no iss", gone("iss")),
        ("another iss", set("iss", json!("https://evil.example"))),
        ("no sub", gone("sub")),
        ("nobody as sub", set("sub", json!(uuid::Uuid::nil()))),
        ("no id as sub", set("sub", json!("admin"))),
        ("a claim more", set("role", json!("msp_admin"))),
        ("an array as claims", good.signed(&header, &URL_SAFE_NO_PAD.encode("[]"))),
        ("not JSON as claims", good.signed(&header, &URL_SAFE_NO_PAD.encode("exp=1"))),
        ("very long", format!("{header}.{claims}.{}", "A".repeat(100_000))),
    ]
}

#[tokio::test]
async fn no_forged_token_opens_anything() {
    let server = TestServer::start().await;
    let agent = FakeAgent::of(&server, server.ours).await;
    let good = Good::of(&server, &agent.token);
    assert_eq!(good.signed(&original(&good.header), &part(&good.claims)).matches('.').count(), 2);
    let heartbeat = async |token: &str| {
        let path = format!("/api/v1/agents/{}/heartbeat", agent.id);
        let request = server.stranger().request(Method::POST, &path).json(&json!({}));
        send(request.header("authorization", format!("Bearer {token}"))).await.status.as_u16()
    };
    assert_ne!(heartbeat(&agent.token).await, 401, "the real one is good");
    assert_ne!(heartbeat(&good.claiming(|_| {})).await, 401, "and so is one that says the same");
    let all = forgeries(&good);
    assert!(all.len() >= 40, "{}", all.len());
    for (what, token) in &all {
        let status = heartbeat(token).await;
        // A header of 100 kB never gets as far as the token.
        assert!(matches!(status, 401 | 404 | 431), "{what}: {status}");
        // A device that is not there is said not to be there; that needs the server's own signature.
        assert!(status != 404 || what.starts_with("nobody"), "{what}: {status}");
        assert!(Socket::open(&server.url, Some(token)).await.is_err(), "{what}: a socket opened");
    }
}
