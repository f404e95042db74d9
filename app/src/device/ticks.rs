//! Choosing devices of the list, to ask something of all that are chosen. A form that leads to the composer: the bar
//! appears as soon as one is ticked, with JavaScript or without.

use super::query;
use crate::ui::{format, listing};
use entity::{device::DeviceQuery, id::DeviceId};
use leptos::prelude::*;
use leptos_router::components::Form as RouterForm;
use std::collections::BTreeSet;

/// Where something is asked of devices.
const COMPOSER: &str = "/commands/new";

/// The devices that are chosen; outlives the rows, which are drawn anew when something happens.
pub(super) type Ticked = RwSignal<BTreeSet<DeviceId>>;

/// Chooses one device.
#[component]
pub(super) fn Tick(id: DeviceId, name: String, ticked: Ticked) -> impl IntoView {
    view! {
        <input
            r#type="checkbox"
            class="row-tick"
            name="devices"
            value=id.to_string()
            aria-label=format!("Choose {name}")
            prop:checked=move || ticked.with(|ticked| ticked.contains(&id))
            on:change=move |event| {
                let is_on = event_target_checked(&event);
                ticked.update(|ticked| {
                    if is_on {
                        ticked.insert(id);
                    } else {
                        ticked.remove(&id);
                    }
                });
            }
        />
    }
}

/// Around the table: what can be done with those that are chosen.
#[component]
pub(super) fn Choosing(ticked: Ticked, children: Children) -> impl IntoView {
    view! {
        <RouterForm action=COMPOSER attr:class="choosing">
            {children()}
            <div class="bulk-bar" class:is-open=move || ticked.with(|ticked| !ticked.is_empty()) role="group" aria-label="The chosen devices">
                <span class="bulk-words needs-js">{move || chosen(ticked.with(BTreeSet::len))}</span>
                <button class="button button-primary" r#type="submit">"New command for them"</button>
                <button
                    class="button button-quiet needs-js"
                    r#type="button"
                    on:click=move |_| ticked.update(BTreeSet::clear)
                >
                    "Choose none"
                </button>
            </div>
        </RouterForm>
    }
}

fn chosen(count: usize) -> String {
    if count == 1 { "1 device chosen".to_owned() } else { format!("{count} devices chosen") }
}

/// Leads to the composer with all devices that match; nothing where the composer does not know what narrowed them down.
#[component]
pub(super) fn AskAll(asked: DeviceQuery, total: Option<u64>) -> impl IntoView {
    let total = total.filter(|total| *total > 1)?;
    let href = all_like(&asked)?;
    let words = if query::is_filtered(&asked) { "that match" } else { "of them" };
    Some(view! {
        <p class="ask-all"><a href=href>{format!("New command for all {} {words}", format::count(total))}</a></p>
    })
}

fn all_like(asked: &DeviceQuery) -> Option<String> {
    if asked.search.is_some() || asked.services_wrong || asked.revoked {
        return None;
    }
    let pairs = [
        ("all", Some("true".to_owned())),
        ("business_id", asked.business_id.map(|id| id.to_string())),
        ("service_location_id", asked.service_location_id.map(|id| id.to_string())),
        ("os", asked.os.map(|os| os.word().to_owned())),
        ("status", asked.status.map(|status| status.word().to_owned())),
    ];
    Some(listing::link(COMPOSER, pairs.iter().map(|(key, value)| (*key, value.as_deref()))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use entity::platform::Os;

    #[test]
    fn what_narrows_the_list_down_narrows_the_command_down() {
        let asked =
            DeviceQuery { os: Some(Os::Linux), cursor: Some("abc".to_owned()), ..DeviceQuery::default() };
        assert_eq!(all_like(&asked).as_deref(), Some("/commands/new?all=true&os=linux"));
        let searched = DeviceQuery { search: Some("web".to_owned()), ..asked };
        assert_eq!(all_like(&searched), None);
    }
}
