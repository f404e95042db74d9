//! Rollouts in words and marks: where one is, where each wave and each device is, and what that means.

use crate::ui::{Status, StatusKind, format};
use entity::{
    platform::{Arch, Os},
    release::Channel,
    rollout::{HaltTerms, RolloutRow, RolloutState, UpdateCounts, WaveState, WaveView},
    update::{UpdateState, UpdateView},
};
use leptos::prelude::*;

/// What a state means for a person.
pub(super) const fn meaning(state: RolloutState) -> StatusKind {
    match state {
        RolloutState::Completed => StatusKind::Ok,
        RolloutState::AwaitingApproval | RolloutState::Paused | RolloutState::RollingBack => StatusKind::Warn,
        RolloutState::Halted => StatusKind::Bad,
        RolloutState::Scheduled | RolloutState::Running => StatusKind::Info,
        RolloutState::Draft
        | RolloutState::RolledBack
        | RolloutState::Cancelled
        | RolloutState::Superseded => StatusKind::Off,
    }
}

/// Where a rollout is.
#[component]
pub(crate) fn RolloutMark(state: RolloutState) -> impl IntoView {
    view! { <Status kind=meaning(state) word=state.label()/> }
}

/// What the state of a device's update means for a person.
pub(super) const fn update_meaning(state: UpdateState) -> StatusKind {
    match state {
        UpdateState::Confirmed => StatusKind::Ok,
        UpdateState::RolledBack | UpdateState::Lost => StatusKind::Bad,
        UpdateState::FailedPre => StatusKind::Warn,
        UpdateState::Offered
        | UpdateState::Accepted
        | UpdateState::Downloading
        | UpdateState::Staged
        | UpdateState::Switched => StatusKind::Info,
        UpdateState::Waiting | UpdateState::Expired | UpdateState::Skipped => StatusKind::Off,
    }
}

/// Where the update of a device is.
#[component]
pub(crate) fn UpdateMark(state: UpdateState) -> impl IntoView {
    view! { <Status kind=update_meaning(state) word=state.label()/> }
}

/// Where a wave is.
#[component]
pub(super) fn WaveMark(state: WaveState) -> impl IntoView {
    let kind = match state {
        WaveState::Waiting => StatusKind::Off,
        WaveState::Open | WaveState::Soaking => StatusKind::Info,
        WaveState::Passed => StatusKind::Ok,
    };
    view! { <Status kind word=state.label()/> }
}

/// A platform: `Linux, x86_64`.
pub(super) fn platform(os: Os, arch: Arch) -> String {
    format!("{}, {}", os.label(), arch.word())
}

/// How many devices.
pub(super) fn devices(count: u64) -> String {
    let noun = if count == 1 { "device" } else { "devices" };
    format!("{} {noun}", format::count(count))
}

/// For the bar: how many devices mean what.
pub(super) fn parts(counts: &UpdateCounts) -> Vec<(StatusKind, u64)> {
    UpdateState::ALL.iter().map(|state| (update_meaning(*state), counts.of(*state))).collect()
}

/// A fraction before anything else, and what went wrong.
pub(super) fn told(counts: &UpdateCounts) -> String {
    let number = |value: u64| format::count(value).number;
    let total = counts.total();
    if total == 0 {
        return "No device has its turn yet.".to_owned();
    }
    let have = if counts.confirmed == 1 { "has" } else { "have" };
    let noun = if total == 1 { "device" } else { "devices" };
    let mut text = format!("{} of {} {noun} {have} it", number(counts.confirmed), number(total));
    let further = [
        (counts.bad(), "went wrong"),
        (counts.failed_pre, "failed before the change"),
        (counts.in_flight(), "about it"),
    ];
    for (count, words) in further.into_iter().filter(|(count, _)| *count > 0) {
        text.push_str(&format!(", {} {words}", number(count)));
    }
    text + "."
}

/// Which devices a wave takes.
pub(super) fn reach(percent: Option<u8>, named: u64) -> String {
    match percent {
        Some(100) => "All devices".to_owned(),
        Some(percent) => format!("{percent}\u{202f}% of all devices"),
        None => format!("{} by name", devices(named)),
    }
}

/// What a wave has to show before the next one opens.
pub(super) fn gate(min_successes: u32, success_percent: u8, soak_seconds: u32) -> String {
    let soak = match soak_seconds {
        0 => "no soak".to_owned(),
        seconds => format!("{} of soak", format::duration(u64::from(seconds))),
    };
    format!("{min_successes} of each platform, {success_percent}\u{202f}% success, {soak}")
}

