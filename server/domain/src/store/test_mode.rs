//! Test mode: a server that is for tests says so on every page and offers test controls.

use super::Store;

impl Store {
    /// Says whether this server is in test mode. The first to say so wins.
    pub fn set_test_mode(&self, is_on: bool) {
        let _ = self.0.test_mode.set(is_on);
    }

    /// Is this server in test mode? It is not when nobody said so.
    #[must_use]
    pub fn is_test_mode(&self) -> bool {
        self.0.test_mode.get().copied().unwrap_or_default()
    }
}
