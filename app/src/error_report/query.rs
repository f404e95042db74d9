//! What is asked of the errors, as it stands in the URL. Pure.

use crate::ui::Listing;
use entity::error_report::ErrorReportQuery;
use leptos_router::params::ParamsMap;

/// Where the errors of all devices are.
pub(super) const PATH: &str = "/errors";
/// The words of the URL that narrow the list down.
const KEYS: [&str; 6] = ["search", "error_type", "business_id", "agent_version", "state", "since"];

/// Reads the URL of a list of errors.
pub(super) fn asked(path: impl Into<String>, params: &ParamsMap) -> Listing {
    Listing::from_url(path, params, &KEYS)
}

/// The question of a URL.
pub(super) fn question(asked: &Listing) -> ErrorReportQuery {
    ErrorReportQuery {
        error_type: asked.text("error_type"),
        fingerprint: None,
        device_id: None,
        business_id: asked.value("business_id"),
        agent_version: asked.text("agent_version"),
        state: asked.value("state"),
        since: asked.value("since"),
        search: asked.text("search"),
        cursor: asked.cursor(),
        limit: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use entity::error_report::ErrorState;

    #[test]
    fn the_url_holds_the_whole_question() {
        let params: ParamsMap =
            [("search", "disk & co"), ("state", "new"), ("since", "2026-11-01"), ("business_id", "x")]
                .into_iter()
                .map(|(key, value)| (key, value.to_owned()))
                .collect();
        let listing = asked(PATH, &params);
        let query = question(&listing);
        assert_eq!(query.state, Some(ErrorState::New));
        assert_eq!((query.search.as_deref(), query.business_id), (Some("disk & co"), None));
        assert_eq!(query.since.map(|day| day.to_string()).as_deref(), Some("2026-11-01"));
        assert_eq!(
            listing.page(Some("abc")),
            "/errors?search=disk%20%26%20co&business_id=x&state=new&since=2026-11-01&cursor=abc"
        );
    }
}
