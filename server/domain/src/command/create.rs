//! The one door through which every command comes to be, whoever asks for it and from where.

use super::{gate::request_of, once::Once, proof, queue, queue::Moved, script, target, view, waiting, wave};
use crate::{
    Cx, Error, Result, Store,
    access::{Credential, Target},
    approval_policy,
    audit::{Actor, Record},
    device,
    store::{Change, statement},
    suggestion,
};
use chrono::{DateTime, SubsecRound as _, TimeDelta, Utc};
use entity::{
    command::{
        ApprovalPolicy, CommandDetail, CommandInput, CommandState, CommandsInput, Door,
        ORDER_SECONDS_DEFAULT, ORDER_SECONDS_MAX, OnOffline, Payload, Priority, RequestRow, RequestState,
        Strength, TIMEOUT_SECONDS_DEFAULT, approvals_needed,
    },
    id::{CommandId, CommandRequestId, DeviceId, SuggestionId, UserId},
    policy::Action,
    problem::Problem,
    seal,
    table::{command, command_request as request, device as device_table},
};
use sea_orm::{ConnectionTrait as _, EntityTrait as _};

/// Rows of one statement: each has some thirty values, and the embedded database takes 32,766.
const ROWS_AT_ONCE: usize = 200;
/// Longest payload as JSON, in bytes: signed, in base64 and with its grants it still is one message to an agent.
const PAYLOAD_BYTES_MAX: usize = 128 * 1024;

/// Asks one device for something.
///
/// # Errors
/// Not found when the device is out of reach, forbidden by role, conflict when its access was revoked; invalid names the
/// field.
pub async fn create_one(cx: &Cx, id: DeviceId, input: CommandInput) -> Result<CommandDetail> {
    create_one_once(cx, id, input, None).await
}

/// The same; asked again with the same key, it answers what was made the first time.
///
/// # Errors
/// As [`create_one`], and conflict when something else was asked with the key.
pub async fn create_one_once(
    cx: &Cx,
    id: DeviceId,
    input: CommandInput,
    key: Option<String>,
) -> Result<CommandDetail> {
    let once = Once::of(key, &(id, &input))?;
    let row = device::find(cx, id).await?;
    let made = create_keyed(cx, vec![row], input, (door_of(cx), None, once.as_ref())).await?;
    let first = made.first().and_then(|made| made.commands.first().copied());
    super::get(cx, first.ok_or_else(|| Error::not_found("command"))?).await
}

/// Asks many devices for something: one request for each business, because each has its own policy and its own people.
///
/// # Errors
/// Not found when a device is out of reach, forbidden by role, conflict when the access of one was revoked; invalid names
/// the field.
pub async fn create_many(cx: &Cx, input: CommandsInput) -> Result<Vec<RequestRow>> {
    create_many_once(cx, input, None).await
}

/// The same; asked again with the same key, it answers what was made the first time.
///
/// # Errors
/// As [`create_many`], and conflict when something else was asked with the key.
pub async fn create_many_once(cx: &Cx, input: CommandsInput, key: Option<String>) -> Result<Vec<RequestRow>> {
    let once = Once::of(key, &input)?;
    let rows = target::resolve(cx, &input.targets, input.filter.as_ref()).await?;
    let made = create_keyed(cx, rows, input.command, (door_of(cx), None, once.as_ref())).await?;
    view::requests_by_id(cx, &made.iter().map(|made| made.request).collect::<Vec<_>>()).await
}

/// The same by a test control, which only a server in test mode has.
///
/// # Errors
/// As [`create_many`], and forbidden where the server is not in test mode.
pub async fn create_test(cx: &Cx, input: CommandsInput) -> Result<Vec<RequestRow>> {
    if !cx.store().is_test_mode() {
        return Err(Error::forbidden("This server is not in test mode."));
    }
    let rows = target::resolve(cx, &input.targets, input.filter.as_ref()).await?;
    let made = create(cx, rows, input.command, Door::TestControl, None).await?;
    view::requests_by_id(cx, &made.iter().map(|made| made.request).collect::<Vec<_>>()).await
}

