//! The estate that the product is measured with: businesses, people with sessions, and devices whose keys we hold. It is
//! written straight into the database while no server runs; registering ten thousand machines one by one, each with
//! its own commit and audit entry, would measure the disk for minutes.

use crate::{
    database::Database,
    wire::{Line, Place, site_address},
};
use anyhow::{Result, ensure};
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use chrono::{DateTime, TimeDelta, Utc};
use ed25519_dalek::{Signer as _, SigningKey};
use entity::agent_token::{AgentToken, Challenge, challenge_message};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use serde_json::json;
use sha2::{Digest as _, Sha256};
use std::{
    fmt::Write as _,
    net::Ipv4Addr,
    time::{Instant, SystemTime},
};
use uuid::Uuid;

/// Devices of one business.
pub const DEVICES_PER_BUSINESS: usize = 200;
/// People who look: each has their own share of requests.
const PEOPLE: usize = 24;
/// Rows of one statement.
const ROWS_PER_STATEMENT: usize = 500;
/// Connections over which tokens are fetched at once.
const TOKENS_AT_ONCE: usize = 32;

/// A device whose key we hold.
#[derive(Clone)]
pub struct Device {
    pub id: Uuid,
    pub business: Uuid,
    key: SigningKey,
    /// The bearer token; empty until it was fetched.
    pub token: String,
    /// Where its connections come from.
    pub from: Ipv4Addr,
}

impl Device {
    /// Its key as text, for the simulator's file.
    pub fn key_hex(&self) -> String {
        hex::encode(self.key.to_bytes())
    }

    /// The header line that proves who it is.
    pub fn authorization(&self) -> String {
        format!("Authorization: Bearer {}\r\n", self.token)
    }
}

/// Everything that was written.
pub struct Estate {
    pub devices: Vec<Device>,
    sessions: Vec<String>,
    next_session: usize,
    tokens_at: Option<Instant>,
}

/// The clock of this machine.
pub fn now() -> DateTime<Utc> {
    SystemTime::now().into()
}

/// The time as both engines store it.
fn time(at: DateTime<Utc>) -> String {
    format!("'{}'", at.format("%Y-%m-%dT%H:%M:%S%.6f+00:00"))
}

fn insert(out: &mut String, head: &str, rows: &[String]) {
    for rows in rows.chunks(ROWS_PER_STATEMENT) {
        let _ = writeln!(out, "{head} VALUES {};", rows.join(", "));
    }
}

impl Estate {
    /// Writes an estate of so many devices into a database that has its schema and nothing else.
    ///
    /// # Errors
    /// With what the database says.
    pub async fn plant(database: &Database, count: usize) -> Result<Self> {
        let mut sql = "BEGIN;\n".to_owned();
        let at = time(now());
        let businesses: Vec<Uuid> =
            (0..count.div_ceil(DEVICES_PER_BUSINESS)).map(|_| Uuid::now_v7()).collect();
        let rows: Vec<_> = businesses
            .iter()
            .enumerate()
            .map(|(number, id)| {
                format!("({}, 'Business {number:03}', 'business {number:03}', {at}, TRUE)", database.id(*id))
            })
            .collect();
        insert(
            &mut sql,
            "INSERT INTO businesses (id, business_name, name_key, created_at, is_active)",
            &rows,
        );
        let sessions = people(database, &mut sql)?;
        let devices: Vec<Device> = (0..count).map(|number| device(number, &businesses)).collect();
        let rows: Vec<_> =
            devices.iter().enumerate().map(|(number, d)| row(database, number, d, &at)).collect();
        insert(
            &mut sql,
            "INSERT INTO agent_devices (id, device_key, business_id, device_name, name_key, hostname, public_key, state, os_type, \
             os_architecture, os_version, agent_version, presence, facts, samples_dropped, search_text, created_at)",
            &rows,
        );
        let _ = writeln!(sql, "UPDATE counters SET value = {count} WHERE name = 'device_key';\nCOMMIT;");
        database.execute(&sql).await?;
        database.execute("ANALYZE").await?;
        Ok(Self { devices, sessions, next_session: 0, tokens_at: None })
    }

    /// Fetches a token for each of the first devices, as agents do: a challenge, signed with the device key.
    ///
    /// # Errors
    /// When the server gives none.
    pub async fn fetch_tokens(&mut self, place: &Place, count: usize) -> Result<()> {
        let groups: Vec<Vec<Device>> = self.devices[..count].chunks(100).map(<[Device]>::to_vec).collect();
        let fetched: Vec<Vec<Device>> = stream::iter(groups)
            .map(|group| fetch(place, group))
            .buffered(TOKENS_AT_ONCE)
            .try_collect()
            .await?;
        for (device, fetched) in self.devices.iter_mut().zip(fetched.into_iter().flatten()) {
            *device = fetched;
        }
        self.tokens_at = Some(Instant::now());
        Ok(())
    }

    /// True when the tokens will not last for a part of the bench.
    pub fn tokens_are_old(&self) -> bool {
        self.tokens_at.is_none_or(|at| at.elapsed().as_secs() > 8 * 60)
    }

