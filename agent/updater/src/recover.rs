//! What to run, from whatever is on the disk: pure. It never finds that nothing can run: at the worst it is the program
//! that the package installed.

use crate::{
    record::pointer::{Place, Pointer},
    slot::Build,
};
use entity::release::Sha256Hex;
use std::fmt;

/// What is on the disk.
pub struct Facts<'a> {
    /// What the pointer says; none when no copy of it can be read.
    pub pointer: Option<&'a Pointer>,
    /// What ran before a change that is not finished.
    pub before: Option<&'a Place>,
    /// The sequence of the installed program, 0 for one that is no release; none when there is no such program.
    pub installed: Option<u64>,
    /// The slots that verify, and whether each has passed its trial.
    pub slots: &'a [(Build, bool)],
    /// Builds that should not run.
    pub is_bad: &'a dyn Fn(&Sha256Hex) -> bool,
    /// Programs that did not come up lately: others go before them.
    pub is_stalled: &'a dyn Fn(&Place) -> bool,
    /// Whatever is below should not run.
    pub min_secure: u64,
}

impl fmt::Debug for Facts<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Facts")
            .field("pointer", &self.pointer)
            .field("before", &self.before)
            .field("installed", &self.installed)
            .field("slots", &self.slots)
            .field("min_secure", &self.min_secure)
            .finish_non_exhaustive()
    }
}

impl Facts<'_> {
    /// What the pointer should say: what it says, as long as that can and should run, else the next best.
    #[must_use]
    pub fn choose(&self) -> Pointer {
        let wishes = self.wishes();
        let acceptable: [&dyn Fn(&Place) -> bool; 4] = [
            &|place| self.is_good(place) && self.is_secure(place) && !(self.is_stalled)(place),
            &|place| self.is_good(place) && self.is_secure(place),
            &|place| self.is_good(place),
            &|_| true,
        ];
        let current = acceptable
            .into_iter()
            .find_map(|is_acceptable| wishes.iter().find(|place| self.can_run(place) && is_acceptable(place)))
            .cloned()
            .unwrap_or(Place::Installed);
        let kept = self.kept_beside(&current);
        Pointer { current, kept, highest_seq: self.pointer.map_or(0, |pointer| pointer.highest_seq) }
    }

    /// What to go back to: what was kept, and what ran until an upgraded package or a stand-in took its place.
    fn kept_beside(&self, current: &Place) -> Option<Place> {
        let pointer = self.pointer?;
        let ran = Some(&pointer.current).filter(|ran| self.is_secure(ran));
        let is_upgrade = *current == Place::Installed && pointer.current != Place::Installed;
        let kept = pointer.kept.as_ref();
        let [first, second] = if is_upgrade { [ran, kept] } else { [kept, ran] };
        let can_be = |place: &&Place| **place != *current && self.can_run(place) && self.is_good(place);
        first.filter(can_be).or_else(|| second.filter(can_be)).cloned()
    }

    /// What may run in the place of a program that does not come up: one that has passed its trial here or came with the
    /// package, is not held back for any reason, and is none of those that should not run any more.
    #[must_use]
    pub fn stand_in(&self, is_allowed: &dyn Fn(&Place) -> bool) -> Option<Place> {
        let current = &self.pointer?.current;
        let is_proven = |place: &Place| {
            place.slot().is_none_or(|build| {
                self.slots.iter().any(|(slot, is_proven)| *is_proven && slot.sha256 == build.sha256)
            })
        };
        self.wishes().into_iter().find(|place| {
            place != current
                && self.can_run(place)
                && self.is_good(place)
                && self.is_secure(place)
                && is_proven(place)
                && !(self.is_stalled)(place)
                && is_allowed(place)
        })
    }

    /// Best first.
    fn wishes(&self) -> Vec<Place> {
        let mut wishes = Vec::new();
        if let Some(pointer) = self.pointer {
            wishes.push(pointer.current.clone());
            // The package was upgraded meanwhile: somebody wanted that.
            if self.installed.is_some_and(|installed| installed > self.seq(&pointer.current)) {
                wishes.insert(0, Place::Installed);
            }
            wishes.extend(pointer.kept.clone());
        }
        wishes.extend(self.before.cloned());
        // Everything else, newest first: what has passed its trial, then what has not.
        let mut proven: Vec<Place> =
            self.slots.iter().filter(|slot| slot.1).map(|slot| slot_of(&slot.0)).collect();
        proven.push(Place::Installed);
        proven.sort_by_key(|place| std::cmp::Reverse((self.seq(place), *place != Place::Installed)));
        wishes.extend(proven);
        wishes.extend(self.slots.iter().filter(|slot| !slot.1).map(|slot| slot_of(&slot.0)));
        wishes
    }

    fn can_run(&self, place: &Place) -> bool {
        match place {
            Place::Installed => self.installed.is_some(),
            Place::Slot(build) => {
                self.slots.iter().any(|(slot, _)| slot.sha256 == build.sha256 && slot.seq == build.seq)
            }
        }
    }

    fn is_good(&self, place: &Place) -> bool {
        place.sha256().is_none_or(|sha256| !(self.is_bad)(sha256))
    }

    fn is_secure(&self, place: &Place) -> bool {
        self.seq(place) >= self.min_secure
    }

    fn seq(&self, place: &Place) -> u64 {
        match place {
            Place::Installed => self.installed.unwrap_or(0),
            Place::Slot(build) => build.seq,
        }
    }
}

