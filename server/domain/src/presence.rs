//! Who is there: the last sign of life of every device that this process hears from, in memory. Rows follow in batches;
//! with several processes the row says which of them has the device, and that one alone may call it offline.

mod row;

pub(crate) use row::{flush, sweep};

use chrono::{DateTime, Utc};
use entity::{
    agent_state::AgentState,
    id::{BusinessId, DeviceId},
    presence::{DisconnectReason, LinkKind, Presence},
};
use std::{
    collections::HashMap,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

/// Names one socket, so that the end of an old one cannot end the presence that a newer one keeps up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LinkId(u64);

/// What is known of one device.
#[derive(Clone, Debug)]
struct Signs {
    business_id: BusinessId,
    last_seen_at: DateTime<Utc>,
    kind: LinkKind,
    socket: Option<LinkId>,
    dropped: Option<(DateTime<Utc>, DisconnectReason)>,
    /// What the row says.
    stored: Presence,
    /// The row does not have `last_seen_at` yet.
    unwritten: bool,
    /// What the agent said that it is doing with itself, until the row has it.
    agent_state: Option<AgentState>,
}

/// A device that another process had, or an earlier run of this one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Inherited {
    pub(crate) device_id: DeviceId,
    pub(crate) business_id: BusinessId,
    pub(crate) kind: LinkKind,
    pub(crate) last_seen_at: DateTime<Utc>,
}

/// A device whose row says something else than its signs of life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Transition {
    pub(crate) device_id: DeviceId,
    pub(crate) last_seen_at: DateTime<Utc>,
    pub(crate) to: Presence,
    pub(crate) reason: Option<DisconnectReason>,
    pub(crate) kind: LinkKind,
}

/// The signs of life of every device that was heard of since the server started.
#[derive(Default)]
pub(crate) struct Tracker {
    devices: Mutex<HashMap<DeviceId, Signs>>,
    links: AtomicU64,
}

impl Tracker {
    /// Takes over devices that their rows call online. `dropped`: when and why their process was lost; those that were
    /// heard of since are not touched by it.
    pub(crate) fn inherit(
        &self,
        inherited: Vec<Inherited>,
        dropped: Option<(DateTime<Utc>, DisconnectReason)>,
    ) {
        let mut devices = self.devices();
        for row in inherited {
            let dropped = dropped.filter(|(at, _)| row.last_seen_at <= *at);
            let signs = devices.entry(row.device_id).or_insert(Signs {
                business_id: row.business_id,
                last_seen_at: row.last_seen_at,
                kind: row.kind,
                socket: None,
                dropped,
                stored: Presence::Online,
                unwritten: false,
                agent_state: None,
            });
            if signs.last_seen_at < row.last_seen_at {
                signs.last_seen_at = row.last_seen_at;
            }
            signs.stored = Presence::Online;
        }
    }

    /// The row knows of a later sign of life than this process.
    pub(crate) fn heard_of(&self, id: DeviceId, at: DateTime<Utc>) {
        if let Some(signs) = self.devices().get_mut(&id)
            && signs.last_seen_at < at
        {
            signs.last_seen_at = at;
            signs.dropped = signs.dropped.filter(|(dropped, _)| at <= *dropped);
        }
    }

    /// Others may have written down that the devices of this process are gone: what the rows say is looked at anew.
    pub(crate) fn doubt(&self) {
        for signs in self.devices().values_mut() {
            signs.stored = Presence::Unknown;
        }
    }

    fn devices(&self) -> MutexGuard<'_, HashMap<DeviceId, Signs>> {
        self.devices.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A sign of life.
    pub(crate) fn seen(&self, id: DeviceId, business_id: BusinessId, kind: LinkKind, now: DateTime<Utc>) {
        let mut devices = self.devices();
        let signs = devices.entry(id).or_insert(Signs {
            business_id,
            last_seen_at: now,
            kind,
            socket: None,
            dropped: None,
            stored: Presence::Unknown,
            unwritten: true,
            agent_state: None,
        });
        signs.last_seen_at = signs.last_seen_at.max(now);
        // The device may have been moved by another process.
        signs.business_id = business_id;
        signs.kind = kind;
        signs.unwritten = true;
        signs.dropped = None;
    }

    /// A socket begins to live.
    pub(crate) fn connected(
        &self,
        id: DeviceId,
        business_id: BusinessId,
        kind: LinkKind,
        now: DateTime<Utc>,
    ) -> LinkId {
        let link = LinkId(self.links.fetch_add(1, Ordering::Relaxed) + 1);
        self.seen(id, business_id, kind, now);
        if let Some(signs) = self.devices().get_mut(&id) {
            signs.socket = Some(link);
            signs.agent_state = signs.agent_state.filter(|state| *state != AgentState::Stopped);
        }
        link
    }

    /// A socket has ended. A newer one is not touched.
    pub(crate) fn disconnected(
        &self,
        id: DeviceId,
        link: LinkId,
        reason: DisconnectReason,
        now: DateTime<Utc>,
    ) {
        if let Some(signs) = self.devices().get_mut(&id)
            && signs.socket == Some(link)
        {
            signs.socket = None;
            signs.dropped = Some((now, reason));
            if reason == DisconnectReason::AgentStopped {
                // It closed its socket in order, and has no other way to say the rest.
                signs.agent_state = Some(AgentState::Stopped);
            }
        }
    }

    /// The row of a device says this now.
    pub(crate) fn stored(&self, id: DeviceId, presence: Presence) {
        if let Some(signs) = self.devices().get_mut(&id) {
            signs.stored = presence;
        }
    }

    /// The agent of a device that was heard of is doing this now.
    pub(crate) fn agent_state(&self, id: DeviceId, state: Option<AgentState>) {
        if let Some(signs) = self.devices().get_mut(&id) {
            signs.agent_state = state;
        }
    }

