//! The inbox of those who decide: one request after the other, each readable in five seconds. Made for a phone first.

use super::{act::Decisions, calls::list_decisions, card::DecisionCard};
use crate::{
    layout::PageHead,
    live,
    suggestion::OpenSuggestions,
    ui::{EmptyState, LinkButton, Listing, Load, Segment, Segmented},
};
use entity::{
    approval::{DecisionQuery, DecisionView},
    command::RequestState,
    page::Page,
    portal_event::PortalEvent,
};
use leptos::prelude::*;
use leptos_router::hooks::use_query_map;

const PATH: &str = "/approvals";
const KEYS: [&str; 2] = ["show", "business_id"];
/// Requests of one page: each is read.
const SHOWN: u32 = 20;

fn question(asked: &Listing) -> DecisionQuery {
    let query = DecisionQuery {
        business_id: asked.value("business_id"),
        cursor: asked.cursor(),
        limit: Some(SHOWN),
        ..DecisionQuery::default()
    };
    match asked.text("show").as_deref() {
        Some("all") => query,
        Some("review") => DecisionQuery { unreviewed: Some(true), ..query },
        Some("approved") => DecisionQuery { state: Some(RequestState::Approved), ..query },
        Some("rejected") => DecisionQuery { state: Some(RequestState::Rejected), ..query },
        _ => DecisionQuery { mine: Some(true), ..query },
    }
}

/// What waits for people.
#[component]
pub fn ApprovalListPage() -> impl IntoView {
    let params = use_query_map();
    let asked = Memo::new(move |_| params.with(|params| Listing::from_url(PATH, params, &KEYS)));
    let found = Resource::new(move || asked.get(), |asked| list_decisions(question(&asked)));
    live::refetch_on(found, |event| matches!(event, PortalEvent::CommandRequest { .. }));
    let decisions = Decisions::new(Callback::new(move |()| found.refetch()));
    view! {
        <PageHead
            title="Approvals"
            facts=|| view! { <span>"What other people asked for, and what will run once you say yes."</span> }.into_any()
        />
        {move || {
            let shown = asked.with(|asked| asked.text("show")).unwrap_or_default();
            let tab = |label: &str, word: &str| {
                let href = if word.is_empty() { PATH.to_owned() } else { format!("{PATH}?show={word}") };
                Segment::new(label, href, shown == word)
            };
            let items = vec![
                tab("For you", ""),
                tab("All waiting", "all"),
                tab("To look at", "review"),
                tab("Approved", "approved"),
                tab("Rejected", "rejected"),
            ];
            view! { <div class="inbox-tabs"><Segmented label="Which requests" items/></div> }
        }}
        <Load resource=found let:page>
            <Found page asked=asked.get_untracked() decisions/>
        </Load>
        // What other people wait for comes before what the server proposes.
        <OpenSuggestions/>
    }
}

#[component]
fn Found(page: Page<DecisionView>, asked: Listing, decisions: Decisions) -> impl IntoView {
    if page.items.is_empty() {
        let (title, words) = match asked.text("show").as_deref() {
            None => (
                "Nothing waits for you",
                "When somebody asks for something that you may decide, it stands here at once.",
            ),
            Some("all") => ("Nothing waits", "Every request within your reach is decided."),
            Some("review") => (
                "Nothing to look at",
                "What one person lets pass alone stands here until somebody else has looked at it.",
            ),
            Some(_) => ("Nothing here", "No request within your reach is in this state."),
        };
        let is_first = asked.text("show").is_none();
        return view! {
            <EmptyState
                title
                action=move || is_first.then(|| view! { <LinkButton href="/approvals?show=all">"All that wait"</LinkButton> }).into_any()
            >
                {words}
            </EmptyState>
        }
        .into_any();
    }
    let (shown, next) = (page.items.len(), page.next_cursor);
    let pager = asked.pager(shown, page.total, next.as_deref());
    view! {
        <div class="inbox">
            {page.items.into_iter().map(|found| view! { <DecisionCard found decisions/> }).collect_view()}
        </div>
        {pager}
    }
    .into_any()
}
