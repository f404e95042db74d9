//! A machine becomes a device: the token is consumed and the device made in one transaction.

use crate::{
    Error, Result, Store, Visitor, agent_token,
    audit::{Actor, Record},
    device::{note, os_version, search_text},
    error::on_duplicate,
    release, secret,
    store::{Change, statement},
};
use entity::{
    activity::ActivityKind,
    device::DeviceState,
    id::{BusinessId, DeviceId},
    input::{self, clip},
    portal_event::PortalEvent,
    presence::Presence,
    problem::{Problem, ProblemCode},
    registration::{RegisterAnswer, RegisterRequest, RegistrationEvent, RegistrationState},
    table::{business, device, registration_token},
    wire::{Settings, websocket_url},
};
use sea_orm::{
    ActiveModelTrait as _, ColumnTrait as _, ConnectionTrait as _, EntityTrait as _, QueryFilter as _, Set,
    sea_query::Expr,
};

/// Turns a machine into a device. Of many tries with one token, one succeeds.
///
/// # Errors
/// Names the field `token` when it is unknown, used, expired or revoked; invalid names other fields.
pub async fn register(store: &Store, visitor: &Visitor, request: RegisterRequest) -> Result<RegisterAnswer> {
    let facts = request.facts.bounded();
    let hostname = clip(&request.hostname, input::NAME_MAX);
    if hostname.is_empty() {
        return Err(Problem::invalid("hostname", "The machine must say what it is called.").into());
    }
    let now = store.now();
    // Before anything is changed: the device pins it with its first answer.
    let release_root = release::current_root(store.db()).await?;
    let change = store.begin().await?;
    let token = consume(store, &change, &request.token).await?;
    // Who shows no good token is told nothing else; a refusal from here on leaves the token as it was.
    agent_token::public_key(&request.device_public_key)?;
    // Not consumed after all: the token waits until the business is switched on again.
    check_active(&change, token.business_id).await?;
    let id = DeviceId::generate();
    let device_name = token.device_name.clone().unwrap_or_else(|| hostname.clone());
    let row = device::ActiveModel {
        id: Set(id),
        device_key: Set(next_device_key(&change).await?),
        business_id: Set(token.business_id),
        service_location_id: Set(token.service_location_id),
        device_name: Set(device_name.clone()),
        name_key: Set(input::fold(&device_name)),
        search_text: Set(search_text(&device_name, &hostname, &facts)),
        hostname: Set(hostname),
        public_key: Set(request.device_public_key),
        state: Set(DeviceState::Active),
        os_type: Set(request.os_type),
        os_architecture: Set(request.os_architecture),
        os_version: Set(os_version(&facts)),
        agent_version: Set(clip(&request.agent_version, 40)),
        presence: Set(Presence::Unknown),
        presence_since: Set(Some(now)),
        agent_state: Set(None),
        disconnect_reason: Set(None),
        link: Set(None),
        last_seen_at: Set(None),
        node_id: Set(None),
        boot_id: Set(facts.boot_id.clone()),
        former_boot_ids: Set("[]".to_owned()),
        clone_suspected_at: Set(None),
        facts: Set(serde_json::to_string(&facts).map_err(|error| Error::Internal(error.to_string()))?),
        facts_digest: Set(None),
        services_manager: Set(None),
        services_digest: Set(None),
        services_reported_at: Set(None),
        software_digest: Set(None),
        software_count: Set(None),
        samples_dropped: Set(0),
        device_lock: Set(None),
        services_wrong: Set(0),
        running_version: Set(None),
        running_seq: Set(None),
        running_build_id: Set(None),
        running_sha256: Set(None),
        running_libc: Set(None),
        is_supervised: Set(false),
        release_channel: Set(None),
        created_at: Set(now),
        revoked_at: Set(None),
    };
    row.insert(&*change)
        .await
        .map_err(on_duplicate("device_public_key", "A device with this key is registered already."))?;
    registration_token::Entity::update_many()
        .col_expr(registration_token::Column::DeviceId, Expr::value(id))
        .filter(registration_token::Column::Id.eq(token.id))
        .exec(&*change)
        .await?;
    let summary = format!("Registered from {}", visitor.source_ip);
    note(&change, id, token.business_id, now, ActivityKind::Registered, summary).await?;
    let actor = Actor { name: "A machine with a registration token".to_owned(), ..Actor::knocking(visitor) };
    let record =
        Record::new("device.register", format!("Registered {device_name}")).device(id).before(token.id);
    change.commit(&actor, Some(token.business_id), record).await?;
    store.publish(PortalEvent::Registered {
        business_id: token.business_id,
        token_id: token.id,
        device_id: id,
    });
    let answer = answer(store, id, device_name, &token)?;
    Ok(RegisterAnswer { release_root, ..answer })
}

