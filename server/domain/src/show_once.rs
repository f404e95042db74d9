//! Secrets on their way to the one page that shows them once. In memory only, for ten minutes, for their maker.

use chrono::{DateTime, Duration, Utc};
use entity::id::UserId;
use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Mutex, PoisonError},
};

/// How long a secret waits for its page.
const KEPT: Duration = Duration::minutes(10);
/// Most secrets of one maker that wait at once; a newer one takes the place of the oldest.
const OF_ONE_MAX: usize = 50;

/// Its maker, when it was made, and the secret itself.
type Waiting<V> = (UserId, DateTime<Utc>, V);

/// Secrets by what they open.
pub(crate) struct ShowOnce<K, V>(Mutex<HashMap<K, Waiting<V>>>);

impl<K, V> Default for ShowOnce<K, V> {
    fn default() -> Self {
        Self(Mutex::new(HashMap::new()))
    }
}

/// Forgets the oldest secret of a maker.
fn drop_oldest<K: Hash + Eq + Clone, V>(waiting: &mut HashMap<K, Waiting<V>>, maker: UserId) {
    let theirs = waiting.iter().filter(|(_, (other, _, _))| *other == maker);
    if let Some(key) = theirs.min_by_key(|(_, (_, at, _))| *at).map(|(key, _)| key.clone()) {
        waiting.remove(&key);
    }
}

impl<K: Hash + Eq + Clone, V> ShowOnce<K, V> {
    pub(crate) fn put(&self, now: DateTime<Utc>, maker: UserId, key: K, secret: V) {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.retain(|_, (_, at, _)| *at + KEPT > now);
        if waiting.values().filter(|(other, _, _)| *other == maker).count() >= OF_ONE_MAX {
            drop_oldest(&mut waiting, maker);
        }
        waiting.insert(key, (maker, now, secret));
    }

    /// Hands the secret to its maker and forgets it.
    pub(crate) fn take(&self, now: DateTime<Utc>, maker: UserId, key: &K) -> Option<V> {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match waiting.get(key) {
            Some((owner, at, _)) if *owner == maker && *at + KEPT > now => {
                waiting.remove(key).map(|(_, _, secret)| secret)
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use entity::id::UserId;

    #[test]
    fn a_secret_is_shown_once_to_its_maker_and_not_for_long() {
        let (ada, bob) = (UserId::generate(), UserId::generate());
        let once = ShowOnce::default();
        let now = DateTime::UNIX_EPOCH;
        once.put(now, ada, 1, "secret");
        assert_eq!(once.take(now, bob, &1), None);
        assert_eq!(once.take(now, ada, &1), Some("secret"));
        assert_eq!(once.take(now, ada, &1), None);
        for key in 100..=100 + OF_ONE_MAX {
            once.put(now + Duration::seconds(i64::try_from(key).expect("small")), ada, key, "many");
        }
        let later = now + Duration::seconds(200);
        assert_eq!(once.take(later, ada, &100), None, "the oldest made room");
        assert_eq!(once.take(later, ada, &101), Some("many"));
        once.put(now, ada, 2, "late");
        assert_eq!(once.take(now + KEPT, ada, &2), None);
    }
}
