//! The agent as a daemon of launchd: the property list, and the steps around it.

use super::{
    place::Places,
    step::{Step, Tool},
};
use std::path::Path;

/// What launchd calls it.
pub const LABEL: &str = "org.reeve.agent";
/// Where launchd finds it.
const TARGET: &str = "system/org.reeve.agent";
/// Also what the package installs.
const TEMPLATE: &str = include_str!("../../package/macos/org.reeve.agent.plist");

/// The property list for programs and data in these places.
#[must_use]
pub fn plist(prefix: &Path, data: &Path) -> String {
    TEMPLATE
        .replace("@PREFIX@", &escaped(&prefix.display().to_string()))
        .replace("@DATA_DIR@", &escaped(&data.display().to_string()))
}

/// Text as it may stand in a property list.
#[must_use]
pub fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// Makes the daemon start now and at each boot.
pub(super) fn install(places: &Places, starts: bool) -> Vec<Step> {
    let mut steps =
        vec![Step::Write { path: places.service_file(), text: plist(&places.prefix, &places.data) }];
    if starts {
        steps.push(Step::Run(Tool::new(&places.tool, &["bootout", TARGET]).or_not()));
        steps.extend(start(places));
    }
    steps
}

/// Stops the daemon and takes it away.
pub(super) fn uninstall(places: &Places) -> Vec<Step> {
    vec![
        Step::Run(Tool::new(&places.tool, &["bootout", TARGET]).or_not()),
        Step::Remove(places.service_file()),
    ]
}

/// Starts the daemon, which may be loaded already.
pub(super) fn start(places: &Places) -> Vec<Step> {
    let file = places.service_file().display().to_string();
    vec![
        Step::Run(Tool::new(&places.tool, &["enable", TARGET])),
        Step::Run(Tool::new(&places.tool, &["bootstrap", "system", &file]).or_not()),
        Step::Run(Tool::new(&places.tool, &["kickstart", TARGET])),
    ]
}

/// Stops the daemon until the next boot.
pub(super) fn stop(places: &Places) -> Vec<Step> {
    vec![Step::Run(Tool::new(&places.tool, &["bootout", TARGET]))]
}
