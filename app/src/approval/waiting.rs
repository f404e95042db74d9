//! How many requests wait for the one who is looking, beside the place in the rail.

use super::calls::count_waiting;
use crate::{error::PortalError, live, ui::format};
use entity::{policy::Action, portal_event::PortalEvent, user::Me};
use leptos::prelude::*;

#[derive(Clone, Copy)]
struct Waiting(Resource<Result<u64, PortalError>>);

/// Counts for the frame; has to be called in its body.
pub(crate) fn provide_waiting(me: &Me) {
    let may_decide = me.may(Action::Approve);
    let waiting = Resource::new(|| (), move |()| count(may_decide));
    live::refetch_on(waiting, |event| matches!(event, PortalEvent::CommandRequest { .. }));
    provide_context(Waiting(waiting));
}

async fn count(may_decide: bool) -> Result<u64, PortalError> {
    if may_decide { count_waiting().await } else { Ok(0) }
}

/// The number; nothing when nothing waits.
#[component]
pub(crate) fn WaitingCount() -> impl IntoView {
    let waiting = expect_context::<Waiting>().0;
    view! {
        <Transition fallback=|| ()>
            {move || Suspend::new(async move {
                let count = waiting.await.unwrap_or_default();
                (count > 0).then(|| view! {
                    <span class="rail-count">
                        {format::count(count).number} <span class="visually-hidden">" for you"</span>
                    </span>
                })
            })}
        </Transition>
    }
}
