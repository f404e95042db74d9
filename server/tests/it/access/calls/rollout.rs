//! Calls about rollouts over REST. They belong to no business: the MSP's people see them, and devices within their reach.

use super::Kind;
use crate::support::{
    people::{Person, send},
    release::{Built, Trust, built, words},
    server::{TestServer, field},
};
use entity::{
    id::{DeviceId, ReleaseId, RolloutId},
    platform::{Arch, Os},
    user::Role,
};
use reqwest::Method;
use serde_json::{Value, json};

/// Rollouts in the states that calls begin with.
pub struct Rolled {
    release: ReleaseId,
    /// Newer than what is rolled out.
    newer: ReleaseId,
    /// To be handed in, started, held and taken back.
    draft: RolloutId,
    /// Waits for somebody else's yes.
    awaiting: RolloutId,
    /// Goes out, to be undone.
    running: RolloutId,
    device: DeviceId,
}

/// Newer than what the calls about releases bring.
fn agent() -> [Built; 1] {
    [built(Os::Linux, Arch::X86_64, 9, 9_000)]
}

fn asked(release: ReleaseId, target: &Value) -> Value {
    json!({"name": "R", "release_id": release, "target": target})
}

impl Rolled {
    /// Makes them.
    pub(super) async fn of(server: &TestServer, release: ReleaseId, device: DeviceId) -> Self {
        let newer = Trust::of(server).released(server, &words(9, "1.9.0"), &agent()).await;
        let other = server.person(Role::MspAdmin, server.ours).await;
        let (all, one) = (json!({"scope": "all"}), json!({"scope": "devices", "device_ids": [device]}));
        let draft_of = async |person: &Person, target: &Value| -> RolloutId {
            let made: Value = person.post("/rollouts", &asked(release, target)).await.expect(201);
            field(&made["rollout"], "id")
        };
        let do_to = async |id: RolloutId, what: &str| {
            let _: Value = other.post(&format!("/rollouts/{id}/{what}"), &Value::Null).await.expect(200);
        };
        let policy = async |is_needed: bool| {
            let asked = json!({"is_approval_needed": is_needed});
            let request = other.request(Method::PUT, "/api/v1/rollouts/policy").json(&asked);
            let _: Value = send(request).await.expect(200);
        };
        let running = draft_of(&other, &one).await;
        do_to(running, "submit").await;
        do_to(running, "start").await;
        policy(true).await;
        let awaiting = draft_of(&other, &all).await;
        do_to(awaiting, "submit").await;
        policy(false).await;
        let draft = draft_of(&server.admin, &all).await;
        Self { release, newer, draft, awaiting, running, device }
    }

    pub(super) fn imaginary() -> Self {
        let (release, rollout) = (ReleaseId(uuid::Uuid::nil()), RolloutId(uuid::Uuid::nil()));
        let device = DeviceId(uuid::Uuid::nil());
        Self { release, newer: release, draft: rollout, awaiting: rollout, running: rollout, device }
    }

    /// What stands for an id in the address of one of these.
    pub(super) fn id_in(&self, route: &str) -> String {
        match route.rsplit('/').next() {
            Some("approve") => self.awaiting.to_string(),
            Some("roll-back") => self.running.to_string(),
            _ => self.draft.to_string(),
        }
    }
}

