//! The services that are looked after on the devices of one business, and the form that adds one.

use super::{
    add::AddForm,
    calls::{AddMonitoredService, list_monitored_service_rules},
    list::RuleTable,
};
use crate::{
    layout::{load_named, refetch_after, use_me},
    ui::{Load, Panel},
};
use entity::{
    id::BusinessId,
    monitored_service::{MonitoredServiceRuleQuery, RuleLevel},
    policy::Action,
};
use leptos::prelude::*;

/// Has to be made in the body of the page of a business.
#[component]
pub(crate) fn MonitoredServicesPanel() -> impl IntoView {
    let can_add = use_me().may(Action::ManageMonitoring);
    let rules = load_named("id", |id: BusinessId| async move {
        let query = MonitoredServiceRuleQuery {
            business_id: Some(id),
            level: Some(RuleLevel::Business),
            ..MonitoredServiceRuleQuery::default()
        };
        Ok((id, list_monitored_service_rules(query).await?))
    });
    let add = ServerAction::<AddMonitoredService>::new();
    refetch_after(add, rules);
    view! {
        <Load resource=rules skeleton=2 let:found>
            {
                let (id, page) = found;
                let all = format!("/monitored-services?business_id={id}");
                let is_cut = page.next_cursor.is_some();
                view! {
                    <Panel
                        title="Monitored services"
                        actions=move || view! { <a href=all.clone()>"With those of single devices"</a> }.into_any()
                    >
                        {if page.items.is_empty() {
                            view! {
                                <p class="quiet">
                                    "No service is looked after on all devices of this business by a rule of its own."
                                </p>
                            }
                            .into_any()
                        } else {
                            view! { <RuleTable rules=page.items/> }.into_any()
                        }}
                        {is_cut.then(|| view! { <p class="quiet">"There are more."</p> })}
                        {can_add.then(|| view! {
                            <details class="disclosure">
                                <summary class="button">"Look after a service"</summary>
                                <AddForm action=add business=Some(id)/>
                            </details>
                        })}
                    </Panel>
                }
            }
        </Load>
    }
}
