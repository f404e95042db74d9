//! A suggestion: a command that the server proposes because an alert opened. It waits for a person, unless a policy says
//! that its kind may be asked for by itself.

use crate::{
    command::{CommandKind, LockState, Payload, Strength},
    id::{AlertId, BusinessId, CommandRequestId, DeviceId, SuggestionId},
    platform::words,
    problem::Problem,
};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// Longest note of a person, in characters.
pub const NOTE_MAX: usize = 1_000;
/// Seconds within which the server asks at most once by itself for the same cause on the same device: an hour. What does
/// not help is not done again and again.
pub const AUTOMATIC_SECONDS: i64 = 60 * 60;

/// What alerts propose; a policy may let the server ask for these by itself and for nothing else.
pub const PROPOSED: [CommandKind; 2] = [CommandKind::SetRateLimit, CommandKind::RestartService];

words! {
    /// Where a suggestion is in its life.
    SuggestionState {
        /// It waits for a person.
        Open = "open",
        /// Somebody asked for it.
        Taken = "taken",
        /// Somebody does not want it.
        Dismissed = "dismissed",
        /// What it was for is over.
        Outdated = "outdated",
        /// The server asked for it by itself, because a policy says that it may.
        AskedByItself = "asked_by_itself",
    }
}

words! {
    /// What moves a suggestion.
    SuggestionEvent {
        /// Somebody asks for it.
        Take = "take",
        /// Somebody does not want it.
        Dismiss = "dismiss",
        /// Its alert is over.
        Outdate = "outdate",
        /// A policy lets the server ask.
        AskByItself = "ask_by_itself",
    }
}

impl SuggestionState {
    /// The state that follows, or `None` when the event is refused in this state.
    #[must_use]
    pub const fn on(self, event: SuggestionEvent) -> Option<Self> {
        match (self, event) {
            (Self::Open, SuggestionEvent::Take) => Some(Self::Taken),
            (Self::Open, SuggestionEvent::Dismiss) => Some(Self::Dismissed),
            (Self::Open, SuggestionEvent::Outdate) => Some(Self::Outdated),
            (Self::Open, SuggestionEvent::AskByItself) => Some(Self::AskedByItself),
            _ => None,
        }
    }

    /// The words people read.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Open => "Waits for a person",
            Self::Taken => "Taken",
            Self::Dismissed => "Dismissed",
            Self::Outdated => "Not needed any more",
            Self::AskedByItself => "Asked by itself",
        }
    }
}

words! {
    /// Why the server does not ask by itself, though a policy names the kind.
    HeldBack {
        /// The device's own lock is closed, or closed for this.
        DeviceLock = "device_lock",
        /// It asked for the same less than an hour ago.
        JustAsked = "just_asked",
    }
}

impl HeldBack {
    /// A sentence for people.
    #[must_use]
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::DeviceLock => "The policy lets the server ask by itself, but the device's lock is closed.",
            Self::JustAsked => {
                "The server has asked by itself within the hour, so it leaves this one to people."
            }
        }
    }
}

/// What decides whether the server asks by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Automatic {
    /// The policy of the business names this kind.
    pub is_named: bool,
    /// The device's own lock is open for it, as far as it has told.
    pub device_allows: bool,
    /// When the server last asked by itself for this cause on this device.
    pub last_asked_at: Option<DateTime<Utc>>,
}

impl Automatic {
    /// May the server ask by itself? `None`: no policy says so. What is strong still needs its people, and every device
    /// asks its own lock again.
    #[must_use]
    pub fn verdict(self, now: DateTime<Utc>) -> Option<Result<(), HeldBack>> {
        if !self.is_named {
            return None;
        }
        let again = |at: DateTime<Utc>| now < at + chrono::TimeDelta::seconds(AUTOMATIC_SECONDS);
        Some(if !self.device_allows {
            Err(HeldBack::DeviceLock)
        } else if self.last_asked_at.is_some_and(again) {
            Err(HeldBack::JustAsked)
        } else {
            Ok(())
        })
    }
}