/// All of them, in an order in which each is possible.
pub(super) fn rest(rolled: &Rolled) -> Vec<(&'static str, Kind, bool, Value)> {
    use Kind::{Changes, Lists, Makes, Reads};
    let asked = asked(rolled.release, &json!({"scope": "all"}));
    let note = json!({"note": "R"});
    vec![
        ("GET /rollouts", Lists, true, Value::Null),
        ("POST /rollouts/preview", Lists, true, asked.clone()),
        (
            "POST /rollouts/preview/devices",
            Lists,
            true,
            json!({"rollout": asked.clone(), "part": {"excluded": "not_supervised"}}),
        ),
        ("PUT /rollouts/{id}", Changes, true, asked.clone()),
        ("POST /rollouts", Makes, true, asked),
        ("GET /rollouts/policy", Lists, true, Value::Null),
        ("PUT /rollouts/policy", Makes, true, json!({"is_approval_needed": false})),
        ("GET /rollouts/{id}", Lists, true, Value::Null),
        ("GET /rollouts/{id}/devices", Lists, true, Value::Null),
        ("GET /agents/{id}/updates", Reads, true, Value::Null),
        ("POST /rollouts/{id}/approve", Changes, true, note.clone()),
        ("POST /rollouts/{id}/roll-back", Changes, true, json!({"release_id": rolled.newer, "reason": "R"})),
        ("POST /rollouts/{id}/submit", Changes, true, Value::Null),
        ("POST /rollouts/{id}/start", Changes, true, Value::Null),
        ("POST /rollouts/{id}/pause", Changes, true, note.clone()),
        ("POST /rollouts/{id}/resume", Changes, true, json!({"reason": "R"})),
        ("POST /rollouts/{id}/halt", Changes, true, note.clone()),
        ("POST /rollouts/{id}/cancel", Changes, true, note),
    ]
}

/// The same in the portal.
pub(super) fn portal(rolled: &Rolled) -> Vec<super::functions::Row> {
    use Kind::{Changes, Lists, Makes, Reads};
    let one = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let id = |id: &dyn std::fmt::Display| one("id", &id.to_string());
    let about = |rollout: &RolloutId, more: &[(&str, &str)]| {
        std::iter::once(id(rollout))
            .chain(more.iter().map(|(name, value)| one(name, value)))
            .collect::<Vec<_>>()
    };
    let (draft, newer, release) = (&rolled.draft, rolled.newer.to_string(), rolled.release.to_string());
    let numbers = [
        "failed_percent",
        "bad_percent",
        "min_devices",
        "bad_in_a_row",
        "bad_max",
        "max_in_flight",
        "spread_minutes",
    ];
    let form = [one("form[name]", "P"), one("form[release_id]", &release)];
    let form: Vec<_> =
        form.into_iter().chain(numbers.iter().map(|name| one(&format!("form[{name}]"), "5"))).collect();
    let undo = [("input[release_id]", newer.as_str()), ("input[reason]", "P")];
    vec![
        ("POST /portal/rollout/list", Lists, true, vec![]),
        ("POST /portal/rollout/get", Lists, true, about(draft, &[])),
        ("POST /portal/rollout/updates", Lists, true, about(draft, &[])),
        ("POST /portal/rollout/trail", Lists, true, about(draft, &[])),
        ("POST /portal/rollout/of_device", Reads, true, vec![id(&rolled.device)]),
        ("POST /portal/device/channel", Reads, true, vec![id(&rolled.device)]),
        ("POST /portal/device/set_channel", Changes, true, vec![id(&rolled.device), one("channel", "beta")]),
        ("POST /portal/rollout/available", Lists, true, vec![]),
        ("POST /portal/rollout/newer", Lists, true, vec![one("seq", "0")]),
        ("POST /portal/rollout/pick", Lists, true, vec![one("question[target]", "devices")]),
        ("POST /portal/rollout/preview", Lists, true, form.clone()),
        (
            "POST /portal/rollout/preview_devices",
            Lists,
            true,
            form.iter().cloned().chain([one("part[wave]", "1")]).collect(),
        ),
        ("POST /portal/rollout/create", Makes, true, form),
        ("POST /portal/rollout/approve", Changes, true, about(&rolled.awaiting, &[("input[note]", "P")])),
        ("POST /portal/rollout/roll_back", Changes, true, about(&rolled.running, &undo)),
        ("POST /portal/rollout/submit", Changes, true, about(draft, &[])),
        ("POST /portal/rollout/start", Changes, true, about(draft, &[])),
        ("POST /portal/rollout/pause", Changes, true, about(draft, &[("input[note]", "P")])),
        ("POST /portal/rollout/resume", Changes, true, about(draft, &[("input[reason]", "P")])),
        ("POST /portal/rollout/halt", Changes, true, about(draft, &[("input[note]", "P")])),
        ("POST /portal/rollout/cancel", Changes, true, about(draft, &[("input[note]", "P")])),
    ]
}
