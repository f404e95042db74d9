//! From a device key to a short-lived token, and from a token to an [`AgentCx`]. The keys, audience and type are the
//! agents' alone: a person's credential is no good here.

mod checked;

pub(crate) use checked::CheckedTokens;
use checked::Standing;

use crate::{AgentCx, Error, Result, Store, device::note, error::on_duplicate, node};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use ed25519_dalek::{Signature, VerifyingKey};
use entity::{
    activity::ActivityKind,
    agent_token::{
        AGENT_TOKEN_SECONDS, AgentToken, CHALLENGE_SECONDS, Challenge, ChallengeProof, KeyRotation,
        challenge_message, key_rotation_message,
    },
    device::DeviceState,
    id::{BusinessId, DeviceId, NodeId},
    portal_event::PortalEvent,
    presence::Presence,
    problem::{Problem, ProblemCode},
    table::{business, device},
};
use jsonwebtoken::{Algorithm, Header, Validation};
use sea_orm::{
    ColumnTrait as _, EntityTrait as _, QueryFilter as _, QuerySelect as _, Select,
    sea_query::{Expr, Query, SelectStatement},
};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

/// Devices that one statement asks for.
const RECHECK_AT_ONCE: usize = 500;

/// What a token is for; a challenge is no token and a token no challenge.
#[derive(Clone, Copy)]
enum Audience {
    Agent,
    Challenge,
}

impl Audience {
    const fn word(self) -> &'static str {
        match self {
            Self::Agent => "reeve-agent",
            Self::Challenge => "reeve-agent-challenge",
        }
    }

    /// What the header of a token says it is.
    const fn kind(self) -> &'static str {
        match self {
            Self::Agent => "reeve-agent+jwt",
            Self::Challenge => "reeve-challenge+jwt",
        }
    }

    const fn lifetime_seconds(self) -> u32 {
        match self {
            Self::Agent => AGENT_TOKEN_SECONDS,
            Self::Challenge => CHALLENGE_SECONDS,
        }
    }
}

#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Claims {
    iss: String,
    aud: String,
    sub: DeviceId,
    iat: i64,
    nbf: i64,
    exp: i64,
}

/// Who issues tokens.
const ISSUER: &str = "reeve";
/// Longest token that is looked at, in bytes; ours are less than half of it.
const TOKEN_BYTES_MAX: usize = 1024;

/// A challenge for a device to sign.
///
/// # Errors
/// Not found when there is no such device, gone when it was revoked.
pub async fn challenge(store: &Store, id: DeviceId) -> Result<Challenge> {
    active(store, id).await?;
    Ok(Challenge { challenge: issue(store, Audience::Challenge, id)? })
}

/// Takes the signed challenge and gives a token.
///
/// # Errors
/// Signed out when the challenge is old or the signature is not the device's; gone when it was revoked.
pub async fn exchange(store: &Store, id: DeviceId, proof: ChallengeProof) -> Result<AgentToken> {
    let device = active(store, id).await?;
    if check(store, Audience::Challenge, &proof.challenge)? != id {
        return Err(Error::signed_out());
    }
    let key = public_key(&device.public_key)?;
    verify(&key, &challenge_message(&proof.challenge), "signature", &proof.signature)?;
    token(store, id)
}

/// Puts another key in the place of a device's. Asked again with the same key, nothing happens.
///
/// # Errors
/// Signed out when the challenge is old or a signature is missing its key; invalid names the field; conflict when
/// another key took the place first.
pub async fn rotate(cx: &AgentCx, rotation: KeyRotation) -> Result<()> {
    let (store, row) = (cx.store(), cx.device().await?);
    if check(store, Audience::Challenge, &rotation.challenge)? != row.id {
        return Err(Error::signed_out());
    }
    let message = key_rotation_message(&rotation.challenge, &rotation.new_public_key);
    let (new, former) = (public_key(&rotation.new_public_key)?, public_key(&row.public_key)?);
    verify(&new, &message, "new_signature", &rotation.new_signature)?;
    if row.public_key == rotation.new_public_key {
        return Ok(());
    }
    verify(&former, &message, "signature", &rotation.signature)?;
    let change = store.begin().await?;
    let moved = device::Entity::update_many()
        .col_expr(device::Column::PublicKey, Expr::value(rotation.new_public_key.as_str()))
        .filter(device::Column::Id.eq(row.id))
        .filter(device::Column::PublicKey.eq(row.public_key.as_str()))
        .exec(&*change)
        .await
        .map_err(on_duplicate("new_public_key", "Another device has this key."))?;
    if moved.rows_affected != 1 {
        return Err(Error::conflict(None, "Another key took the place of this one first."));
    }
    let summary = "The device key was replaced".to_owned();
    note(&change, row.id, row.business_id, store.now(), ActivityKind::KeyRotated, summary).await?;
    change.commit_unattended().await?;
    store.publish(PortalEvent::Device { business_id: row.business_id, device_id: row.id });
    Ok(())
}

