//! The agent token: got with the device key, renewed before it runs out, kept in memory only.

use crate::{
    chance,
    http::{Api, ApiError},
    identity::{DeviceKey, Identity},
};
use entity::{
    agent_token::{AgentToken, Challenge, KeyRotation},
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

/// Why a key was not replaced.
#[derive(Debug, thiserror::Error)]
pub enum RotateError {
    /// The server did not take it.
    #[error(transparent)]
    Server(#[from] DeviceError),
    /// The key could not be kept.
    #[error("the key cannot be kept: {0}")]
    Disk(#[from] std::io::Error),
}

fn about(error: ApiError) -> DeviceError {
    if error.means_revoked() { DeviceError::Revoked(error.to_string()) } else { DeviceError::Api(error) }
}

struct Current {
    token: String,
    renew_at: Instant,
}

/// Asks the server on behalf of one device.
pub struct DeviceApi {
    api: Api,
    device: DeviceId,
    identity: Identity,
    current: Option<Current>,
}

impl DeviceApi {
    /// The API as this device sees it.
    #[must_use]
    pub const fn new(api: Api, device: DeviceId, identity: Identity) -> Self {
        Self { api, device, identity, current: None }
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
        let answer = match self.exchange(self.identity.key()).await {
            // Another key may have taken the place of this one meanwhile.
            Err(DeviceError::Api(error)) if error.status() == Some(401) => {
                self.exchange_another(error).await?
            }
            other => other?,
        };
        // Each device at its own moment: tokens that were made together do not end together.
        let life = (1.0 - RENEW_BELOW) * (0.75 + 0.25 * chance::of(self.device, "token"));
        let life = Duration::from_secs(u64::from(answer.expires_in_seconds)).mul_f64(life);
        self.current = Some(Current { token: answer.agent_token.clone(), renew_at: Instant::now() + life });
        Ok(answer.agent_token)
    }

    /// Tries the other keys on the disk; the one that the server takes is used from here on.
    async fn exchange_another(&mut self, refused: ApiError) -> Result<AgentToken, DeviceError> {
        for key in self.identity.others() {
            if let Ok(answer) = self.exchange(&key).await {
                if let Err(error) = self.identity.settle(key) {
                    tracing::warn!(%error, "the new device key could not be put into its place");
                }
                return Ok(answer);
            }
        }
        Err(refused.into())
    }

    /// A challenge of the server's.
    async fn challenge(&self) -> Result<String, DeviceError> {
        let path = format!("{}/challenge", self.device);
        let answer: Challenge = self.api.post(&path, None, &serde_json::json!({})).await.map_err(about)?;
        Ok(answer.challenge)
    }

    async fn exchange(&self, key: &DeviceKey) -> Result<AgentToken, DeviceError> {
        let challenge = self.challenge().await?;
        let path = format!("{}/token", self.device);
        self.api.post(&path, None, &key.prove(challenge)).await.map_err(about)
    }

    /// Makes another key and has the server take it in the place of this one. Stopped at any point, it is finished by
    /// the next try or the next start.
    ///
    /// # Errors
    /// When the server does not take it, or it cannot be kept.
    pub async fn rotate(&mut self) -> Result<String, RotateError> {
        let next = self.identity.next()?;
        // A token first: where a crash came after the server's word, this already settles the key.
        self.token().await?;
        if self.identity.key().public() != next.public() {
            let (challenge, new_public_key) = (self.challenge().await?, next.public());
            let rotation = KeyRotation {
                signature: self.identity.key().sign_rotation(&challenge, &new_public_key),
                new_signature: next.sign_rotation(&challenge, &new_public_key),
                challenge,
                new_public_key,
            };
            self.tell("key", &rotation).await?;
            self.identity.settle(next)?;
            self.discard();
        }
        Ok(self.identity.key().fingerprint())
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

    /// Gets `/api/v1/agents/{this device}/{what}`.
    ///
    /// # Errors
    /// When there is no answer of this shape.
    pub async fn get<A: DeserializeOwned>(&mut self, what: &str) -> Result<A, DeviceError> {
        let path = format!("{}/{what}", self.device);
        let token = self.token().await?;
        match self.api.get(&path, &token).await {
            Err(error) if self.wants_another_token(&error) => {
                let token = self.token().await?;
                Ok(self.api.get(&path, &token).await?)
            }
            other => Ok(other?),
        }
    }

    /// Gets `/api/v1/agents/{path}`, which may name no device; `None` when the server answers that there is nothing.
    ///
    /// # Errors
    /// When there is no answer of this shape and size.
    pub async fn get_if_any<A: DeserializeOwned>(
        &mut self,
        path: &str,
        bytes_max: usize,
    ) -> Result<Option<A>, DeviceError> {
        let token = self.token().await?;
        match self.api.get_if_any(path, &token, bytes_max).await {
            Err(error) if self.wants_another_token(&error) => {
                let token = self.token().await?;
                Ok(self.api.get_if_any(path, &token, bytes_max).await?)
            }
            other => Ok(other?),
        }
    }

    /// Opens the file `/api/v1/{path}` at this byte.
    ///
    /// # Errors
    /// When there is no answer or a refusal.
    pub async fn open(
        &mut self,
        path: &str,
        from: u64,
        longest: std::time::Duration,
    ) -> Result<reqwest::Response, DeviceError> {
        let token = self.token().await?;
        match self.api.open(path, &token, from, longest).await {
            Err(error) if error.status() == Some(401) => {
                self.discard();
                let token = self.token().await?;
                Ok(self.api.open(path, &token, from, longest).await?)
            }
            other => Ok(other?),
        }
    }

    /// The device that it asks for.
    #[must_use]
    pub const fn device(&self) -> DeviceId {
        self.device
    }

    /// Posts to `/api/v1/agents/{this device}/{what}` where nothing but success matters.
    ///
    /// # Errors
    /// When there is no answer or a refusal.
    pub async fn tell(&mut self, what: &str, body: &(impl Serialize + Sync)) -> Result<(), DeviceError> {
        self.tell_at(&format!("{}/{what}", self.device), body).await
    }

    /// Posts to `/api/v1/agents/{path}`, which may name no device, where nothing but success matters.
    ///
    /// # Errors
    /// When there is no answer or a refusal.
    pub async fn tell_at(&mut self, path: &str, body: &(impl Serialize + Sync)) -> Result<(), DeviceError> {
        let token = self.token().await?;
        match self.api.tell(path, &token, body).await {
            Err(error) if self.wants_another_token(&error) => {
                let token = self.token().await?;
                Ok(self.api.tell(path, &token, body).await?)
            }
            other => Ok(other?),
        }
    }

    /// Posts to `/api/v1/agents/{this device}/{what}` while the caller does something else; a token that is not taken is
    /// the caller's to discard.
    ///
    /// # Errors
    /// When there is no token to post with.
    pub async fn tell_apart(
        &mut self,
        what: &str,
        body: impl Serialize + Send + Sync + 'static,
    ) -> Result<impl Future<Output = Result<(), ApiError>> + Send + 'static, DeviceError> {
        let (path, token) = (format!("{}/{what}", self.device), self.token().await?);
        let api = self.api.clone();
        Ok(async move { api.tell(&path, &token, &body).await })
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
