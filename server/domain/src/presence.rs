//! Who is there: the last sign of life of every device, in memory. Rows follow in batches, see [`crate::job`].

use crate::store::Db;
use chrono::{DateTime, Utc};
use entity::{
    id::{BusinessId, DeviceId},
    presence::{DisconnectReason, LinkKind, Presence},
    table::device,
};
use sea_orm::{ColumnTrait as _, DbErr, EntityTrait as _, QueryFilter as _};
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
}

/// A device whose row says something else than its signs of life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Transition {
    pub(crate) device_id: DeviceId,
    pub(crate) business_id: BusinessId,
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
    /// Starts with the devices that were online when the server stopped: they get the full silence limit to come
    /// back before they count as offline.
    pub(crate) async fn load(db: &Db, now: DateTime<Utc>) -> Result<Self, DbErr> {
        let online =
            device::Entity::find().filter(device::Column::Presence.eq(Presence::Online)).all(db).await?;
        let devices = online
            .into_iter()
            .map(|row| {
                let signs = Signs {
                    business_id: row.business_id,
                    last_seen_at: now,
                    kind: row.link.unwrap_or(LinkKind::Socket),
                    socket: None,
                    dropped: None,
                    stored: Presence::Online,
                    unwritten: false,
                };
                (row.id, signs)
            })
            .collect();
        Ok(Self { devices: Mutex::new(devices), links: AtomicU64::new(0) })
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
        });
        signs.last_seen_at = signs.last_seen_at.max(now);
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
        }
    }

    /// The row of a device says this now.
    pub(crate) fn stored(&self, id: DeviceId, presence: Presence) {
        if let Some(signs) = self.devices().get_mut(&id) {
            signs.stored = presence;
        }
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
                    business_id: signs.business_id,
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
