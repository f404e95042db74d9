//! Status: shape, word and colour together; none of them alone.

use entity::{device::DeviceState, presence::Presence, system_service::ServiceStatus};
use leptos::prelude::*;

/// What a status means for a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StatusKind {
    /// As it should be.
    Ok,
    /// Worth a look.
    Warn,
    /// Something is the matter.
    Bad,
    /// Good to know.
    Info,
    /// Not in use, or not known.
    Off,
}

impl StatusKind {
    /// Every kind, for the gallery.
    pub const ALL: &'static [Self] = &[Self::Ok, Self::Warn, Self::Bad, Self::Info, Self::Off];

    /// The class that colours it.
    #[must_use]
    pub const fn class(self) -> &'static str {
        match self {
            Self::Ok => "status-ok",
            Self::Warn => "status-warn",
            Self::Bad => "status-bad",
            Self::Info => "status-info",
            Self::Off => "status-off",
        }
    }

    /// The word for those who see neither shape nor colour.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Ok => "Good",
            Self::Warn => "Warning",
            Self::Bad => "Problem",
            Self::Info => "Note",
            Self::Off => "Off",
        }
    }

    /// Its shape: a disc, a triangle, a diamond, a ring with a dot, an empty ring.
    pub fn shape(self) -> impl IntoView {
        let d = match self {
            Self::Ok => "M5 1a4 4 0 1 0 0 8 4 4 0 0 0 0-8z",
            Self::Warn => "M5 .8 9.6 9H.4z",
            Self::Bad => "M5 .2 9.8 5 5 9.8.2 5z",
            Self::Info => {
                "M5 1a4 4 0 1 0 0 8 4 4 0 0 0 0-8zm0 1.4a2.6 2.6 0 1 1 0 5.2 2.6 2.6 0 0 1 0-5.2zm0 1.3a1.3 1.3 0 1 0 0 2.6 1.3 1.3 0 0 0 0-2.6z"
            }
            Self::Off => "M5 1a4 4 0 1 0 0 8 4 4 0 0 0 0-8zm0 1.4a2.6 2.6 0 1 1 0 5.2 2.6 2.6 0 0 1 0-5.2z",
        };
        view! {
            <svg class="status-shape" viewBox="0 0 10 10" width="10" height="10" aria-hidden="true" focusable="false">
                <path fill-rule="evenodd" d=d/>
            </svg>
        }
    }
}

/// A status with its word.
#[component]
pub fn Status(
    /// What it means.
    kind: StatusKind,
    /// What it is called here.
    #[prop(into)]
    word: String,
    /// Shown when the pointer rests on it.
    #[prop(optional, into)]
    title: Option<String>,
) -> impl IntoView {
    view! {
        <span class=format!("status {}", kind.class()) title=title>
            {kind.shape()} <span class="status-word">{word}</span>
        </span>
    }
}

/// Whether a device can be reached.
#[component]
pub fn PresenceStatus(
    /// Its presence.
    presence: Presence,
    /// Whether it may talk to the server at all.
    #[prop(default = DeviceState::Active)]
    state: DeviceState,
) -> impl IntoView {
    let (kind, word) = match (state, presence) {
        (DeviceState::Revoked, _) => (StatusKind::Off, "Revoked"),
        (DeviceState::Active, Presence::Online) => (StatusKind::Ok, presence.label()),
        (DeviceState::Active, Presence::Offline) => (StatusKind::Bad, presence.label()),
        (DeviceState::Active, Presence::Unknown) => (StatusKind::Off, presence.label()),
    };
    view! { <Status kind word/> }
}

/// What a system service is doing.
#[component]
pub fn ServiceStatusMark(
    /// Its status.
    status: ServiceStatus,
) -> impl IntoView {
    let kind = match status {
        ServiceStatus::Running => StatusKind::Ok,
        ServiceStatus::Stopped => StatusKind::Off,
        ServiceStatus::Starting | ServiceStatus::Stopping => StatusKind::Info,
        ServiceStatus::Failed => StatusKind::Bad,
    };
    view! { <Status kind word=status.label()/> }
}
