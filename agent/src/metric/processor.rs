//! How busy the processors are, where there is no `/proc` to say so.

use sysinfo::System;

/// Remembers the last look.
#[derive(Debug)]
pub struct Processor {
    /// sysinfo asks a library of Windows that costs more than all the rest.
    #[cfg(windows)]
    times: Option<windows_api::load::Times>,
}

#[cfg(windows)]
impl Processor {
    /// Takes the first look.
    pub fn start(_: &mut System) -> Self {
        Self { times: windows_api::load::times().ok() }
    }

    /// In percent, since the last look.
    pub fn busy(&mut self, _: &mut System) -> Option<f32> {
        let now = windows_api::load::times().ok()?;
        let before = self.times.replace(now)?;
        now.busy_percent_since(before)
    }
}

#[cfg(not(windows))]
impl Processor {
    /// Takes the first look.
    pub fn start(system: &mut System) -> Self {
        system.refresh_cpu_usage();
        Self {}
    }

    /// In percent, since the last look.
    pub fn busy(&mut self, system: &mut System) -> Option<f32> {
        system.refresh_cpu_usage();
        Some(system.global_cpu_usage())
    }
}
