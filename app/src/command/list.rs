//! The queue: every command within reach, newest first. All of its state is in the URL.

use super::{calls::list_commands, table::CommandTable};
use crate::{
    business::{FilterBusiness, Offered, offered, use_business_like},
    error::PortalError,
    layout::{PageHead, use_me},
    live,
    ui::{ButtonKind, Choice, EmptyState, FilterBar, FilterSelect, Hidden, LinkButton, Listing, Load},
};
use entity::{
    command::{CommandKind, CommandQuery, CommandRow, CommandState},
    id::BusinessId,
    page::Page,
    policy::Action,
    portal_event::PortalEvent,
};
use leptos::prelude::*;
use leptos_router::hooks::use_query_map;

/// Where the commands are.
const PATH: &str = "/commands";
/// The words of the URL.
pub(super) const KEYS: [&str; 6] = ["business_id", "device_id", "request_id", "open", "state", "kind"];

/// The question that a URL stands for.
pub(super) fn question(asked: &Listing) -> CommandQuery {
    CommandQuery {
        business_id: asked.value("business_id"),
        device_id: asked.value("device_id"),
        request_id: asked.value("request_id"),
        state: asked.value("state"),
        kind: asked.value("kind"),
        open: asked.value("open"),
        cursor: asked.cursor(),
        limit: None,
    }
}

/// What was asked of devices, and what came of it.
#[component]
pub fn CommandListPage() -> impl IntoView {
    let me = use_me();
    let (is_msp, may_ask) = (me.role.is_msp(), me.may(Action::RequestCommand));
    let params = use_query_map();
    let asked = Memo::new(move |_| params.with(|params| Listing::from_url(PATH, params, &KEYS)));
    let commands = Resource::new(move || asked.get(), |asked| list_commands(question(&asked)));
    live::refetch_on(commands, |event| {
        matches!(event, PortalEvent::Command { .. } | PortalEvent::CommandRequest { .. })
    });
    let like = use_business_like();
    let chosen = Memo::new(move |_| (like.get(), asked.with(|asked| asked.value("business_id"))));
    let offered =
        Resource::new(move || chosen.get(), move |(like, business)| load_offered(is_msp, like, business));
    view! {
        <PageHead
            title="Commands"
            facts=|| view! { <span>"What was asked of devices, and what came of it."</span> }.into_any()
            action=move || may_ask.then(|| view! {
                <LinkButton href="/scripts" kind=ButtonKind::Quiet>"Scripts"</LinkButton>
                <LinkButton href="/commands/new" kind=ButtonKind::Primary>"New command"</LinkButton>
            }).into_any()
        />
        <Load resource=offered skeleton=1 let:businesses>
            {move || {
                let businesses = businesses.clone();
                view! { <CommandFilter asked=asked.get() businesses path=PATH.to_owned()/> }
            }}
        </Load>
        <Load resource=commands let:page>
            <CommandsFound page asked=asked.get_untracked() path=PATH.to_owned() of_many=true/>
        </Load>
    }
}

async fn load_offered(
    is_msp: bool,
    like: Option<String>,
    business: Option<BusinessId>,
) -> Result<Option<Offered>, PortalError> {
    if is_msp { Ok(Some(offered(like, business).await?)) } else { Ok(None) }
}

/// One line of controls.
#[component]
pub(super) fn CommandFilter(asked: Listing, businesses: Option<Offered>, path: String) -> impl IntoView {
    let text = |key: &str| asked.text(key).unwrap_or_default();
    let any = |label: &str| std::iter::once(Choice::new("", label));
    let open =
        vec![Choice::new("", "Open and over"), Choice::new("true", "Open"), Choice::new("false", "Over")];
    let states = CommandState::ALL.iter().map(|state| Choice::new(state.word(), state.label()));
    let kinds = CommandKind::ALL.iter().map(|kind| Choice::new(kind.word(), kind.label()));
    let (is_open, state, kind) = (text("open"), text("state"), text("kind"));
    let kept = ["device_id", "request_id"].map(|key| asked.text(key).map(|value| (key, value)));
    let chosen = asked.value("business_id");
    view! {
        <FilterBar action=path>
            {businesses.map(|offered| view! { <FilterBusiness offered chosen/> })}
            <FilterSelect name="open" label="Open or over" options=open value=is_open/>
            <FilterSelect name="state" label="State" options=any("Any state").chain(states).collect() value=state/>
            <FilterSelect name="kind" label="Kind" options=any("Any kind").chain(kinds).collect() value=kind/>
            {kept.into_iter().flatten().map(|(name, value)| view! { <Hidden name value/> }).collect_view()}
        </FilterBar>
    }
}

/// The commands, or why there are none.
#[component]
pub(super) fn CommandsFound(
    page: Page<CommandRow>,
    asked: Listing,
    path: String,
    #[prop(optional)] of_many: bool,
) -> impl IntoView {
    if page.items.is_empty() && (asked.is_filtered() || asked.cursor().is_some()) {
        return view! {
            <EmptyState
                title="No command matches"
                action=move || view! { <LinkButton href=path.clone()>"Show all commands"</LinkButton> }.into_any()
            >
                "Nothing within your reach matches all of these filters."
            </EmptyState>
        }
        .into_any();
    }
    if page.items.is_empty() {
        return view! {
            <EmptyState title="No commands">
                "Nothing has been asked so far. Whatever is asked of a device stands here, with who decided it and what came of it."
            </EmptyState>
        }
        .into_any();
    }
    let (shown, next) = (page.items.len(), page.next_cursor);
    let pager = asked.pager(shown, page.total, next.as_deref());
    view! { <CommandTable commands=page.items of_many/> {pager} }.into_any()
}