    /// The row says this of the agent now, unless it has said something else since.
    pub(crate) fn agent_state_stored(&self, id: DeviceId, state: Option<AgentState>) {
        if let Some(signs) = self.devices().get_mut(&id)
            && signs.agent_state == state
        {
            signs.agent_state = None;
        }
    }

    /// What agents said that no row has yet.
    pub(crate) fn agent_states(&self) -> Vec<(DeviceId, AgentState)> {
        let devices = self.devices();
        devices.iter().filter_map(|(id, signs)| Some((*id, signs.agent_state?))).collect()
    }

    /// The devices that hold a socket here, with the businesses they spoke for last.
    pub(crate) fn sockets(&self) -> Vec<(DeviceId, BusinessId)> {
        let devices = self.devices();
        let held = devices.iter().filter(|(_, signs)| signs.socket.is_some());
        held.map(|(id, signs)| (*id, signs.business_id)).collect()
    }

    /// The device belongs to another business from now on.
    pub(crate) fn moved(&self, id: DeviceId, business_id: BusinessId) {
        if let Some(signs) = self.devices().get_mut(&id) {
            signs.business_id = business_id;
        }
    }

    /// Forgets a device whose access was ended.
    pub(crate) fn forget(&self, id: DeviceId) {
        self.devices().remove(&id);
    }

    /// The last sign of life, when there was one since the server started.
    pub(crate) fn last_seen_at(&self, id: DeviceId) -> Option<DateTime<Utc>> {
        self.devices().get(&id).map(|signs| signs.last_seen_at)
    }

    /// Devices whose row is out of date.
    pub(crate) fn transitions(&self, now: DateTime<Utc>) -> Vec<Transition> {
        let devices = self.devices();
        devices
            .iter()
            .filter_map(|(id, signs)| {
                let silent = (now - signs.last_seen_at).num_seconds();
                let dropped = signs.dropped.map(|(at, _)| (now - at).num_seconds());
                let to = Presence::of(Some(silent), dropped);
                (to != signs.stored).then(|| Transition {
                    device_id: *id,
                    last_seen_at: signs.last_seen_at,
                    to,
                    reason: (to == Presence::Offline).then(|| {
                        signs.dropped.map_or(DisconnectReason::ConnectionLost, |(_, reason)| reason)
                    }),
                    kind: signs.kind,
                })
            })
            .collect()
    }

    /// Hands out, once, the times that no row has yet.
    pub(crate) fn take_unwritten(&self) -> Vec<(DeviceId, DateTime<Utc>)> {
        let mut devices = self.devices();
        devices
            .iter_mut()
            .filter(|(_, signs)| signs.unwritten)
            .map(|(id, signs)| {
                signs.unwritten = false;
                (*id, signs.last_seen_at)
            })
            .collect()
    }

    /// Takes back what [`Tracker::take_unwritten`] handed out, because it could not be written.
    pub(crate) fn put_back_unwritten(&self, times: &[(DeviceId, DateTime<Utc>)]) {
        let mut devices = self.devices();
        for (id, _) in times {
            if let Some(signs) = devices.get_mut(id) {
                signs.unwritten = true;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::Duration;

    #[test]
    fn an_old_sockets_end_does_not_end_a_newer_one() {
        let tracker = Tracker::default();
        let (device, business, now) = (DeviceId::generate(), BusinessId::generate(), DateTime::UNIX_EPOCH);
        let old = tracker.connected(device, business, LinkKind::Socket, now);
        tracker.stored(device, Presence::Online);
        let new = tracker.connected(device, business, LinkKind::Socket, now);
        tracker.disconnected(device, old, DisconnectReason::ConnectionLost, now);
        assert_eq!(tracker.transitions(now + Duration::seconds(20)), []);
        tracker.disconnected(device, new, DisconnectReason::AgentStopped, now);
        assert_eq!(tracker.transitions(now + Duration::seconds(14)), []);
        let gone = tracker.transitions(now + Duration::seconds(15));
        assert_eq!(gone.len(), 1);
        assert_eq!((gone[0].to, gone[0].reason), (Presence::Offline, Some(DisconnectReason::AgentStopped)));
    }

    #[test]
    fn what_is_taken_over_gets_no_longer_than_the_drop_of_its_process_allows() {
        let tracker = Tracker::default();
        let at = |seconds| DateTime::UNIX_EPOCH + Duration::seconds(seconds);
        let device = |last_seen_at| Inherited {
            device_id: DeviceId::generate(),
            business_id: BusinessId::generate(),
            kind: LinkKind::Socket,
            last_seen_at,
        };
        let (silent, polled) = (device(at(95)), device(at(110)));
        tracker.inherit(vec![silent, polled], Some((at(100), DisconnectReason::ConnectionLost)));
        let gone: Vec<_> = tracker.transitions(at(120)).iter().map(|gone| gone.device_id).collect();
        assert_eq!(gone, [silent.device_id], "the other one was heard of after its process was lost");
        tracker.heard_of(silent.device_id, at(119));
        assert_eq!(tracker.transitions(at(121)), []);
        assert_eq!(tracker.transitions(at(140)).len(), 1);
    }

    #[test]
    fn times_are_written_once() {
        let tracker = Tracker::default();
        let (device, business, now) = (DeviceId::generate(), BusinessId::generate(), DateTime::UNIX_EPOCH);
        tracker.seen(device, business, LinkKind::Polling, now);
        let times = tracker.take_unwritten();
        assert_eq!(times, [(device, now)]);
        assert_eq!(tracker.take_unwritten(), []);
        tracker.put_back_unwritten(&times);
        assert_eq!(tracker.take_unwritten(), times);
    }
}
