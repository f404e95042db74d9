//! Windows: the event logs, asked with the system's own tool.

use super::{event_log, tool};
use entity::log_entry::LogEntry;
use std::{io, ops::ControlFlow, process::Command};

/// Events of one question.
const EVENTS_MAX: &str = "/c:500";

fn ask(channel: &str, query: &str, more: &[&str]) -> io::Result<String> {
    let query = format!("/q:{query}");
    let mut command = Command::new("wevtutil");
    command.args(["qe", channel, query.as_str(), "/f:RenderedXml", "/uni:true"]).args(more);
    let mut written = Vec::new();
    tool::lines(&mut command, tool::SILENCE, |line| {
        written.extend_from_slice(line);
        ControlFlow::Continue(())
    })?;
    Ok(event_log::decoded(&written))
}

/// The number of the newest bad event of a channel; 0 when there is none.
pub fn newest(channel: &str) -> io::Result<u64> {
    let xml = ask(channel, &event_log::query(0), &["/rd:true", "/c:1"])?;
    Ok(event_log::parse(channel, &xml).first().map_or(0, |(number, _)| *number))
}

/// Events of a channel behind a number, oldest first.
pub fn after(channel: &str, number: u64) -> io::Result<Vec<(u64, LogEntry)>> {
    Ok(event_log::parse(channel, &ask(channel, &event_log::query(number), &[EVENTS_MAX])?))
}
