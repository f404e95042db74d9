//! The agent token: got with the device key, renewed before it runs out, kept in memory only.

use crate::{
    http::{Api, ApiError},
    identity::DeviceKey,
};
use entity::{
    agent_token::{AgentToken, Challenge},
    id::DeviceId,
};
use serde::{Serialize, de::DeserializeOwned};
use std::time::{Duration, Instant};

/// A token with less than this share of its life left is renewed.
const RENEW_BELOW: f64 = 0.2;

/// Why there is no answer to something only a device may ask.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DeviceError {
    /// The server says that this device's access was ended.
    #[error("{0}")]
    Revoked(String),
    /// Anything else.
    #[error(transparent)]
    Api(#[from] ApiError),
}

struct Current {
    token: String,
    renew_at: Instant,
}

/// Asks the server on behalf of one device.
pub struct DeviceApi {
    api: Api,
    device: DeviceId,
    key: DeviceKey,
    current: Option<Current>,
}

impl DeviceApi {
    /// The API as this device sees it.
    #[must_use]
    pub const fn new(api: Api, device: DeviceId, key: DeviceKey) -> Self {
        Self { api, device, key, current: None }
    }

    /// A token that is still good for a while.
    ///
    /// # Errors
    /// When the server gives none.
    pub async fn token(&mut self) -> Result<String, DeviceError> {
        match &self.current {
            Some(current) if Instant::now() < current.renew_at => Ok(current.token.clone()),
            _ => self.renew().await,
        }
    }

    /// Forgets the token: the server did not take it.
    pub fn discard(&mut self) {
        self.current = None;
    }

    async fn renew(&mut self) -> Result<String, DeviceError> {
        self.current = None;
        let revoked = |error: ApiError| {
            if error.means_revoked() {
                DeviceError::Revoked(error.to_string())
            } else {
                DeviceError::Api(error)
            }
        };
        let path = format!("{}/challenge", self.device);
        let Challenge { challenge } =
            self.api.post(&path, None, &serde_json::json!({})).await.map_err(revoked)?;
        let path = format!("{}/token", self.device);
        let answer: AgentToken =
            self.api.post(&path, None, &self.key.prove(challenge)).await.map_err(revoked)?;
        let life = Duration::from_secs(u64::from(answer.expires_in_seconds)).mul_f64(1.0 - RENEW_BELOW);
        self.current = Some(Current { token: answer.agent_token.clone(), renew_at: Instant::now() + life });
        Ok(answer.agent_token)
    }

    /// Posts to `/api/v1/agents/{this device}/{what}`.
    ///
    /// # Errors
    /// When there is no answer of this shape.
    pub async fn post<A: DeserializeOwned>(
        &mut self,
        what: &str,
        body: &(impl Serialize + Sync),
    ) -> Result<A, DeviceError> {
        let path = format!("{}/{what}", self.device);
        let token = self.token().await?;
        match self.api.post(&path, Some(&token), body).await {
            Err(error) if self.wants_another_token(&error) => {
                let token = self.token().await?;
                Ok(self.api.post(&path, Some(&token), body).await?)
            }
            other => Ok(other?),
        }
    }

    /// Posts to `/api/v1/agents/{this device}/{what}` where nothing but success matters.
    ///
    /// # Errors
    /// When there is no answer or a refusal.
    pub async fn tell(&mut self, what: &str, body: &(impl Serialize + Sync)) -> Result<(), DeviceError> {
        let path = format!("{}/{what}", self.device);
        let token = self.token().await?;
        match self.api.tell(&path, &token, body).await {
            Err(error) if self.wants_another_token(&error) => {
                let token = self.token().await?;
                Ok(self.api.tell(&path, &token, body).await?)
            }
            other => Ok(other?),
        }
    }

    /// True when the answer was about the token (or the device behind it), so that a fresh one decides.
    fn wants_another_token(&mut self, error: &ApiError) -> bool {
        let about_the_token = error.status() == Some(401) || error.means_revoked();
        if about_the_token {
            self.discard();
        }
        about_the_token
    }
}
