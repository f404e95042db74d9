//! The audit log: who did what, each entry chained to the one before by its hash.

pub(crate) mod chain;
mod export;
mod list;
#[cfg(test)]
mod tests;
mod verify;

pub use export::{Export, export};
pub(crate) use list::about;
pub use list::{get, list, options};
pub use verify::{Verification, verify, verify_database};

use crate::{Cx, Visitor};
use entity::{
    audit::ActorKind,
    id::{DeviceId, UserId},
    table::user,
};
use serde::Serialize;
use serde_json::Value;

/// Who acts, as the log writes it down.
#[derive(Clone, Debug)]
pub(crate) struct Actor {
    pub(crate) kind: ActorKind,
    pub(crate) id: Option<UserId>,
    pub(crate) name: String,
    pub(crate) source_ip: String,
    pub(crate) request_id: Option<String>,
}

impl Actor {
    /// Somebody who is signed in, or a key that acts for them.
    pub(crate) fn of(cx: &Cx) -> Self {
        Self {
            kind: cx.actor_kind(),
            id: Some(cx.me().id),
            name: cx.actor_name(),
            source_ip: cx.source_ip().to_owned(),
            request_id: cx.request_id().map(str::to_owned),
        }
    }

    /// Somebody who has just proved who they are, or uses a link that was sent to them.
    pub(crate) fn arriving(visitor: &Visitor, user: &user::Model) -> Self {
        Self {
            kind: ActorKind::Person,
            id: Some(user.id),
            name: user.full_name.clone(),
            ..Self::knocking(visitor)
        }
    }

    /// Somebody of whom nothing is known.
    pub(crate) fn knocking(visitor: &Visitor) -> Self {
        Self {
            kind: ActorKind::Visitor,
            id: None,
            name: "Somebody".to_owned(),
            source_ip: visitor.source_ip.clone(),
            request_id: visitor.request_id.clone(),
        }
    }

    /// The server by itself, in the name of a job or of its command line.
    pub(crate) fn system(what: &str) -> Self {
        Self {
            kind: ActorKind::System,
            id: None,
            name: what.to_owned(),
            source_ip: "local".to_owned(),
            request_id: None,
        }
    }
}

/// What was done.
#[derive(Clone, Debug)]
pub(crate) struct Record {
    pub(crate) action: &'static str,
    pub(crate) summary: String,
    pub(crate) device_id: Option<DeviceId>,
    pub(crate) before: Option<Value>,
    pub(crate) after: Option<Value>,
}

impl Record {
    /// A stable word such as `device.revoke`, and a sentence for people.
    pub(crate) fn new(action: &'static str, summary: impl Into<String>) -> Self {
        Self { action, summary: summary.into(), device_id: None, before: None, after: None }
    }

    /// To which device.
    pub(crate) fn device(self, id: DeviceId) -> Self {
        Self { device_id: Some(id), ..self }
    }

    /// What was there before; never a secret.
    pub(crate) fn before(self, what: impl Serialize) -> Self {
        Self { before: serde_json::to_value(what).ok(), ..self }
    }

    /// What is there now; never a secret.
    pub(crate) fn after(self, what: impl Serialize) -> Self {
        Self { after: serde_json::to_value(what).ok(), ..self }
    }
}