/// The same for what was suggested; the suggestion is settled with it, so that two people take it once.
///
/// # Errors
/// As [`create_one`]; conflict when it is not open any more.
pub(crate) async fn create_suggested(
    cx: &Cx,
    row: device_table::Model,
    input: CommandInput,
    id: SuggestionId,
) -> Result<CommandDetail> {
    let made = create(cx, vec![row], input, Door::Suggestion, Some(id)).await?;
    let first = made.first().and_then(|made| made.commands.first().copied());
    super::get(cx, first.ok_or_else(|| Error::not_found("command"))?).await
}

/// People come by the portal, programs by the API.
const fn door_of(cx: &Cx) -> Door {
    match cx.credential() {
        Credential::Session { .. } => Door::Portal,
        Credential::ApiKey(_) => Door::Api,
    }
}

/// A request that was made, with its commands.
pub(crate) struct Made {
    pub(crate) request: CommandRequestId,
    pub(crate) commands: Vec<CommandId>,
}

/// Makes requests for these devices, which are within reach.
///
/// # Errors
/// As [`create_many`].
pub(crate) async fn create(
    cx: &Cx,
    devices: Vec<device_table::Model>,
    input: CommandInput,
    door: Door,
    of: Option<SuggestionId>,
) -> Result<Vec<Made>> {
    create_keyed(cx, devices, input, (door, of, None)).await
}

/// By which way a request comes to be, which suggestion it takes, and whether it was asked before.
type By<'a> = (Door, Option<SuggestionId>, Option<&'a Once>);

async fn create_keyed(
    cx: &Cx,
    devices: Vec<device_table::Model>,
    input: CommandInput,
    by: By<'_>,
) -> Result<Vec<Made>> {
    let asked = Asked::read(cx, input).await?;
    let groups = target::by_business(devices)?;
    // All of it or nothing of it: what one business does not let is found before anything is made for another.
    for (business, devices) in &groups {
        for row in devices {
            cx.permit(Action::RequestCommand, Target::device(row))?;
        }
        script::check_business(cx.store(), &asked.payload, *business).await?;
    }
    let (mut made, mut fresh) = (Vec::new(), Vec::new());
    for (business, devices) in groups {
        match by.2 {
            Some(once) => match once.made(cx, business).await? {
                Some(before) => made.push(before),
                None => fresh.push((business, devices)),
            },
            None => fresh.push((business, devices)),
        }
    }
    if !fresh.is_empty() && asked.payload.kind().strength() == Strength::Strong {
        waiting::check(cx).await?;
    }
    for (business, devices) in fresh {
        made.push(match (for_business(cx, &asked, devices, by).await, by.2) {
            // The same question came twice at once: the other one made it.
            (Err(error), Some(once)) => once.made(cx, business).await?.ok_or(error)?,
            (made, _) => made?,
        });
    }
    Ok(made)
}

/// What is asked, read and bounded.
pub(super) struct Asked {
    pub(super) payload: Payload,
    timeout_seconds: u32,
    deliver_within_seconds: Option<u32>,
    on_offline: OnOffline,
    priority: Priority,
    reason: Option<String>,
}

