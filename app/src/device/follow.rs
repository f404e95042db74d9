//! How a shown device follows what the server pushes, without being loaded anew. Pure.

use chrono::{DateTime, Utc};
use entity::{
    device::{DeviceRow, SPARKLINE_POINTS},
    portal_event::PortalEvent,
};

/// Seconds that one point of a sparkline stands for.
const POINT_SECONDS: i64 = 3600 / SPARKLINE_POINTS as i64;

/// A row with what is needed to keep its sparkline right.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct ShownRow {
    /// The row.
    pub(super) row: DeviceRow,
    /// Which interval the last point of the sparkline stands for, counted from the epoch.
    interval: i64,
}

impl ShownRow {
    /// A row as the server answered it at that time.
    pub(super) const fn new(row: DeviceRow, at: DateTime<Utc>) -> Self {
        Self { row, interval: at.timestamp().div_euclid(POINT_SECONDS) }
    }

    /// Takes over what an event about this device says.
    pub(super) fn follow(&mut self, event: &PortalEvent) {
        match event {
            PortalEvent::Presence { presence, since, .. } => {
                self.row.presence = *presence;
                self.row.presence_since = Some(*since);
            }
            PortalEvent::Metrics { collected_at, cpu_percent, memory_percent, disk_percent, .. } => {
                self.row.cpu_percent = *cpu_percent;
                self.row.memory_percent = *memory_percent;
                self.row.disk_percent = *disk_percent;
                self.row.last_seen_at = self.row.last_seen_at.max(Some(*collected_at));
                self.draw(*collected_at, *cpu_percent);
            }
            PortalEvent::Resync
            | PortalEvent::Device { .. }
            | PortalEvent::ErrorReport { .. }
            | PortalEvent::Logs { .. }
            | PortalEvent::Alert { .. }
            | PortalEvent::Command { .. }
            | PortalEvent::CommandOutput { .. }
            | PortalEvent::CommandRequest { .. }
            | PortalEvent::EmergencyStop { .. }
            | PortalEvent::Release
            | PortalEvent::Rollout { .. }
            | PortalEvent::Registered { .. } => {}
        }
    }

    /// Moves the sparkline on to the interval of the value; intervals without a value stay gaps.
    fn draw(&mut self, at: DateTime<Utc>, value: Option<f32>) {
        let interval = at.timestamp().div_euclid(POINT_SECONDS);
        let points = &mut self.row.cpu_sparkline;
        for _ in 0..(interval - self.interval).clamp(0, SPARKLINE_POINTS as i64) {
            points.push(None);
        }
        if interval >= self.interval {
            self.interval = interval;
            if let Some(last) = points.last_mut() {
                *last = value;
            }
        }
        points.drain(..points.len().saturating_sub(SPARKLINE_POINTS));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::TimeDelta;
    use entity::{
        device::DeviceState,
        id::{BusinessId, DeviceId},
        platform::Os,
        presence::Presence,
    };

    fn row() -> DeviceRow {
        DeviceRow {
            id: DeviceId("01890000-0000-7000-8000-000000000001".parse().expect("a UUID")),
            device_name: "web-01".to_owned(),
            business_id: BusinessId("01890000-0000-7000-8000-000000000002".parse().expect("a UUID")),
            business_name: "Harbour".to_owned(),
            service_location_id: None,
            location_name: None,
            os_type: Os::Linux,
            os_version: None,
            agent_version: "0.1.0".to_owned(),
            state: DeviceState::Active,
            presence: Presence::Offline,
            presence_since: None,
            last_seen_at: None,
            services_wrong: 0,
            cpu_percent: None,
            memory_percent: None,
            disk_percent: None,
            cpu_sparkline: vec![Some(1.0); SPARKLINE_POINTS],
        }
    }

    fn metrics(row: &DeviceRow, collected_at: DateTime<Utc>, cpu_percent: f32) -> PortalEvent {
        PortalEvent::Metrics {
            business_id: row.business_id,
            device_id: row.id,
            collected_at,
            cpu_percent: Some(cpu_percent),
            memory_percent: Some(40.0),
            disk_percent: None,
        }
    }

    #[test]
    fn values_within_an_interval_replace_its_point_and_later_ones_leave_gaps() {
        let start = DateTime::UNIX_EPOCH;
        let mut shown = ShownRow::new(row(), start);
        let event = metrics(&shown.row, start + TimeDelta::seconds(60), 5.0);
        shown.follow(&event);
        assert_eq!(shown.row.cpu_sparkline.last(), Some(&Some(5.0)));
        assert_eq!(shown.row.cpu_percent, Some(5.0));

        let event = metrics(&shown.row, start + TimeDelta::seconds(3 * POINT_SECONDS), 9.0);
        shown.follow(&event);
        let tail = &shown.row.cpu_sparkline[SPARKLINE_POINTS - 4..];
        assert_eq!(tail, [Some(5.0), None, None, Some(9.0)]);
        assert_eq!(shown.row.cpu_sparkline.len(), SPARKLINE_POINTS);
    }

    #[test]
    fn an_old_sample_does_not_turn_the_line_back() {
        let start = DateTime::UNIX_EPOCH + TimeDelta::hours(5);
        let mut shown = ShownRow::new(row(), start);
        let event = metrics(&shown.row, start - TimeDelta::hours(1), 77.0);
        shown.follow(&event);
        assert_eq!(shown.row.cpu_sparkline, vec![Some(1.0); SPARKLINE_POINTS]);
    }

    #[test]
    fn presence_is_taken_over() {
        let mut shown = ShownRow::new(row(), DateTime::UNIX_EPOCH);
        let event = PortalEvent::Presence {
            business_id: shown.row.business_id,
            device_id: shown.row.id,
            presence: Presence::Online,
            since: DateTime::UNIX_EPOCH,
        };
        shown.follow(&event);
        assert_eq!(shown.row.presence, Presence::Online);
    }
}
