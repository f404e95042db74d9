//! What this build runs on, and the few things asked of the operating system itself.

use entity::{
    platform::{Arch, Os},
    update::Running,
};
use std::sync::OnceLock;
use updater::built;

/// What this build is, by its stamp: all but what its supervisor knows.
#[must_use]
pub fn running() -> &'static Running {
    static RUNNING: OnceLock<Running> = OnceLock::new();
    RUNNING.get_or_init(|| built::running(&built::of_this()))
}

/// Version of the agent.
#[must_use]
pub fn version() -> &'static str {
    &running().version
}

/// Operating system family.
pub const OS: Os = if cfg!(target_os = "windows") {
    Os::Windows
} else if cfg!(target_os = "macos") {
    Os::Macos
} else {
    Os::Linux
};

/// Processor architecture.
pub const ARCH: Arch = if cfg!(target_arch = "aarch64") { Arch::Aarch64 } else { Arch::X86_64 };

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
compile_error!("the agent knows x86_64 and aarch64");

/// Host name.
#[must_use]
pub fn hostname() -> String {
    sysinfo::System::host_name().unwrap_or_else(|_| "unnamed".to_owned())
}

/// Changes with every boot; `None` where the system does not say.
#[must_use]
pub fn boot_id() -> Option<String> {
    #[cfg(target_os = "linux")]
    return std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok().map(|id| id.trim().to_owned());
    // macOS keeps the moment of the boot.
    #[cfg(target_os = "macos")]
    return sysinfo::System::boot_time().ok().map(|time| time.to_string());
    // The registry keeps a text of ours until Windows ends.
    #[cfg(windows)]
    return windows_api::machine::boot_text(&uuid_of_chance()?).ok();
    #[cfg(not(any(target_os = "linux", target_os = "macos", windows)))]
    return None;
}

#[cfg(windows)]
fn uuid_of_chance() -> Option<String> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).ok()?;
    Some(uuid::Builder::from_random_bytes(bytes).into_uuid().to_string())
}

/// Ends this process in order when its supervisor dies, where the system can do that: two supervisors would
/// otherwise mean two agents. `has_channel`: whoever reads the channel finds that its end has come.
pub fn end_with_parent(has_channel: bool) {
    #[cfg(target_os = "linux")]
    {
        let parent = rustix::process::getppid();
        let set = rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::TERM));
        // The supervisor may have died before the signal was set.
        if set.is_ok() && rustix::process::getppid() != parent {
            let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::TERM);
        }
    }
    // Only Windows has nothing but the standard input for it.
    #[cfg(not(windows))]
    let _ = has_channel;
    #[cfg(windows)]
    if !has_channel {
        let read = || {
            let mut nothing = std::io::sink();
            // Until the supervisor closes its end, or dies.
            let _ = std::io::copy(&mut std::io::stdin().lock(), &mut nothing);
            PARENT_ENDED.notify_one();
        };
        if std::thread::Builder::new().name("supervisor".to_owned()).spawn(read).is_err() {
            tracing::warn!("the supervisor cannot be listened to");
        }
    }
}

#[cfg(windows)]
static PARENT_ENDED: tokio::sync::Notify = tokio::sync::Notify::const_new();

/// Done when the supervisor asks this process to stop, which it does by closing its standard input, or has died; after
/// [`end_with_parent`].
#[cfg(windows)]
pub async fn parent_ended() {
    PARENT_ENDED.notified().await;
}
