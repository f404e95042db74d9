//! How many entries of its record one device may have stored in a while: a device that means no good must not fill the disk,
//! and an honest one has a few for each command.

use crate::{Error, Result};
use chrono::{DateTime, Duration, Utc};
use entity::id::DeviceId;
use std::{
    collections::HashMap,
    sync::{LazyLock, Mutex, PoisonError},
};

/// Entries of one device are counted over this time.
const WINDOW: Duration = Duration::hours(1);
/// Entries that one device may have stored within it: more than it does in that time, and all of a record that is told
/// anew.
const ENTRIES_MAX: usize = 30_000;
/// Seconds until it may try again; it has other things to say meanwhile.
const WAIT_SECONDS: u32 = 60;
/// Most devices that are remembered; beyond it those whose time is over are forgotten, or all.
const REMEMBERED_MAX: usize = 20_000;

/// When the first entry of a window came, and how many since.
type Counts = HashMap<DeviceId, (DateTime<Utc>, usize)>;

static COUNTS: LazyLock<Mutex<Counts>> = LazyLock::new(Mutex::default);

/// Counts entries of this device that are to be stored.
///
/// # Errors
/// Too many.
pub(super) fn take(device: DeviceId, entries: usize, now: DateTime<Utc>) -> Result<()> {
    take_from(&mut COUNTS.lock().unwrap_or_else(PoisonError::into_inner), device, entries, now)
}

fn take_from(counts: &mut Counts, device: DeviceId, entries: usize, now: DateTime<Utc>) -> Result<()> {
    if counts.len() >= REMEMBERED_MAX && !counts.contains_key(&device) {
        counts.retain(|_, (since, _)| *since + WINDOW > now);
        if counts.len() >= REMEMBERED_MAX {
            counts.clear();
        }
    }
    let count = counts.entry(device).or_insert((now, 0));
    // A clock that was set back begins anew too.
    if count.0 + WINDOW <= now || count.0 > now {
        *count = (now, 0);
    }
    if count.1 + entries > ENTRIES_MAX {
        return Err(Error::too_many(WAIT_SECONDS));
    }
    count.1 += entries;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_that_floods_its_record_waits_alone_and_not_for_ever() {
        let (mut counts, now) = (Counts::new(), DateTime::UNIX_EPOCH + Duration::days(1));
        let (flood, honest) = (DeviceId::generate(), DeviceId::generate());
        let stored = (0..1_000).take_while(|_| take_from(&mut counts, flood, 100, now).is_ok()).count();
        assert_eq!(stored * 100, ENTRIES_MAX);
        assert!(take_from(&mut counts, honest, 100, now).is_ok());
        assert!(take_from(&mut counts, flood, 100, now + Duration::minutes(59)).is_err());
        assert!(take_from(&mut counts, flood, 100, now + WINDOW).is_ok());
        for _ in 0..REMEMBERED_MAX {
            assert!(take_from(&mut counts, DeviceId::generate(), 1, now).is_ok());
        }
        assert!(counts.len() <= REMEMBERED_MAX);
    }
}
