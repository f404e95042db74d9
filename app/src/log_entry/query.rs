//! What is asked of the logs, as it stands in the URL.

use crate::ui::{Listing, listing};
use chrono::{DateTime, NaiveDateTime, Utc};
use entity::log_entry::LogQuery;
use leptos_router::params::ParamsMap;

/// Where the logs of all devices are.
pub(super) const PATH: &str = "/logs";
/// The words of the URL.
const KEYS: [&str; 7] = ["search", "business_id", "level", "source", "from", "to", WRAP];
/// Whether long lines are broken.
const WRAP: &str = "wrap";

/// Reads the URL of the list at `path`.
pub(super) fn asked(path: impl Into<String>, params: &ParamsMap) -> Listing {
    Listing::from_url(path, params, &KEYS)
}

/// The question that it stands for.
pub(super) fn question(asked: &Listing) -> LogQuery {
    LogQuery {
        business_id: asked.value("business_id"),
        level: asked.value("level"),
        source: asked.text("source"),
        from: asked.text("from").and_then(|text| moment(&text)),
        to: asked.text("to").and_then(|text| moment(&text)),
        search: asked.text("search"),
        cursor: asked.cursor(),
        ..LogQuery::default()
    }
}

/// A moment in UTC, as browsers write it.
pub(super) fn moment(text: &str) -> Option<DateTime<Utc>> {
    let read = |format| NaiveDateTime::parse_from_str(text, format).ok();
    read("%Y-%m-%dT%H:%M").or_else(|| read("%Y-%m-%dT%H:%M:%S")).map(|at| at.and_utc())
}

/// Are long lines broken?
pub(super) fn is_wrapped(asked: &Listing) -> bool {
    asked.flag(WRAP)
}

/// Does something narrow the list down?
pub(super) fn is_filtered(asked: &Listing) -> bool {
    KEYS.iter().any(|key| *key != WRAP && asked.text(key).is_some())
}

/// The same page with long lines broken, or not.
pub(super) fn turned(asked: &Listing, path: &str) -> String {
    let cursor = asked.cursor();
    let kept = KEYS.iter().filter(|key| **key != WRAP).map(|key| (*key, asked.text(key)));
    let wrap = (!is_wrapped(asked)).then(|| "true".to_owned());
    let pairs: Vec<_> = kept.chain([(WRAP, wrap), ("cursor", cursor)]).collect();
    listing::link(path, pairs.iter().map(|(key, value)| (*key, value.as_deref())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use entity::log_entry::LogLevel;

    #[test]
    fn the_url_holds_the_whole_question() {
        let pairs = [
            ("search", "disk"),
            ("level", "error"),
            ("from", "2026-11-21T12:00"),
            ("to", "nonsense"),
            ("wrap", "true"),
            ("cursor", "abc"),
        ];
        let params: ParamsMap = pairs.iter().map(|(key, value)| (*key, (*value).to_owned())).collect();
        let listing = asked(PATH, &params);
        let question = question(&listing);
        assert_eq!(question.level, Some(LogLevel::Error));
        assert_eq!(question.from.map(|at| at.timestamp()), Some(1_795_262_400));
        assert_eq!((question.to, question.cursor.as_deref()), (None, Some("abc")));
        assert!(is_wrapped(&listing) && is_filtered(&listing));
        let turned = turned(&listing, PATH);
        assert!(!turned.contains("wrap") && turned.ends_with("cursor=abc"), "{turned}");
        let only_wrap: ParamsMap = [("wrap", "true".to_owned())].into_iter().collect();
        assert!(!is_filtered(&asked(PATH, &only_wrap)));
    }
}
