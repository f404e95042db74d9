//! Who has to have a second factor.

use super::calls::{SetSignInPolicy, get_sign_in_policy};
use crate::ui::{Choice, Form, Load, Panel, Select, Submit};
use entity::factor::FactorPolicy;
use leptos::prelude::*;

/// The policy and the form that changes it.
#[component]
pub(super) fn PolicyPanel() -> impl IntoView {
    let policy = Resource::new(|| (), |()| get_sign_in_policy());
    let set = ServerAction::<SetSignInPolicy>::new();
    view! {
        <Panel title="Second factors">
            <Load resource=policy skeleton=2 let:policy>
                <Form action=set>
                    <Select
                        name="input[factor_policy]"
                        label="Who has to have a second factor"
                        options=choices()
                        value=policy.factor_policy.word()
                        hint="Those who have to and have none are asked to add one before anything else is open to them."
                        required=true
                    />
                    <Submit>"Save"</Submit>
                </Form>
            </Load>
        </Panel>
    }
}

fn choices() -> Vec<Choice> {
    let words = |policy: FactorPolicy| match policy {
        FactorPolicy::Nobody => "Nobody: whoever wants one adds one",
        FactorPolicy::Msp => "Your own people",
        FactorPolicy::Everybody => "Everybody, your customers' people too",
    };
    FactorPolicy::ALL.iter().map(|policy| Choice::new(policy.word(), words(*policy))).collect()
}
