//! Settings: where what concerns the whole portal is found.

use crate::{
    layout::{PageHead, use_me},
    ui::{EmptyState, Panel},
};
use entity::{policy::Action, user::Me};
use leptos::prelude::*;

/// A page of settings.
struct Setting {
    label: &'static str,
    href: &'static str,
    about: &'static str,
}

/// The settings that this person can open.
fn settings(me: &Me) -> Vec<Setting> {
    let mut settings = Vec::new();
    if me.role.is_msp() && (me.may(Action::ManageRole) || me.may(Action::ViewUser)) {
        settings.push(Setting {
            label: "Roles",
            href: "/roles",
            about: "What each role allows, and roles of your own making.",
        });
    }
    if me.role.is_msp() && me.may(Action::ManageMonitoring) {
        settings.push(Setting {
            label: "Logs and alerts",
            href: "/monitoring",
            about: "Which logs agents follow, and when a burst of errors opens an alert.",
        });
        settings.push(Setting {
            label: "Monitored services",
            href: "/monitored-services",
            about: "Which system services agents look after, for all businesses, for one, or on one device.",
        });
    }
    if me.may(Action::ManageCommandPolicy) {
        settings.push(Setting {
            label: "Approval policies",
            href: "/approval-policies",
            about: "How many people have to approve which commands, for all businesses or for one.",
        });
    }
    if me.may(Action::ManageSignIn) {
        settings.push(Setting {
            label: "Sign-in",
            href: "/sign-in-settings",
            about: "Who has to use a second factor, and sign-in through other providers.",
        });
    }
    if me.may(Action::ManageApiKey) {
        settings.push(Setting {
            label: "Service accounts and API keys",
            href: "/service-accounts",
            about: "Programs that act without a person, and the keys they use.",
        });
    }
    settings
}

/// Is there anything to set for this person?
#[must_use]
pub fn has_settings(me: &Me) -> bool {
    !settings(me).is_empty()
}

/// The list of settings.
#[component]
pub fn SettingsPage() -> impl IntoView {
    let settings = settings(&use_me());
    if settings.is_empty() {
        return view! {
            <PageHead title="Settings"/>
            <EmptyState title="Nothing to set">"Your own settings are on your account page."</EmptyState>
        }
        .into_any();
    }
    let rows = settings.into_iter().map(|setting| {
        view! {
            <li>
                <a class="row-link" href=setting.href>{setting.label}</a>
                <p class="quiet">{setting.about}</p>
            </li>
        }
    });
    view! {
        <PageHead title="Settings"/>
        <Panel title="For everybody">
            <ul class="setting-list">{rows.collect_view()}</ul>
        </Panel>
    }
    .into_any()
}
