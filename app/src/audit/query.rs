//! What is asked of the audit log, as it stands in the URL. Pure: the page, its links and its filters agree because
//! they all read and write the URL here.

use crate::ui::toast::encode;
use entity::audit::{AuditQuery, ExportFormat};
use leptos_router::params::ParamsMap;

/// Where the log is.
pub(super) const PATH: &str = "/audit";

/// Reads the URL; what is not understood is left out, because URLs are edited by hand and kept for years.
pub(super) fn from_url(params: &ParamsMap) -> AuditQuery {
    let text = |key: &str| params.get(key).map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
    AuditQuery {
        business_id: text("business_id").and_then(|text| text.parse().ok()),
        actor_id: text("actor_id").and_then(|text| text.parse().ok()),
        action: text("action"),
        search: text("search"),
        from: text("from").and_then(|text| text.parse().ok()),
        to: text("to").and_then(|text| text.parse().ok()),
        cursor: text("cursor"),
        limit: None,
    }
}

/// Writes the URL of a page of the log.
pub(super) fn page(query: &AuditQuery, cursor: Option<String>) -> String {
    let mut pairs = narrowed_by(query);
    pairs.push(("cursor", cursor));
    link(PATH, &pairs)
}

/// The file that holds every entry which the query asks for.
pub(super) fn export(query: &AuditQuery, format: ExportFormat) -> String {
    let mut pairs = vec![("format", Some(format.word().to_owned()))];
    pairs.extend(narrowed_by(query));
    link("/api/v1/audit/export", &pairs)
}

/// True when something narrows the log down.
pub(super) fn is_filtered(query: &AuditQuery) -> bool {
    narrowed_by(query).iter().any(|(_, value)| value.is_some())
}

fn narrowed_by(query: &AuditQuery) -> Vec<(&'static str, Option<String>)> {
    vec![
        ("search", query.search.clone()),
        ("business_id", query.business_id.map(|id| id.to_string())),
        ("actor_id", query.actor_id.map(|id| id.to_string())),
        ("action", query.action.clone()),
        ("from", query.from.map(|day| day.to_string())),
        ("to", query.to.map(|day| day.to_string())),
    ]
}

fn link(path: &str, pairs: &[(&str, Option<String>)]) -> String {
    let pairs = pairs.iter().filter_map(|(key, value)| Some(format!("{key}={}", encode(value.as_deref()?))));
    let query = pairs.collect::<Vec<_>>().join("&");
    if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_url_holds_the_whole_question() {
        let params: ParamsMap = [
            ("search", "web & db"),
            ("action", "user."),
            ("from", "2026-11-01"),
            ("to", "2026-11-20"),
            ("business_id", "01890000-0000-7000-8000-000000000001"),
            ("cursor", "abc"),
        ]
        .into_iter()
        .map(|(key, value)| (key, value.to_owned()))
        .collect();
        let query = from_url(&params);
        assert!(is_filtered(&query));
        let business = "business_id=01890000-0000-7000-8000-000000000001";
        let narrowed = format!("search=web%20%26%20db&{business}&action=user.&from=2026-11-01&to=2026-11-20");
        assert_eq!(page(&query, query.cursor.clone()), format!("/audit?{narrowed}&cursor=abc"));
        assert_eq!(export(&query, ExportFormat::Csv), format!("/api/v1/audit/export?format=csv&{narrowed}"));
    }

    #[test]
    fn what_is_not_understood_is_left_out() {
        let params: ParamsMap =
            [("from", "yesterday"), ("actor_id", "x")].into_iter().map(|(k, v)| (k, v.to_owned())).collect();
        let query = from_url(&params);
        assert_eq!(query, AuditQuery::default());
        assert!(!is_filtered(&query));
        assert_eq!(page(&query, None), "/audit");
    }
}
