//! Icon: small drawings beside words, never instead of them. Lines of one and a half pixels on a grid of sixteen.

use leptos::prelude::*;

/// Every drawing there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IconName {
    /// Something needs a person.
    Alert,
    /// Somebody decides.
    Approval,
    /// Something grows.
    ArrowUp,
    /// Something shrinks.
    ArrowDown,
    /// A business.
    Business,
    /// It is done.
    Check,
    /// More lies behind this.
    Chevron,
    /// Goes away.
    Close,
    /// Something is asked of a device.
    Command,
    /// Take along.
    Copy,
    /// A device.
    Device,
    /// Something went wrong.
    Fault,
    /// A registration token.
    Key,
    /// What was written down.
    Ledger,
    /// A service location.
    Location,
    /// Lines that were written.
    Log,
    /// The dark theme.
    Moon,
    /// The first page.
    Overview,
    /// A release.
    Package,
    /// Something new.
    Plus,
    /// Search.
    Search,
    /// What concerns the whole portal.
    Settings,
    /// Leave.
    SignOut,
    /// Nothing strong is done.
    Stop,
    /// The light theme.
    Sun,
    /// As the system has it.
    System,
    /// A person.
    User,
    /// Several people.
    Users,
    /// Something spreads.
    Wave,
}

impl IconName {
    /// Every drawing, for the gallery.
    pub const ALL: &'static [Self] = &[
        Self::Alert,
        Self::Approval,
        Self::ArrowUp,
        Self::ArrowDown,
        Self::Business,
        Self::Check,
        Self::Chevron,
        Self::Close,
        Self::Command,
        Self::Copy,
        Self::Device,
        Self::Fault,
        Self::Key,
        Self::Ledger,
        Self::Location,
        Self::Log,
        Self::Moon,
        Self::Overview,
        Self::Package,
        Self::Plus,
        Self::Search,
        Self::Settings,
        Self::SignOut,
        Self::Stop,
        Self::Sun,
        Self::System,
        Self::User,
        Self::Users,
        Self::Wave,
    ];

    const fn path(self) -> &'static str {
        match self {
            Self::Alert => "M4.5 11V7a3.5 3.5 0 0 1 7 0v4M3 11h10M7 13.5h2M8 3.5v-1",
            Self::Approval => "M2.5 3h11v7.5h-6l-3 3v-3h-2zM5.5 6.8l1.8 1.8 3.4-3.4",
            Self::ArrowUp => "M8 12.5v-9M4.5 7 8 3.5 11.5 7",
            Self::ArrowDown => "M8 3.5v9M4.5 9 8 12.5 11.5 9",
            Self::Business => {
                "M3 13.5v-11h6.5v11M9.5 6H13v7.5M1.5 13.5h13M5.5 5.5h1.5M5.5 8h1.5M5.5 10.5h1.5"
            }
            Self::Check => "m3 8.5 3.5 3.5L13 4.5",
            Self::Chevron => "m4.5 6.5 3.5 3.5 3.5-3.5",
            Self::Close => "m4 4 8 8M12 4l-8 8",
            Self::Command => "M2 3h12v10H2zM4.5 6l2 2-2 2M8 10.5h3.5",
            Self::Copy => "M5.5 5.5h7v8h-7zM10.5 5.5v-3h-7v8h2",
            Self::Device => "M2 3.5h12v7.5H2zM6 13.5h4M8 11v2.5",
            Self::Fault => "M8 2.5 14 13.5H2zM8 6.5v3.5M8 11.5v.5",
            Self::Key => "M5.5 13a2.5 2.5 0 1 1 0-5 2.5 2.5 0 0 1 0 5zM7.5 8.5l5.5-5.5M11 5l2 2",
            Self::Ledger => "M3.5 2.5h9v11h-9zM6 2.5v11M8 5.5h2.5M8 8h2.5",
            Self::Location => {
                "M8 14c3-3.4 4.5-5.7 4.5-7.6a4.5 4.5 0 0 0-9 0C3.5 8.3 5 10.6 8 14zM8 8a1.5 1.5 0 1 0 0-3 1.5 1.5 0 0 0 0 3z"
            }
            Self::Log => "M2.5 4h11M2.5 7h8M2.5 10h11M2.5 13h6",
            Self::Moon => "M13 9.5A5.5 5.5 0 0 1 6.5 3 5.5 5.5 0 1 0 13 9.5z",
            Self::Overview => "M2.5 13.5v-4M6.5 13.5v-8M10.5 13.5v-5.5M14 13.5v-11",
            Self::Package => "M2.5 5 8 2.5 13.5 5v6L8 13.5 2.5 11zM2.5 5 8 7.5 13.5 5M8 7.5v6",
            Self::Plus => "M8 3v10M3 8h10",
            Self::Search => "M7 11.5a4.5 4.5 0 1 0 0-9 4.5 4.5 0 0 0 0 9zM10.5 10.5 14 14",
            Self::Settings => "M2 4.5h7M12 4.5h2M2 11.5h2M7 11.5h7M10.5 3v3M5.5 10v3",
            Self::SignOut => "M6.5 2.5h-4v11h4M6 8h8M11 5l3 3-3 3",
            Self::Stop => "M5.3 2h5.4L14 5.3v5.4L10.7 14H5.3L2 10.7V5.3zM5 8h6",
            Self::Sun => {
                "M8 10.5a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5zM8 1.5v1.5M8 13v1.5M1.5 8H3M13 8h1.5M3.4 3.4l1.1 1.1M11.5 11.5l1.1 1.1M3.4 12.6l1.1-1.1M11.5 4.5l1.1-1.1"
            }
            Self::System => "M8 2.5a5.5 5.5 0 1 0 0 11zM8 2.5a5.5 5.5 0 0 1 0 11",
            Self::User => {
                "M8 8a2.75 2.75 0 1 0 0-5.5A2.75 2.75 0 0 0 8 8zM2.5 14c.4-2.8 2.5-4.2 5.5-4.2s5.1 1.4 5.5 4.2"
            }
            Self::Users => {
                "M6 8a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5zM1.5 13.5c.3-2.6 2-3.8 4.5-3.8s4.2 1.2 4.5 3.8M10.5 3.2a2.5 2.5 0 0 1 0 4.6M12 10c1.5.5 2.3 1.7 2.5 3.5"
            }
            Self::Wave => "M3 8h.5M6 5.5a4 4 0 0 1 0 5M9 3.8a7 7 0 0 1 0 8.4M12 2.2a10 10 0 0 1 0 11.6",
        }
    }

    /// The drawing.
    pub fn view(self) -> impl IntoView {
        view! {
            <svg class="icon" viewBox="0 0 16 16" width="16" height="16" aria-hidden="true" focusable="false">
                <path d=self.path()/>
            </svg>
        }
    }
}

/// One drawing, hidden from those who listen: the words beside it say the same.
#[component]
pub fn Icon(
    /// Which.
    icon: IconName,
) -> impl IntoView {
    icon.view()
}