/// Checks a signature that came as text.
fn verify(key: &VerifyingKey, message: &[u8], field: &str, signature: &str) -> Result<()> {
    let signature = URL_SAFE_NO_PAD
        .decode(signature)
        .ok()
        .and_then(|bytes| Signature::from_slice(&bytes).ok())
        .ok_or_else(|| Problem::invalid(field, "Must be 64 bytes as base64url without padding."))?;
    key.verify_strict(message, &signature).map_err(|_| {
        Problem::new(ProblemCode::SignedOut, "The signature is not from the key of this device.").into()
    })
}

/// From the bearer token of a request to the context of its device. Revocation works at once: the row is asked again
/// after every decision.
///
/// # Errors
/// Signed out when the token is not good, gone when the device was revoked.
pub async fn authenticate(store: &Store, bearer: &str) -> Result<AgentCx> {
    let (id, standing) = check_agent(store, bearer)?;
    // Taken before the row is read: what is decided meanwhile is one more.
    let (now, decisions) = (store.now(), store.decisions_so_far());
    if let Some(standing) = standing.filter(|standing| standing.holds(now, decisions)) {
        return Ok(AgentCx::new(store, id, standing.device_key, standing.business));
    }
    // Two columns for those who may; why not is looked up for the others.
    let found = may_talk(id)
        .select_only()
        .columns([device::Column::DeviceKey, device::Column::BusinessId])
        .into_tuple::<(i64, BusinessId)>()
        .one(store.db())
        .await?;
    let (device_key, business) = match found {
        Some(found) => found,
        None => {
            let device = active(store, id).await?;
            (device.device_key, device.business_id)
        }
    };
    store.checked_tokens().stands(bearer, Standing { device_key, business, asked_at: now, decisions });
    Ok(AgentCx::new(store, id, device_key, business))
}

/// Where a device that holds a socket is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seat {
    /// Here.
    Here,
    /// It has said hello to another server process since.
    Elsewhere,
}

/// May a device that proved who it is some time ago still talk, and for the same business? And is it still here?
///
/// # Errors
/// Gone when it was revoked, forbidden when it was moved or its business was switched off.
pub async fn recheck(cx: &AgentCx) -> Result<Seat> {
    let (store, id) = (cx.store(), cx.device_id());
    // Asked for every device that is connected, again and again: three columns suffice.
    let found = may_talk(id)
        .select_only()
        .columns([device::Column::BusinessId, device::Column::Presence, device::Column::NodeId])
        .into_tuple::<(BusinessId, Presence, Option<NodeId>)>()
        .one(store.db())
        .await?;
    let (business, presence, node) = match found {
        Some(found) => found,
        None => {
            let row = active(store, id).await?;
            (row.business_id, row.presence, row.node_id)
        }
    };
    if business != cx.business_id() {
        return Err(Error::forbidden("This device was moved to another business."));
    }
    // What others wrote about a device that is here is looked at again with the next sweep.
    store.tracker().stored(id, presence);
    Ok(if node::is_elsewhere(store, node) { Seat::Elsewhere } else { Seat::Here })
}

/// Asks for all devices that hold a socket here, many with one statement, and wakes the sessions of those that may have
/// to end: they ask for themselves and say why. What another server process decided is heard by this at the latest. Says
/// how many were woken.
pub(crate) async fn recheck_sockets(store: &Store) -> Result<usize> {
    let mut woken = 0;
    for some in store.tracker().sockets().chunks(RECHECK_AT_ONCE) {
        let rows = device::Entity::find()
            .filter(device::Column::Id.is_in(some.iter().map(|(id, _)| *id)))
            .filter(device::Column::State.eq(DeviceState::Active))
            .filter(device::Column::BusinessId.in_subquery(active_businesses()))
            .select_only()
            .columns([
                device::Column::Id,
                device::Column::BusinessId,
                device::Column::Presence,
                device::Column::NodeId,
            ])
            .into_tuple::<(DeviceId, BusinessId, Presence, Option<NodeId>)>()
            .all(store.db())
            .await?;
        let found: HashMap<_, _> =
            rows.into_iter().map(|(id, rest, presence, node)| (id, (rest, presence, node))).collect();
        for (id, business) in some {
            let is_fine = found.get(id).is_some_and(|(now, presence, node)| {
                store.tracker().stored(*id, *presence);
                now == business && !node::is_elsewhere(store, *node)
            });
            if !is_fine && let Some(courier) = store.courier() {
                courier.wake(*id);
                woken += 1;
            }
        }
    }
    Ok(woken)
}

/// A token for a device that has just proved who it is.
pub(crate) fn token(store: &Store, id: DeviceId) -> Result<AgentToken> {
    Ok(AgentToken {
        agent_token: issue(store, Audience::Agent, id)?,
        expires_in_seconds: Audience::Agent.lifetime_seconds(),
    })
}

/// Reads a device's public key.
///
/// # Errors
/// Names the field when it is no Ed25519 key.
pub(crate) fn public_key(text: &str) -> Result<VerifyingKey> {
    URL_SAFE_NO_PAD
        .decode(text)
        .ok()
        .and_then(|bytes| <[u8; 32]>::try_from(bytes).ok())
        .and_then(|bytes| VerifyingKey::from_bytes(&bytes).ok())
        .filter(|key| !key.is_weak())
        .ok_or_else(|| {
            let detail = "Must be an Ed25519 public key: 32 bytes as base64url without padding.";
            Problem::invalid("device_public_key", detail).into()
        })
}

