//! Which part of all a device belongs to: always the same for one rollout, another for the next one.

use super::BUCKETS;
use crate::id::DeviceId;
use sha2::{Digest as _, Sha256};

/// What is hashed first, so that the digest stands for nothing else.
const DOMAIN: &[u8] = b"rollout/v1";

/// Where a device falls, from 0 to [`BUCKETS`] − 1. The salt is the rollout's own, so that each has other canaries.
#[must_use]
pub fn bucket(salt: &[u8], device: DeviceId) -> u32 {
    let digest =
        Sha256::new().chain_update(DOMAIN).chain_update(salt).chain_update(device.0.as_bytes()).finalize();
    let mut head = [0; 8];
    head.copy_from_slice(&digest[..8]);
    u32::try_from(u64::from_be_bytes(head) % u64::from(BUCKETS)).unwrap_or_default()
}

/// Is a device among so many percent of all? Whoever is among fewer is among more.
#[must_use]
pub const fn is_in(bucket: u32, percent: u8) -> bool {
    bucket < percent as u32 * (BUCKETS / 100)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use uuid::Uuid;

    fn device(number: u128) -> DeviceId {
        DeviceId(Uuid::from_u128(number))
    }

    /// An id with much chance in it, as real ones have.
    fn id(number: u64) -> DeviceId {
        let digest = Sha256::digest(number.to_be_bytes());
        DeviceId(Uuid::from_slice(&digest[..16]).expect("16 bytes"))
    }

    /// R01: the same everywhere and for ever. Worked out with another program's SHA-256.
    #[test]
    fn r01_golden_vectors() {
        let vectors = [("a", 0, 7_778), ("a", 1, 2_134), ("b", 0, 7_849), ("", u128::MAX, 1_923)];
        for (salt, number, expected) in vectors {
            assert_eq!(bucket(salt.as_bytes(), device(number)), expected, "{salt} {number}");
        }
    }

    /// R01: 100,000 devices fall evenly.
    #[test]
    fn r01_devices_fall_evenly() {
        const DEVICES: u32 = 100_000;
        let mut parts = [0_u32; 100];
        for number in 0..DEVICES {
            parts[(bucket(b"salt", id(number.into())) / 100) as usize] += 1;
        }
        let expected = f64::from(DEVICES) / 100.0;
        let chi: f64 = parts.iter().map(|count| (f64::from(*count) - expected).powi(2) / expected).sum();
        // The value of χ² with 99 degrees of freedom that chance exceeds once in a hundred times.
        assert!(chi < 134.642, "χ² = {chi}");
        let mut reached = 0;
        for percent in 1..=100_u8 {
            reached += parts[usize::from(percent) - 1];
            let share = f64::from(reached) / f64::from(DEVICES) * 100.0;
            assert!((share - f64::from(percent)).abs() <= 0.5, "{percent} percent are {share}");
        }
    }

    /// R02: the canaries of one rollout are not those of another.
    #[test]
    fn r02_rollouts_have_other_canaries() {
        const DEVICES: u64 = 20_000;
        let of = |salt: u8| -> Vec<bool> {
            (0..DEVICES).map(|number| is_in(bucket(&[salt], id(number)), 10)).collect()
        };
        let cohorts: Vec<Vec<bool>> = (0..20).map(of).collect();
        for (first, one) in cohorts.iter().enumerate() {
            for other in &cohorts[first + 1..] {
                let both = one.iter().zip(other).filter(|(a, b)| **a && **b).count();
                // 200 expected by chance, with a deviation of 14.
                assert!((130..=270).contains(&both), "{both} devices are canaries of both");
            }
        }
    }

    proptest! {
        /// R01: raising the percent never takes a device out.
        #[test]
        fn r01_more_percent_take_nobody_out(number: u128, salt: [u8; 16], percent in 0_u8..100) {
            let bucket = bucket(&salt, device(number));
            prop_assert!(bucket < BUCKETS);
            prop_assert!(!is_in(bucket, percent) || is_in(bucket, percent + 1));
            prop_assert!(is_in(bucket, 100) && !is_in(bucket, 0));
        }
    }
}