impl Asked {
    pub(super) async fn read(cx: &Cx, input: CommandInput) -> Result<Self> {
        let payload = script::complete(cx, input.payload).await?;
        payload.check()?;
        let bytes = serde_json::to_vec(&payload).map_or(usize::MAX, |json| json.len());
        if bytes > PAYLOAD_BYTES_MAX {
            return Err(
                Problem::invalid("payload", format!("At most {PAYLOAD_BYTES_MAX} bytes of JSON.")).into()
            );
        }
        if let Some(seconds) = input.deliver_within_seconds
            && (seconds == 0 || seconds > ORDER_SECONDS_MAX)
        {
            let detail = format!("Between 1 and {ORDER_SECONDS_MAX} seconds.");
            return Err(Problem::invalid("deliver_within_seconds", detail).into());
        }
        let reason = input.reason.map(|reason| reason.trim().to_owned()).filter(|reason| !reason.is_empty());
        if reason.as_ref().is_some_and(|reason| reason.chars().any(is_hidden)) {
            return Err(Problem::invalid("reason", "Control characters are not accepted.").into());
        }
        Ok(Self {
            payload,
            timeout_seconds: input.timeout_seconds.unwrap_or(TIMEOUT_SECONDS_DEFAULT),
            deliver_within_seconds: input.deliver_within_seconds,
            on_offline: input.on_offline.unwrap_or(OnOffline::Queue),
            priority: input.priority.unwrap_or(Priority::Normal),
            reason,
        })
    }

    /// Seconds for which it may wait.
    fn waits_seconds(&self, least: u32) -> u32 {
        let usual = if least > 0 { ORDER_SECONDS_MAX } else { ORDER_SECONDS_DEFAULT };
        self.deliver_within_seconds.unwrap_or(usual)
    }
}

/// What a text of several lines may not hold.
fn is_hidden(character: char) -> bool {
    character.is_control() && !matches!(character, '\n' | '\r' | '\t')
}

async fn for_business(
    cx: &Cx,
    asked: &Asked,
    devices: Vec<device_table::Model>,
    (door, of, once): By<'_>,
) -> Result<Made> {
    let store = cx.store();
    let first = devices.first().ok_or_else(|| Error::not_found("device"))?;
    let policy = approval_policy::in_force(store.db(), first.business_id).await?;
    let business_devices = target::count_of(store, first.business_id).await?;
    let needed = approvals_needed(&policy, &asked.payload, devices.len(), business_devices);
    let permit = cx.permit(Action::RequestCommand, Target::device(first))?;
    let waves = wave::plan(devices.len(), business_devices);
    let mut row = request_row((cx.me().id, store.now()), asked, &policy, needed, &devices, door)?;
    row.waves = waves.iter().copied().max().unwrap_or(1);
    (row.ask_key, row.ask_sha256) = once.map(|once| (once.key.clone(), once.sha256.clone())).unzip();
    let change = permit.begin().await?;
    let rows = insert(store, &change, asked, needed, &mut row, devices, &waves).await?;
    if let Some(id) = of {
        suggestion::settle_taken(&change, id, row.id, cx.me().id).await?;
    }
    let mut moved: Vec<Moved> = rows.iter().map(|command| Moved::of(command, command.state)).collect();
    if row.state == RequestState::Approved && row.on_offline == OnOffline::Skip {
        for skipped in wave::skip_offline(&change, row.id, row.wave).await? {
            moved.retain(|one| one.command_id != skipped.command_id);
            moved.push(skipped);
        }
    }
    permit.commit(change, record(asked, &row, &rows)?).await?;
    store.telemetry().command_requested(row.kind.strength());
    queue::announce(store, &moved);
    if row.state == RequestState::Awaiting {
        crate::approval::notify(store, row.id);
    }
    Ok(Made { request: row.id, commands: rows.iter().map(|command| command.id).collect() })
}

/// A request that the server made by itself, to be told of after the commit.
pub(crate) struct MadeByServer {
    pub(crate) request: CommandRequestId,
    row: request::Model,
    moved: Vec<Moved>,
}

impl MadeByServer {
    /// Tells whoever has to hear of it.
    pub(crate) fn announce(&self, store: &Store) {
        store.telemetry().command_requested(self.row.kind.strength());
        queue::announce(store, &self.moved);
        if self.row.state == RequestState::Awaiting {
            crate::approval::notify(store, self.row.id);
        }
    }
}

