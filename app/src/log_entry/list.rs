//! The page of the logs of all devices. All of its state is in the URL.

use super::{calls::list_logs, filter::LogFilter, lines::LiveLines, query};
use crate::{business::ListFilter, layout::PageHead};
use entity::portal_event::PortalEvent;
use leptos::prelude::*;
use leptos_router::hooks::use_query_map;

/// What devices wrote about things going wrong, newest first.
#[component]
pub fn LogListPage() -> impl IntoView {
    let params = use_query_map();
    let asked = Memo::new(move |_| params.with(|params| query::asked(query::PATH, params)));
    let lines = Resource::new(move || asked.get(), |asked| list_logs(query::question(&asked)));
    view! {
        <PageHead
            title="Logs"
            facts=|| view! { <span>"Warnings and worse that devices wrote, newest first."</span> }.into_any()
        />
        <ListFilter
            asked
            filter=|asked, businesses| view! { <LogFilter asked path=query::PATH businesses/> }.into_any()
        />
        <LiveLines
            lines
            asked
            path=query::PATH.to_owned()
            of_many=true
            nothing="No device has sent a warning or worse. When one does, it stands here at the same moment."
            matters=|event, _| matches!(event, PortalEvent::Logs { .. })
        />
    }
}
