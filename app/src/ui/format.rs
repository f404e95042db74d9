//! Format: numbers, sizes, durations and dates in words people use. Pure.

use chrono::{DateTime, Datelike, TimeDelta, Timelike, Utc};
use std::fmt;

/// A number and its unit, apart because the unit is set smaller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quantity {
    /// The number.
    pub number: String,
    /// The unit; empty when there is none.
    pub unit: &'static str,
}

impl Quantity {
    fn new(number: String, unit: &'static str) -> Self {
        Self { number, unit }
    }
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.unit {
            "" => f.write_str(&self.number),
            "%" => write!(f, "{}\u{202f}%", self.number),
            unit => write!(f, "{}\u{a0}{unit}", self.number),
        }
    }
}

const BYTE_UNITS: [&str; 6] = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
const RATE_UNITS: [&str; 6] = ["B/s", "KiB/s", "MiB/s", "GiB/s", "TiB/s", "PiB/s"];

/// A size: `1.5 GiB`.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
pub fn bytes(value: u64) -> Quantity {
    scaled(value as f64, BYTE_UNITS)
}

/// A rate: `1.5 MiB/s`.
#[must_use]
pub fn bytes_per_second(value: f64) -> Quantity {
    scaled(value, RATE_UNITS)
}

fn scaled(mut value: f64, units: [&'static str; 6]) -> Quantity {
    let mut unit = 0;
    // 1023.95 would be written as 1024.0 of the smaller unit.
    while value >= 1023.5 && unit + 1 < units.len() {
        value /= 1024.0;
        unit += 1;
    }
    let digits = usize::from(unit > 0 && value < 99.95);
    Quantity::new(format!("{value:.digits$}"), units[unit])
}

/// A share of 100: whole, except that what is not quite 0 or 100 does not say so.
#[must_use]
pub fn percent(value: f64) -> Quantity {
    let text = if (value > 0.0 && value < 0.5) || (value > 99.5 && value < 100.0) {
        format!("{:.1}", value.clamp(0.1, 99.9))
    } else {
        format!("{value:.0}")
    };
    Quantity::new(text, "%")
}

/// A count with thin spaces between groups of three digits, from five digits on.
#[must_use]
pub fn count(value: u64) -> Quantity {
    let digits = value.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if digits.len() > 4 && index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push('\u{202f}');
        }
        text.push(digit);
    }
    Quantity::new(text, "")
}

/// A number with two decimals, such as a load average.
#[must_use]
pub fn decimal(value: f64) -> Quantity {
    Quantity::new(format!("{value:.2}"), "")
}

/// A length of time in its two largest units: `3 d 4 h`.
#[must_use]
pub fn duration(seconds: u64) -> String {
    let parts = [
        (seconds / 86_400, "d"),
        (seconds / 3_600 % 24, "h"),
        (seconds / 60 % 60, "min"),
        (seconds % 60, "s"),
    ];
    let first = parts.iter().position(|(number, _)| *number > 0).unwrap_or(3);
    let shown = parts.iter().skip(first).take(if first < 2 { 2 } else { 1 });
    shown
        .filter(|(number, unit)| *number > 0 || *unit == "s")
        .map(|(number, unit)| format!("{number}\u{a0}{unit}"))
        .collect::<Vec<_>>()
        .join(" ")
}

/// How long ago, or how long until: `4 min ago`, `in 2 h`, `now`.
#[must_use]
pub fn relative(at: DateTime<Utc>, now: DateTime<Utc>) -> String {
    let gap = now - at;
    let seconds = gap.num_seconds().unsigned_abs();
    if seconds < 5 {
        return "now".to_owned();
    }
    let text = match seconds {
        0..60 => format!("{seconds}\u{a0}s"),
        60..3_600 => format!("{}\u{a0}min", seconds / 60),
        3_600..172_800 => format!("{}\u{a0}h", seconds / 3_600),
        _ => format!("{}\u{a0}d", seconds / 86_400),
    };
    if gap >= TimeDelta::zero() { format!("{text} ago") } else { format!("in {text}") }
}

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// A day: `3 Nov`.
#[must_use]
pub fn day(at: DateTime<Utc>) -> String {
    format!("{} {}", at.day(), MONTHS[at.month0() as usize])
}

/// A time of day: `09:05`.
#[must_use]
pub fn time_of_day(at: DateTime<Utc>) -> String {
    format!("{:02}:{:02}", at.hour(), at.minute())
}

/// A day and time to the second: `3 Nov, 09:05:07`.
#[must_use]
pub fn day_time(at: DateTime<Utc>) -> String {
    format!("{}, {}:{:02}", day(at), time_of_day(at), at.second())
}

/// A date and time to the second: `3 Nov 2025, 09:05:07`.
#[must_use]
pub fn date_time(at: DateTime<Utc>) -> String {
    format!("{} {}, {}:{:02}", day(at), at.year(), time_of_day(at), at.second())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_three_digits_and_a_fitting_unit() {
        for (value, text) in [
            (0, "0\u{a0}B"),
            (1023, "1023\u{a0}B"),
            (1024, "1.0\u{a0}KiB"),
            (1_610_612_736, "1.5\u{a0}GiB"),
            (1_048_575, "1.0\u{a0}MiB"),
            (123 << 20, "123\u{a0}MiB"),
        ] {
            assert_eq!(bytes(value).to_string(), text);
        }
    }

    #[test]
    fn a_percentage_never_rounds_into_all_or_nothing() {
        for (value, text) in
            [(0.0, "0"), (0.2, "0.2"), (0.01, "0.1"), (41.6, "42"), (99.7, "99.7"), (100.0, "100")]
        {
            assert_eq!(percent(value).number, text);
        }
    }

    #[test]
    fn durations_have_at_most_two_units() {
        for (seconds, text) in [
            (0, "0\u{a0}s"),
            (59, "59\u{a0}s"),
            (61, "1\u{a0}min"),
            (3_660, "1\u{a0}h 1\u{a0}min"),
            (90_061, "1\u{a0}d 1\u{a0}h"),
        ] {
            assert_eq!(duration(seconds), text);
        }
    }

    #[test]
    fn relative_times_look_both_ways() {
        let now = DateTime::UNIX_EPOCH + TimeDelta::days(10);
        assert_eq!(relative(now, now), "now");
        assert_eq!(relative(now - TimeDelta::seconds(90), now), "1\u{a0}min ago");
        assert_eq!(relative(now + TimeDelta::hours(3), now), "in 3\u{a0}h");
    }

    #[test]
    fn long_counts_are_grouped() {
        assert_eq!(count(9_999).number, "9999");
        assert_eq!(count(1_234_567).number, "1\u{202f}234\u{202f}567");
    }
}
