//! A note of the people who run the server, into the logs of this device and of the server.

use super::shared::Setting;
use crate::program;
use chrono::Utc;
use entity::wire::Event;

/// What such an event is called.
const EVENT: &str = "ops_note";

/// Writes it: into the agent's own log, into the system's where it takes one from a tool, and to the server as an event.
pub(super) fn write(setting: &Setting, message: &str) {
    tracing::warn!(note = message, "a note for the people at this device");
    setting.events.add(Event::plain(Utc::now(), EVENT, message));
    setting.work.notify_one();
    if cfg!(unix) {
        let message = message.to_owned();
        tokio::spawn(async move {
            let arguments = ["-t", "reeve-agent", "-p", "user.notice", "--", message.as_str()];
            if let Err(error) = program::output("logger", &arguments).await {
                tracing::debug!(%error, "the system's log does not take a note");
            }
        });
    }
}
