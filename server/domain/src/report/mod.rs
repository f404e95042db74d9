//! What a device reports about itself.

mod clone;
mod event;
mod greeter;
mod hello;
mod inventory;
mod lock;
mod settings;

pub use event::event;
pub(crate) use greeter::Greeter;
pub use hello::{heartbeat, hello};
pub(crate) use inventory::REPORTS_AT_ONCE;
pub use inventory::{facts, services, software};
pub use lock::device_lock;
pub(crate) use lock::read as read_lock;
pub use settings::settings;

use crate::{AgentCx, presence::LinkId};
use entity::{
    agent_state::AgentState,
    presence::{DisconnectReason, LinkKind},
};

/// A socket begins to live; it does until [`disconnected`] is told its id.
#[must_use]
pub fn connected(cx: &AgentCx, link: LinkKind) -> LinkId {
    let store = cx.store();
    store.telemetry().sockets.inc();
    store.tracker().connected(cx.device_id(), cx.business_id(), link, store.now())
}

/// A socket has ended.
pub fn disconnected(cx: &AgentCx, link: LinkId, reason: DisconnectReason) {
    cx.store().telemetry().sockets.dec();
    cx.store().tracker().disconnected(cx.device_id(), link, reason, cx.store().now());
}

/// What the agent is doing with itself has changed. In memory; the next sweep writes it down with the others'.
pub fn agent_state(cx: &AgentCx, state: AgentState) {
    cx.store().tracker().agent_state(cx.device_id(), Some(state));
}

/// Counts a frame of a socket, by the word of its type.
pub fn frame(cx: &AgentCx, direction: &'static str, kind: &'static str) {
    cx.store().telemetry().frame(direction, kind);
}

/// A sign of life. In memory only: it costs no commit.
pub fn seen(cx: &AgentCx, link: LinkKind) {
    let store = cx.store();
    store.tracker().seen(cx.device_id(), cx.business_id(), link, store.now());
}
