//! What was found out about tokens a moment ago: a device shows the same one for a quarter of an hour, and checking its
//! signature and asking for the row of its device costs more than all else that is done for a small request. Whether a
//! token is too old is asked each time; whether the device may still talk, after every decision that this process
//! makes or hears of, and otherwise as often as for those who have a socket.

use super::Claims;
use chrono::{DateTime, TimeDelta, Utc};
use entity::id::BusinessId;
use sha2::{Digest as _, Sha256};
use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

/// Most tokens that are remembered, some 200 bytes each.
const TOKENS_MAX: usize = 20_000;
/// What others decided, and nobody told, is noticed within this time.
const STANDS_FOR: TimeDelta = TimeDelta::seconds(30);

/// A device that may talk.
#[derive(Clone, Copy)]
pub(super) struct Standing {
    pub(super) device_key: i64,
    pub(super) business: BusinessId,
    pub(super) asked_at: DateTime<Utc>,
    /// How many decisions there had been when it was asked.
    pub(super) decisions: [u64; 2],
}

impl Standing {
    /// Need nobody ask again?
    pub(super) fn holds(&self, now: DateTime<Utc>, decisions: [u64; 2]) -> bool {
        let age = now - self.asked_at;
        self.decisions == decisions && age >= TimeDelta::zero() && age < STANDS_FOR
    }
}

#[derive(Clone)]
struct Checked {
    claims: Claims,
    standing: Option<Standing>,
}

/// Tokens whose signature is good, by digest.
#[derive(Default)]
pub(crate) struct CheckedTokens(Mutex<HashMap<[u8; 32], Checked>>);

impl CheckedTokens {
    fn tokens(&self) -> MutexGuard<'_, HashMap<[u8; 32], Checked>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What a token says whose signature was good before, and how its device stood then.
    pub(super) fn find(&self, token: &str) -> Option<(Claims, Option<Standing>)> {
        let tokens = self.tokens();
        let checked = tokens.get(&digest(token))?;
        Some((checked.claims.clone(), checked.standing))
    }

    /// Remembers a token whose signature is good.
    pub(super) fn keep(&self, token: &str, claims: &Claims, now: i64) {
        let mut tokens = self.tokens();
        if tokens.len() >= TOKENS_MAX {
            tokens.retain(|_, checked| checked.claims.exp > now);
        }
        // Full of good ones: those that come next are checked each time.
        if tokens.len() < TOKENS_MAX {
            tokens.insert(digest(token), Checked { claims: claims.clone(), standing: None });
        }
    }

    /// Remembers how the device of a token stands.
    pub(super) fn stands(&self, token: &str, standing: Standing) {
        if let Some(checked) = self.tokens().get_mut(&digest(token)) {
            checked.standing = Some(standing);
        }
    }
}

fn digest(token: &str) -> [u8; 32] {
    Sha256::digest(token).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use entity::id::DeviceId;

    fn claims(exp: i64) -> Claims {
        let (iss, aud) = (String::new(), String::new());
        Claims { iss, aud, sub: DeviceId::generate(), iat: 0, nbf: 0, exp }
    }

    #[test]
    fn it_is_bounded_and_makes_room_by_forgetting_what_is_over() {
        let tokens = CheckedTokens::default();
        for number in 0..TOKENS_MAX {
            tokens.keep(&number.to_string(), &claims(if number == 0 { 10 } else { 20 }), 5);
        }
        assert!(tokens.find("0").is_some());
        tokens.keep("one more", &claims(20), 5);
        assert!(tokens.find("one more").is_none(), "full of good ones");
        tokens.keep("one more", &claims(20), 15);
        assert!(tokens.find("one more").is_some());
        assert!(tokens.find("0").is_none(), "it was over");
        assert_eq!(tokens.tokens().len(), TOKENS_MAX);
    }

    #[test]
    fn how_a_device_stands_holds_until_something_is_decided_and_for_half_a_minute() {
        let asked_at = DateTime::UNIX_EPOCH;
        let standing =
            Standing { device_key: 1, business: BusinessId::generate(), asked_at, decisions: [3, 4] };
        let after = |seconds| asked_at + TimeDelta::seconds(seconds);
        assert!(standing.holds(after(29), [3, 4]));
        assert!(!standing.holds(after(30), [3, 4]));
        assert!(!standing.holds(after(-1), [3, 4]), "a clock that went back says nothing");
        assert!(!standing.holds(after(1), [4, 4]) && !standing.holds(after(1), [3, 5]));
    }
}
