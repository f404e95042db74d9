//! What becomes of a rollout now: one pure function of what was counted, what was agreed and the time. It knows nothing of
//! what is rolled out.

use super::{HaltTerms, PlatformCounts, UpdateCounts};
use crate::platform::{Arch, Os};
use chrono::{DateTime, TimeDelta, Utc};

/// A device that is there and asks for nothing is waited for so long after the last one that was granted something.
const PATIENCE: TimeDelta = TimeDelta::hours(1);

/// What was agreed about a rollout.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terms {
    /// When it stops by itself.
    pub halt: HaltTerms,
    /// Most devices that may be about it at once.
    pub max_in_flight: u32,
    /// Devices of one platform that may be about it before the first of them has it.
    pub first_in_flight: u32,
    /// The wave that is open; none when all have passed.
    pub wave: Option<WaveTerms>,
}

/// What was agreed about the wave that is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WaveTerms {
    /// No other follows.
    pub is_last: bool,
    /// How long it has to last.
    pub soak: TimeDelta,
    /// Devices of each platform that have to have it.
    pub min_successes: u32,
    /// How many of 100 that have ended have to have it.
    pub success_percent: u8,
}

/// What was counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tally {
    /// Every device of the rollout, by platform. What went wrong before people let it go on after a halt counts as left
    /// out, here and in the wave: what they have seen and accepted does not stop it twice.
    pub all: Vec<PlatformCounts>,
    /// How many of the last devices to end, without a success between them, went wrong after the change: over all, and on
    /// the platform where they are most.
    pub bad_in_a_row: Vec<(Option<(Os, Arch)>, u32)>,
    /// Devices of the wave that is open, by platform.
    pub wave: Vec<PlatformCounts>,
    /// Of those and of the waves before: devices that are there and wait to be granted it.
    pub waiting_online: u64,
    /// When the wave opened, or the last device was granted it, whichever is later.
    pub last_grant_at: DateTime<Utc>,
    /// Since when enough devices of the wave have it.
    pub soaks_since: Option<DateTime<Utc>>,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Act {
    /// Nothing.
    Wait,
    /// Stop: too much went wrong.
    Halt(Halt),
    /// The wave has enough; its soak begins.
    Soak,
    /// The wave has no longer enough; its soak begins anew some day.
    Unsoak,
    /// The wave has proved itself: the next one opens.
    Next,
    /// The last wave has proved itself.
    Complete,
}

/// Why a rollout stopped by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Halt {
    /// Where; over all platforms when none.
    pub platform: Option<(Os, Arch)>,
    /// What went wrong.
    pub cause: Cause,
}

/// What went wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "numbers of devices")]
pub enum Cause {
    /// Too many in a row after the change.
    InARow { bad: u64 },
    /// Too large a part after the change.
    Bad { bad: u64, of: u64 },
    /// Too many after the change.
    BadMax { bad: u64 },
    /// Too large a part before the change.
    Failed { failed: u64, of: u64 },
    /// All have ended, and too few have it.
    Gate { confirmed: u64, of: u64, percent: u8 },
}

impl std::fmt::Display for Halt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.cause {
            Cause::InARow { bad } => write!(f, "{bad} devices in a row went wrong after the change"),
            Cause::Bad { bad, of } => write!(f, "{bad} of {of} devices went wrong after the change"),
            Cause::BadMax { bad } => write!(f, "{bad} devices went wrong after the change"),
            Cause::Failed { failed, of } => {
                write!(f, "{failed} of {of} devices came to nothing before the change")
            }
            Cause::Gate { confirmed, of, percent } => {
                write!(
                    f,
                    "Only {confirmed} of {of} devices of the wave have it, and {percent} percent have to"
                )
            }
        }?;
        match self.platform {
            Some(platform) => write!(f, " on {}.", platform_label(platform)),
            None => write!(f, "."),
        }
    }
}

/// A platform in words.
fn platform_label((os, arch): (Os, Arch)) -> String {
    format!("{} {}", os.label(), arch.word())
}

/// What is to be done with a rollout that goes out, or that is completed and still granted to devices that come late.
#[must_use]
pub fn decide(tally: &Tally, terms: &Terms, now: DateTime<Utc>) -> Act {
    if let Some(halt) = halt(tally, &terms.halt) {
        return Act::Halt(halt);
    }
    let Some(wave) = &terms.wave else { return Act::Wait };
    match gate(tally, wave, now) {
        Gate::Missed(halt) => Act::Halt(halt),
        Gate::Shut(_) if tally.soaks_since.is_some() => Act::Unsoak,
        Gate::Shut(_) => Act::Wait,
        Gate::Open => match tally.soaks_since {
            None => Act::Soak,
            Some(since) if !is_empty(&tally.wave) && now < since + wave.soak => Act::Wait,
            Some(_) if wave.is_last => Act::Complete,
            Some(_) => Act::Next,
        },
    }
}

