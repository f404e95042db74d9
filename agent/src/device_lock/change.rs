//! `reeve-agent lock`: shows the lock, and changes it in the name of whoever may write into the data directory, which
//! is an administrator of the machine. The running agent finds the change by itself.

use super::{ArmInput, Found, LockInput, LockVerb, file, load, now, path};
use crate::{
    command::chain::{self, Draft},
    failure::Failure,
    paths::Paths,
    protect::{self, Kind},
};
use chrono::{DateTime, TimeDelta, Utc};
use entity::{
    command::ChainEvent,
    device_lock::{ALLOW_MAX, AllowEntry, Armed, DeviceLock, Moment},
    seal,
};
use serde_json::json;
use std::{fmt::Write as _, fs, io};
use updater::{
    durable::{Mode, write_atomic},
    exit,
};

/// Does what is asked for; answers what to say.
///
/// # Errors
/// When the lock cannot be read or written, or what is asked for cannot be.
pub fn carry_out(paths: &Paths, input: &LockInput) -> Result<String, Failure> {
    check_place(paths)?;
    let found = load(paths);
    let now = now(paths);
    let lock = match &input.verb {
        LockVerb::Show { json: true } => return Ok(as_json(&found, &now)),
        LockVerb::Show { json: false } => return Ok(as_text(&found, &now)),
        LockVerb::Arm(arm) => armed(found.lock.clone(), arm, &now),
        LockVerb::Disarm => DeviceLock { apply_enabled: false, armed: None, ..found.lock.clone() },
        LockVerb::Allow(input) => with(found.lock.clone(), &input.entries),
        LockVerb::Deny(input) => without(found.lock.clone(), &input.entries)?,
    };
    let entries = lock.allow.len() + lock.armed.as_ref().map_or(0, |armed| armed.allow.len());
    if entries > ALLOW_MAX {
        return Err(Failure::failed(format!("a lock has at most {ALLOW_MAX} entries; deny some first")));
    }
    write(paths, &lock)?;
    record(paths, &input.verb);
    let mut said = String::new();
    if let Some(trouble) = &found.trouble {
        // Nothing of it was taken over.
        let _ = writeln!(said, "The former file could not be trusted ({trouble}); it was replaced.");
    }
    said.push_str(&as_text(&Found { lock, trouble: None }, &now));
    Ok(said)
}

/// A change of the lock stands in the record of commands, where the server sees it too. It holds all the same when there
/// is no room for that.
fn record(paths: &Paths, verb: &LockVerb) {
    let said = |entries: &[AllowEntry]| entries.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
    let note = match verb {
        LockVerb::Show { .. } => return,
        LockVerb::Arm(arm) => format!("arm {} s {}", arm.for_seconds, said(&arm.allow)),
        LockVerb::Disarm => "disarm".to_owned(),
        LockVerb::Allow(input) => format!("allow {}", said(&input.entries)),
        LockVerb::Deny(input) => format!("deny {}", said(&input.entries)),
    };
    let bytes = fs::read(path(paths)).unwrap_or_default();
    let draft = Draft {
        event: ChainEvent::Lock,
        command_id: None,
        subject_sha256: seal::sha256(&bytes),
        note: note.trim_end().to_owned(),
    };
    if let Err(error) = chain::append(paths, [draft]) {
        tracing::warn!(%error, "the change of the lock does not stand in the record of commands");
    }
}

/// The lock is worth what its place is worth.
fn check_place(paths: &Paths) -> Result<(), Failure> {
    let folder = paths.folder();
    if !folder.is_dir() {
        return Err(Failure::new(
            exit::NOT_REGISTERED,
            format!(
                "there is no agent at {}: register first, run this as an administrator, or name the place with --data-dir",
                folder.display()
            ),
        ));
    }
    match protect::look(folder, Kind::Folder).first() {
        None => Ok(()),
        Some(finding) => Err(Failure::new(
            exit::UNPROTECTED,
            format!(
                "{finding}; only an administrator of this machine can change its lock: run this as root or administrator"
            ),
        )),
    }
}

fn write(paths: &Paths, lock: &DeviceLock) -> Result<(), Failure> {
    let path = path(paths);
    let text = file::render(lock);
    // What cannot be read back must not take the place of what can.
    let is_sound = file::parse(&text).as_ref() == Ok(lock);
    let written = if is_sound {
        write_atomic(&path, text.as_bytes(), Mode::Private)
    } else {
        Err(io::Error::other("the lock could not be put into words"))
    };
    written.map_err(|error| {
        let hint = if error.kind() == io::ErrorKind::PermissionDenied {
            "; only an administrator of this machine can change its lock: run this as root or administrator"
        } else {
            ""
        };
        Failure::failed(format!("{} cannot be written: {error}{hint}", path.display()))
    })
}

