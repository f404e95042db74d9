//! The routes of what goes wrong: log entries, alerts, and what agents say of themselves.

use super::{
    Audience::{Agents, People},
    Rest,
};
use crate::{
    api::{alert, error_report, log_entry},
    link,
};
use entity::problem::ProblemCode;

/// What agents say went wrong inside them.
pub(super) fn of_errors(rest: Rest) -> Rest {
    rest.get(
        People,
        "/agents/{id}/error-reports",
        "Errors of a device, newest first",
        error_report::of_device,
    )
    .get(People, "/error-reports", "Errors of all devices, newest first", error_report::list)
    .get(
        People,
        "/error-reports/groups",
        "Errors, each once, however many devices report it",
        error_report::groups,
    )
    .post(
        People,
        "/error-reports/groups/{id}",
        "Say that an error was seen, or is over",
        error_report::decide,
    )
    .may(&[ProblemCode::Conflict])
    .get(People, "/error-reports/{id}", "One error of one device", error_report::get)
    .post(
        Agents,
        "/agents/report_error",
        "What went wrong inside the agent",
        link::polling::report_error,
    )
}

/// What devices wrote, and what needs a person.
pub(super) fn of_alerts(rest: Rest) -> Rest {
    rest.get(People, "/logs", "Log entries, newest first", log_entry::list)
        .get(People, "/agents/{id}/logs", "Log entries of a device, newest first", log_entry::of_device)
        .get(People, "/log-sources", "Where agents look for log lines", log_entry::sources)
        .put(People, "/log-sources", "Decide where agents look for log lines", log_entry::set_sources)
        .get(
            People,
            "/businesses/{id}/log-sources",
            "Where agents of a business look",
            log_entry::sources_of_business,
        )
        .put(
            People,
            "/businesses/{id}/log-sources",
            "Decide where agents of a business look",
            log_entry::set_sources_of_business,
        )
        .get(People, "/agents/{id}/log-sources", "Where the agent looks", log_entry::sources_of_device)
        .put(
            People,
            "/agents/{id}/log-sources",
            "Decide where the agent looks",
            log_entry::set_sources_of_device,
        )
        .may(&[ProblemCode::Conflict])
        .get(People, "/alerts", "Alerts, newest first", alert::list)
        .get(People, "/agents/{id}/alerts", "Alerts of a device, newest first", alert::of_device)
        .get(People, "/alerts/{id}", "One alert", alert::get)
        .post(People, "/alerts/{id}/acknowledge", "Take an alert on", alert::acknowledge)
        .may(&[ProblemCode::Conflict])
        .post(People, "/alerts/{id}/resolve", "Say that an alert is over", alert::resolve)
        .may(&[ProblemCode::Conflict])
        .get(People, "/alert-rules/log-burst", "When a burst of errors is one", alert::rule)
        .put(People, "/alert-rules/log-burst", "Decide when a burst of errors is one", alert::set_rule)
        .get(
            People,
            "/businesses/{id}/alert-rules/log-burst",
            "When a burst of errors is one in a business",
            alert::rule_of_business,
        )
        .put(
            People,
            "/businesses/{id}/alert-rules/log-burst",
            "Decide when a burst of errors is one in a business",
            alert::set_rule_of_business,
        )
}
