//! An agent hears of settings that have changed: at once when its session is woken, and with each recheck in any case,
//! because what wakes it may be lost.

use super::{End, Session};
use entity::wire::{Settings, ToAgent};
use std::{
    hash::{DefaultHasher, Hash as _, Hasher as _},
    ops::ControlFlow,
};

/// What was sent last, in eight bytes: ten thousand sessions keep it.
#[derive(Default)]
pub(super) struct Sent {
    mark: u64,
}

impl Sent {
    /// These were sent.
    pub(super) fn note(&mut self, settings: &Settings) -> bool {
        let mut hasher = DefaultHasher::new();
        serde_json::to_string(settings).unwrap_or_default().hash(&mut hasher);
        let mark = hasher.finish();
        std::mem::replace(&mut self.mark, mark) != mark
    }
}

impl Session {
    /// Sends the settings if they are others than those that were sent last. A database that does not answer is asked
    /// again; whether the device may go on is not decided here.
    pub(super) async fn renew_settings(&mut self) -> ControlFlow<End> {
        match Box::pin(domain::report::settings(&self.agent)).await {
            Ok(settings) if self.settings.note(&settings) => self.send(&ToAgent::Config { settings }).await,
            _ => ControlFlow::Continue(()),
        }
    }
}
