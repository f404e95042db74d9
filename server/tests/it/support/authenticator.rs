//! A passkey in software: makes credentials and signs with them as a browser and its authenticator would.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use p256::ecdsa::{Signature, SigningKey, signature::Signer as _};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

/// Present and verified, as flags of the authenticator data.
const PRESENT: u8 = 0x01;
const VERIFIED: u8 = 0x04;
/// A credential is attached.
const ATTACHED: u8 = 0x40;

/// One authenticator with room for one passkey.
#[derive(Clone)]
pub struct Authenticator {
    key: SigningKey,
    id: Vec<u8>,
    user_handle: Vec<u8>,
    /// Where the browser says that it is.
    pub origin: String,
    /// How often it has signed.
    pub counter: u32,
    /// False for one that is kept in step between devices.
    pub counts: bool,
    /// Does it check that it is its owner?
    pub verifies: bool,
}

impl Authenticator {
    /// A new one, in a browser at this origin.
    pub fn at(origin: &str) -> Self {
        let mut bytes = [0; 48];
        getrandom::fill(&mut bytes).expect("randomness");
        Self {
            key: SigningKey::from_slice(&bytes[..32]).expect("a key"),
            id: bytes[32..].to_vec(),
            user_handle: Vec::new(),
            origin: origin.to_owned(),
            counter: 0,
            counts: true,
            verifies: true,
        }
    }

    /// Answers `navigator.credentials.create`.
    pub fn create(&mut self, options: &Value) -> Value {
        let options = &options["publicKey"];
        self.user_handle = bytes(&options["user"]["id"]);
        let point = self.key.verifying_key().to_sec1_point(false);
        let (x, y) = point.as_bytes()[1..].split_at(32);
        // A map of CBOR: an elliptic curve key for ES256 on P-256.
        let public = [&[0xa5, 1, 2, 3, 0x26, 0x20, 1, 0x21, 0x58, 32], x, &[0x22, 0x58, 32], y].concat();
        let mut data = self.data(&text(&options["rp"]["id"]), ATTACHED);
        data.extend([0; 16]);
        data.extend([0, u8::try_from(self.id.len()).expect("a short id")]);
        data.extend([self.id.as_slice(), &public].concat());
        let length = u8::try_from(data.len()).expect("short data");
        let object = [b"\xa3cfmtdnonegattStmt\xa0hauthData\x58", [length].as_slice(), &data].concat();
        self.credential(json!({
            "attestationObject": URL_SAFE_NO_PAD.encode(object),
            "clientDataJSON": URL_SAFE_NO_PAD.encode(self.client_data("webauthn.create", options)),
            "transports": ["internal"],
        }))
    }

    /// Answers `navigator.credentials.get`.
    pub fn get(&mut self, options: &Value) -> Value {
        let options = &options["publicKey"];
        self.counter += u32::from(self.counts);
        let data = self.data(&text(&options["rpId"]), 0);
        let client_data = self.client_data("webauthn.get", options);
        let signed = [data.as_slice(), &Sha256::digest(&client_data)].concat();
        let signature: Signature = self.key.sign(&signed);
        self.credential(json!({
            "authenticatorData": URL_SAFE_NO_PAD.encode(data),
            "clientDataJSON": URL_SAFE_NO_PAD.encode(client_data),
            "signature": URL_SAFE_NO_PAD.encode(signature.to_der().as_bytes()),
            "userHandle": URL_SAFE_NO_PAD.encode(&self.user_handle),
        }))
    }

    /// Is this passkey among those that are asked for?
    pub fn is_allowed(&self, options: &Value) -> bool {
        let allowed = options["publicKey"]["allowCredentials"].as_array().expect("a list");
        allowed.iter().any(|allowed| bytes(&allowed["id"]) == self.id)
    }

    fn data(&self, rp_id: &str, flags: u8) -> Vec<u8> {
        let flags = flags | PRESENT | if self.verifies { VERIFIED } else { 0 };
        [Sha256::digest(rp_id).as_slice(), &[flags], &self.counter.to_be_bytes()].concat()
    }

    fn client_data(&self, kind: &str, options: &Value) -> Vec<u8> {
        let (challenge, origin) = (&options["challenge"], &self.origin);
        json!({"type": kind, "challenge": challenge, "origin": origin, "crossOrigin": false})
            .to_string()
            .into_bytes()
    }

    fn credential(&self, response: Value) -> Value {
        let id = URL_SAFE_NO_PAD.encode(&self.id);
        json!({
            "id": id,
            "rawId": id,
            "type": "public-key",
            "authenticatorAttachment": "platform",
            "clientExtensionResults": {},
            "response": response,
        })
    }
}

fn text(value: &Value) -> String {
    value.as_str().expect("text").to_owned()
}

fn bytes(value: &Value) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(text(value)).expect("base64url")
}
