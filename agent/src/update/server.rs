//! What the server is asked about updates.

use crate::token::{DeviceApi, DeviceError};
use entity::{
    id::UpdateId,
    release::{MANIFEST_BYTES_MAX, ROOT_BYTES_MAX, ROOTS_MAX, TIMESTAMP_BYTES_MAX},
    update::{
        FreshnessQuestion, GoAnswer, ReceiptAnswer, ReceiptRequest, Running, TrustAnswer, UpdateAnswer,
        UpdateQuestion,
    },
};
use reqwest::Url;
use serde::Serialize;
use serde_json::Value;
use std::sync::Arc;
use tokio::sync::Mutex;

/// Largest answer with documents: every root that may come, the manifest and the timestamp, and what quotes them.
const TRUST_BYTES_MAX: usize = ROOTS_MAX * ROOT_BYTES_MAX + 2 * MANIFEST_BYTES_MAX + 2 * TIMESTAMP_BYTES_MAX;

/// The server as this device sees it, for several questions at a time.
pub type Server = Arc<Mutex<DeviceApi>>;

/// What the server says about newer versions.
#[derive(Debug)]
pub enum Answer {
    /// One is due.
    Offer(Box<UpdateAnswer>),
    /// None is; these documents say so.
    Fresh(TrustAnswer),
}

/// Asks for a newer version.
///
/// # Errors
/// When there is no answer of this shape.
pub async fn ask(server: &Server, question: UpdateQuestion) -> Result<Answer, DeviceError> {
    let mut device = server.lock().await;
    let path = format!("check_update?{}", query(&question));
    if let Some(answer) = device.get_if_any::<UpdateAnswer>(&path, TRUST_BYTES_MAX).await? {
        return Ok(Answer::Offer(Box::new(answer)));
    }
    let question =
        FreshnessQuestion { root_version: question.root_version, nonce: question.nonce.unwrap_or_default() };
    let path = format!("{}/freshness?{}", device.device(), query(&question));
    let trust = device.get_if_any::<TrustAnswer>(&path, TRUST_BYTES_MAX).await?;
    Ok(Answer::Fresh(trust.unwrap_or_default()))
}

/// Lets the server sign that it has heard this build.
///
/// # Errors
/// When there is no answer of this shape.
pub async fn receipt(server: &Server, nonce: &str, running: Running) -> Result<String, DeviceError> {
    let request = ReceiptRequest { nonce: nonce.to_owned(), running };
    let answer: ReceiptAnswer = server.lock().await.post("receipt", &request).await?;
    Ok(answer.receipt)
}

/// Asks whether the device may change over.
///
/// # Errors
/// When there is no answer of this shape.
pub async fn go(server: &Server, update_id: UpdateId) -> Result<GoAnswer, DeviceError> {
    server.lock().await.get(&format!("updates/{update_id}/go")).await
}

/// A question as the query of an address.
fn query(question: &impl Serialize) -> String {
    let Ok(Value::Object(fields)) = serde_json::to_value(question) else { return String::new() };
    let text = |value: Value| match value {
        Value::String(text) => text,
        other => other.to_string(),
    };
    let pairs = fields.into_iter().map(|(name, value)| (name, text(value)));
    // Only for the spelling of what stands behind the question mark.
    let url = Url::parse_with_params("http://server/", pairs);
    url.ok().and_then(|url| url.query().map(str::to_owned)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_is_spelled_as_a_query() {
        let question = FreshnessQuestion { root_version: 2, nonce: "a b&c".to_owned() };
        assert_eq!(query(&question), "nonce=a+b%26c&root_version=2");
    }
}
