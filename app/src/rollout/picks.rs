//! Boxes to tick in the designer: businesses, places or devices; what is ticked already stands first, a search finds the
//! others. Both are the server's work, so that they do without JavaScript.

use super::form::{RolloutForm, Target};
use entity::page::Page;
use leptos::prelude::*;
use serde::{Deserialize, Serialize};

/// What the boxes of a form are about.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct PickQuestion {
    /// For which devices, as [`RolloutForm::target`].
    pub target: String,
    /// What the target's boxes are narrowed by.
    pub find: String,
    /// What is ticked of the target.
    pub chosen: Vec<String>,
    /// Each wave that names devices.
    pub waves: Vec<WaveQuestion>,
}

/// What the boxes of a wave are about.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct WaveQuestion {
    /// Which one, from 0.
    pub place: usize,
    /// What they are narrowed by.
    pub find: String,
    /// What is ticked.
    pub chosen: Vec<String>,
}

impl PickQuestion {
    /// Of a form.
    pub(super) fn of(form: &RolloutForm) -> Self {
        let chosen = match Target::of(&form.target) {
            Target::Everybody => Vec::new(),
            Target::Businesses => form.business_ids.clone(),
            Target::Locations => form.service_location_ids.clone(),
            Target::Devices => form.device_ids.clone(),
        };
        let named = form.waves.iter().enumerate().filter(|(_, wave)| wave.is_named());
        let waves = named.map(|(place, wave)| WaveQuestion {
            place,
            find: wave.find.clone(),
            chosen: wave.devices.clone(),
        });
        Self { target: form.target.clone(), find: form.find.clone(), chosen, waves: waves.collect() }
    }

    /// Is the same searched? What is ticked by hand need not be looked for.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        let find = |question: &Self| {
            question.waves.iter().map(|wave| (wave.place, wave.find.clone())).collect::<Vec<_>>()
        };
        self.target == other.target && self.find == other.find && find(self) == find(other)
    }
}

/// One box.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pick {
    /// What is sent.
    pub id: String,
    /// What people read.
    pub label: String,
    /// A few words more.
    pub aside: String,
}

/// The boxes of a form.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Picks {
    /// What was asked for the target: an answer to something else is not shown.
    pub about: String,
    /// Of the target.
    pub target: Page<Pick>,
    /// Of each wave that names devices, by its place.
    pub waves: Vec<(usize, Page<Pick>)>,
}

/// Boxes, those that are ticked first, and a field that finds others.
#[component]
pub(super) fn PickList(
    /// What is sent when a box is ticked: a name that ends with `[]`.
    #[prop(into)]
    name: String,
    /// Name of the field that finds others.
    #[prop(into)]
    find_name: String,
    /// What they are called together.
    #[prop(into)]
    label: String,
    /// The boxes.
    found: Page<Pick>,
    /// What is ticked.
    chosen: Vec<String>,
    /// What was searched for.
    find: String,
) -> impl IntoView {
    let is_searched = !find.is_empty();
    let is_empty = found.items.is_empty();
    let is_cut = found.next_cursor.is_some();
    let boxes = found.items;
    let children = move |pick: Pick| {
        let checked = chosen.contains(&pick.id);
        view! {
            <label class="checkbox">
                <input r#type="checkbox" name=name.clone() value=pick.id checked=checked/>
                <span class="checkbox-words">{pick.label} " " <span class="quiet">{pick.aside}</span></span>
            </label>
        }
    };
    view! {
        <fieldset class="picks">
            <legend>{label}</legend>
            // What somebody ticked stays with its box when another search brings others.
            <div class="checkbox-columns">
                <For each=move || boxes.clone() key=|pick| pick.id.clone() children/>
            </div>
            {is_empty.then(|| view! {
                <p class="quiet">{if is_searched { "Nothing is called like that." } else { "There are none." }}</p>
            })}
            {is_cut.then(|| view! { <p class="quiet">"There are more; find them by their name."</p> })}
            <label class="field picks-find">
                <span class="field-label">"Find others by their name"</span>
                <input class="input" r#type="search" name=find_name value=find autocomplete="off" spellcheck="false"/>
            </label>
        </fieldset>
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rollout::form::Step;

    #[test]
    fn ticking_a_box_searches_for_nothing() {
        let mut form = RolloutForm { target: "devices".to_owned(), ..RolloutForm::usual(None) };
        form.take(Step::AddNamed);
        let before = PickQuestion::of(&form);
        form.device_ids.push("a".to_owned());
        form.waves[0].devices.push("b".to_owned());
        let ticked = PickQuestion::of(&form);
        assert!(ticked != before && ticked.is_like(&before));
        form.waves[0].find = "till".to_owned();
        assert!(!PickQuestion::of(&form).is_like(&before));
        assert_eq!(ticked.waves.iter().map(|wave| wave.place).collect::<Vec<_>>(), [0]);
    }
}
