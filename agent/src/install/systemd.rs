//! The agent as a service of systemd: the unit, and the steps around it.

use super::{
    place::Places,
    step::{Step, Tool},
};
use std::path::Path;

/// What systemd calls it.
pub const UNIT: &str = "reeve-agent.service";
/// Also what the packages install, with their own places.
const TEMPLATE: &str = include_str!("../../package/linux/reeve-agent.service");

/// The unit for programs and data in these places.
#[must_use]
pub fn unit(prefix: &Path, data: &Path) -> String {
    TEMPLATE
        .replace("@PREFIX@", &prefix.display().to_string())
        .replace("@DATA_DIR@", &data.display().to_string())
}

/// Makes the service start now, if it has something to do, and at each boot.
pub(super) fn install(places: &Places, starts: bool) -> Vec<Step> {
    let tool = |arguments: &[&str]| Tool::new(&places.tool, arguments);
    let mut steps = vec![
        Step::Write { path: places.service_file(), text: unit(&places.prefix, &places.data) },
        Step::Run(tool(&["daemon-reload"])),
        Step::Run(tool(&["enable", "--quiet", UNIT])),
    ];
    if starts {
        steps.push(Step::RunAfterChange(tool(&["restart", UNIT]), tool(&["start", UNIT])));
    }
    steps
}

/// Stops the service and takes it away.
pub(super) fn uninstall(places: &Places) -> Vec<Step> {
    let tool = |arguments: &[&str]| Step::Run(Tool::new(&places.tool, arguments).or_not());
    vec![
        tool(&["disable", "--quiet", "--now", UNIT]),
        Step::Remove(places.service_file()),
        tool(&["daemon-reload"]),
        tool(&["reset-failed", "--quiet", UNIT]),
    ]
}

/// Starts the service.
pub(super) fn start(places: &Places) -> Vec<Step> {
    vec![Step::Run(Tool::new(&places.tool, &["start", UNIT]))]
}

/// Stops the service.
pub(super) fn stop(places: &Places) -> Vec<Step> {
    vec![Step::Run(Tool::new(&places.tool, &["stop", UNIT]))]
}
