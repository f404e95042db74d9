//! The page of all rules: which services are looked after for all businesses, for one, or on one device.

use super::{
    add::AddForm,
    calls::{AddMonitoredService, list_monitored_service_rules},
    words::{made_for, wanted},
};
use crate::{
    business::{FilterBusiness, ListFilter, Offered},
    layout::{PageHead, refetch_after, use_me},
    ui::{
        Choice, EmptyState, FilterBar, FilterSearch, FilterSelect, LinkButton, Listing, Load, Panel, Table,
    },
};
use entity::{
    monitored_service::{MonitoredServiceRuleQuery, MonitoredServiceRuleView, RuleLevel},
    policy::Action,
};
use leptos::prelude::*;
use leptos_router::hooks::use_query_map;

const PATH: &str = "/monitored-services";

/// The rules.
#[component]
pub fn MonitoredServiceListPage() -> impl IntoView {
    let me = use_me();
    let can_add = me.role.is_msp() && me.may(Action::ManageMonitoring);
    let params = use_query_map();
    let keys = &["search", "business_id", "level"];
    let asked = Memo::new(move |_| params.with(|params| Listing::from_url(PATH, params, keys)));
    let rules = Resource::new(
        move || asked.get(),
        |asked| {
            list_monitored_service_rules(MonitoredServiceRuleQuery {
                business_id: asked.value("business_id"),
                level: asked.value("level"),
                search: asked.text("search"),
                cursor: asked.cursor(),
                ..MonitoredServiceRuleQuery::default()
            })
        },
    );
    let add = ServerAction::<AddMonitoredService>::new();
    refetch_after(add, rules);
    view! {
        <PageHead
            title="Monitored services"
            up=("Settings", "/settings")
            action=move || can_add.then(|| view! { <LinkButton href="#add">"Look after a service"</LinkButton> }).into_any()
        />
        <ListFilter asked filter=|asked, businesses| view! { <Filters asked businesses/> }.into_any()/>
        <Load resource=rules let:page>
            {
                let asked = asked.get_untracked();
                let pager = asked.pager(page.items.len(), page.total, page.next_cursor.as_deref());
                if page.items.is_empty() {
                    view! { <NothingFound is_filtered=asked.is_filtered()/> }.into_any()
                } else {
                    view! { <RuleTable rules=page.items/> {pager} }.into_any()
                }
            }
        </Load>
        {can_add.then(|| view! {
            <div id="add">
                <Panel title="Look after a service everywhere">
                    <p class="quiet">
                        "On every device of every business. For one business, open its page; for one device, its services."
                    </p>
                    <AddForm action=add business=None/>
                </Panel>
            </div>
        })}
    }
}

#[component]
fn Filters(asked: Listing, businesses: Option<Offered>) -> impl IntoView {
    let any = Choice::new("", "Anywhere");
    let levels = RuleLevel::ALL.iter().map(|level| {
        let label = match level {
            RuleLevel::Msp => "For all businesses",
            RuleLevel::Business => "For one business",
            RuleLevel::Device => "On one device",
        };
        Choice::new(level.word(), label)
    });
    view! {
        <FilterBar action=PATH>
            <FilterSearch label="Search services" value=asked.text("search").unwrap_or_default()/>
            {businesses.map(|offered| view! { <FilterBusiness offered chosen=asked.value("business_id")/> })}
            <FilterSelect
                name="level"
                label="Made for"
                options=std::iter::once(any).chain(levels).collect()
                value=asked.text("level").unwrap_or_default()
            />
        </FilterBar>
    }
}

#[component]
fn NothingFound(is_filtered: bool) -> impl IntoView {
    if is_filtered {
        return view! {
            <EmptyState
                title="Nothing matches"
                action=|| view! { <LinkButton href=PATH>"Clear filters"</LinkButton> }.into_any()
            >
                "No service that is looked after matches these filters."
            </EmptyState>
        }
        .into_any();
    }
    view! {
        <EmptyState title="No service is looked after">
            "Agents then tell what services there are, every few minutes. Of one that is looked after they tell at once when it \
             crashes, stops or starts."
        </EmptyState>
    }
    .into_any()
}

/// Rules in rows, each with a page of its own.
#[component]
pub(super) fn RuleTable(rules: Vec<MonitoredServiceRuleView>) -> impl IntoView {
    let rows = rules.into_iter().map(|rule| {
        let place =
            made_for(rule.level, rule.business_name.as_deref(), rule.device_name.as_deref(), rule.os_type);
        view! {
            <tr>
                <td class="main mono">
                    <a class="row-link" href=format!("{PATH}/{}", rule.id)>{rule.service_name}</a>
                </td>
                <td class="sub">{place}</td>
                <td class="sub-aside">{wanted(rule.is_watched, rule.should_be_running, rule.auto_restart)}</td>
            </tr>
        }
    });
    view! {
        <Table label="Services that are looked after">
            <thead>
                <tr>
                    <th scope="col" class="main">"Service"</th>
                    <th scope="col" class="sub">"For"</th>
                    <th scope="col" class="sub-aside">"Wanted"</th>
                </tr>
            </thead>
            <tbody>{rows.collect_view()}</tbody>
        </Table>
    }
}