    /// The header line of a person's session; each call names another person, in turn.
    pub fn cookie(&mut self) -> String {
        self.next_session += 1;
        format!("Cookie: reeve={}\r\n", self.sessions[self.next_session % self.sessions.len()])
    }
}

fn device(number: usize, businesses: &[Uuid]) -> Device {
    let digest = Sha256::digest(format!("device {number} of the bench"));
    Device {
        id: Uuid::now_v7(),
        business: businesses[number / DEVICES_PER_BUSINESS],
        key: SigningKey::from_bytes(&digest.into()),
        token: String::new(),
        from: site_address(number),
    }
}

fn row(database: &Database, number: usize, device: &Device, at: &str) -> String {
    let key = BASE64_URL_SAFE_NO_PAD.encode(device.key.verifying_key().as_bytes());
    let name = format!("{}-{number:05}", ["srv", "web", "ws", "nas"][number % 4]);
    format!(
        "({}, {}, {}, '{name}', '{name}', '{name}', '{key}', 'active', 'linux', 'x86_64', '12 (bookworm)', '0.1.0', 'unknown', \
         '{{\"hostname\":\"{name}\"}}', 0, '{name} debian 12', {at})",
        database.id(device.id),
        number + 1,
        database.id(device.business)
    )
}

/// Admins who are signed in.
fn people(database: &Database, sql: &mut String) -> Result<Vec<String>> {
    let (at, until) = (time(now()), time(now() + TimeDelta::hours(6)));
    let (mut users, mut rows, mut secrets) = (Vec::new(), Vec::new(), Vec::new());
    for number in 0..PEOPLE {
        let user = Uuid::now_v7();
        let mut random = [0; 32];
        getrandom::fill(&mut random)?;
        let secret = BASE64_URL_SAFE_NO_PAD.encode(random);
        users.push(format!(
            "({}, 'person{number}@bench.example', 'Person {number}', 'person {number}', 'msp_admin', 'none', FALSE, TRUE, {at}, 'person', '[]')",
            database.id(user)
        ));
        rows.push(format!(
            "({}, {}, '{}', '127.0.0.1', 'bench', 'password', {at}, {at}, {at}, {until})",
            database.id(Uuid::now_v7()),
            database.id(user),
            hex::encode(Sha256::digest(secret.as_bytes()))
        ));
        secrets.push(secret);
    }
    insert(
        sql,
        "INSERT INTO users (id, email, full_name, name_key, role, password_hash, must_change_password, is_active, created_at, \
         kind, extra_permissions)",
        &users,
    );
    insert(
        sql,
        "INSERT INTO sessions (id, user_id, secret_hash, source_ip, user_agent, signed_in_with, confirmed_at, \
         created_at, last_seen_at, expires_at)",
        &rows,
    );
    // The people of a bench have no second factor.
    let _ = writeln!(sql, "INSERT INTO server_state (name, value) VALUES ('factor_policy', 'nobody');");
    Ok(secrets)
}

async fn fetch(place: &Place, mut devices: Vec<Device>) -> Result<Vec<Device>> {
    let Some(first) = devices.first() else { return Ok(devices) };
    let mut line = Line::open(place, first.from).await?;
    for device in &mut devices {
        let path = format!("/api/v1/agents/{}", device.id);
        let headers = "Content-Type: application/json\r\n";
        let asked = line.ask("POST", &format!("{path}/challenge"), headers, b"null").await?.good()?;
        let challenge = serde_json::from_slice::<Challenge>(&asked)?.challenge;
        let signature = device.key.sign(&challenge_message(&challenge)).to_bytes();
        let signature = BASE64_URL_SAFE_NO_PAD.encode(signature);
        let proof = json!({"challenge": challenge, "signature": signature}).to_string();
        let answer = line.ask("POST", &format!("{path}/token"), headers, proof.as_bytes()).await?.good()?;
        device.token = serde_json::from_slice::<AgentToken>(&answer)?.agent_token;
        ensure!(!device.token.is_empty(), "an empty token");
    }
    Ok(devices)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::database::Engine;
    use migration::Migrator;
    use sea_orm_migration::MigratorTrait as _;

    /// The bench writes tables that belong to others; this says so when they change.
    #[tokio::test]
    async fn an_estate_fits_the_schema_of_today() {
        let folder = tempfile::tempdir().expect("a folder");
        let database = Database::new(&Engine::Sqlite, "estate", folder.path()).expect("a database");
        let schema = sea_orm::Database::connect(database.url()).await.expect("connected");
        Migrator::up(&schema, None).await.expect("the schema");
        schema.close().await.expect("closed");
        let estate = Estate::plant(&database, 401).await.expect("planted");
        assert_eq!(estate.devices.len(), 401);
        let count = async |what: &str| {
            database.number(&format!("SELECT count(*) FROM {what}")).await.expect("a count")
        };
        assert_eq!(count("agent_devices WHERE name_key = lower(device_name)").await, 401);
        assert_eq!(count("businesses").await, 3);
        assert_eq!(count("sessions s JOIN users u ON u.id = s.user_id AND u.is_active").await, PEOPLE as i64);
    }
}
