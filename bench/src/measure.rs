//! Numbers made of many measurements.

use std::time::{Duration, Instant};

/// How long many things took, in milliseconds.
#[derive(Clone, Debug, Default)]
pub struct Latencies(Vec<f64>);

impl Latencies {
    /// One more.
    pub fn add(&mut self, took: Duration) {
        self.0.push(took.as_secs_f64() * 1e3);
    }

    /// Those of another.
    pub fn merge(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    /// How many.
    pub const fn len(&self) -> usize {
        self.0.len()
    }

    /// The value that this part of all does not exceed, in milliseconds; not a number when there is none.
    pub fn at(&self, part: f64) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        let index = ((sorted.len().saturating_sub(1)) as f64 * part).round() as usize;
        sorted.get(index).copied().unwrap_or(f64::NAN)
    }

    /// Median, 99th percentile and worst as text.
    pub fn text(&self) -> String {
        format!(
            "p50 {}, p99 {}, max {}",
            milliseconds(self.at(0.5)),
            milliseconds(self.at(0.99)),
            milliseconds(self.at(1.0))
        )
    }
}

/// Runs something and adds how long it took.
pub async fn timed<T>(latencies: &mut Latencies, what: impl Future<Output = T>) -> T {
    let start = Instant::now();
    let result = what.await;
    latencies.add(start.elapsed());
    result
}

/// Milliseconds with as many digits as mean something.
pub fn milliseconds(value: f64) -> String {
    if value < 10.0 { format!("{value:.2} ms") } else { format!("{value:.0} ms") }
}

/// A count with thousands apart.
pub fn grouped(value: f64) -> String {
    let digits = format!("{:.0}", value.max(0.0));
    let mut out = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index) % 3 == 0 {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// Bytes as kB.
pub fn kilobytes(bytes: f64) -> String {
    format!("{:.1} kB", bytes / 1e3)
}

/// Bytes as MB.
pub fn megabytes(bytes: f64) -> String {
    format!("{:.1} MB", bytes / 1e6)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_of_the_sorted_values() {
        let mut latencies = Latencies::default();
        for value in [5, 1, 4, 2, 3] {
            latencies.add(Duration::from_millis(value));
        }
        assert_eq!((latencies.at(0.5), latencies.at(1.0)), (3.0, 5.0));
        assert!(Latencies::default().at(0.5).is_nan());
    }

    #[test]
    fn thousands_stand_apart() {
        assert_eq!(grouped(1_234_567.4), "1,234,567");
        assert_eq!((grouped(999.0), grouped(0.0)), ("999".to_owned(), "0".to_owned()));
    }
}
