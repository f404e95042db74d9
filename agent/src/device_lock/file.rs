//! The text of `device-lock.toml`, read and written; pure.

use entity::device_lock::{ALLOW_MAX, ARMED_SECONDS_MAX, AllowEntry, DeviceLock};
use std::fmt::Write as _;

const HEAD: &str = "\
# What this machine lets Reeve do that cannot simply be undone. Written by `reeve-agent lock`; no server can change it.
# While `armed` is missing or its time is over, nothing in here opens anything.
";

/// Reads the text.
///
/// # Errors
/// What is not understood, in a sentence without a full stop.
pub fn parse(text: &str) -> Result<DeviceLock, String> {
    let lock: DeviceLock =
        toml::from_str(text).map_err(|error| error.message().trim().replace('\n', ", "))?;
    let entries = lock.allow.len() + lock.armed.as_ref().map_or(0, |armed| armed.allow.len());
    if entries > ALLOW_MAX {
        return Err(format!("more than {ALLOW_MAX} entries"));
    }
    if lock.armed.as_ref().is_some_and(|armed| armed.for_seconds > ARMED_SECONDS_MAX) {
        return Err(format!("armed for longer than {} days", ARMED_SECONDS_MAX / 86_400));
    }
    Ok(lock)
}

/// Writes the text.
#[must_use]
pub fn render(lock: &DeviceLock) -> String {
    let mut text = HEAD.to_owned();
    // A string takes everything.
    let _ = writeln!(text, "apply_enabled = {}", lock.apply_enabled);
    entries(&mut text, &lock.allow);
    if let Some(armed) = &lock.armed {
        let _ = writeln!(text, "\n[armed]");
        let _ = writeln!(text, "at = {}", quoted(&armed.at.to_rfc3339()));
        let _ = writeln!(text, "for_seconds = {}", armed.for_seconds);
        if let Some(boot_id) = &armed.boot_id {
            let _ = writeln!(text, "boot_id = {}", quoted(boot_id));
        }
        let _ = writeln!(text, "uptime_seconds = {}", armed.uptime_seconds);
        entries(&mut text, &armed.allow);
    }
    text
}

fn entries(text: &mut String, allow: &[AllowEntry]) {
    let quoted: Vec<String> =
        allow.iter().map(|entry| format!("    {},\n", quoted(&entry.to_string()))).collect();
    let _ = match quoted.is_empty() {
        true => writeln!(text, "allow = []"),
        false => writeln!(text, "allow = [\n{}]", quoted.concat()),
    };
}

/// As a string of TOML: every string of JSON is one.
fn quoted(text: &str) -> String {
    serde_json::to_string(text).unwrap_or_default()
}
