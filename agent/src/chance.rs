//! Chance: fresh for waits between tries, fixed by the device for what repeats.

use entity::id::DeviceId;
use sha2::{Digest as _, Sha256};

/// A fresh number from 0 to 1.
#[must_use]
pub fn fresh() -> f64 {
    // Without a source of chance all agents wait alike, which is worse than nothing but not wrong.
    getrandom::u32().map_or(0.5, |number| f64::from(number) / f64::from(u32::MAX))
}

/// A number from 0 to 1 that is always the same for this device and purpose: spreads a fleet over an interval.
#[must_use]
pub fn of(device: DeviceId, purpose: &str) -> f64 {
    let digest = Sha256::new().chain_update(device.0.as_bytes()).chain_update(purpose).finalize();
    f64::from(u32::from_be_bytes([digest[0], digest[1], digest[2], digest[3]])) / f64::from(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn devices_differ_and_stay_the_same() {
        let device = |n: u128| DeviceId(uuid::Uuid::from_u128(n));
        assert_eq!(of(device(1), "metrics").to_bits(), of(device(1), "metrics").to_bits());
        assert_ne!(of(device(1), "metrics").to_bits(), of(device(2), "metrics").to_bits());
        assert_ne!(of(device(1), "metrics").to_bits(), of(device(1), "inventory").to_bits());
        assert!(
            (0..1000).all(|n| (0.0..=1.0).contains(&of(device(n), "x")) && (0.0..=1.0).contains(&fresh()))
        );
    }
}
