//! The command line of `reeve-agent lock`.

use clap::{Args, Subcommand};
use entity::device_lock::{ARMED_SECONDS_MAX, AllowEntry};

/// Shortest time for which a machine can be armed, in seconds.
const ARMED_SECONDS_MIN: u64 = 60;

/// What `lock` takes.
#[derive(Args, Clone, Debug)]
pub struct LockInput {
    /// What to do.
    #[command(subcommand)]
    pub verb: LockVerb,
}

/// What can be done to the lock of this machine.
#[derive(Clone, Debug, Subcommand)]
pub enum LockVerb {
    /// Show whether the machine is armed, for how long and for what
    Show {
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// Let what is allowed happen, for a while
    Arm(ArmInput),
    /// Let nothing happen any more, at once
    Disarm,
    /// Allow something whenever the machine is armed
    Allow(EntriesInput),
    /// No longer allow something
    Deny(EntriesInput),
}

/// What `lock arm` takes.
#[derive(Args, Clone, Debug)]
pub struct ArmInput {
    /// For how long, such as 30m, 2h or 7d; at most 30d
    #[arg(long = "for", value_name = "TIME", value_parser = seconds)]
    pub for_seconds: u64,
    /// What is allowed for this time, such as restart_service:nginx, restart_service:php*, run_script:SHA-256 or reboot
    #[arg(long, value_name = "ENTRY")]
    pub allow: Vec<AllowEntry>,
}

/// What `lock allow` and `lock deny` take.
#[derive(Args, Clone, Debug)]
pub struct EntriesInput {
    /// Such as restart_service:nginx, restart_service:php*, run_script:SHA-256 or reboot
    #[arg(required = true, value_name = "ENTRY")]
    pub entries: Vec<AllowEntry>,
}

/// `90s`, `30m`, `2h` or `7d`, as seconds.
fn seconds(text: &str) -> Result<u64, String> {
    let wrong = || "write a number and s, m, h or d, such as 30m, 2h or 7d".to_owned();
    let unit = text.chars().last().ok_or_else(wrong)?;
    let each = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3_600,
        'd' => 86_400,
        _ => return Err(wrong()),
    };
    let digits = &text[..text.len() - unit.len_utf8()];
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(wrong());
    }
    let number: u64 = digits.parse().map_err(|_| wrong())?;
    match number.checked_mul(each) {
        Some(seconds) if (ARMED_SECONDS_MIN..=ARMED_SECONDS_MAX).contains(&seconds) => Ok(seconds),
        _ => Err(format!("between one minute and {} days", ARMED_SECONDS_MAX / 86_400)),
    }
}

#[cfg(test)]
mod tests {
    use super::seconds;

    #[test]
    fn a_time_always_has_an_end_within_bounds() {
        for (text, expected) in
            [("60s", 60), ("30m", 1_800), ("2h", 7_200), ("7d", 604_800), ("30d", 2_592_000)]
        {
            assert_eq!(seconds(text), Ok(expected), "{text}");
        }
        for bad in ["", "h", "2", "59s", "31d", "-2h", "2 h", "2w", "1.5h", "99999999999999999999d", "2é"] {
            assert!(seconds(bad).is_err(), "{bad}");
        }
    }
}
