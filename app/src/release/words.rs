//! Releases in words and marks: where one is, which channel, for what, and digests that people compare.

use crate::ui::{Badge, Status, StatusKind, clock::use_now};
use chrono::{DateTime, TimeDelta, Utc};
use entity::{
    agent_release::{ReleasePlatform, ReleaseState, ReleaseView},
    platform::{Arch, Os},
    release::{Channel, Libc, Role, Sha256Hex},
};
use leptos::prelude::*;

/// This long before something stops being good people are told: time enough to sign again.
const NEAR: TimeDelta = TimeDelta::days(14);

/// A platform: `Linux, x86_64, glibc`.
pub(super) fn platform_words(os: Os, arch: Arch, libc: Option<Libc>) -> String {
    let libc = libc.map(|libc| format!(", {}", libc.label())).unwrap_or_default();
    format!("{}, {}{libc}", os.label(), arch.word())
}

/// Platforms of a release: `Linux x86_64, Windows x86_64`.
pub(super) fn platforms_words(platforms: &[ReleasePlatform]) -> String {
    let one = |one: &ReleasePlatform| format!("{} {}", one.os.label(), one.arch.word());
    platforms.iter().map(one).collect::<Vec<_>>().join(", ")
}

/// What a role signs, for people.
pub(super) const fn role_label(role: Role) -> &'static str {
    match role {
        Role::Root => "Root",
        Role::Release => "Releases",
        Role::Freshness => "Freshness",
    }
}

/// Where a release is, and what else keeps it from being rolled out.
#[component]
pub(crate) fn ReleaseMark(release: ReleaseView) -> impl IntoView {
    let (kind, word, title) = mark(&release);
    view! { <Status kind word title/> }
}

fn mark(release: &ReleaseView) -> (StatusKind, &'static str, &'static str) {
    match release.state {
        ReleaseState::Withdrawn => {
            (StatusKind::Off, ReleaseState::Withdrawn.label(), "It is offered to nobody any more")
        }
        _ if release.is_untrusted => {
            (StatusKind::Bad, "Not trusted", "The root that is in force does not vouch for its signature")
        }
        _ if release.is_expired => {
            (StatusKind::Bad, "Out of date", "No device takes it until it is signed again")
        }
        ReleaseState::Incomplete => {
            (StatusKind::Warn, ReleaseState::Incomplete.label(), "Some of its files are missing")
        }
        ReleaseState::Available => (StatusKind::Ok, ReleaseState::Available.label(), "It may be rolled out"),
    }
}

/// For whom a release is.
#[component]
pub(crate) fn ChannelBadge(channel: Channel) -> impl IntoView {
    let title = match channel {
        Channel::Stable => "For everybody",
        Channel::Beta => "For devices that follow beta",
    };
    view! { <Badge title>{channel.label()}</Badge> }
}

/// A digest in groups of four, as people read it to each other.
#[component]
pub(super) fn Fingerprint(
    /// The digest.
    digest: Sha256Hex,
) -> impl IntoView {
    let groups = grouped(digest.as_str());
    view! { <span class="fingerprint mono">{groups}</span> }
}

/// Groups of four digits.
pub(super) fn grouped(hex: &str) -> String {
    let digits: Vec<char> = hex.chars().collect();
    digits.chunks(4).map(|group| group.iter().collect::<String>()).collect::<Vec<_>>().join(" ")
}

/// How near the end of something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// Far enough.
    Far,
    /// Within two weeks.
    Near,
    /// Past.
    Past,
}

fn end(expires: DateTime<Utc>, now: DateTime<Utc>) -> End {
    match expires - now {
        left if left <= TimeDelta::zero() => End::Past,
        left if left <= NEAR => End::Near,
        _ => End::Far,
    }
}

/// How near it is now, ticking.
pub(super) fn use_end(expires: DateTime<Utc>) -> Memo<End> {
    let now = use_now();
    Memo::new(move |_| end(expires, now.get()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_stand_in_groups_of_four() {
        assert_eq!(grouped("0123456789"), "0123 4567 89");
        assert_eq!(grouped(&"a".repeat(64)).split(' ').count(), 16);
    }

    #[test]
    fn people_are_told_in_time() {
        let now = DateTime::UNIX_EPOCH;
        for (days, expected) in
            [(-1, End::Past), (0, End::Past), (1, End::Near), (14, End::Near), (15, End::Far)]
        {
            assert_eq!(end(now + TimeDelta::days(days), now), expected, "{days} days");
        }
    }

    #[test]
    fn platforms_read_as_people_say_them() {
        assert_eq!(platform_words(Os::Linux, Arch::X86_64, Some(Libc::Gnu)), "Linux, x86_64, glibc");
        assert_eq!(platform_words(Os::Windows, Arch::Aarch64, None), "Windows, aarch64");
    }
}
