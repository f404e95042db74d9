//! The page of the audit log. All of its state is in the URL.

use super::{
    calls::{list_entries, list_options},
    chain::ChainPanel,
    filter::AuditFilter,
    query,
};
use crate::{
    business::use_offer,
    layout::{PageHead, use_me},
    ui::{Badge, EmptyState, LinkButton, Load, Notice, Pager, StatusKind, Table, Time},
};
use entity::{
    audit::{ActorKind, AuditEntryView, AuditQuery, ExportFormat},
    page::Page,
    policy::Action,
};
use leptos::prelude::*;
use leptos_router::hooks::use_query_map;

/// Who did what, newest first.
#[component]
pub fn AuditPage() -> impl IntoView {
    let me = use_me();
    let is_msp = me.role.is_msp();
    let params = use_query_map();
    let asked = Memo::new(move |_| params.with(query::from_url));
    if !me.may(Action::ViewAudit) {
        return view! {
            <PageHead title="Audit log"/>
            <Notice kind=StatusKind::Info>"Your role does not show you the audit log."</Notice>
        }
        .into_any();
    }
    view! {
        <PageHead
            title="Audit log"
            facts=|| view! { <span>"Who did what, when, from where. Entries are never changed or deleted."</span> }.into_any()
            action=move || view! { <Exports asked/> }.into_any()
        />
        <Entries asked is_msp/>
        {is_msp.then(|| view! { <ChainPanel/> })}
    }
    .into_any()
}

/// What is on the page, as files. Not the router's links: a file is no page.
#[component]
fn Exports(asked: Memo<AuditQuery>) -> impl IntoView {
    let file = move |format, label: &'static str| {
        view! {
            <a class="button" rel="external" download="" href=move || asked.with(|asked| query::export(asked, format))>
                {label}
            </a>
        }
    };
    view! {
        {file(ExportFormat::Csv, "Export CSV")}
        {file(ExportFormat::Jsonl, "Export JSON Lines")}
    }
}

#[component]
fn Entries(asked: Memo<AuditQuery>, is_msp: bool) -> impl IntoView {
    let entries = Resource::new(move || asked.get(), list_entries);
    let offer = use_offer(move || asked.with(|asked| asked.business_id));
    let offered = Resource::new(
        move || offer.get(),
        |offer| async { Ok((list_options().await?, offer.load().await?)) },
    );
    view! {
        <Load resource=offered skeleton=1 let:offered>
            {
                let (options, businesses) = offered;
                move || {
                    let (options, businesses) = (options.clone(), businesses.clone());
                    view! { <AuditFilter asked=asked.get() options businesses/> }
                }
            }
        </Load>
        <Load resource=entries let:page>
            <EntriesFound page asked=asked.get_untracked() is_msp/>
        </Load>
    }
}

#[component]
fn EntriesFound(page: Page<AuditEntryView>, asked: AuditQuery, is_msp: bool) -> impl IntoView {
    if let (true, Some(cursor)) = (page.items.is_empty(), &page.next_cursor) {
        let next = query::page(&asked, Some(cursor.clone()));
        return view! {
            <EmptyState
                title="Nothing so far"
                action=move || view! { <LinkButton href=next.clone()>"Search older entries"</LinkButton> }.into_any()
            >
                "No entry among those that were looked through matches. The log goes on."
            </EmptyState>
        }
        .into_any();
    }
    if page.items.is_empty() {
        let (title, words) = if query::is_filtered(&asked) {
            ("No entry matches", "Nothing within your reach matches all of these filters.")
        } else if asked.cursor.is_some() {
            ("Nothing more", "The log has no older entries.")
        } else {
            ("Nothing written yet", "Whatever somebody changes is written down here at the same moment.")
        };
        return view! {
            <EmptyState title action=|| view! { <LinkButton href=query::PATH>"Show the newest"</LinkButton> }.into_any()>
                {words}
            </EmptyState>
        }
        .into_any();
    }
    let shown = page.items.len();
    let first = asked.cursor.is_some().then(|| query::page(&asked, None));
    let next = page.next_cursor.map(|cursor| query::page(&asked, Some(cursor)));
    view! {
        <EntryTable entries=page.items is_msp/>
        <Pager shown total=page.total first_href=first next_href=next/>
    }
    .into_any()
}

#[component]
fn EntryTable(entries: Vec<AuditEntryView>, is_msp: bool) -> impl IntoView {
    let rows = entries.into_iter().map(move |entry| {
        let business = entry.business_name.clone().unwrap_or_else(|| "–".to_owned());
        view! {
            <tr>
                <td class="aside"><Time at=entry.at/></td>
                <td class="sub audit-actor"><ActorName entry=entry.clone()/></td>
                <td class="main audit-what" title=entry.summary.clone()>
                    <a class="row-link" href=format!("/audit/{}", entry.seq)>{entry.summary.clone()}</a>
                </td>
                <td class="mono audit-action">{entry.action.clone()}</td>
                {is_msp.then(|| view! { <td class="sub-aside audit-business" title=business.clone()>{business.clone()}</td> })}
                <td class="mono">{entry.source_ip.clone()}</td>
            </tr>
        }
    });
    view! {
        <Table label="Audit entries">
            <thead>
                <tr>
                    <th scope="col" class="aside">"When"</th>
                    <th scope="col" class="sub">"Who"</th>
                    <th scope="col" class="main">"What"</th>
                    <th scope="col">"Action"</th>
                    {is_msp.then(|| view! { <th scope="col" class="sub-aside">"Business"</th> })}
                    <th scope="col">"From where"</th>
                </tr>
            </thead>
            <tbody>{rows.collect_view()}</tbody>
        </Table>
    }
}

/// Who did it, and by what when it was not in person.
#[component]
pub(super) fn ActorName(entry: AuditEntryView) -> impl IntoView {
    let by = match entry.actor_kind {
        ActorKind::Person | ActorKind::Visitor => None,
        ActorKind::ApiKey => Some("API key"),
        ActorKind::System => Some("server"),
    };
    view! {
        {entry.actor_name}
        {by.map(|by| view! { " " <Badge>{by}</Badge> })}
    }
}