fn slot_of(build: &Build) -> Place {
    Place::Slot(build.clone())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn build(seq: u64) -> Build {
        Build {
            seq,
            version: format!("1.{seq}.0"),
            build_id: format!("b{seq}"),
            size_bytes: 1,
            sha256: Sha256Hex::of(&seq.to_le_bytes()),
            config_schema: 1,
            spool_schema: 1,
        }
    }

    fn place(number: u64) -> Place {
        if number == 0 { Place::Installed } else { Place::Slot(build(number)) }
    }

    fn pointer(current: u64, kept: Option<u64>) -> Pointer {
        Pointer { current: place(current), kept: kept.map(place), highest_seq: current }
    }

    fn chosen(
        pointer: Option<&Pointer>,
        installed: Option<u64>,
        slots: &[(u64, bool)],
        bad: &[u64],
    ) -> Pointer {
        let slots: Vec<_> = slots.iter().map(|(seq, proven)| (build(*seq), *proven)).collect();
        let is_bad = |sha256: &Sha256Hex| bad.iter().any(|seq| build(*seq).sha256 == *sha256);
        Facts {
            pointer,
            before: None,
            installed,
            slots: &slots,
            is_bad: &is_bad,
            is_stalled: &|_| false,
            min_secure: 0,
        }
        .choose()
    }

    #[test]
    fn the_pointer_is_followed_as_long_as_it_can_be() {
        let says = pointer(5, Some(4));
        assert_eq!(chosen(Some(&says), Some(1), &[(5, true), (4, true)], &[]), says);
        assert_eq!(chosen(Some(&says), Some(1), &[(4, true)], &[]).current, place(4));
        assert_eq!(chosen(Some(&says), Some(1), &[(5, true), (4, true)], &[5]).current, place(4));
        assert_eq!(
            chosen(Some(&says), Some(1), &[(5, true), (4, true)], &[4]).kept,
            None,
            "nothing bad is kept"
        );
        assert_eq!(chosen(Some(&says), Some(1), &[], &[]).current, Place::Installed);
    }

    #[test]
    fn without_a_pointer_the_newest_that_passed_its_trial_runs() {
        assert_eq!(chosen(None, Some(1), &[(9, false), (5, true), (4, true)], &[]).current, place(5));
        assert_eq!(chosen(None, Some(6), &[(9, false), (5, true)], &[]).current, Place::Installed);
        assert_eq!(chosen(None, None, &[(9, false), (5, true)], &[5]).current, place(9));
        assert_eq!(chosen(None, None, &[(5, true)], &[5]).current, place(5), "better than nothing");
        assert_eq!(chosen(None, None, &[], &[]).current, Place::Installed);
    }

    #[test]
    fn an_upgraded_package_wins() {
        let says = pointer(5, Some(4));
        assert_eq!(chosen(Some(&says), Some(6), &[(5, true), (4, true)], &[]).current, Place::Installed);
        assert_eq!(chosen(Some(&says), Some(5), &[(5, true), (4, true)], &[]).current, place(5));
    }

    #[test]
    fn what_is_not_secure_runs_only_when_there_is_nothing_else() {
        let says = pointer(5, Some(4));
        let slots = [(build(5), true), (build(7), true)];
        let mut facts = Facts {
            pointer: Some(&says),
            before: None,
            installed: Some(1),
            slots: &slots,
            is_bad: &|_| false,
            is_stalled: &|_| false,
            min_secure: 7,
        };
        assert_eq!(facts.choose().current, place(7));
        facts.min_secure = 8;
        assert_eq!(facts.choose().current, place(5));
    }

    #[test]
    fn what_ran_is_kept_when_the_package_was_upgraded() {
        let found = chosen(Some(&pointer(5, Some(4))), Some(6), &[(5, true), (4, true)], &[]);
        assert_eq!((found.current, found.kept), (Place::Installed, Some(place(5))));
        let found = chosen(Some(&pointer(5, Some(4))), Some(6), &[(5, true), (4, true)], &[5]);
        assert_eq!(found.kept, Some(place(4)), "unless it should not run");
    }

    #[test]
    fn what_stands_in_has_passed_its_trial_and_should_run() {
        let says = pointer(5, Some(4));
        let slots = [(build(5), true), (build(4), true), (build(3), true), (build(2), false)];
        let found = |stalled: &[u64], bad: &[u64], denied: &[u64], min_secure: u64| {
            let facts = Facts {
                pointer: Some(&says),
                before: None,
                installed: Some(1),
                slots: &slots,
                is_bad: &|sha256| bad.iter().any(|seq| build(*seq).sha256 == *sha256),
                is_stalled: &|one| stalled.iter().any(|seq| place(*seq) == *one),
                min_secure,
            };
            let stand_in = facts.stand_in(&|one| !denied.iter().any(|seq| place(*seq) == *one));
            // While it does not come up the rest is chosen in the same way.
            (stand_in, facts.choose().current)
        };
        assert_eq!(found(&[], &[], &[], 0), (Some(place(4)), place(5)), "the one that was kept");
        assert_eq!(found(&[5, 4], &[], &[], 0), (Some(place(3)), place(3)));
        assert_eq!(found(&[5], &[4], &[], 0), (Some(place(3)), place(3)));
        assert_eq!(found(&[5, 4, 3], &[], &[], 0), (Some(Place::Installed), Place::Installed), "not 2");
        assert_eq!(found(&[5], &[], &[4, 3], 0).0, Some(Place::Installed));
        assert_eq!(found(&[5], &[], &[], 5), (None, place(5)), "better one that ends than one that is open");
        assert_eq!(found(&[5, 4, 3], &[], &[0], 0).0, None);
    }

    proptest! {
        #[test]
        fn whatever_is_chosen_can_run(
            says in proptest::option::of((0_u64..6, proptest::option::of(0_u64..6))),
            installed in proptest::option::of(0_u64..8),
            slots in proptest::collection::btree_map(1_u64..6, any::<bool>(), 0..6),
            bad in proptest::collection::vec(1_u64..6, 0..6),
        ) {
            let says = says.map(|(current, kept)| pointer(current, kept));
            let slots: Vec<_> = slots.into_iter().collect();
            let found = chosen(says.as_ref(), installed, &slots, &bad);
            let can_run = |place: &Place| match place {
                Place::Installed => installed.is_some(),
                Place::Slot(build) => slots.iter().any(|(seq, _)| *seq == build.seq),
            };
            let is_bad = |place: &Place| place.slot().is_some_and(|build| bad.contains(&build.seq));
            let is_anything = installed.is_some() || !slots.is_empty();
            prop_assert!(can_run(&found.current) || !is_anything && found.current == Place::Installed);
            let is_good_there = installed.is_some() || slots.iter().any(|(seq, _)| !bad.contains(seq));
            prop_assert!(!is_bad(&found.current) || !is_good_there);
            prop_assert!(found.kept.is_none_or(|kept| can_run(&kept) && !is_bad(&kept) && kept != found.current));
        }
    }
}
