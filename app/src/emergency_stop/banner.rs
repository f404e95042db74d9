//! What every page says while strong commands are stopped.

use super::calls::list_stops;
use crate::{
    error::PortalError,
    live,
    ui::{StatusKind, Time},
};
use entity::{
    emergency_stop::{EmergencyStopView, StopQuery},
    portal_event::PortalEvent,
};
use leptos::prelude::*;

#[derive(Clone, Copy)]
struct Stops(Resource<Result<Vec<EmergencyStopView>, PortalError>>);

/// Looks for the frame; has to be called in its body.
pub(crate) fn provide_stops() {
    let stops = Resource::new(|| (), |()| list_stops(StopQuery { stopped: true, ..StopQuery::default() }));
    live::refetch_on(stops, is_about_stops);
    provide_context(Stops(stops));
}

/// Does the event say that a stop may have begun or ended?
pub(super) const fn is_about_stops(event: &PortalEvent) -> bool {
    matches!(event, PortalEvent::EmergencyStop { .. })
}

/// One line for each stop; nothing when there is none.
#[component]
pub(crate) fn StopBanner() -> impl IntoView {
    let stops = expect_context::<Stops>().0;
    view! {
        <Transition fallback=|| ()>
            {move || Suspend::new(async move {
                let stops = stops.await.unwrap_or_default();
                stops.into_iter().filter(|stop| stop.is_stopped).map(|stop| view! { <Line stop/> }).collect_view()
            })}
        </Transition>
    }
}

#[component]
fn Line(stop: EmergencyStopView) -> impl IntoView {
    let whose = match stop.business_name {
        Some(name) => format!("for {name}"),
        None => "for all businesses".to_owned(),
    };
    view! {
        <div class="stop-banner status-bad" role="status">
            {StatusKind::Bad.shape()}
            <p>
                <b>"Strong commands are stopped " {whose}</b>
                {stop.decided_at.map(|at| view! { " since " <Time at/> })}
                {stop.decided_by.map(|who| format!(", by {who}"))}
                {(!stop.reason.is_empty()).then(|| format!(": {}", stop.reason.trim_end_matches('.')))}
                ". " <a href="/emergency-stop">"Emergency stop"</a>
            </p>
        </div>
    }
}