/// Armed from now on, for what is allowed always and for what is allowed now. The time before is over with it.
fn armed(lock: DeviceLock, arm: &ArmInput, now: &Moment) -> DeviceLock {
    let mut allow = arm.allow.clone();
    allow.sort();
    allow.dedup();
    DeviceLock {
        apply_enabled: true,
        armed: Some(Armed {
            at: now.wall,
            for_seconds: arm.for_seconds,
            boot_id: now.boot_id.clone(),
            uptime_seconds: now.uptime_seconds,
            allow,
        }),
        ..lock
    }
}

fn with(mut lock: DeviceLock, entries: &[AllowEntry]) -> DeviceLock {
    lock.allow.extend_from_slice(entries);
    lock.allow.sort();
    lock.allow.dedup();
    lock
}

fn without(mut lock: DeviceLock, entries: &[AllowEntry]) -> Result<DeviceLock, Failure> {
    let all = lock.allow.iter().chain(lock.armed.iter().flat_map(|armed| &armed.allow));
    let known: Vec<AllowEntry> = all.cloned().collect();
    if let Some(unknown) = entries.iter().find(|entry| !known.contains(entry)) {
        return Err(Failure::failed(format!(
            "“{unknown}” is not allowed anyway; `reeve-agent lock show` lists what is"
        )));
    }
    lock.allow.retain(|entry| !entries.contains(entry));
    if let Some(armed) = &mut lock.armed {
        armed.allow.retain(|entry| !entries.contains(entry));
    }
    Ok(lock)
}

fn until(remaining_seconds: u64, now: &Moment) -> DateTime<Utc> {
    now.wall + TimeDelta::seconds(i64::try_from(remaining_seconds).unwrap_or_default())
}

fn remaining(found: &Found, now: &Moment) -> Option<u64> {
    found.lock.armed.as_ref().filter(|_| found.lock.apply_enabled)?.remaining_seconds(now)
}

fn as_json(found: &Found, now: &Moment) -> String {
    let remaining = remaining(found, now);
    let for_now = found.lock.armed.as_ref().filter(|_| remaining.is_some()).map(|armed| &armed.allow);
    let value = json!({
        "armed": remaining.is_some(),
        "armed_until": remaining.map(|left| until(left, now).to_rfc3339()),
        "remaining_seconds": remaining,
        "allow": found.lock.allow,
        "allow_while_armed": for_now,
        "trouble": found.trouble,
    });
    serde_json::to_string_pretty(&value).map_or_else(|error| error.to_string(), |text| text + "\n")
}

fn as_text(found: &Found, now: &Moment) -> String {
    let mut text = String::new();
    if let Some(trouble) = &found.trouble {
        let _ = writeln!(text, "Locked: {trouble}.");
        let _ = writeln!(text, "Arming it writes the file anew.");
        return text;
    }
    let remaining = remaining(found, now);
    let _ = match remaining {
        Some(left) => writeln!(
            text,
            "Armed until {} ({} more).",
            until(left, now).format("%Y-%m-%d %H:%M:%S UTC"),
            words(left)
        ),
        None => writeln!(text, "Locked: nothing that cannot simply be undone is done on this machine."),
    };
    let for_now =
        found.lock.armed.as_ref().filter(|_| remaining.is_some()).map(|armed| armed.allow.as_slice());
    list(&mut text, "Allowed whenever it is armed", &found.lock.allow);
    list(&mut text, "Allowed for this time", for_now.unwrap_or_default());
    if remaining.is_some() && found.lock.allow.is_empty() && for_now.is_none_or(<[_]>::is_empty) {
        let _ = writeln!(
            text,
            "Nothing is allowed: add something with `reeve-agent lock allow restart_service:nginx`."
        );
    }
    if remaining.is_none() {
        let _ = writeln!(
            text,
            "To open it for a while: reeve-agent lock arm --for 2h --allow restart_service:nginx"
        );
    }
    text
}

fn list(text: &mut String, title: &str, entries: &[AllowEntry]) {
    if entries.is_empty() {
        return;
    }
    let _ = writeln!(text, "{title}:");
    for entry in entries {
        let _ = writeln!(text, "  {entry}");
    }
}

/// `1 h 59 min`.
fn words(seconds: u64) -> String {
    match (seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60) {
        (0, 0, 0) => format!("{seconds} s"),
        (0, 0, minutes) => format!("{minutes} min"),
        (0, hours, minutes) => format!("{hours} h {minutes} min"),
        (days, hours, _) => format!("{days} d {hours} h"),
    }
}
