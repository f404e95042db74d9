//! Whether a build that was confirmed long ago still is well: it crashes too often, or takes too much memory. Pure.

use crate::terms::Terms;
use entity::release::Reason;
use std::collections::VecDeque;

const HEAVY_MAX: u32 = 3;

/// What was seen lately.
#[derive(Clone, Debug, Default)]
pub struct Watch {
    crashes_ms: VecDeque<u64>,
    heavy: u32,
}

impl Watch {
    /// It crashed at this moment of a clock that only goes forward. A reason when that was once too often.
    pub fn crashed(&mut self, now_ms: u64, terms: &Terms) -> Option<(Reason, String)> {
        self.heavy = 0;
        self.crashes_ms.push_back(now_ms);
        while self.crashes_ms.front().is_some_and(|at| at.saturating_add(terms.crash_window_ms) < now_ms) {
            self.crashes_ms.pop_front();
        }
        let count = u32::try_from(self.crashes_ms.len()).unwrap_or(u32::MAX);
        (count >= terms.crashes_max).then(|| {
            self.crashes_ms.clear();
            (Reason::Crashed, format!("{count} times within {} s", terms.crash_window_ms / 1000))
        })
    }

    /// So many bytes are in use. A reason when that was too much several times in a row.
    pub fn memory(&mut self, bytes: u64, terms: &Terms) -> Option<(Reason, String)> {
        self.heavy = if bytes > terms.memory_max_bytes { self.heavy + 1 } else { 0 };
        (self.heavy >= HEAVY_MAX).then(|| {
            self.heavy = 0;
            (Reason::TooMuchMemory, format!("{bytes} bytes in use"))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_crashes_in_a_quarter_of_an_hour_are_too_many() {
        let minute = 60_000;
        let mut watch = Watch::default();
        // One every eight minutes is unpleasant and no more.
        assert!((0..50).all(|count| watch.crashed(count * 8 * minute, &Terms::USUAL).is_none()));
        let start = 1_000 * minute;
        assert!(watch.crashed(start, &Terms::USUAL).is_none());
        assert!(watch.crashed(start + 5 * minute, &Terms::USUAL).is_none());
        assert_eq!(
            watch.crashed(start + 15 * minute, &Terms::USUAL).map(|(reason, _)| reason),
            Some(Reason::Crashed)
        );
        assert!(watch.crashed(start + 16 * minute, &Terms::USUAL).is_none(), "it counts anew");
    }

    #[test]
    fn a_peak_of_memory_is_none_a_plateau_is() {
        let (mut watch, terms) = (Watch::default(), Terms { memory_max_bytes: 10, ..Terms::USUAL });
        for bytes in [11, 11, 9, 11, 11, 10] {
            assert!(watch.memory(bytes, &terms).is_none());
        }
        assert!(watch.memory(11, &terms).is_none() && watch.memory(11, &terms).is_none());
        assert_eq!(watch.memory(11, &terms).map(|(reason, _)| reason), Some(Reason::TooMuchMemory));
    }
}