fn answer(
    store: &Store,
    id: DeviceId,
    device_name: String,
    token: &registration_token::Model,
) -> Result<RegisterAnswer> {
    let agent_token = agent_token::token(store, id)?;
    Ok(RegisterAnswer {
        agent_id: id,
        agent_token: agent_token.agent_token,
        agent_token_expires_in_seconds: agent_token.expires_in_seconds,
        business_id: token.business_id,
        service_location_id: token.service_location_id,
        device_name,
        api_url: format!("{}/api/v1", store.public_url()),
        websocket_url: websocket_url(store.public_url()),
        settings: Settings::default(),
        command_root: Some(store.signer().root_public_text()),
        release_root: None,
    })
}

async fn check_active(change: &Change, id: BusinessId) -> Result<()> {
    match business::Entity::find_by_id(id).one(&**change).await? {
        Some(business) if business.is_active => Ok(()),
        _ => Err(Error::forbidden("The business of this registration token is switched off.")),
    }
}

/// Moves the token from issued to consumed, if it is still there to be moved.
async fn consume(store: &Store, change: &Change, secret: &str) -> Result<registration_token::Model> {
    let refused = |code, detail: &str| -> Error {
        Problem { field: Some("token".to_owned()), ..Problem::new(code, detail) }.into()
    };
    let digest = secret::digest(secret.trim());
    let moved = registration_token::Entity::update_many()
        .col_expr(registration_token::Column::State, Expr::value(RegistrationState::Consumed))
        .filter(registration_token::Column::TokenHash.eq(&digest))
        .filter(registration_token::Column::State.eq(RegistrationState::Issued))
        .filter(registration_token::Column::ExpiresAt.gt(store.now()))
        .exec(&**change)
        .await?;
    let token = registration_token::Entity::find()
        .filter(registration_token::Column::TokenHash.eq(&digest))
        .one(&**change)
        .await?
        .ok_or_else(|| refused(ProblemCode::SignedOut, "This registration token is not known here."))?;
    if moved.rows_affected == 1 {
        return Ok(token);
    }
    Err(match token.state {
        RegistrationState::Consumed => {
            refused(ProblemCode::Gone, "This registration token was used already.")
        }
        RegistrationState::Revoked => refused(ProblemCode::Gone, "This registration token was revoked."),
        RegistrationState::Issued | RegistrationState::Expired => {
            refused(ProblemCode::Gone, "This registration token has expired. Make a new one in the portal.")
        }
    })
}

/// The small integer under which the device's metrics are kept.
async fn next_device_key(change: &Change) -> Result<i64> {
    let sql = "UPDATE counters SET value = value + 1 WHERE name = 'device_key' RETURNING value";
    let row = change.query_one_raw(statement(change.get_database_backend(), sql, [])).await?;
    let row = row.ok_or_else(|| Error::Internal("the device key counter is missing".to_owned()))?;
    Ok(row.try_get("", "value")?)
}

/// Moves tokens whose time is over; called by the job.
pub(crate) async fn expire(store: &Store) -> Result<u64> {
    let (from, event) = (RegistrationState::Issued, RegistrationEvent::Expire);
    let Some(next) = from.on(event) else { return Ok(0) };
    let change = store.begin().await?;
    let moved = registration_token::Entity::update_many()
        .col_expr(registration_token::Column::State, Expr::value(next))
        .filter(registration_token::Column::State.eq(from))
        .filter(registration_token::Column::ExpiresAt.lte(store.now()))
        .exec(&*change)
        .await?;
    change.commit_unattended().await?;
    Ok(moved.rows_affected)
}
