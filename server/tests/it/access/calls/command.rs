//! Calls about commands, what people decide about them, policies, scripts and the emergency stop, in the portal.

use super::{Form, Kind, World};
use crate::support::{
    people::Person,
    server::{TestServer, field},
};
use entity::{
    id::{BusinessId, CommandId, CommandRequestId, DeviceId, ScriptId, ScriptVersionId},
    user::Role,
};
use serde_json::{Value, json};

/// A request that somebody else than the owner made, with its one command.
pub(super) struct Asked {
    pub(super) request: CommandRequestId,
    pub(super) command: CommandId,
    pub(super) digest: String,
}

/// What there is to decide about.
pub struct Asks {
    /// To be approved, and then taken back.
    pub(super) approved: Asked,
    /// To be rejected.
    pub(super) rejected: Asked,
    /// To be let pass alone.
    pub(super) alone: Asked,
    /// Let pass alone by somebody else.
    pub(super) passed: Asked,
    /// Asked by the owner, to be changed.
    pub(super) own: Asked,
    /// To be taken back as a whole.
    pub(super) cancelled: Asked,
    /// Whose one command is to be taken back.
    pub(super) command: Asked,
    pub(super) script: ScriptId,
    pub(super) version: ScriptVersionId,
    /// The stop that holds for the business.
    pub(super) stop_seq: u64,
}

impl Asked {
    fn imaginary() -> Self {
        let id = uuid::Uuid::nil();
        Self { request: CommandRequestId(id), command: CommandId(id), digest: String::new() }
    }
}

impl Asks {
    /// Ids of nothing.
    pub(super) fn imaginary() -> Self {
        let (id, asked) = (uuid::Uuid::nil(), Asked::imaginary);
        Self {
            approved: asked(),
            rejected: asked(),
            alone: asked(),
            passed: asked(),
            own: asked(),
            cancelled: asked(),
            command: asked(),
            script: ScriptId(id),
            version: ScriptVersionId(id),
            stop_seq: 0,
        }
    }

    /// Makes all of it.
    pub(super) async fn of(server: &TestServer, business: BusinessId, device: DeviceId) -> Self {
        server.store().set_test_mode(true);
        let technician = server.person(Role::Technician, server.ours).await;
        let ask_by = async |person: &Person| {
            let asked = json!({"payload": {"kind": "reboot", "delay_seconds": 60}});
            let made: Value = person.post(&format!("/agents/{device}/commands"), &asked).await.expect(201);
            Asked {
                request: field(&made["request"], "id"),
                command: field(&made["command"], "id"),
                digest: field(&made["request"], "request_sha256"),
            }
        };
        let ask = async || ask_by(&technician).await;
        let passed = ask().await;
        let other = server.person(Role::MspAdmin, server.ours).await;
        let reason = json!({"request_sha256": passed.digest, "reason": "It burns."});
        let path = format!("/approvals/{}/break-glass", passed.request);
        let _: Value = other.post(&path, &reason).await.expect(200);
        let asked = json!({"script_name": "Walked", "business_id": business, "version": {"shell": "sh", "script": "true"}});
        let script: Value = server.admin.post("/scripts", &asked).await.expect(201);
        let stop: Value =
            server.admin.post("/emergency-stop", &json!({"business_id": business})).await.expect(200);
        Self {
            approved: ask().await,
            rejected: ask().await,
            alone: ask().await,
            passed,
            own: ask_by(&server.admin).await,
            cancelled: ask().await,
            command: ask().await,
            script: field(&script, "id"),
            version: field(&script["latest"], "id"),
            stop_seq: stop["seq"].as_u64().expect("a number"),
        }
    }
}

