//! What time it is for orders: by the server's clock and by what was signed, never by the clock of this machine, which
//! anybody may have set.

use chrono::{DateTime, TimeDelta, Utc};

/// The server's clock as it was told last, and the latest time that a trusted key has signed.
#[derive(Clone, Debug)]
pub struct TrustedClock {
    /// Nothing is older than this: whatever a server says, what was signed later is known, and so is what was forgotten
    /// because it was over.
    floor: DateTime<Utc>,
    /// What the server said, and the uptime at which it did.
    told: Option<(DateTime<Utc>, u64)>,
}

impl TrustedClock {
    /// One that knows no more than this.
    #[must_use]
    pub const fn new(floor: DateTime<Utc>) -> Self {
        Self { floor, told: None }
    }

    /// The server has told its time. `uptime_seconds` counts sleep and cannot be set.
    pub const fn server_says(&mut self, time: DateTime<Utc>, uptime_seconds: u64) {
        self.told = Some((time, uptime_seconds));
    }

    /// A trusted key has signed that it is at least this late.
    pub fn is_at_least(&mut self, time: DateTime<Utc>) {
        self.floor = self.floor.max(time);
    }

    /// What nothing is older than.
    #[must_use]
    pub const fn floor(&self) -> DateTime<Utc> {
        self.floor
    }

    /// Has a server told its time since this agent started?
    #[must_use]
    pub const fn is_set(&self) -> bool {
        self.told.is_some()
    }

    /// The time.
    #[must_use]
    pub fn now(&self, uptime_seconds: u64) -> DateTime<Utc> {
        let Some((time, at)) = self.told else { return self.floor };
        let passed = i64::try_from(uptime_seconds.saturating_sub(at)).unwrap_or(i64::MAX / 2_000);
        let passed = TimeDelta::try_seconds(passed).unwrap_or_default();
        time.checked_add_signed(passed).unwrap_or(time).max(self.floor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000 + seconds, 0).unwrap()
    }

    #[test]
    fn time_is_what_the_server_said_and_what_has_passed_since() {
        let mut clock = TrustedClock::new(at(0));
        assert_eq!((clock.now(50), clock.is_set()), (at(0), false));
        clock.server_says(at(100), 50);
        assert_eq!((clock.now(50), clock.now(80)), (at(100), at(130)));
        assert_eq!(clock.now(10), at(100), "an uptime that goes back takes nothing away");
        clock.server_says(at(90), 60);
        assert_eq!(clock.now(60), at(90), "the server's clock may be set");
    }

    #[test]
    fn nothing_takes_it_back_behind_what_was_signed() {
        let mut clock = TrustedClock::new(at(0));
        clock.is_at_least(at(500));
        clock.is_at_least(at(400));
        clock.server_says(at(100), 0);
        assert_eq!(clock.now(0), at(500));
        assert_eq!(clock.now(400), at(500));
        assert_eq!(clock.now(401), at(501));
    }
}
