//! Calls about releases over REST. They belong to no business: the MSP's people see them, whichever businesses they reach.

use super::Kind;
use crate::support::{
    release::{Built, Trust, built, words},
    server::TestServer,
};
use entity::{
    id::ReleaseId,
    platform::{Arch, Os},
};
use serde_json::{Value, json};

/// A release that is there, and what comes next.
pub struct Released {
    pub id: ReleaseId,
    /// The root after the one in force.
    root: String,
    /// The manifest of another release.
    manifest: String,
}

fn agent() -> [Built; 1] {
    [built(Os::Linux, Arch::X86_64, 1, 9_000)]
}

impl Released {
    pub(super) async fn of(server: &TestServer) -> Self {
        let trust = Trust::of(server);
        trust.begin(server).await;
        let id = trust.released(server, &words(1, "1.0.0"), &agent()).await;
        Self { id, root: trust.root(2), manifest: trust.manifest(&words(12, "1.12.0"), &agent()) }
    }

    pub(super) fn imaginary() -> Self {
        Self { id: ReleaseId(uuid::Uuid::nil()), root: String::new(), manifest: String::new() }
    }
}

/// All of them.
pub(super) fn rest(released: &Released) -> Vec<(&'static str, Kind, bool, Value)> {
    use Kind::{Changes, Lists, Makes, Reads};
    let root = json!({"root": released.root});
    vec![
        ("GET /releases", Lists, true, Value::Null),
        ("GET /releases/{id}", Lists, true, Value::Null),
        ("PATCH /releases/{id}", Changes, true, json!({"notes": "R"})),
        ("GET /releases/roots", Lists, true, Value::Null),
        ("POST /releases/roots/look", Lists, true, root.clone()),
        ("POST /agents/upload", Makes, true, json!({"manifest": released.manifest})),
        ("POST /releases/roots", Makes, true, root),
        ("GET /agents/{id}/release-channel", Reads, true, Value::Null),
        ("PUT /agents/{id}/release-channel", Changes, true, json!({"channel": "beta"})),
        ("PUT /businesses/{id}/release-channel", Changes, true, json!({"channel": "beta"})),
    ]
}

/// The same in the portal.
pub(super) fn portal(released: &Released) -> Vec<super::functions::Row> {
    use Kind::{Changes, Lists, Makes};
    let one = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let id = one("id", &released.id.to_string());
    vec![
        ("POST /portal/release/list", Lists, true, vec![]),
        ("POST /portal/release/get", Lists, true, vec![id.clone()]),
        ("POST /portal/release/is-ready", Lists, true, vec![]),
        ("POST /portal/release/write-notes", Changes, true, vec![id.clone(), one("notes", "P")]),
        ("POST /portal/release/roots", Lists, true, vec![]),
        ("POST /portal/release/look-at-root", Lists, true, vec![one("root", &released.root)]),
        ("POST /portal/release/add-root", Makes, true, vec![one("form[root]", &released.root)]),
        ("POST /portal/release/withdraw", Changes, true, vec![id, one("withdraw_reason", "R")]),
    ]
}