/// In the portal.
pub(super) fn portal(world: &World) -> Vec<Form> {
    use Kind::{Changes, Lists, Makes, Own, Reads};
    let fields = |pairs: &[(&str, &str)]| {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect::<Vec<_>>()
    };
    let asks = &world.asks;
    let (business, device) = (world.business.to_string(), world.device.to_string());
    let (script, version, seq) =
        (asks.script.to_string(), asks.version.to_string(), asks.stop_seq.to_string());
    let decide = |asked: &Asked, word: &str| {
        fields(&[
            ("id", &asked.request.to_string()),
            ("decision", word),
            ("input[request_sha256]", &asked.digest),
        ])
    };
    let one = |asked: &Asked| fields(&[("id", &asked.request.to_string())]);
    let note =
        [("form[devices]", device.as_str()), ("form[kind]", "notify_ops"), ("form[message]", "Walked")];
    let changed = fields(&[
        ("id", &asks.own.request.to_string()),
        ("request_sha256", &asks.own.digest),
        ("form[kind]", "reboot"),
        ("form[delay_minutes]", "2"),
    ]);
    let shell = [("form[shell]", "sh"), ("form[script]", "true"), ("form[script_name]", "Walked too")];
    let of_script = [("id", script.as_str())];
    let newer = [("form[shell]", "sh"), ("form[script]", "true; true")];
    let alone = fields(&[
        ("id", &asks.alone.request.to_string()),
        ("input[request_sha256]", &asks.alone.digest),
        ("input[reason]", "It burns."),
    ]);
    let looked = fields(&[("id", &asks.passed.request.to_string()), ("input[note]", "It did burn.")]);
    let policy = [("form[rearm_approvals]", "2"), ("form[allows_break_glass]", "true")];
    let rearm = fields(&[("business_id", &business), ("seq", &seq)]);
    vec![
        ("POST /portal/command/list", Lists, false, vec![]),
        ("POST /portal/command/get", Reads, false, fields(&[("id", &asks.command.command.to_string())])),
        ("POST /portal/command/get_request", Reads, false, one(&asks.approved)),
        ("POST /portal/command/preview", Reads, false, fields(&note)),
        ("POST /portal/approval/list", Lists, true, vec![]),
        ("POST /portal/approval/get", Reads, true, one(&asks.approved)),
        ("POST /portal/approval/waiting", Own, false, vec![]),
        ("POST /portal/approval/decide", Changes, true, decide(&asks.approved, "approve")),
        ("POST /portal/approval/break_glass", Changes, true, alone),
        ("POST /portal/approval/review", Changes, true, looked),
        ("POST /portal/approval_policy/list", Lists, false, vec![]),
        ("POST /portal/approval_policy/default", Lists, false, vec![]),
        ("POST /portal/approval_policy/default_revisions", Lists, false, vec![]),
        ("POST /portal/approval_policy/business", Reads, false, fields(&[("id", &business)])),
        ("POST /portal/approval_policy/business_revisions", Reads, false, fields(&[("id", &business)])),
        ("POST /portal/approval_policy/set_default", Changes, true, fields(&policy)),
        (
            "POST /portal/approval_policy/set_business",
            Changes,
            true,
            fields(&[&[("id", business.as_str())], policy.as_slice()].concat()),
        ),
        ("POST /portal/emergency_stop/list", Lists, false, vec![]),
        ("POST /portal/emergency_stop/rearm", Changes, true, rearm),
        ("POST /portal/emergency_stop/stop", Changes, false, fields(&[("business_id", &business)])),
        ("POST /portal/script/list", Lists, true, vec![]),
        ("POST /portal/script/get", Reads, true, fields(&of_script)),
        ("POST /portal/script/versions", Reads, true, fields(&of_script)),
        ("POST /portal/script/version", Reads, true, fields(&[("id", &version)])),
        (
            "POST /portal/script/add",
            Makes,
            false,
            fields(&[shell.as_slice(), &[("form[business_id]", business.as_str())]].concat()),
        ),
        ("POST /portal/script/add_version", Changes, true, fields(&[of_script.as_slice(), &newer].concat())),
        (
            "POST /portal/script/change",
            Changes,
            true,
            fields(&[of_script.as_slice(), &[("input[script_name]", "Walked three times")]].concat()),
        ),
        ("POST /portal/script/archive", Changes, true, fields(&of_script)),
        ("POST /portal/command/create", Changes, false, fields(&note)),
        ("POST /portal/command/test", Changes, true, fields(&note)),
        ("POST /portal/command/edit_request", Changes, true, changed),
        ("POST /portal/command/cancel", Changes, false, fields(&[("id", &asks.command.command.to_string())])),
        ("POST /portal/command/cancel_request", Changes, false, one(&asks.cancelled)),
    ]
}