/// May one more device of this platform be granted it? Few at first, more with every one that has it: a build that
/// harms everybody harms a handful.
#[must_use]
pub fn may_grant(tally: &Tally, terms: &Terms, platform: (Os, Arch)) -> bool {
    let in_flight: u64 = tally.all.iter().map(|of| of.counts.in_flight()).sum();
    if in_flight >= u64::from(terms.max_in_flight) {
        return false;
    }
    let of_platform = tally.all.iter().find(|of| (of.os, of.arch) == platform);
    let (own, confirmed) = of_platform.map_or((0, 0), |of| (of.counts.in_flight(), of.counts.confirmed));
    own < u64::from(terms.first_in_flight) + 2 * confirmed
}

/// What the open wave waits for, in words.
#[must_use]
pub fn waiting_for(tally: &Tally, terms: &Terms, now: DateTime<Utc>) -> Option<String> {
    let wave = terms.wave.as_ref()?;
    match gate(tally, wave, now) {
        Gate::Shut(why) => Some(why),
        Gate::Missed(halt) => Some(halt.to_string()),
        Gate::Open => Some("It has to last until its soak is over.".to_owned()),
    }
}

fn halt(tally: &Tally, terms: &HaltTerms) -> Option<Halt> {
    if let Some((platform, bad)) = tally.bad_in_a_row.iter().find(|(_, bad)| *bad >= terms.bad_in_a_row) {
        return Some(Halt { platform: *platform, cause: Cause::InARow { bad: u64::from(*bad) } });
    }
    // Each platform by itself first: what harms one of them alone would drown in a mixed wave.
    let each = tally.all.iter().map(|of| (Some((of.os, of.arch)), of.counts));
    each.chain([(None, sum(&tally.all))])
        .find_map(|(platform, counts)| too_much(&counts, terms).map(|cause| Halt { platform, cause }))
}

fn too_much(counts: &UpdateCounts, terms: &HaltTerms) -> Option<Cause> {
    let bad = counts.bad();
    let switched = bad + counts.confirmed;
    let ended = switched + counts.failed_pre;
    let least = u64::from(terms.min_devices);
    if bad >= u64::from(terms.bad_max) {
        return Some(Cause::BadMax { bad });
    }
    if switched >= least && is_more_than(bad, terms.bad_percent, switched) {
        return Some(Cause::Bad { bad, of: switched });
    }
    let is_too_much = ended >= least && is_more_than(counts.failed_pre, terms.failed_percent, ended);
    is_too_much.then_some(Cause::Failed { failed: counts.failed_pre, of: ended })
}

const fn is_more_than(part: u64, percent: u8, of: u64) -> bool {
    part.saturating_mul(100) > of.saturating_mul(percent as u64)
}

/// Has the open wave enough?
enum Gate {
    Open,
    Shut(String),
    /// And nothing more will come.
    Missed(Halt),
}

fn gate(tally: &Tally, terms: &WaveTerms, now: DateTime<Utc>) -> Gate {
    let counts = sum(&tally.wave);
    let in_flight = counts.in_flight();
    if in_flight > 0 {
        return Gate::Shut(format!("Devices that are about it: {in_flight}."));
    }
    if tally.waiting_online > 0 && now < tally.last_grant_at + PATIENCE {
        return Gate::Shut(format!("Devices that are there and wait for it: {}.", tally.waiting_online));
    }
    let ended = counts.confirmed + counts.failed_pre + counts.bad();
    if counts.confirmed * 100 < ended * u64::from(terms.success_percent) {
        let cause = Cause::Gate { confirmed: counts.confirmed, of: ended, percent: terms.success_percent };
        return Gate::Missed(Halt { platform: None, cause });
    }
    for of in &tally.wave {
        let devices = of.counts.total() - of.counts.skipped;
        let needed = u64::from(terms.min_successes).min(devices);
        if of.counts.confirmed < needed {
            let missing = needed - of.counts.confirmed;
            let platform = platform_label((of.os, of.arch));
            return Gate::Shut(format!("Devices that still have to have it on {platform}: {missing}."));
        }
    }
    Gate::Open
}

