//! What a device believes, with real signatures.

use super::{
    Habit, release,
    sign::{Keys, today},
};
use crate::{record::memory::Memory, trust::Trust};
use chrono::Duration;
use entity::{id::DeviceId, release::Reason, update::TrustAnswer};

const NONCE: &str = "0123456789abcdef0123456789abcdef";

fn device() -> DeviceId {
    "019aa000-0000-7000-8000-000000000001".parse().expect("is an id")
}

fn pinned(keys: &Keys) -> Trust {
    let mut trust = Trust::of(Memory::default(), Some(today() - Duration::days(1)));
    assert_eq!(trust.pin(&keys.root_envelope(), false), Ok(true));
    trust
}

fn answer(keys: &Keys, days: i64) -> TrustAnswer {
    let manifest = keys.manifest(&release(2, Habit::Good), |_| ());
    keys.trust(&manifest, NONCE, device(), today() + Duration::days(days))
}

#[test]
fn the_first_root_is_pinned_and_only_an_administrator_replaces_it() {
    let (keys, others) = (Keys::new(7), Keys::new(40));
    let mut trust = pinned(&keys);
    assert_eq!(trust.pin(&keys.root_envelope(), false), Ok(false));
    let newer = others.next_root_envelope(&others, 2);
    assert_eq!(trust.pin(&newer, false), Err(Reason::RootNotPinned));
    assert_eq!(trust.pin("{}", true).map_err(|_| ()), Err(()));
    assert_eq!(trust.pin(&newer, true), Ok(true));
    assert_eq!(trust.root_version(), 2);
    // What is kept is enough to go on with.
    let again = Trust::of(trust.memory.clone(), None);
    assert_eq!(again.root(), trust.root());
}

#[test]
fn without_a_root_nothing_is_believed() {
    let mut trust = Trust::of(Memory::default(), None);
    let taken = trust.take(&answer(&Keys::new(7), 0), NONCE, device());
    assert_eq!(taken.map(|_| ()), Err(Reason::NoRoot));
}

#[test]
fn time_goes_forward_by_what_was_signed() {
    let keys = Keys::new(7);
    let mut trust = pinned(&keys);
    assert!(trust.take(&answer(&keys, 3), NONCE, device()).is_ok());
    assert_eq!(trust.time_floor(), today() + Duration::days(3));
    // A little back is another server's clock; far back is an old answer.
    assert_eq!(trust.take(&answer(&keys, 0), NONCE, device()).map(|_| ()), Err(Reason::TimestampExpired));
    assert_eq!(trust.time_floor(), today() + Duration::days(3));
    // Nobody pushes it past what people signed.
    assert_eq!(trust.take(&answer(&keys, 60), NONCE, device()).map(|_| ()), Err(Reason::ManifestExpired));
    assert_eq!(trust.time_floor(), today() + Duration::days(3));
    assert_eq!(
        trust.take(&answer(&keys, 3), &NONCE.replace('0', "1"), device()).map(|_| ()),
        Err(Reason::NonceMismatch)
    );
}

#[test]
fn roots_are_followed_one_by_one_and_new_keys_forget_the_time() {
    let (first, second, third) = (Keys::new(7), Keys::new(40), Keys::new(80));
    let mut trust = pinned(&first);
    assert!(trust.take(&answer(&first, 40), NONCE, device()).is_ok());
    let roots = [first.next_root_envelope(&second, 2), second.next_root_envelope(&third, 3)];
    let skipped = TrustAnswer { roots: vec![first.next_root_envelope(&third, 3)], ..answer(&third, 1) };
    assert_eq!(trust.take(&skipped, NONCE, device()).map(|_| ()), Err(Reason::RootNotNext));
    let old = TrustAnswer { roots: roots.to_vec(), ..answer(&first, 41) };
    assert_eq!(
        trust.take(&old, NONCE, device()).map(|_| ()),
        Err(Reason::ThresholdUnmet),
        "the old keys are gone"
    );
    assert_eq!(trust.root_version(), 3, "a good root stays good");
    assert_eq!(trust.time_floor(), today() - Duration::days(1));
    // The same roots once more do no harm.
    let new = TrustAnswer { roots: roots.to_vec(), ..answer(&third, 1) };
    assert!(trust.take(&new, NONCE, device()).is_ok());
}
