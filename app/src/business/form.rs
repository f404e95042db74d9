//! The forms that add a business, give it another name, and switch it off.

use super::calls::{AddBusiness, RenameBusiness, SetBusinessActive, SetBusinessChannel};
use crate::ui::{ButtonKind, Choice, Confirm, Field, Form, Hidden, Panel, Select, Submit};
use entity::{business::BusinessView, input::NAME_MAX, release::Channel};
use leptos::prelude::*;

/// Adds a business.
#[component]
pub(super) fn AddBusinessPanel() -> impl IntoView {
    let add = ServerAction::<AddBusiness>::new();
    view! {
        <div id="add">
            <Panel title="Add a business">
                <Form action=add class="form form-row">
                    <Field
                        name="input[business_name]"
                        label="Name"
                        required=true
                        max_length=NAME_MAX
                        autocomplete="off"
                    />
                    <Submit>"Add business"</Submit>
                </Form>
            </Panel>
        </div>
    }
}

/// Gives a business another name.
#[component]
pub(super) fn RenamePanel(business: BusinessView, rename: ServerAction<RenameBusiness>) -> impl IntoView {
    view! {
        <Panel title="Rename">
            <Form action=rename class="form form-row">
                <Hidden name="id" value=business.id.to_string()/>
                <Field
                    name="input[business_name]"
                    label="Name"
                    value=business.business_name
                    required=true
                    max_length=NAME_MAX
                    autocomplete="off"
                />
                <Submit>"Save"</Submit>
            </Form>
        </Panel>
    }
}

/// Which releases its devices are for.
#[component]
pub(super) fn ChannelPanel(
    business: BusinessView,
    change: ServerAction<SetBusinessChannel>,
) -> impl IntoView {
    let options: Vec<Choice> =
        Channel::ALL.iter().map(|channel| Choice::new(channel.word(), channel.label())).collect();
    let value = business.release_channel;
    view! {
        <Panel title="Release channel" facts=value.label()>
            <p class="quiet">
                "Which versions of the agent its devices get: those for everybody, or those of beta before others do. A \
                 device that has a channel of its own keeps it."
            </p>
            <Form action=change class="form form-row channel-form">
                <Hidden name="id" value=business.id.to_string()/>
                <Select name="channel" label="Its devices follow" options value=value.word()/>
                <Submit kind=ButtonKind::Plain>"Change channel"</Submit>
            </Form>
        </Panel>
    }
}

/// Switches a business off, after its name was typed, or on again.
#[component]
pub(super) fn SwitchPanel(business: BusinessView, switch: ServerAction<SetBusinessActive>) -> impl IntoView {
    let BusinessView { id, business_name, is_active, .. } = business;
    let hidden = move || {
        view! {
            <Hidden name="id" value=id.to_string()/>
            <Hidden name="is_active" value=(!is_active).to_string()/>
        }
    };
    view! {
        <Panel title="Access">
            {if is_active {
                view! {
                    <Confirm
                        action=switch
                        label="Switch off"
                        title=format!("Switch {business_name} off?")
                        confirm="Switch off"
                        type_name=business_name
                    >
                        <p>
                            "Its people are signed out and cannot sign in, its keys do not work, and its devices are \
                             not heard. Nothing is lost: when it is switched on again, the agents come back by themselves."
                        </p>
                        {hidden()}
                    </Confirm>
                }
                .into_any()
            } else {
                view! {
                    <Confirm
                        action=switch
                        label="Switch on"
                        title=format!("Switch {business_name} on again?")
                        confirm="Switch on"
                    >
                        <p>"Its people can sign in again, and its agents come back within some minutes."</p>
                        {hidden()}
                    </Confirm>
                }
                .into_any()
            }}
        </Panel>
    }
}