/// Asks a device for what an alert proposes, in the change in which the alert opens. Nobody asked: that a policy lets the
/// server do so stands in the audit log beside it. It goes through the same gate, and what is strong waits for its people.
///
/// # Errors
/// When the database fails, or what is proposed is out of bounds.
pub(crate) async fn create_by_server(
    store: &Store,
    change: &Change,
    device: &device_table::Model,
    policy: &ApprovalPolicy,
    payload: Payload,
    reason: String,
) -> Result<MadeByServer> {
    payload.check()?;
    let needed = approvals_needed(policy, &payload, 1, 1);
    let asked = Asked {
        payload,
        timeout_seconds: TIMEOUT_SECONDS_DEFAULT,
        // What helped at the moment of the alert may do harm a day later.
        deliver_within_seconds: Some(ORDER_SECONDS_DEFAULT),
        on_offline: OnOffline::Queue,
        priority: Priority::Normal,
        reason: Some(reason),
    };
    let devices = vec![device.clone()];
    let mut row = request_row((UserId::SERVER, store.now()), &asked, policy, needed, &devices, Door::Alert)?;
    let rows = insert(store, change, &asked, needed, &mut row, devices, &[1]).await?;
    let moved = rows.iter().map(|command| Moved::of(command, command.state)).collect();
    let record = record(&asked, &row, &rows)?;
    change.note(&Actor::system("alert"), Some(row.business_id), record).await?;
    Ok(MadeByServer { request: row.id, row, moved })
}

/// Writes a request and its commands.
async fn insert(
    store: &Store,
    change: &Change,
    asked: &Asked,
    needed: (u32, entity::command::Approver),
    row: &mut request::Model,
    devices: Vec<device_table::Model>,
    waves: &[i64],
) -> Result<Vec<command::Model>> {
    row.seq = next_seq(change).await?;
    let rows = commands(store, asked, needed, row, devices, waves)?;
    row.proof = proof::of_request(store, row)?;
    request::Entity::insert(request::ActiveModel::from(row.clone()))
        .exec_without_returning(&**change)
        .await?;
    insert_commands(change, &rows).await?;
    Ok(rows)
}

/// Writes the commands of a request.
pub(super) async fn insert_commands(change: &Change, rows: &[command::Model]) -> Result<()> {
    for some in rows.chunks(ROWS_AT_ONCE) {
        let some = some.iter().cloned().map(command::ActiveModel::from);
        command::Entity::insert_many(some).exec_without_returning(&**change).await?;
    }
    Ok(())
}

pub(super) fn request_row(
    (requested_by, now): (UserId, DateTime<Utc>),
    asked: &Asked,
    policy: &ApprovalPolicy,
    needed: (u32, entity::command::Approver),
    devices: &[device_table::Model],
    door: Door,
) -> Result<request::Model> {
    let first = devices.first().ok_or_else(|| Error::not_found("device"))?;
    // As fine as every engine keeps it: what is read back has to have the same digest.
    let now = now.trunc_subsecs(6);
    let (least, approver) = needed;
    let deliver_by = now + TimeDelta::seconds(i64::from(asked.waits_seconds(least)));
    let is_free = least == 0;
    let targets: Vec<DeviceId> = devices.iter().map(|row| row.id).collect();
    let payload =
        serde_json::to_string(&asked.payload).map_err(|error| Error::Internal(error.to_string()))?;
    let mut row = request::Model {
        id: CommandRequestId::generate(),
        business_id: first.business_id,
        seq: 0,
        state: if is_free { RequestState::Approved } else { RequestState::Awaiting },
        revision: 0,
        kind: asked.payload.kind(),
        payload,
        targets_count: i64::try_from(devices.len()).unwrap_or(i64::MAX),
        targets_sha256: seal::targets_sha256(&targets),
        request_sha256: String::new(),
        timeout_seconds: i64::from(asked.timeout_seconds),
        deliver_by,
        decide_by: deliver_by.min(now + TimeDelta::seconds(i64::from(policy.decide_seconds))),
        on_offline: asked.on_offline,
        priority: asked.priority,
        reason: asked.reason.clone(),
        requested_by,
        door,
        ask_key: None,
        ask_sha256: None,
        approvals_needed: i64::from(least),
        approver,
        policy_id: policy.id,
        break_glass_reason: None,
        break_glass_by: None,
        break_glass_at: None,
        break_glass_proof: None,
        reviewed_by: None,
        reviewed_at: None,
        review_note: None,
        wave: i64::from(is_free),
        waves: 1,
        wave_at: is_free.then_some(now),
        decided_at: is_free.then_some(now),
        proof: String::new(),
        created_at: now,
    };
    let request = request_of(&row)?;
    request.check(now)?;
    row.request_sha256 = seal::request_sha256(&request);
    Ok(row)
}

