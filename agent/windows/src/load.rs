//! How busy the processors were since the machine started.

use crate::{handle::done, process::ticks};
use std::io;
use windows_sys::Win32::{Foundation::FILETIME, System::Threading::GetSystemTimes};

/// Time of all processors together, in units of 100 ns since the start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Times {
    /// Doing nothing.
    pub idle: u64,
    /// All of it, with what was idle.
    pub total: u64,
}

impl Times {
    /// Part of the time that was not idle between two looks, in percent; `None` when no time has passed.
    #[must_use]
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        reason = "a percentage needs no more"
    )]
    pub fn busy_percent_since(self, before: Self) -> Option<f32> {
        let total = self.total.checked_sub(before.total).filter(|total| *total > 0)?;
        let idle = self.idle.checked_sub(before.idle)?.min(total);
        Some(((total - idle) as f64 * 100.0 / total as f64) as f32)
    }
}

/// The times until now.
///
/// # Errors
/// Whatever the system refuses.
pub fn times() -> io::Result<Times> {
    let mut times = [FILETIME { dwLowDateTime: 0, dwHighDateTime: 0 }; 3];
    let [idle, kernel, user] = &mut times;
    // SAFETY: each answer has its place.
    done(unsafe { GetSystemTimes(idle, kernel, user) })?;
    // What was idle counts as the kernel's.
    Ok(Times { idle: ticks(*idle), total: ticks(*kernel).saturating_add(ticks(*user)) })
}
