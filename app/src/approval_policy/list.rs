//! The page of approval policies: what holds for all, and which businesses decided for themselves.

use super::calls::list_policies;
use crate::{
    layout::PageHead,
    ui::{EmptyState, FilterBar, FilterSearch, LinkButton, Listing, Load, OptionTime, Table, format},
};
use entity::{
    approval_policy::{ApprovalPolicyQuery, ApprovalPolicyView},
    command::CommandKind,
    page::Page,
};
use leptos::prelude::*;
use leptos_router::hooks::use_query_map;

const PATH: &str = "/approval-policies";
const KEYS: [&str; 1] = ["search"];

/// Who decides what, everywhere.
#[component]
pub fn PolicyListPage() -> impl IntoView {
    let params = use_query_map();
    let asked = Memo::new(move |_| params.with(|params| Listing::from_url(PATH, params, &KEYS)));
    let policies = Resource::new(
        move || asked.get(),
        |asked| {
            list_policies(ApprovalPolicyQuery {
                search: asked.text("search"),
                cursor: asked.cursor(),
                ..ApprovalPolicyQuery::default()
            })
        },
    );
    view! {
        <PageHead
            title="Approval policies"
            up=("Settings", "/settings")
            facts=|| view! { <span>"How many people have to say yes, and who they have to be."</span> }.into_any()
            action=|| view! { <LinkButton href="/approval-policies/all">"For all businesses"</LinkButton> }.into_any()
        />
        {move || view! {
            <FilterBar action=PATH>
                <FilterSearch label="Search businesses" value=asked.with(|asked| asked.text("search")).unwrap_or_default()/>
            </FilterBar>
        }}
        <Load resource=policies let:page>
            <Found page asked=asked.get_untracked()/>
        </Load>
    }
}

#[component]
fn Found(page: Page<ApprovalPolicyView>, asked: Listing) -> impl IntoView {
    if page.items.is_empty() {
        return view! { <EmptyState title="No business matches">"No business within your reach is called that."</EmptyState> }
            .into_any();
    }
    let (shown, next) = (page.items.len(), page.next_cursor);
    let pager = asked.pager(shown, page.total, next.as_deref());
    let rows = page.items.into_iter().map(|view| {
        let href = view.business_id.map_or_else(|| format!("{PATH}/all"), |id| format!("{PATH}/{id}"));
        let name = view.business_name.clone().unwrap_or_else(|| "All businesses".to_owned());
        let whose = if view.inherits { "as for all" } else { "its own" };
        let (script, _) = super::form::of_kind(&view.policy, CommandKind::RunScript);
        view! {
            <tr>
                <td class="main"><a class="row-link" href=href>{name}</a></td>
                <td class="aside">{whose}</td>
                <td class="sub">{script} " for a script, " {format::duration(u64::from(view.policy.decide_seconds))} " to decide"</td>
                <td><OptionTime at=view.changed_at/></td>
            </tr>
        }
    });
    view! {
        <Table label="Approval policies">
            <thead>
                <tr>
                    <th scope="col" class="main">"Business"</th>
                    <th scope="col" class="aside">"Policy"</th>
                    <th scope="col" class="sub">"In short"</th>
                    <th scope="col">"Changed"</th>
                </tr>
            </thead>
            <tbody>{rows.collect_view()}</tbody>
        </Table>
        {pager}
    }
    .into_any()
}