pub(super) fn commands(
    store: &Store,
    asked: &Asked,
    needed: (u32, entity::command::Approver),
    request: &request::Model,
    devices: Vec<device_table::Model>,
    waves: &[i64],
) -> Result<Vec<command::Model>> {
    let state = match request.state {
        RequestState::Approved => CommandState::Pending,
        _ => CommandState::AwaitingApproval,
    };
    let rank = Priority::ALL.iter().position(|priority| *priority == asked.priority).unwrap_or(1);
    let rows = devices.into_iter().zip(waves).map(|(device, wave)| {
        let lock = target::lock_of(&asked.payload, needed, &device, request.created_at)?;
        let lock = serde_json::to_string(&lock).map_err(|error| Error::Internal(error.to_string()))?;
        let mut made = command::Model {
            id: CommandId::generate(),
            request_id: request.id,
            business_id: request.business_id,
            device_id: device.id,
            seq: request.seq,
            rank: i64::try_from(rank).unwrap_or(1),
            wave: *wave,
            kind: request.kind,
            state,
            deliver_by: request.deliver_by,
            sent_at: None,
            sends: 0,
            order_expires_at: None,
            order_sha256: None,
            envelope: None,
            cancel_asked_at: None,
            received_at: None,
            started_at: None,
            ended_at: None,
            detail: String::new(),
            refusal: None,
            exit_code: None,
            output: None,
            output_bytes: 0,
            receipt: None,
            result: None,
            is_late: false,
            lock_at_creation: Some(lock),
            proof: String::new(),
            created_at: request.created_at,
        };
        made.proof = proof::of_command(store, &made)?;
        Ok(made)
    });
    rows.collect()
}

/// The audit entry: what was asked, of whom, with the digest that people approve. A script is named by its digest.
fn record(asked: &Asked, row: &request::Model, rows: &[command::Model]) -> Result<Record> {
    let sentence = asked.payload.sentence();
    let summary = match row.targets_count {
        1 => format!("Asked: {sentence}"),
        count => format!("Asked {count} devices: {sentence}"),
    };
    let after = serde_json::json!({
        "request_id": row.id,
        "request_sha256": row.request_sha256,
        "targets_sha256": row.targets_sha256,
        "targets_count": row.targets_count,
        "kind": row.kind,
        "approvals_needed": row.approvals_needed,
        "approver": row.approver,
        "deliver_by": row.deliver_by,
        "door": row.door,
        "reason": row.reason,
    });
    let record = Record::new("command.request", summary).after(after);
    Ok(match rows {
        [only] => record.device(only.device_id),
        _ => record,
    })
}

/// The number of a request: a device does what came first first.
async fn next_seq(change: &Change) -> Result<i64> {
    let sql = "UPDATE counters SET value = value + 1 WHERE name = 'command_seq' RETURNING value";
    let row = change.query_one_raw(statement(change.get_database_backend(), sql, [])).await?;
    let row = row.ok_or_else(|| Error::Internal("the counter of requests is missing".to_owned()))?;
    Ok(row.try_get("", "value")?)
}
