//! How many reports one device may send: a broken agent must not keep the database busy, and an honest one counts what
//! repeats by itself.

use crate::{Error, Result};
use chrono::{DateTime, Duration, Utc};
use entity::id::DeviceId;
use std::{
    collections::HashMap,
    sync::{LazyLock, Mutex, PoisonError},
};

/// Reports of one device are counted over this time.
const WINDOW: Duration = Duration::minutes(10);
/// Reports that one device may send within it.
pub(super) const REPORTS_MAX: u32 = 60;
/// Most devices that are remembered; beyond it those whose time is over are forgotten, or all.
const REMEMBERED_MAX: usize = 20_000;

/// When the first report of a window came, and how many since.
type Counts = HashMap<DeviceId, (DateTime<Utc>, u32)>;

static COUNTS: LazyLock<Mutex<Counts>> = LazyLock::new(Mutex::default);

/// Counts a report of this device.
///
/// # Errors
/// Too many, with the seconds to wait.
pub(super) fn take(device: DeviceId, now: DateTime<Utc>) -> Result<()> {
    take_from(&mut COUNTS.lock().unwrap_or_else(PoisonError::into_inner), device, now)
}

fn take_from(counts: &mut Counts, device: DeviceId, now: DateTime<Utc>) -> Result<()> {
    if counts.len() >= REMEMBERED_MAX && !counts.contains_key(&device) {
        counts.retain(|_, (since, _)| *since + WINDOW > now);
        if counts.len() >= REMEMBERED_MAX {
            counts.clear();
        }
    }
    let entry = counts.entry(device).or_insert((now, 0));
    // A clock that was set back begins anew too.
    if entry.0 + WINDOW <= now || entry.0 > now {
        *entry = (now, 0);
    }
    if entry.1 >= REPORTS_MAX {
        let seconds = (entry.0 + WINDOW - now).num_seconds().max(1);
        return Err(Error::too_many(u32::try_from(seconds).unwrap_or(u32::MAX)));
    }
    entry.1 += 1;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_waits_for_its_own_flood_alone() {
        let (mut counts, now) = (Counts::new(), DateTime::UNIX_EPOCH + Duration::days(1));
        let (ours, other) = (DeviceId::generate(), DeviceId::generate());
        assert!((0..REPORTS_MAX).all(|_| take_from(&mut counts, ours, now).is_ok()));
        let refused =
            take_from(&mut counts, ours, now + Duration::minutes(4)).expect_err("too many").problem();
        assert_eq!(refused.retry_after_seconds, Some(360));
        assert!(take_from(&mut counts, other, now).is_ok());
        assert!(take_from(&mut counts, ours, now + WINDOW).is_ok());
        assert!(take_from(&mut counts, ours, now).is_ok(), "nor does a clock that was set back hold it up");
    }

    #[test]
    fn memory_is_bounded_whoever_comes() {
        let (mut counts, now) = (Counts::new(), DateTime::UNIX_EPOCH + Duration::days(1));
        for _ in 0..REMEMBERED_MAX + 10 {
            assert!(take_from(&mut counts, DeviceId::generate(), now).is_ok());
        }
        assert!(counts.len() <= REMEMBERED_MAX, "{}", counts.len());
    }
}
