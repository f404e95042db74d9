//! What is watched: log sources and the rule for bursts of errors, for all businesses on a page of its own, for one in
//! panels on its page.

use super::{
    calls::{SetBusinessSources, SetSources, get_business_sources, get_sources},
    sources::SourcesForm,
};
use crate::{
    alert::{
        BurstForm,
        calls::{SetBusinessRule, SetRule, get_business_rule, get_rule},
    },
    layout::{PageHead, load_named, refetch_after, use_me},
    ui::{Hidden, Load, Panel},
};
use entity::{id::BusinessId, policy::Action};
use leptos::prelude::*;

/// The defaults for all businesses.
#[component]
pub fn MonitoringSettingsPage() -> impl IntoView {
    let me = use_me();
    let can_set = me.role.is_msp() && me.may(Action::ManageMonitoring);
    let sources = Resource::new(|| (), |()| get_sources());
    let rule = Resource::new(|| (), |()| get_rule());
    let (set_sources, set_rule) = (ServerAction::<SetSources>::new(), ServerAction::<SetRule>::new());
    refetch_after(set_sources, sources);
    refetch_after(set_rule, rule);
    view! {
        <PageHead
            title="Logs and alerts"
            up=("Settings", "/settings")
            facts=|| view! { <span>"For businesses and devices that decide nothing themselves."</span> }.into_any()
        />
        <Panel title="Log sources">
            <Load resource=sources skeleton=2 let:view>
                <SourcesForm action=set_sources view can_set/>
            </Load>
        </Panel>
        <Panel title="Alert: burst of errors">
            <Load resource=rule skeleton=2 let:view>
                <BurstForm action=set_rule view can_set/>
            </Load>
        </Panel>
    }
}

/// What one business decides. Has to be made in the body of its page.
#[component]
pub fn BusinessMonitoringPanels() -> impl IntoView {
    let can_set = use_me().may(Action::ManageMonitoring);
    let sources = load_named("id", |id: BusinessId| async move { Ok((id, get_business_sources(id).await?)) });
    let rule = load_named("id", |id: BusinessId| async move { Ok((id, get_business_rule(id).await?)) });
    let set_sources = ServerAction::<SetBusinessSources>::new();
    let set_rule = ServerAction::<SetBusinessRule>::new();
    refetch_after(set_sources, sources);
    refetch_after(set_rule, rule);
    view! {
        <Load resource=sources skeleton=2 let:found>
            <Panel title="Log sources">
                <SourcesForm action=set_sources view=found.1.clone() can_set whose="business">
                    <Hidden name="id" value=found.0.to_string()/>
                </SourcesForm>
            </Panel>
        </Load>
        <Load resource=rule skeleton=2 let:found>
            <Panel title="Alert: burst of errors">
                <BurstForm action=set_rule view=found.1.clone() can_set is_of_business=true>
                    <Hidden name="id" value=found.0.to_string()/>
                </BurstForm>
            </Panel>
        </Load>
    }
}
