//! Lines of logs: a table that follows what devices write, with ways to hold it still, to break long lines and to take
//! them along.

use super::query;
use crate::{
    error::PortalError,
    live,
    ui::{
        Button, EmptyState, IconName, LinkButton, Listing, Load, Status, StatusKind, Table, clock::use_zone,
        format,
    },
};
use chrono::SecondsFormat;
use entity::{
    id::DeviceId,
    log_entry::{LogEntryView, LogLevel},
    page::Page,
    portal_event::PortalEvent,
};
use leptos::{html, prelude::*};
use std::time::Duration;

/// The button says for this long that it has copied.
const SAID: Duration = Duration::from_secs(2);

/// A page of lines, as it is loaded.
pub(super) type Lines = Resource<Result<Page<LogEntryView>, PortalError>>;

/// The lines with their tools. `matters` says which events bring new ones.
#[component]
pub(super) fn LiveLines(
    /// The lines.
    lines: Lines,
    /// What is asked for.
    asked: Memo<Listing>,
    /// The list's address.
    path: String,
    /// Show whose lines they are.
    #[prop(optional)]
    of_many: bool,
    /// What stands there when nobody asked for anything and there is nothing.
    #[prop(into)]
    nothing: String,
    /// Which events bring new lines.
    matters: fn(&PortalEvent, Option<DeviceId>) -> bool,
    /// The device, where there is one.
    #[prop(optional_no_strip)]
    device: Option<DeviceId>,
) -> impl IntoView {
    let is_held = RwSignal::new(false);
    let has_missed = RwSignal::new(false);
    live::refetch_on(lines, move |event| matters(event, device) && !is_held.get_untracked());
    live::on_event(move |event| {
        if is_held.get_untracked() && matters(event, device) && !has_missed.get_untracked() {
            has_missed.set(true);
        }
    });
    let hold = move |_| {
        let held = !is_held.get_untracked();
        is_held.set(held);
        if !held {
            has_missed.set(false);
            lines.refetch();
        }
    };
    let body = NodeRef::<html::Div>::new();
    let turn_path = path.clone();
    view! {
        <div class="log-tools">
            <Button attr:class="button needs-js" attr:aria-pressed=move || is_held.get().to_string() on:click=hold>
                {move || if is_held.get() { "Go on" } else { "Pause" }}
            </Button>
            {move || {
                let asked = asked.get();
                let label = if query::is_wrapped(&asked) { "One line each" } else { "Wrap lines" };
                view! { <LinkButton href=query::turned(&asked, &turn_path)>{label}</LinkButton> }
            }}
            <CopyLines body/>
            <span class="quiet log-state" role="status">
                {move || match (is_held.get(), has_missed.get()) {
                    (false, _) => "New lines appear by themselves.",
                    (true, false) => "Paused.",
                    (true, true) => "Paused; there are new lines.",
                }}
            </span>
        </div>
        <div node_ref=body class="log-lines" class:is-wrapped=move || asked.with(query::is_wrapped)>
            <Load resource=lines let:page>
                <Found page asked=asked.get_untracked() path=path.clone() of_many nothing=nothing.clone()/>
            </Load>
        </div>
    }
}

/// Takes the lines along that are shown.
#[component]
fn CopyLines(body: NodeRef<html::Div>) -> impl IntoView {
    let is_copied = RwSignal::new(false);
    let copy = move |_| {
        let Some(element) = body.get_untracked() else { return };
        let Ok(rows) = element.query_selector_all("tr[data-line]") else { return };
        let line = |index| {
            use wasm_bindgen::JsCast;
            rows.get(index)?.dyn_into::<web_sys::Element>().ok()?.get_attribute("data-line")
        };
        let text: Vec<String> = (0..rows.length()).filter_map(line).collect();
        let clipboard = window().navigator().clipboard();
        // Browsers give pages a clipboard only over https or on localhost.
        if wasm_bindgen::JsValue::from(clipboard.clone()).is_undefined() {
            return;
        }
        drop(clipboard.write_text(&text.join("\n")));
        is_copied.set(true);
        set_timeout(move || is_copied.try_set(false).map_or((), drop), SAID);
    };
    view! {
        <Button attr:class="button needs-js" on:click=copy>
            {move || if is_copied.get() { IconName::Check } else { IconName::Copy }.view()}
            <span aria-live="polite">{move || if is_copied.get() { "Copied" } else { "Copy lines" }}</span>
        </Button>
    }
}

