//! Both locks side by side, before anything is asked: what people have to say, and what the device has told.

use super::{Approver, LockState, Payload, Strength};
use crate::device_lock::{AllowEntry, LockView, StrongKind};
use chrono::{DateTime, Utc};

impl Payload {
    /// Both locks as they are for this on a device that last told `lock`.
    #[must_use]
    pub fn locks(
        &self,
        needed: (u32, Approver),
        lock: Option<&LockView>,
        is_suspect: bool,
        now: DateTime<Utc>,
    ) -> LockState {
        let (approvals_needed, approver) = needed;
        let arguments = self.lock_arguments();
        let allowed = lock.filter(|lock| lock.is_open(now)).map_or(&[][..], |lock| lock.allow.as_slice());
        let entries: Vec<AllowEntry> = allowed.iter().filter_map(|entry| entry.parse().ok()).collect();
        let missing: Vec<&(StrongKind, String)> = arguments
            .iter()
            .filter(|(kind, argument)| !entries.iter().any(|entry| entry.covers(*kind, argument)))
            .collect();
        // Nothing strong is done while two machines seem to have one identity.
        let device_allows = missing.is_empty() && !(is_suspect && self.kind().strength() == Strength::Strong);
        let arm_command = (!missing.is_empty()).then(|| arm(&missing));
        LockState { approvals_needed, approver, device_allows, arm_command }
    }
}

/// Most entries that stand in one line to type.
const TYPED_MAX: usize = 10;

/// What to type on the device.
fn arm(missing: &[&(StrongKind, String)]) -> String {
    let mut line = "reeve-agent lock arm --for 2h".to_owned();
    for (kind, argument) in missing.iter().take(TYPED_MAX) {
        let entry = match argument.as_str() {
            "" => kind.word().to_owned(),
            argument => format!("{}:{argument}", kind.word()),
        };
        let plain =
            entry.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '@' | ':'));
        line.push_str(" --allow ");
        if plain {
            line.push_str(&entry);
        } else {
            // In the words of a shell: nothing inside of it means anything.
            line.push('\'');
            line.push_str(&entry.replace('\'', "'\\''"));
            line.push('\'');
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::TimeDelta;

    fn lock(now: DateTime<Utc>, allow: &[&str]) -> LockView {
        LockView {
            armed_until: Some(now + TimeDelta::hours(1)),
            allow: allow.iter().map(|entry| (*entry).to_owned()).collect(),
            trouble: None,
            reported_at: now,
        }
    }

    #[test]
    fn the_device_allows_what_is_armed_and_tells_what_to_type_for_the_rest() {
        let now = DateTime::UNIX_EPOCH;
        let needed = (1, Approver::Anyone);
        let nginx = Payload::RestartService { service_name: "nginx".to_owned() };
        assert!(nginx.locks(needed, Some(&lock(now, &["restart_service:ng*"])), false, now).device_allows);
        let shut = nginx.locks(needed, Some(&lock(now, &["restart_service:php"])), false, now);
        assert!(!shut.device_allows);
        let typed = "reeve-agent lock arm --for 2h --allow restart_service:nginx";
        assert_eq!(shut.arm_command.as_deref(), Some(typed));
        assert!(!nginx.locks(needed, None, false, now).device_allows);
        let late = now + TimeDelta::hours(2);
        assert!(
            !nginx.locks(needed, Some(&lock(now, &["restart_service:nginx"])), false, late).device_allows
        );
        let suspect = nginx.locks(needed, Some(&lock(now, &["restart_service:nginx"])), true, now);
        assert!(!suspect.device_allows && suspect.arm_command.is_none());
        let reboot = Payload::Reboot { delay_seconds: 0 }.locks(needed, None, false, now);
        assert_eq!(reboot.arm_command.as_deref(), Some("reeve-agent lock arm --for 2h --allow reboot"));
        let odd =
            Payload::StopProcess { process_name: "it's one".to_owned() }.locks(needed, None, false, now);
        let typed = r"reeve-agent lock arm --for 2h --allow 'stop_process:it'\''s one'";
        assert_eq!(odd.arm_command.as_deref(), Some(typed));
        assert!(Payload::PatchScan {}.locks(needed, None, true, now).device_allows);
    }
}