/// A suggestion as shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SuggestionView {
    /// Names it.
    pub id: SuggestionId,
    /// Whose device.
    pub business_id: BusinessId,
    /// The name of whose device.
    pub business_name: String,
    /// Which device.
    pub device_id: DeviceId,
    /// What people call it.
    pub device_name: String,
    /// The alert that it came of.
    pub alert_id: AlertId,
    /// Why it is proposed, in a sentence.
    pub why: String,
    /// What is proposed.
    pub kind: CommandKind,
    /// How strong that is.
    pub strength: Strength,
    /// Exactly what would run.
    pub payload: Payload,
    /// A sentence that says what would happen.
    pub sentence: String,
    /// Where it is in its life.
    pub state: SuggestionState,
    /// Both locks as they are now; absent once it is not open any more.
    pub lock: Option<LockState>,
    /// Why the server did not ask by itself, where a policy let it.
    pub held_back: Option<HeldBack>,
    /// The request that was made of it.
    pub request_id: Option<CommandRequestId>,
    /// Who decided, by name.
    pub decided_by: Option<String>,
    /// When it was decided, or was needed no more.
    pub decided_at: Option<DateTime<Utc>>,
    /// What they wrote.
    pub note: Option<String>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
}

/// What is asked to dismiss a suggestion.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct DismissInput {
    /// Why; may be empty.
    #[cfg_attr(feature = "schema", schemars(with = "crate::schema::Notes"))]
    #[serde(default)]
    pub note: String,
}

impl DismissInput {
    /// The note, if there is one.
    ///
    /// # Errors
    /// Names the field.
    pub fn checked(self) -> Result<Option<String>, Problem> {
        let note = self.note.trim();
        if note.chars().count() > NOTE_MAX {
            return Err(Problem::invalid("note", format!("At most {NOTE_MAX} characters.")));
        }
        if note.chars().any(|character| character.is_control() && !matches!(character, '\n' | '\r' | '\t')) {
            return Err(Problem::invalid("note", "Control characters are not accepted."));
        }
        Ok((!note.is_empty()).then(|| note.to_owned()))
    }
}

/// What is asked of the suggestions, newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct SuggestionQuery {
    /// Only of this business.
    #[serde(default)]
    pub business_id: Option<BusinessId>,
    /// Only for this device.
    #[serde(default)]
    pub device_id: Option<DeviceId>,
    /// Only of this alert.
    #[serde(default)]
    pub alert_id: Option<AlertId>,
    /// Only in this state.
    #[serde(default)]
    pub state: Option<SuggestionState>,
    /// From [`crate::page::Page::next_cursor`].
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(with = "Option<crate::schema::Cursor>"))]
    pub cursor: Option<String>,
    /// Rows; [`crate::page::PAGE_SIZE`] when absent.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(with = "Option<crate::schema::PageLimit>"))]
    pub limit: Option<u32>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::TimeDelta;

    #[test]
    fn only_what_is_open_moves_and_each_event_leads_to_its_own_state() {
        let next = |event| SuggestionState::Open.on(event);
        assert_eq!(next(SuggestionEvent::Take), Some(SuggestionState::Taken));
        assert_eq!(next(SuggestionEvent::Dismiss), Some(SuggestionState::Dismissed));
        assert_eq!(next(SuggestionEvent::Outdate), Some(SuggestionState::Outdated));
        assert_eq!(next(SuggestionEvent::AskByItself), Some(SuggestionState::AskedByItself));
        for state in SuggestionState::ALL.iter().filter(|state| **state != SuggestionState::Open) {
            assert!(SuggestionEvent::ALL.iter().all(|event| state.on(*event).is_none()), "{state:?}");
        }
    }

    #[test]
    fn the_server_asks_by_itself_where_a_policy_and_the_device_let_it_and_once_an_hour() {
        let now = DateTime::UNIX_EPOCH + TimeDelta::days(1);
        let may = Automatic { is_named: true, device_allows: true, last_asked_at: None };
        assert_eq!(may.verdict(now), Some(Ok(())));
        assert_eq!(Automatic { is_named: false, ..may }.verdict(now), None);
        assert_eq!(Automatic { device_allows: false, ..may }.verdict(now), Some(Err(HeldBack::DeviceLock)));
        let asked = |seconds| Automatic { last_asked_at: Some(now - TimeDelta::seconds(seconds)), ..may };
        assert_eq!(asked(AUTOMATIC_SECONDS - 1).verdict(now), Some(Err(HeldBack::JustAsked)));
        assert_eq!(asked(AUTOMATIC_SECONDS).verdict(now), Some(Ok(())));
    }

    #[test]
    fn a_note_is_bounded_and_may_be_missing() {
        let note = |note: &str| DismissInput { note: note.to_owned() }.checked();
        assert_eq!(note("  "), Ok(None));
        assert_eq!(note(" It is known.\n "), Ok(Some("It is known.".to_owned())));
        assert_eq!(note(&"x".repeat(NOTE_MAX + 1)).expect_err("long").field.as_deref(), Some("note"));
        assert_eq!(note("a\u{1b}[2J").expect_err("control").field.as_deref(), Some("note"));
    }
}
