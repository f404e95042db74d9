//! The packages of the agent that this server hands out, as its face found them.

use super::Store;
use crate::registration::OfferedPackage;

impl Store {
    /// Says which packages of the agent this server hands out. The first to say so wins.
    pub fn set_offered_packages(&self, packages: Vec<OfferedPackage>) {
        let _ = self.0.offered_packages.set(packages);
    }

    pub(crate) fn offered_packages(&self) -> &[OfferedPackage] {
        self.0.offered_packages.get().map_or(&[], Vec::as_slice)
    }
}
