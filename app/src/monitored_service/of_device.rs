//! The services that are looked after on one device: how each is, why, and what can be decided here.

use super::{
    calls::{AddMonitoredService, RemoveMonitoredService},
    words::{ConditionMark, wanted},
};
use crate::{
    command::Shortcut,
    layout::use_me,
    ui::{
        ButtonKind, CopyField, Count, Form, Hidden, LinkButton, Notice, Panel, ServiceStatusMark, StatusKind,
        Submit, Time,
    },
};
use entity::{
    command::CommandKind,
    device_lock::arm_for_service,
    id::DeviceId,
    monitored_service::{MonitoredServiceView, MonitoredServicesView, RuleLevel},
    policy::Action,
};
use leptos::prelude::*;

/// What can be done here; made once by the page, so that it outlives what is shown.
#[derive(Clone, Copy)]
pub(crate) struct LookAfter {
    /// Which device.
    pub(crate) device: DeviceId,
    /// Makes a rule for this device.
    pub(crate) add: ServerAction<AddMonitoredService>,
    /// Removes one.
    pub(crate) remove: ServerAction<RemoveMonitoredService>,
}

/// The services that are looked after, what is wrong first.
#[component]
pub(crate) fn LookedAfterPanel(services: MonitoredServicesView, act: LookAfter) -> impl IntoView {
    let can_manage = use_me().may(Action::ManageMonitoring);
    let wrong = services.items.iter().filter(|service| service.condition.is_wrong()).count();
    let facts = match (services.items.iter().filter(|service| service.is_watched).count(), wrong) {
        (0, _) => String::new(),
        (all, 0) => format!("{all}, all as they should be"),
        (all, wrong) => format!("{wrong} of {all} not as they should be"),
    };
    let is_none = services.items.is_empty();
    let can_watch = services.can_watch;
    view! {
        <Panel title="Looked after" facts>
            {(!can_watch && !is_none).then(|| view! {
                <Notice kind=StatusKind::Info>
                    "This device has no service manager that the agent knows; it cannot tell how these are."
                </Notice>
            })}
            {is_none.then(|| view! {
                <p class="quiet">
                    "No service of this device is looked after. The agent tells at once when one that is looked after crashes, \
                     stops or starts."
                </p>
            })}
            <ul class="watched-list">
                {services
                    .items
                    .into_iter()
                    .map(|service| view! { <Watched service act can_manage/> })
                    .collect_view()}
            </ul>
        </Panel>
    }
}

#[component]
fn Watched(service: MonitoredServiceView, act: LookAfter, can_manage: bool) -> impl IntoView {
    let may_ask = use_me().may(Action::RequestCommand);
    let refused = service.refusal.filter(|_| service.is_watched && service.auto_restart);
    let command = format!("sudo {}", arm_for_service(&service.service_name));
    view! {
        <li class="watched">
            <div class="watched-head">
                <span class="mono watched-name">{service.service_name.clone()}</span>
                {service.is_watched.then(|| view! { <ConditionMark condition=service.condition/> })}
            </div>
            <WatchedFacts service=service.clone()/>
            {refused.map(|code| view! {
                <Notice kind=StatusKind::Warn>
                    <p>
                        "Not restarted: " {code.sentence()} " (" <span class="mono">{code.word()}</span>
                        "). To allow it, somebody has to type there:"
                    </p>
                    <CopyField label="On the device" value=command/>
                </Notice>
            })}
            {(can_manage || may_ask).then(|| view! {
                <div class="watched-actions">
                    {may_ask.then(|| view! {
                        <Shortcut device=act.device kind=CommandKind::RestartService name=service.service_name.clone()/>
                    })}
                    {can_manage.then(|| view! { <Actions service act/> })}
                </div>
            })}
        </li>
    }
}

#[component]
fn WatchedFacts(service: MonitoredServiceView) -> impl IntoView {
    let source = match (service.level, service.is_override) {
        (RuleLevel::Msp, _) => "a rule for all businesses",
        (RuleLevel::Business, _) => "a rule of the business",
        (RuleLevel::Device, true) => "a rule of this device, instead of a wider one",
        (RuleLevel::Device, false) => "a rule of this device",
    };
    let code = service.exit_code;
    view! {
        <ul class="fact-line quiet">
            <li>{wanted(service.is_watched, service.should_be_running, service.auto_restart)}</li>
            <li>"By " {source}</li>
            {service.status.map(|status| view! { <li><ServiceStatusMark status/></li> })}
            {service.pid.map(|pid| view! { <li>"Process " {pid}</li> })}
            {code.map(|code| view! { <li>"Ended with " {code}</li> })}
            <li>
                {match service.restart_count {
                    0 => "Never restarted".into_any(),
                    1 => "Restarted once".into_any(),
                    count => view! { "Restarted " <Count value=count/> " times" }.into_any(),
                }}
                {service.last_restart_at.map(|at| view! { ", last " <Time at/> })}
            </li>
            {service.last_state_change_at.map(|at| view! { <li>"Changed " <Time at/></li> })}
        </ul>
    }
}

#[component]
fn Actions(service: MonitoredServiceView, act: LookAfter) -> impl IntoView {
    let own = service.level == RuleLevel::Device;
    let rule = service.rule_id.to_string();
    let page = format!("/monitored-services/{rule}");
    let asked = move |service: &MonitoredServiceView, is_watched: bool| {
        let pairs = [
            ("input[device_id]", act.device.to_string()),
            ("input[service_name]", service.service_name.clone()),
            ("input[should_be_running]", service.should_be_running.to_string()),
            ("input[auto_restart]", (service.auto_restart && is_watched).to_string()),
            ("input[is_watched]", is_watched.to_string()),
        ];
        pairs.into_iter().map(|(name, value)| view! { <Hidden name value/> }).collect_view()
    };
    if own {
        let undo = if service.is_override { "Back to the wider rule" } else { "No longer look after" };
        return view! {
                {service.is_watched.then(|| view! { <LinkButton href=page kind=ButtonKind::Quiet>"Change"</LinkButton> })}
                <Form action=act.remove class="form form-row">
                    <Hidden name="id" value=rule/>
                    <Submit kind=ButtonKind::Quiet>{undo}</Submit>
                </Form>
        }
        .into_any();
    }
    let name = service.service_name.clone();
    let other_name = name.clone();
    let (with, without) = (asked(&service, true), asked(&service, false));
    view! {
            <Form action=act.add class="form form-row">
                {with}
                <Submit kind=ButtonKind::Quiet>
                    "Decide for this device" <span class="visually-hidden">" about " {name}</span>
                </Submit>
            </Form>
            <Form action=act.add class="form form-row">
                {without}
                <Submit kind=ButtonKind::Quiet>
                    "Not on this device" <span class="visually-hidden">": " {other_name}</span>
                </Submit>
            </Form>
    }
    .into_any()
}
