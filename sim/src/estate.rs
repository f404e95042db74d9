//! What a fleet needs before it can register: businesses, and a registration token for each machine, asked for over
//! the REST API in the name of somebody who may.

use crate::{Door, Reply, Tally, Trouble, tally::Kind};
use entity::{business::BusinessView, id::BusinessId, page::Page, registration::IssuedRegistrationToken};
use reqwest::Method;
use serde_json::json;
use std::{
    fmt,
    sync::atomic::{AtomicUsize, Ordering},
    time::{Duration, Instant},
};
use tokio::time::sleep;

/// Tries after which a request that the server has no time for is given up.
const TRIES_MAX: u32 = 60;

/// In whose name the REST API is asked.
#[derive(Clone)]
pub enum Credential {
    /// An API key.
    ApiKey(String),
    /// The secret of a session, as the cookie holds it.
    Session(String),
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ApiKey(_) => "ApiKey(secret)",
            Self::Session(_) => "Session(secret)",
        })
    }
}

/// The REST API, asked in the name of somebody. Several credentials are used in turn: each has its own share.
#[derive(Debug)]
pub struct Estate {
    door: Door,
    credentials: Vec<Credential>,
    next: AtomicUsize,
}

impl Estate {
    /// Asks `door` with these credentials.
    #[must_use]
    pub const fn new(door: Door, credentials: Vec<Credential>) -> Self {
        Self { door, credentials, next: AtomicUsize::new(0) }
    }

    /// Asks once.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn ask(&self, method: Method, path: &str, body: Vec<u8>) -> Result<Reply, Trouble> {
        let turn = self.next.fetch_add(1, Ordering::Relaxed);
        let header = match self.credentials.get(turn % self.credentials.len().max(1)) {
            Some(Credential::ApiKey(key)) => ("authorization", format!("Bearer {key}")),
            Some(Credential::Session(secret)) => {
                let name = if self.door.url().starts_with("https") { "__Host-reeve" } else { "reeve" };
                ("cookie", format!("{name}={secret}"))
            }
            None => ("x-nobody", String::new()),
        };
        self.door.send(method, &format!("/api/v1{path}"), &[(header.0, &header.1)], body).await
    }

    /// Asks until the server has time.
    async fn insist(&self, method: Method, path: &str, body: Vec<u8>) -> Result<Reply, Trouble> {
        let mut tries = 0;
        loop {
            let reply = self.ask(method.clone(), path, body.clone()).await;
            tries += 1;
            let wait = match &reply {
                Ok(reply) if !matches!(reply.status, 429 | 503) => return Ok(reply.clone()),
                Ok(reply) => reply.retry_after_seconds.unwrap_or(1),
                Err(Trouble::Unreachable(_)) => 1,
                Err(trouble) => return Err(trouble.clone()),
            };
            if tries >= TRIES_MAX {
                return reply;
            }
            sleep(Duration::from_secs(u64::from(wait)).mul_f64(1.0 + fastrand::f64())).await;
        }
    }

    /// So many businesses for simulated machines; those that are there already are used again.
    ///
    /// # Errors
    /// When they cannot be read or made.
    pub async fn businesses(&self, count: usize) -> Result<Vec<BusinessId>, Trouble> {
        let name = |number: usize| format!("Simulated {}", number + 1);
        let mut there = Vec::new();
        let mut cursor = None::<String>;
        loop {
            let path = match &cursor {
                Some(cursor) => format!("/businesses?cursor={cursor}"),
                None => "/businesses".to_owned(),
            };
            let page: Page<BusinessView> = self.insist(Method::GET, &path, vec![]).await?.read()?;
            there.extend(page.items);
            cursor = page.next_cursor;
            if cursor.is_none() {
                break;
            }
        }
        let mut found = Vec::with_capacity(count);
        for number in 0..count {
            let name = name(number);
            if let Some(business) = there.iter().find(|business| business.business_name == name) {
                found.push(business.id);
                continue;
            }
            let body = json!({"business_name": name}).to_string().into_bytes();
            let made: BusinessView = self.insist(Method::POST, "/businesses", body).await?.read()?;
            found.push(made.id);
        }
        Ok(found)
    }

    /// A registration token for a machine of a business.
    ///
    /// # Errors
    /// When the server gives none.
    pub async fn token(&self, business: BusinessId, tally: &Tally) -> Result<String, Trouble> {
        let body = json!({"business_id": business}).to_string().into_bytes();
        let started = Instant::now();
        let reply = self.insist(Method::POST, "/agents/registration-tokens", body).await?;
        tally.took(Kind::Issue, 0, started.elapsed());
        Ok(reply.read::<IssuedRegistrationToken>()?.token)
    }
}