/// The row of a device that may talk to the server.
pub(crate) async fn active(store: &Store, id: DeviceId) -> Result<device::Model> {
    // One statement for those who may; why not is looked up for the others.
    if let Some(device) = may_talk(id).one(store.db()).await? {
        return Ok(device);
    }
    let device =
        device::Entity::find_by_id(id).one(store.db()).await?.ok_or_else(|| Error::not_found("device"))?;
    match device.state {
        DeviceState::Active if is_of_active_business(store, &device).await? => Ok(device),
        DeviceState::Active => Err(Error::forbidden("The business of this device is switched off.")),
        DeviceState::Revoked => Err(Error::gone("The access of this device was revoked.")),
    }
}

/// A device, if it may talk to the server.
fn may_talk(id: DeviceId) -> Select<device::Entity> {
    device::Entity::find_by_id(id)
        .filter(device::Column::State.eq(DeviceState::Active))
        .filter(device::Column::BusinessId.in_subquery(active_businesses()))
}

fn active_businesses() -> SelectStatement {
    Query::select()
        .column(business::Column::Id)
        .from(business::Entity)
        .and_where(business::Column::IsActive.eq(true))
        .to_owned()
}

async fn is_of_active_business(store: &Store, device: &device::Model) -> Result<bool> {
    let business = business::Entity::find_by_id(device.business_id).one(store.db()).await?;
    Ok(business.is_some_and(|business| business.is_active))
}

fn issue(store: &Store, audience: Audience, id: DeviceId) -> Result<String> {
    let now = store.now().timestamp();
    let claims = Claims {
        iss: ISSUER.to_owned(),
        aud: audience.word().to_owned(),
        sub: id,
        iat: now,
        nbf: now,
        exp: now + i64::from(audience.lifetime_seconds()),
    };
    jsonwebtoken::encode(&header(store, audience), &claims, &store.keys().signing)
        .map_err(|error| Error::Internal(format!("signing a token: {error}")))
}

fn header(store: &Store, audience: Audience) -> Header {
    Header {
        typ: Some(audience.kind().to_owned()),
        kid: Some(store.keys().id.clone()),
        ..Header::new(Algorithm::EdDSA)
    }
}

/// Is the header, letter for letter, the one that we write?
fn has_our_header(store: &Store, audience: Audience, token: &str) -> bool {
    let ours = serde_json::to_vec(&header(store, audience)).map(|json| URL_SAFE_NO_PAD.encode(json));
    token.split('.').next().is_some_and(|theirs| ours.is_ok_and(|ours| ours == theirs))
}

/// Checks header, signature, issuer, audience and time, and says whose it is. The header decides nothing: it has to be
/// exactly the one that we write.
fn check(store: &Store, audience: Audience, token: &str) -> Result<DeviceId> {
    if token.len() > TOKEN_BYTES_MAX {
        return Err(Error::signed_out());
    }
    in_time(store, audience, signed_claims(store, audience, token)?)
}

/// The same of an agent's token, and how its device stood when it was asked.
fn check_agent(store: &Store, token: &str) -> Result<(DeviceId, Option<Standing>)> {
    let tokens = store.checked_tokens();
    if token.len() > TOKEN_BYTES_MAX {
        return Err(Error::signed_out());
    }
    if let Some((claims, standing)) = tokens.find(token) {
        return Ok((in_time(store, Audience::Agent, claims)?, standing));
    }
    let claims = signed_claims(store, Audience::Agent, token)?;
    tokens.keep(token, &claims, store.now().timestamp());
    Ok((in_time(store, Audience::Agent, claims)?, None))
}

/// Whose a token is, if this is its time.
fn in_time(store: &Store, audience: Audience, claims: Claims) -> Result<DeviceId> {
    let now = store.now().timestamp();
    if claims.exp <= now {
        return Err(Problem::new(ProblemCode::SignedOut, "The token has expired.").into());
    }
    if claims.nbf > now
        || claims.iat > now
        || claims.exp - claims.iat > i64::from(audience.lifetime_seconds())
    {
        return Err(Error::signed_out());
    }
    Ok(claims.sub)
}

/// What a token says that we have signed for this audience.
fn signed_claims(store: &Store, audience: Audience, token: &str) -> Result<Claims> {
    if !has_our_header(store, audience, token) {
        return Err(Error::signed_out());
    }
    let mut validation = Validation::new(Algorithm::EdDSA);
    validation.set_audience(&[audience.word()]);
    validation.set_issuer(&[ISSUER]);
    validation.set_required_spec_claims(&["iss", "aud", "sub", "nbf", "exp"]);
    // The library reads the system's clock; ours is handed in and asked below.
    validation.validate_exp = false;
    let decoded = jsonwebtoken::decode(token, &store.keys().verifying, &validation);
    Ok(decoded.map_err(|_| Error::signed_out())?.claims)
}
