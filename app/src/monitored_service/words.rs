//! Monitored services in words and marks.

use crate::ui::{Status, StatusKind};
use entity::{
    monitored_service::{RuleLevel, ServiceCondition},
    platform::Os,
};
use leptos::prelude::*;

/// How a service stands to what is wanted of it.
#[component]
pub(super) fn ConditionMark(condition: ServiceCondition) -> impl IntoView {
    let kind = match condition {
        ServiceCondition::AsWanted => StatusKind::Ok,
        ServiceCondition::Unknown => StatusKind::Off,
        ServiceCondition::ShouldNotRun => StatusKind::Warn,
        ServiceCondition::Failed | ServiceCondition::NotRunning | ServiceCondition::Missing => {
            StatusKind::Bad
        }
    };
    view! { <Status kind word=condition.label()/> }
}

/// How many services of a device are not as they should be; nothing when all are.
#[component]
pub(crate) fn ServicesWrong(count: u64) -> impl IntoView {
    let words = match count {
        1 => "1 service".to_owned(),
        count => format!("{count} services"),
    };
    (count > 0).then(|| {
        view! { <Status kind=StatusKind::Bad word=words title="Monitored services that are not as they should be"/> }
    })
}

/// What is wanted, in a few words.
pub(super) const fn wanted(is_watched: bool, should_be_running: bool, auto_restart: bool) -> &'static str {
    match (is_watched, should_be_running, auto_restart) {
        (false, _, _) => "Not looked after",
        (true, true, true) => "Should run, restarted when it crashes",
        (true, true, false) => "Should run",
        (true, false, _) => "Should not run",
    }
}

/// For what a rule was made.
pub(super) fn made_for(
    level: RuleLevel,
    business: Option<&str>,
    device: Option<&str>,
    os: Option<Os>,
) -> String {
    let place = match level {
        RuleLevel::Msp => "All businesses".to_owned(),
        RuleLevel::Business => business.unwrap_or("A business").to_owned(),
        RuleLevel::Device => device.unwrap_or("A device").to_owned(),
    };
    os.map_or_else(|| place.clone(), |os| format!("{place}, {} only", os.label()))
}
