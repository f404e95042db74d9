//! The page of one rule: for what it was made, and the forms that change and remove it.

use super::{
    add::WantedFields,
    calls::{ChangeMonitoredService, RemoveMonitoredService, get_monitored_service_rule},
    words::{made_for, wanted},
};
use crate::{
    layout::{PageHead, load_named, refetch_after, use_me},
    ui::{Confirm, Exact, Fact, Facts, Form, Hidden, Load, Panel, Submit},
};
use entity::{
    monitored_service::{MonitoredServiceRuleView, RuleLevel},
    policy::Action,
};
use leptos::prelude::*;

/// One rule.
#[component]
pub fn MonitoredServicePage() -> impl IntoView {
    let can_manage = use_me().may(Action::ManageMonitoring);
    let rule = load_named("id", get_monitored_service_rule);
    let change = ServerAction::<ChangeMonitoredService>::new();
    let remove = ServerAction::<RemoveMonitoredService>::new();
    refetch_after(change, rule);
    view! {
        <Load resource=rule let:rule>
            <PageHead title=rule.service_name.clone() up=("Monitored services", "/monitored-services")/>
            <KnownPanel rule=rule.clone()/>
            {can_manage.then(|| view! { <ChangePanel rule change remove/> })}
        </Load>
    }
}

#[component]
fn KnownPanel(rule: MonitoredServiceRuleView) -> impl IntoView {
    let words =
        made_for(rule.level, rule.business_name.as_deref(), rule.device_name.as_deref(), rule.os_type);
    let place = match (rule.device_id, rule.business_id) {
        (Some(id), _) => view! { <a href=format!("/devices/{id}/services")>{words}</a> }.into_any(),
        (None, Some(id)) => view! { <a href=format!("/businesses/{id}")>{words}</a> }.into_any(),
        (None, None) => words.into_any(),
    };
    view! {
        <Panel title="Known">
            <Facts>
                <Fact label="For">{place}</Fact>
                <Fact label="Wanted">{wanted(rule.is_watched, rule.should_be_running, rule.auto_restart)}</Fact>
                <Fact label="Made"><Exact at=rule.created_at/></Fact>
                <Fact label="Changed"><Exact at=rule.changed_at/></Fact>
            </Facts>
        </Panel>
    }
}

#[component]
fn ChangePanel(
    rule: MonitoredServiceRuleView,
    change: ServerAction<ChangeMonitoredService>,
    remove: ServerAction<RemoveMonitoredService>,
) -> impl IntoView {
    let id = rule.id.to_string();
    let removed = id.clone();
    let consequence = match rule.level {
        RuleLevel::Msp => {
            "It is no longer looked after, except where a business or a device has its own rule."
        }
        RuleLevel::Business | RuleLevel::Device => {
            "What a wider rule says is in force again; where there is none, the service is no longer looked after."
        }
    };
    view! {
        <Panel title="Change">
            <Form action=change>
                <Hidden name="id" value=id/>
                <WantedFields should_be_running=rule.should_be_running auto_restart=rule.auto_restart/>
                <Submit>"Save"</Submit>
            </Form>
            <Confirm
                action=remove
                label="Remove rule"
                title=format!("Remove the rule about {}?", rule.service_name)
                confirm="Remove"
            >
                <p>{consequence}</p>
                <Hidden name="id" value=removed/>
                <Hidden name="next" value="/monitored-services"/>
            </Confirm>
        </Panel>
    }
}
