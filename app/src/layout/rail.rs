//! The rail: the mark, the places, and whose data is in view. On a phone the places are a bar at the bottom.

use crate::{
    approval::WaitingCount,
    ui::{Icon, IconName, Logo},
};
use entity::{
    policy::Action,
    user::{Me, Role},
};
use leptos::prelude::*;
use leptos_router::hooks::use_location;

/// A place that the rail leads to.
#[derive(Clone, Debug)]
pub(super) struct Place {
    /// What it is called.
    pub label: &'static str,
    /// Where it is.
    pub href: String,
    /// The letter after `g`.
    pub key: char,
    /// Its drawing.
    pub icon: IconName,
    /// True for what stands in the person's menu where the rail is a bar with little room.
    pub is_aside: bool,
}

/// Where those decide who may.
const APPROVALS: &str = "/approvals";

/// The places that this person has.
pub(super) fn places(me: &Me) -> Vec<Place> {
    let place =
        |label, href: &str, key, icon| Place { label, href: href.to_owned(), key, icon, is_aside: false };
    let mut places = vec![
        place("Overview", "/", 'o', IconName::Overview),
        place("Devices", "/devices", 'd', IconName::Device),
        place("Alerts", "/alerts", 'i', IconName::Alert),
    ];
    places.push(Place { is_aside: true, ..place("Commands", "/commands", 'c', IconName::Command) });
    // A bar on a phone has room for five.
    let decides = me.may(Action::Approve);
    if decides {
        places.push(place("Approvals", APPROVALS, 'p', IconName::Approval));
    }
    match me.business_id {
        Some(id) => places.push(Place {
            is_aside: decides,
            ..place("Locations", &format!("/businesses/{id}"), 'b', IconName::Location)
        }),
        None => places
            .push(Place { is_aside: decides, ..place("Businesses", "/businesses", 'b', IconName::Business) }),
    }
    places.push(Place { is_aside: true, ..place("Logs", "/logs", 'g', IconName::Log) });
    places.push(Place { is_aside: true, ..place("Errors", "/errors", 'e', IconName::Fault) });
    if me.role.is_msp() {
        places.push(Place { is_aside: true, ..place("Releases", "/releases", 'r', IconName::Package) });
        places.push(Place { is_aside: true, ..place("Rollouts", "/rollouts", 'w', IconName::Wave) });
    }
    if me.may(Action::StopCommands) {
        places.push(Place {
            is_aside: true,
            ..place("Emergency stop", "/emergency-stop", 'x', IconName::Stop)
        });
    }
    if me.may(Action::ViewUser) {
        places.push(Place { is_aside: true, ..place("Users", "/users", 'u', IconName::Users) });
    }
    if me.may(Action::ViewAudit) {
        places.push(Place { is_aside: true, ..place("Audit", "/audit", 'l', IconName::Ledger) });
    }
    if crate::settings::has_settings(me) {
        places.push(Place { is_aside: true, ..place("Settings", "/settings", 's', IconName::Settings) });
    }
    places.push(place("Account", "/account", 'a', IconName::User));
    places
}

/// True when the page belongs to the place.
fn is_within(path: &str, href: &str) -> bool {
    let rest = path.strip_prefix(href);
    path == href || (href != "/" && rest.is_some_and(|rest| rest.starts_with('/')))
}

/// The rail.
#[component]
pub(super) fn Rail(me: Me) -> impl IntoView {
    let path = use_location().pathname;
    let links = places(&me).into_iter().map(move |place| {
        let href = place.href.clone();
        let is_current = move || path.with(|path| is_within(path, &href));
        view! {
            <li class:rail-aside=place.is_aside>
                <a class="rail-link" href=place.href.clone() aria-current=move || is_current().then_some("page")>
                    <Icon icon=place.icon/>
                    <span>{place.label}</span>
                    {(place.href == APPROVALS).then(|| view! { <WaitingCount/> })}
                </a>
            </li>
        }
    });
    let scope = match (&me.business_name, me.role) {
        (Some(name), _) => name.clone(),
        (None, Role::Technician) => "Businesses granted to you".to_owned(),
        (None, _) => "All businesses".to_owned(),
    };
    view! {
        <nav class="rail" aria-label="Places">
            <a class="rail-mark" href="/" aria-label="Reeve, overview"><Logo/> <span>"Reeve"</span></a>
            <ul class="rail-places">{links.collect_view()}</ul>
            <p class="rail-scope">
                <span class="rail-scope-label">"You see"</span>
                <span>{scope}</span>
            </p>
        </nav>
    }
}

#[cfg(test)]
mod tests {
    use super::is_within;

    #[test]
    fn a_place_is_current_on_its_pages_only() {
        assert!(is_within("/", "/"));
        assert!(!is_within("/devices", "/"));
        assert!(is_within("/devices/add", "/devices"));
        assert!(!is_within("/devices-old", "/devices"));
    }
}