#[component]
fn Found(
    page: Page<LogEntryView>,
    asked: Listing,
    path: String,
    of_many: bool,
    nothing: String,
) -> impl IntoView {
    let (shown, next) = (page.items.len(), page.next_cursor);
    if let (0, Some(cursor)) = (shown, &next) {
        let href = asked.page(Some(cursor));
        return view! {
            <EmptyState
                title="Nothing so far"
                action=move || view! { <LinkButton href=href.clone()>"Search older lines"</LinkButton> }.into_any()
            >
                "No line among those that were looked through matches. There are older ones."
            </EmptyState>
        }
        .into_any();
    }
    if shown == 0 && (query::is_filtered(&asked) || asked.cursor().is_some()) {
        return view! {
            <EmptyState
                title="No line matches"
                action=move || view! { <LinkButton href=path.clone()>"Show all lines"</LinkButton> }.into_any()
            >
                "Nothing within your reach matches all of these filters."
            </EmptyState>
        }
        .into_any();
    }
    if shown == 0 {
        return view! { <EmptyState title="Nothing went wrong">{nothing}</EmptyState> }.into_any();
    }
    let pager = asked.pager(shown, None, next.as_deref());
    view! { <LineTable lines=page.items of_many/> {pager} }.into_any()
}

#[component]
fn LineTable(lines: Vec<LogEntryView>, of_many: bool) -> impl IntoView {
    let rows = lines.into_iter().map(move |line| view! { <Row line of_many/> });
    view! {
        <Table label="Log lines">
            <thead>
                <tr>
                    <th scope="col" class="aside">"When"</th>
                    <th scope="col" class="sub-aside">"Level"</th>
                    {of_many.then(|| view! { <th scope="col" class="sub">"Device"</th> })}
                    <th scope="col" class=if of_many { "" } else { "sub" }>"Source"</th>
                    <th scope="col" class="main">"Message"</th>
                </tr>
            </thead>
            <tbody>{rows.collect_view()}</tbody>
        </Table>
    }
}

/// A path without its folders: what tells files apart stands at their end, where a narrow column cuts. Other sources
/// stay as they are.
fn last_part(source: &str) -> String {
    let is_path = source.starts_with('/') || source.get(1..3) == Some(":\\");
    match source.rsplit(['/', '\\']).next() {
        Some(name) if is_path && !name.is_empty() => format!("…/{name}"),
        _ => source.to_owned(),
    }
}

#[component]
fn Row(line: LogEntryView, of_many: bool) -> impl IntoView {
    let zone = use_zone();
    let at = line.at;
    // Lines are kept for weeks: the year and the zone are said on request.
    let shown = Memo::new(move |_| format::day_time(zone.wall(at)));
    let exact = Memo::new(move |_| format!("{} {}", format::date_time(zone.wall(at)), zone.name(at)));
    let machine = at.to_rfc3339_opts(SecondsFormat::Millis, true);
    let kind = match line.level {
        LogLevel::Critical | LogLevel::Error => StatusKind::Bad,
        LogLevel::Warn => StatusKind::Warn,
    };
    let plain = format!(
        "{machine} {} {} {} {}",
        line.level.label().to_uppercase(),
        line.device_name,
        line.source,
        line.message
    );
    let href = format!("/devices/{}/logs", line.device_id);
    view! {
        <tr data-line=plain>
            <td class="aside log-time"><time class="time" datetime=machine title=move || exact.get()>{move || shown.get()}</time></td>
            <td class="sub-aside"><Status kind word=line.level.label()/></td>
            {of_many.then(|| view! {
                <td class="sub log-device" title=line.business_name.clone()>
                    <a href=href>{line.device_name.clone()}</a>
                </td>
            })}
            <td class=if of_many { "mono log-source" } else { "mono log-source sub" } title=line.source.clone()>{last_part(&line.source)}</td>
            <td class="main mono log-message" title=line.message.clone()>{line.message.clone()}</td>
        </tr>
    }
}

#[cfg(test)]
mod tests {
    use super::last_part;

    #[test]
    fn paths_are_told_by_their_end() {
        assert_eq!(last_part("/var/log/app/orders.log"), "…/orders.log");
        assert_eq!(last_part(r"C:\App\Logs\orders.log"), "…/orders.log");
        assert_eq!(last_part("sshd.service"), "sshd.service");
        assert_eq!(last_part("Microsoft-Windows-Kernel/Power"), "Microsoft-Windows-Kernel/Power");
        assert_eq!(last_part("/"), "/");
    }
}
