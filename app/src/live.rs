//! The server's pushes, as pages see them: one event stream per open page. Silent on the server.

use entity::portal_event::PortalEvent;
use leptos::{leptos_dom::helpers::TimeoutHandle, prelude::*};
use send_wrapper::SendWrapper;
use serde::{Serialize, de::DeserializeOwned};
use std::{sync::Arc, time::Duration};
use wasm_bindgen::{JsCast, closure::Closure};
use web_sys::{EventSource, MessageEvent};

/// Events that arrive within this time are answered with one look at the server.
const GATHER: Duration = Duration::from_secs(1);
/// First wait before a refused stream is opened again; doubles up to [`REOPEN_MAX`].
const REOPEN_MIN: Duration = Duration::from_secs(2);
/// Longest wait before a refused stream is opened again.
const REOPEN_MAX: Duration = Duration::from_secs(60);

/// How the page hears from the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkState {
    /// The stream is being opened for the first time, or there is no JavaScript.
    Connecting,
    /// What happens is shown as it happens.
    Live,
    /// The stream broke; what is shown may be old until it is back.
    Reconnecting,
}

type Listener = Arc<dyn Fn(&PortalEvent) + Send + Sync>;

#[derive(Clone, Copy)]
struct Live {
    state: RwSignal<LinkState>,
    listeners: StoredValue<Vec<(u64, Listener)>>,
    next: StoredValue<u64>,
    wait: StoredValue<Duration>,
}

/// Makes a place for the stream; [`connect`] opens it.
pub fn provide_live() {
    provide_context(Live {
        state: RwSignal::new(LinkState::Connecting),
        listeners: StoredValue::new(Vec::new()),
        next: StoredValue::new(0),
        wait: StoredValue::new(REOPEN_MIN),
    });
}

/// Opens the stream for as long as the caller's part of the page is there.
pub fn connect() {
    let live = expect_context::<Live>();
    // Empty on the server, where the part of the page may go on another thread than it came on.
    let open = StoredValue::new(None::<SendWrapper<Stream>>);
    Effect::new(move |_| reopen(live, open));
    on_cleanup(move || {
        if let Some(Some(stream)) = open.try_update_value(Option::take) {
            stream.take().close();
        }
    });
}

/// How the page hears from the server.
#[must_use]
pub fn link_state() -> Signal<LinkState> {
    expect_context::<Live>().state.into()
}

/// Calls back for every event until the caller's part of the page is gone.
pub fn on_event(callback: impl Fn(&PortalEvent) + Send + Sync + 'static) {
    let live = expect_context::<Live>();
    let key = live.next.get_value();
    live.next.set_value(key + 1);
    live.listeners.update_value(|listeners| listeners.push((key, Arc::new(callback))));
    on_cleanup(move || {
        live.listeners.try_update_value(|listeners| listeners.retain(|(other, _)| *other != key));
    });
}

/// Loads the resource anew when an event matters to it, and whenever events may have been missed.
pub fn refetch_on<T>(resource: Resource<T>, matters: impl Fn(&PortalEvent) -> bool + Send + Sync + 'static)
where
    T: Serialize + DeserializeOwned + Send + Sync + 'static,
{
    let waiting = StoredValue::new(None::<TimeoutHandle>);
    on_event(move |event| {
        if waiting.get_value().is_some() || !(matches!(event, PortalEvent::Resync) || matters(event)) {
            return;
        }
        look_soon(resource, waiting);
    });
    on_cleanup(move || {
        if let Some(Some(handle)) = waiting.try_update_value(Option::take) {
            handle.clear();
        }
    });
}

/// Looks again in a moment; not while somebody answers a question of the page, whose words would be gone.
fn look_soon<T>(resource: Resource<T>, waiting: StoredValue<Option<TimeoutHandle>>)
where
    T: Serialize + DeserializeOwned + Send + Sync + 'static,
{
    let look = move || {
        waiting.set_value(None);
        if document().query_selector("details.confirm[open]").ok().flatten().is_some() {
            look_soon(resource, waiting);
        } else {
            resource.refetch();
        }
    };
    waiting.set_value(set_timeout_with_handle(look, GATHER).ok());
}

/// An open stream with what the browser calls.
struct Stream {
    source: EventSource,
    _on_message: Closure<dyn FnMut(MessageEvent)>,
    _on_error: Closure<dyn FnMut()>,
    reopening: StoredValue<Option<TimeoutHandle>>,
}

impl Stream {
    fn close(self) {
        self.source.set_onmessage(None);
        self.source.set_onerror(None);
        self.source.close();
        if let Some(Some(handle)) = self.reopening.try_get_value() {
            handle.clear();
        }
    }
}

fn reopen(live: Live, open: StoredValue<Option<SendWrapper<Stream>>>) {
    let Ok(source) = EventSource::new("/portal/events") else { return };
    let reopening = StoredValue::new(None);
    let on_message =
        Closure::<dyn FnMut(MessageEvent)>::new(move |message: MessageEvent| hear(live, &message));
    source.set_onmessage(Some(on_message.as_ref().unchecked_ref()));

    let failed = SendWrapper::new(source.clone());
    let on_error = Closure::<dyn FnMut()>::new(move || {
        live.state.set(LinkState::Reconnecting);
        // The browser reopens a broken stream by itself, but not one that was refused.
        if failed.ready_state() == EventSource::CLOSED {
            let wait = live.wait.get_value();
            live.wait.set_value((wait * 2).min(REOPEN_MAX));
            reopening.set_value(set_timeout_with_handle(move || reopen(live, open), wait).ok());
        }
    });
    source.set_onerror(Some(on_error.as_ref().unchecked_ref()));

    let stream = SendWrapper::new(Stream { source, _on_message: on_message, _on_error: on_error, reopening });
    if let Some(former) = open.try_update_value(|slot| slot.replace(stream)).flatten() {
        former.take().close();
    }
}

fn hear(live: Live, message: &MessageEvent) {
    let Some(event) =
        message.data().as_string().and_then(|text| serde_json::from_str::<PortalEvent>(&text).ok())
    else {
        return;
    };
    live.wait.set_value(REOPEN_MIN);
    if live.state.get_untracked() != LinkState::Live {
        live.state.set(LinkState::Live);
    }
    // Listeners may come and go while they are called.
    for (_, listener) in live.listeners.get_value() {
        listener(&event);
    }
}