/// The same of a wave that is there.
pub(super) fn gate_of(wave: &WaveView) -> String {
    gate(wave.min_successes, wave.success_percent, wave.soak_seconds)
}

/// When it stops by itself, in sentences.
pub(super) fn halts(terms: HaltTerms) -> Vec<String> {
    vec![
        format!("{} in a row went wrong after the change.", devices(u64::from(terms.bad_in_a_row))),
        format!(
            "More than {}\u{202f}% went wrong after the change, of at least {}.",
            terms.bad_percent,
            devices(u64::from(terms.min_devices))
        ),
        format!("{} went wrong after the change in all.", devices(u64::from(terms.bad_max))),
        format!(
            "More than {}\u{202f}% failed before the change, of at least {}.",
            terms.failed_percent,
            devices(u64::from(terms.min_devices))
        ),
    ]
}

/// Which devices a channel reaches.
pub(super) const fn channel_words(channel: Channel) -> &'static str {
    match channel {
        Channel::Stable => "Devices that follow stable",
        Channel::Beta => "Devices that follow beta",
    }
}

/// What is going on, in a sentence.
pub(super) fn outlook(rollout: &RolloutRow, waiting_for: Option<&str>) -> String {
    let reason = rollout.reason.as_deref().unwrap_or_default();
    let because =
        |sentence: &str| if reason.is_empty() { sentence.to_owned() } else { format!("{reason} {sentence}") };
    match rollout.state {
        RolloutState::Draft => "It is a draft: no device knows of it until it is handed in.".to_owned(),
        RolloutState::AwaitingApproval => {
            format!("It waits for somebody else than {} to say yes.", rollout.created_by)
        }
        RolloutState::Scheduled => match waiting_for {
            Some(words) => format!("It waits for its start. {words}"),
            None => "It waits for its start.".to_owned(),
        },
        RolloutState::Running => {
            let wave = format!("Wave {} of {} is open.", rollout.wave.max(1), rollout.waves);
            match waiting_for {
                Some(words) => format!("{wave} {words}"),
                None => wave,
            }
        }
        RolloutState::Paused => because(
            "No further device gets it until it goes on; those that have changed over finish their trial.",
        ),
        RolloutState::Halted => because(
            "No further device gets it. It goes on when somebody else than who started it says why that is safe.",
        ),
        RolloutState::RollingBack => because("Another rollout is undoing it."),
        RolloutState::RolledBack => because("Another rollout has undone it."),
        RolloutState::Completed => match waiting_for {
            Some(words) => format!("Every wave has proved itself. {words}"),
            None => {
                "Every wave has proved itself. Devices that were away get it when they come back.".to_owned()
            }
        },
        RolloutState::Cancelled => because("It was taken back; devices that have it keep it."),
        RolloutState::Superseded => because("A newer rollout took its place."),
    }
}

/// Why an update came to what it is, in words; nothing when there is nothing to say.
pub(crate) fn why(update: &UpdateView) -> Option<String> {
    let reason = update.reason.map(|reason| format!("{}.", reason.label()));
    let parts: Vec<String> =
        reason.into_iter().chain(Some(update.detail.clone()).filter(|detail| !detail.is_empty())).collect();
    (!parts.is_empty()).then(|| parts.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fraction_comes_before_what_went_wrong() {
        let counts = UpdateCounts {
            confirmed: 7,
            rolled_back: 1,
            lost: 1,
            switched: 2,
            waiting: 4,
            ..UpdateCounts::default()
        };
        assert_eq!(told(&counts), "7 of 15 devices have it, 2 went wrong, 2 about it.");
        assert_eq!(told(&UpdateCounts { confirmed: 1, ..UpdateCounts::default() }), "1 of 1 device has it.");
        assert_eq!(told(&UpdateCounts::default()), "No device has its turn yet.");
    }

    #[test]
    fn gates_and_terms_read_as_people_say_them() {
        assert_eq!(gate(2, 95, 3_600), "2 of each platform, 95\u{202f}% success, 1\u{a0}h of soak");
        assert_eq!(reach(Some(100), 0), "All devices");
        assert_eq!(reach(None, 1), "1 device by name");
        assert_eq!(halts(HaltTerms::default())[0], "3 devices in a row went wrong after the change.");
    }
}