/// Nobody of the wave has it: there is nothing that could last.
fn is_empty(of: &[PlatformCounts]) -> bool {
    of.iter().all(|of| of.counts.confirmed == 0)
}

fn sum(of: &[PlatformCounts]) -> UpdateCounts {
    let mut counts = UpdateCounts::default();
    for of in of {
        for state in crate::update::UpdateState::ALL {
            counts.add(*state, of.counts.of(*state));
        }
    }
    counts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::update::UpdateState;
    use proptest::prelude::*;

    const LINUX: (Os, Arch) = (Os::Linux, Arch::X86_64);
    const WINDOWS: (Os, Arch) = (Os::Windows, Arch::X86_64);

    fn counts(of: &[(UpdateState, u64)]) -> UpdateCounts {
        let mut counts = UpdateCounts::default();
        for (state, devices) in of {
            counts.add(*state, *devices);
        }
        counts
    }

    fn platform((os, arch): (Os, Arch), of: &[(UpdateState, u64)]) -> PlatformCounts {
        PlatformCounts { os, arch, counts: counts(of) }
    }

    fn tally(of: Vec<PlatformCounts>) -> Tally {
        Tally {
            wave: of.clone(),
            all: of,
            bad_in_a_row: Vec::new(),
            waiting_online: 0,
            last_grant_at: DateTime::UNIX_EPOCH,
            soaks_since: None,
        }
    }

    fn terms() -> Terms {
        let wave =
            WaveTerms { is_last: false, soak: TimeDelta::hours(1), min_successes: 2, success_percent: 95 };
        Terms { halt: HaltTerms::default(), max_in_flight: 50, first_in_flight: 5, wave: Some(wave) }
    }

    fn at(minutes: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::minutes(minutes)
    }

    #[test]
    fn a_good_wave_soaks_and_the_next_one_opens() {
        use UpdateState::{Confirmed, Downloading, Waiting};
        let busy = tally(vec![platform(LINUX, &[(Confirmed, 3), (Downloading, 1)])]);
        assert_eq!(decide(&busy, &terms(), at(0)), Act::Wait);
        let few = tally(vec![platform(LINUX, &[(Confirmed, 1), (Waiting, 4)])]);
        assert_eq!(decide(&few, &terms(), at(0)), Act::Wait);
        assert_eq!(
            waiting_for(&few, &terms(), at(0)).as_deref(),
            Some("Devices that still have to have it on Linux x86_64: 1.")
        );
        let mut good = tally(vec![platform(LINUX, &[(Confirmed, 3)])]);
        assert_eq!(decide(&good, &terms(), at(0)), Act::Soak);
        good.soaks_since = Some(at(0));
        assert_eq!(decide(&good, &terms(), at(59)), Act::Wait);
        assert_eq!(decide(&good, &terms(), at(60)), Act::Next);
        let mut last = terms();
        last.wave = last.wave.map(|wave| WaveTerms { is_last: true, ..wave });
        assert_eq!(decide(&good, &last, at(60)), Act::Complete);
        good.waiting_online = 1;
        assert_eq!(decide(&good, &terms(), at(59)), Act::Unsoak, "somebody came meanwhile");
        assert_eq!(decide(&good, &terms(), at(60)), Act::Next, "and asks for nothing");
    }

    #[test]
    fn an_empty_wave_has_nothing_to_wait_for() {
        let mut empty = tally(Vec::new());
        assert_eq!(decide(&empty, &terms(), at(0)), Act::Soak);
        empty.soaks_since = Some(at(0));
        assert_eq!(decide(&empty, &terms(), at(0)), Act::Next);
    }

    /// R04: what halts, and in which words.
    #[test]
    fn r04_too_much_halts() {
        use UpdateState::{Confirmed, FailedPre, Lost, RolledBack};
        let words = |of: Vec<PlatformCounts>| match decide(&tally(of), &terms(), at(0)) {
            Act::Halt(halt) => halt.to_string(),
            act => format!("{act:?}"),
        };
        assert_eq!(
            words(vec![platform(LINUX, &[(Confirmed, 4), (RolledBack, 1)])]),
            "1 of 5 devices went wrong after the change on Linux x86_64."
        );
        assert_eq!(
            words(vec![platform(LINUX, &[(Confirmed, 3), (FailedPre, 2)])]),
            "2 of 5 devices came to nothing before the change on Linux x86_64."
        );
        assert_eq!(
            words(vec![platform(LINUX, &[(Confirmed, 2_000), (Lost, 25)])]),
            "25 devices went wrong after the change on Linux x86_64."
        );
        // A Windows-only failure is half a percent of all and stops it all the same.
        assert_eq!(
            words(vec![
                platform(LINUX, &[(Confirmed, 995)]),
                platform(WINDOWS, &[(Confirmed, 4), (Lost, 1)])
            ]),
            "1 of 5 devices went wrong after the change on Windows x86_64."
        );
        let one_of_each = [Os::Linux, Os::Macos, Os::Windows]
            .map(|os| platform((os, Arch::X86_64), &[(Confirmed, 1), (Lost, 1)]));
        assert_eq!(words(one_of_each.to_vec()), "3 of 6 devices went wrong after the change.");
        let mut row = tally(vec![platform(LINUX, &[(Confirmed, 1), (Lost, 3)])]);
        row.bad_in_a_row = vec![(Some(LINUX), 3)];
        let Act::Halt(halt) = decide(&row, &terms(), at(0)) else { panic!("it goes on") };
        assert_eq!(halt.to_string(), "3 devices in a row went wrong after the change on Linux x86_64.");
        assert_eq!(
            words(vec![platform(LINUX, &[(Confirmed, 1), (FailedPre, 1)])]),
            "Only 1 of 2 devices of the wave have it, and 95 percent have to."
        );
    }

    #[test]
    fn few_at_first_and_more_with_every_success() {
        use UpdateState::{Confirmed, Switched};
        let may = |of: Vec<PlatformCounts>, platform| may_grant(&tally(of), &terms(), platform);
        assert!(may(Vec::new(), LINUX));
        assert!(may(vec![platform(LINUX, &[(Switched, 4)])], LINUX));
        assert!(!may(vec![platform(LINUX, &[(Switched, 5)])], LINUX));
        assert!(may(vec![platform(LINUX, &[(Switched, 5)])], WINDOWS));
        assert!(may(vec![platform(LINUX, &[(Switched, 6), (Confirmed, 1)])], LINUX));
        assert!(!may(vec![platform(LINUX, &[(Switched, 50), (Confirmed, 900)])], LINUX));
    }

    fn any_counts() -> impl Strategy<Value = UpdateCounts> {
        prop::collection::vec(0_u64..40, UpdateState::ALL.len()).prop_map(|numbers| {
            let pairs: Vec<_> = UpdateState::ALL.iter().copied().zip(numbers).collect();
            counts(&pairs)
        })
    }

    fn any_tally() -> impl Strategy<Value = Tally> {
        (any_counts(), any_counts(), 0_u32..5, 0_u64..3, prop::option::of(0_i64..200)).prop_map(
            |(linux, windows, row, waiting_online, soaks)| Tally {
                bad_in_a_row: vec![(None, row)],
                waiting_online,
                soaks_since: soaks.map(at),
                ..tally(vec![
                    PlatformCounts { os: Os::Linux, arch: Arch::X86_64, counts: linux },
                    PlatformCounts { os: Os::Windows, arch: Arch::X86_64, counts: windows },
                ])
            },
        )
    }

    proptest! {
        #[test]
        fn no_wave_opens_over_harm_or_before_its_time(tally in any_tally(), minutes in 0_i64..400) {
            let (now, act) = (at(minutes), decide(&tally, &terms(), at(minutes)));
            let all = sum(&tally.all);
            if act == Act::Next {
                prop_assert_eq!(all.in_flight(), 0);
                prop_assert!(tally.bad_in_a_row[0].1 < 3);
                let ended = all.confirmed + all.bad() + all.failed_pre;
                prop_assert!(all.confirmed * 100 >= ended * 95);
                let since = tally.soaks_since.expect("it soaked");
                prop_assert!(now >= since + TimeDelta::hours(1) || all.confirmed == 0);
            }
            if act == Act::Soak {
                prop_assert!(tally.soaks_since.is_none());
            }
        }

        #[test]
        fn more_harm_never_helps(tally in any_tally(), minutes in 0_i64..400, more in 1_u64..10) {
            let mut worse = tally.clone();
            for of in worse.all.iter_mut().chain(worse.wave.iter_mut()) {
                of.counts.rolled_back += more;
            }
            if matches!(decide(&tally, &terms(), at(minutes)), Act::Halt(_)) {
                prop_assert!(matches!(decide(&worse, &terms(), at(minutes)), Act::Halt(_)));
            }
        }

        #[test]
        fn the_cap_is_the_cap(tally in any_tally()) {
            let in_flight: u64 = tally.all.iter().map(|of| of.counts.in_flight()).sum();
            prop_assert!(in_flight < 50 || !may_grant(&tally, &terms(), LINUX));
        }
    }
}
