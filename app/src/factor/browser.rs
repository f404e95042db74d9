//! Passkeys in the browser: what `navigator.credentials` does, called without a script of our own. What goes in and
//! comes out is the JSON that the server makes and reads.

use js_sys::{Function, JSON, Object, Promise, Reflect};
use leptos::prelude::*;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;

/// What the browser is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ask {
    /// A new passkey.
    New,
    /// An answer of one that exists.
    Existing,
}

/// Why there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The person closed the browser's question, or did not answer it in time.
    Cancelled,
    /// This device holds a passkey for this account already.
    Known,
    /// The browser does not do this here.
    NotHere,
    /// Anything else.
    Failed,
}

impl Refusal {
    /// What to say.
    pub(crate) const fn sentence(self, ask: Ask) -> &'static str {
        match (self, ask) {
            (Self::Cancelled, Ask::New) => "No passkey was made. Try again when you are ready.",
            (Self::Cancelled, Ask::Existing) => "No passkey was used. Try again when you are ready.",
            (Self::Known, _) => "This device or key holds a passkey for you already.",
            (Self::NotHere, _) => NOT_HERE,
            (Self::Failed, _) => "The browser could not do this. Try again, or use another browser or key.",
        }
    }

    /// Is something the matter? Closing a question is nobody's mistake.
    pub(crate) const fn is_failure(self) -> bool {
        !matches!(self, Self::Cancelled)
    }

    fn of(error: &JsValue) -> Self {
        let name = get(error, "name").ok().and_then(|name| name.as_string()).unwrap_or_default();
        match name.as_str() {
            "NotAllowedError" | "AbortError" => Self::Cancelled,
            "InvalidStateError" => Self::Known,
            "SecurityError" | "NotSupportedError" => Self::NotHere,
            _ => Self::Failed,
        }
    }
}

/// Said where the buttons would be.
pub(crate) const NOT_HERE: &str =
    "This browser does not offer passkeys at this address. They need a recent browser and https.";

/// Can this browser do it at this address? Over plain http they offer it on localhost alone.
pub(crate) fn is_supported() -> bool {
    let found = get(&window(), "PublicKeyCredential").and_then(|kind| {
        Ok([get(&kind, "parseCreationOptionsFromJSON")?, get(&kind, "parseRequestOptionsFromJSON")?])
    });
    found.is_ok_and(|functions| functions.iter().all(JsValue::is_function))
}

/// Asks the browser, which asks the person; answers what the server reads.
pub(crate) async fn ask(ask: Ask, options: &str) -> Result<String, Refusal> {
    if !is_supported() {
        return Err(Refusal::NotHere);
    }
    let promise = begin(ask, options).map_err(|error| Refusal::of(&error))?;
    let credential = JsFuture::from(promise).await.map_err(|error| Refusal::of(&error))?;
    let answer = call(&credential, "toJSON", None).and_then(|json| JSON::stringify(&json));
    answer.ok().and_then(|text| text.as_string()).ok_or(Refusal::Failed)
}

fn begin(ask: Ask, options: &str) -> Result<Promise, JsValue> {
    let (parse, verb) = match ask {
        Ask::New => ("parseCreationOptionsFromJSON", "create"),
        Ask::Existing => ("parseRequestOptionsFromJSON", "get"),
    };
    let kind = get(&window(), "PublicKeyCredential")?;
    let public_key = call(&kind, parse, Some(&get(&JSON::parse(options)?, "publicKey")?))?;
    let wish = Object::new();
    Reflect::set(&wish, &JsValue::from_str("publicKey"), &public_key)?;
    let credentials = get(&window().navigator(), "credentials")?;
    call(&credentials, verb, Some(&wish))?.dyn_into()
}

fn get(of: &JsValue, name: &str) -> Result<JsValue, JsValue> {
    Reflect::get(of, &JsValue::from_str(name))
}

fn call(on: &JsValue, name: &str, with: Option<&JsValue>) -> Result<JsValue, JsValue> {
    let function: Function = get(on, name)?.dyn_into()?;
    match with {
        Some(argument) => function.call1(on, argument),
        None => function.call0(on),
    }
}
