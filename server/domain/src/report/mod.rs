//! What a device reports about itself.

mod clone;
mod hello;
mod inventory;

pub use hello::{heartbeat, hello};
pub use inventory::{event, facts, services, software};

use crate::{AgentCx, presence::LinkId};
use entity::presence::{DisconnectReason, LinkKind};

/// A socket begins to live; it does until [`disconnected`] is told its id.
#[must_use]
pub fn connected(cx: &AgentCx, link: LinkKind) -> LinkId {
    let store = cx.store();
    store.tracker().connected(cx.device_id(), cx.business_id(), link, store.now())
}

/// A socket has ended.
pub fn disconnected(cx: &AgentCx, link: LinkId, reason: DisconnectReason) {
    cx.store().tracker().disconnected(cx.device_id(), link, reason, cx.store().now());
}

/// A sign of life. In memory only: it costs no commit.
pub fn seen(cx: &AgentCx, link: LinkKind) {
    let store = cx.store();
    store.tracker().seen(cx.device_id(), cx.business_id(), link, store.now());
}
