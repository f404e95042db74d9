//! Which stretch of time the charts show, as it stands in the URL. Pure.

use super::query::link;
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use entity::metric::{HISTORY_POINTS, HistoryQuery, Metric};
use leptos_router::params::ParamsMap;

/// Widths of a point that people can think in, in seconds. None is as narrow as the usual time between samples,
/// because then a sample that comes a moment late would leave a gap that is none.
const WIDTHS: [u32; 11] = [90, 300, 600, 900, 1_800, 3_600, 7_200, 10_800, 21_600, 43_200, 86_400];
/// A stretch dragged out by hand is at least this long.
const SHORTEST: TimeDelta = TimeDelta::minutes(5);

/// A stretch of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Range {
    /// Up to now.
    Last(Recent),
    /// Between two instants.
    Between(DateTime<Utc>, DateTime<Utc>),
}

/// The stretches that end now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Recent {
    /// One hour; followed live.
    Hour,
    /// 24 hours.
    Day,
    /// 7 days.
    Week,
    /// 30 days.
    Month,
}

impl Recent {
    pub(super) const ALL: [Self; 4] = [Self::Hour, Self::Day, Self::Week, Self::Month];

    const fn word(self) -> &'static str {
        match self {
            Self::Hour => "1h",
            Self::Day => "24h",
            Self::Week => "7d",
            Self::Month => "30d",
        }
    }

    pub(super) const fn label(self) -> &'static str {
        match self {
            Self::Hour => "1 h",
            Self::Day => "24 h",
            Self::Week => "7 d",
            Self::Month => "30 d",
        }
    }

    const fn length(self) -> TimeDelta {
        match self {
            Self::Hour => TimeDelta::hours(1),
            Self::Day => TimeDelta::hours(24),
            Self::Week => TimeDelta::days(7),
            Self::Month => TimeDelta::days(30),
        }
    }
}

impl Range {
    /// Reads the URL; the last hour when it says nothing that is understood.
    pub(super) fn from_url(params: &ParamsMap) -> Self {
        let instant = |key: &str| params.get(key).and_then(|text| text.parse::<DateTime<Utc>>().ok());
        if let (Some(start), Some(end)) = (instant("start"), instant("end"))
            && start < end
        {
            return Self::Between(start, end);
        }
        let word = params.get("range").unwrap_or_default();
        Self::Last(Recent::ALL.into_iter().find(|recent| recent.word() == word).unwrap_or(Recent::Hour))
    }

    /// Writes the URL of the tab with this range.
    pub(super) fn href(self, tab: &str) -> String {
        let instant = |at: DateTime<Utc>| Some(at.to_rfc3339_opts(SecondsFormat::Secs, true));
        match self {
            Self::Last(recent) => link(tab, &[("range", Some(recent.word().to_owned()))]),
            Self::Between(start, end) => link(tab, &[("start", instant(start)), ("end", instant(end))]),
        }
    }

    /// What was dragged out, made long enough to show something.
    pub(super) fn dragged(start: DateTime<Utc>, end: DateTime<Utc>) -> Self {
        Self::Between(start, end.max(start + SHORTEST))
    }

    /// The question that answers this range.
    pub(super) fn question(self, metrics: Vec<Metric>, now: DateTime<Utc>) -> HistoryQuery {
        let (start, end) = match self {
            Self::Last(recent) => (now - recent.length(), now),
            Self::Between(start, end) => (start, end),
        };
        HistoryQuery { metrics, start, end, interval_seconds: Some(width(end - start)) }
    }
}

/// The narrowest width with which the whole stretch fits into one chart.
fn width(length: TimeDelta) -> u32 {
    let wanted = length.num_seconds() / i64::from(HISTORY_POINTS);
    WIDTHS.into_iter().find(|width| i64::from(*width) >= wanted).unwrap_or(86_400)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn params(pairs: &[(&'static str, &str)]) -> ParamsMap {
        pairs.iter().map(|(key, value)| (*key, (*value).to_owned())).collect()
    }

    #[test]
    fn the_url_names_the_range_and_an_hour_is_the_default() {
        for recent in Recent::ALL {
            let url = Range::Last(recent).href("/devices/x/metrics");
            assert_eq!(url, format!("/devices/x/metrics?range={}", recent.word()));
            assert_eq!(Range::from_url(&params(&[("range", recent.word())])), Range::Last(recent));
        }
        assert_eq!(Range::from_url(&params(&[("range", "forever")])), Range::Last(Recent::Hour));
        assert_eq!(Range::from_url(&params(&[])), Range::Last(Recent::Hour));
    }

    #[test]
    fn a_dragged_range_survives_the_url() {
        let start = DateTime::UNIX_EPOCH;
        let range = Range::dragged(start, start + TimeDelta::seconds(1));
        assert_eq!(range, Range::Between(start, start + SHORTEST));
        assert_eq!(range.href("/m"), "/m?start=1970-01-01T00%3A00%3A00Z&end=1970-01-01T00%3A05%3A00Z");
        let read =
            Range::from_url(&params(&[("start", "1970-01-01T00:00:00Z"), ("end", "1970-01-01T00:05:00Z")]));
        assert_eq!(read, range);
        // The other way round it says nothing.
        let turned =
            Range::from_url(&params(&[("end", "1970-01-01T00:00:00Z"), ("start", "1970-01-01T00:05:00Z")]));
        assert_eq!(turned, Range::Last(Recent::Hour));
    }

    #[test]
    fn points_are_wide_enough_to_hold_samples_and_few_enough_for_a_chart() {
        let widths = Recent::ALL.map(|recent| width(recent.length()));
        assert_eq!(widths, [90, 600, 3_600, 10_800]);
        assert_eq!(width(TimeDelta::days(4_000)), 86_400);
    }
}
