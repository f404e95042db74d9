//! Permissions as boxes to tick, in groups, and as words to read.

use crate::ui::Checkbox;
use entity::policy::{Action, Permissions};
use leptos::prelude::*;

/// The permissions by what they are about; each stands in one group.
pub(super) const GROUPS: [(&str, &[Action]); 7] = [
    ("Devices", &[Action::RegisterDevice, Action::ManageDevice, Action::MoveDevice, Action::RevokeDevice]),
    ("Monitoring", &[Action::ManageMonitoring, Action::HandleAlert]),
    (
        "Commands",
        &[
            Action::RequestCommand,
            Action::Approve,
            Action::StopCommands,
            Action::ManageScript,
            Action::ManageCommandPolicy,
        ],
    ),
    ("Releases and rollouts", &[Action::ManageRelease, Action::ManageRollout]),
    ("Businesses", &[Action::ManageBusiness, Action::ManageServiceLocation]),
    ("Records", &[Action::ViewAudit]),
    (
        "People and access",
        &[
            Action::ViewUser,
            Action::ManageUser,
            Action::ManageApiKey,
            Action::ManageRole,
            Action::ManageSignIn,
        ],
    ),
];

/// Boxes for the permissions that can be given.
#[component]
pub(crate) fn PermissionBoxes(
    /// Sent under this name, once for each that is ticked.
    name: &'static str,
    /// Those that can be given.
    offered: Permissions,
    /// Those that are ticked at first.
    #[prop(optional)]
    ticked: Permissions,
    /// True while the kind of person it is for cannot have what is for the MSP alone.
    #[prop(into)]
    is_for_customer: Signal<bool>,
) -> impl IntoView {
    let groups = GROUPS.into_iter().filter_map(move |(title, actions)| {
        let boxes: Vec<_> = actions
            .iter()
            .filter(|action| offered.allow(**action))
            .map(|action| {
                let checked = ticked.allow(*action);
                view! { <PermissionBox name action=*action checked is_for_customer/> }
            })
            .collect();
        (!boxes.is_empty()).then(|| {
            view! {
                <div class="permission-group">
                    <p class="permission-title">{title}</p>
                    {boxes}
                </div>
            }
        })
    });
    view! { <div class="permission-groups">{groups.collect_view()}</div> }
}

#[component]
fn PermissionBox(
    name: &'static str,
    action: Action,
    checked: bool,
    is_for_customer: Signal<bool>,
) -> impl IntoView {
    let cannot = move || action.is_for_msp() && is_for_customer.get();
    view! {
        <fieldset class="plain-fieldset" class:is-msp-only=action.is_for_msp() disabled=cannot>
            <Checkbox name label=action.label() value=action.word() checked/>
        </fieldset>
    }
}

/// Permissions in words, in the order of the groups.
#[must_use]
pub fn permission_words(permissions: &Permissions) -> String {
    let ordered = GROUPS.iter().flat_map(|(_, actions)| actions.iter());
    let words: Vec<_> =
        ordered.filter(|action| permissions.allow(**action)).map(|action| action.label()).collect();
    match words.split_first() {
        None => "Sees what is within reach, changes nothing".to_owned(),
        Some((first, rest)) => {
            rest.iter().fold((*first).to_owned(), |text, word| format!("{text}, {}", lower_first(word)))
        }
    }
}

/// A label in the middle of a sentence; an abbreviation stays as it is.
fn lower_first(label: &str) -> String {
    let mut letters = label.chars();
    match letters.next() {
        Some(first) => first.to_lowercase().chain(letters).collect(),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_permission_stands_in_one_group() {
        for action in Action::ALL {
            let times =
                GROUPS.iter().flat_map(|(_, actions)| actions.iter()).filter(|other| *other == action);
            assert_eq!(times.count(), 1, "{}", action.word());
        }
    }

    #[test]
    fn permissions_read_as_a_sentence() {
        let some = Permissions::from(vec![Action::ViewUser, Action::Approve]);
        assert_eq!(permission_words(&some), "Decide requests of others, see people");
        assert!(permission_words(&Permissions::default()).contains("changes nothing"));
    }
}
