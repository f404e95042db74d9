//! Clock: the time that pages show relative times against. It starts with the server's time, so that the browser
//! draws what the server drew, and ticks once the browser has taken over.

use crate::carried::is_taken_over;
use chrono::{DateTime, TimeDelta, Utc};
use leptos::prelude::*;
use std::time::Duration;
use web_sys::js_sys;

/// Relative times change this often.
const TICK: Duration = Duration::from_secs(5);

#[derive(Clone, Copy)]
struct Clock {
    now: RwSignal<DateTime<Utc>>,
    is_local: RwSignal<bool>,
}

/// Starts the clock at the time the page was rendered with.
pub fn provide_clock(start: DateTime<Utc>) {
    let clock = Clock { now: RwSignal::new(start), is_local: RwSignal::new(false) };
    provide_context(clock);
    Effect::new(move |_| {
        if !is_taken_over() {
            return;
        }
        // The browser's own clock may be wrong; only what passed on it since the start is used.
        let begun = browser_now();
        clock.is_local.set(true);
        let tick = move || clock.now.set(start + (browser_now() - begun));
        if let Ok(handle) = set_interval_with_handle(tick, TICK) {
            on_cleanup(move || handle.clear());
        }
    });
}

/// The time now, ticking.
#[must_use]
pub fn use_now() -> Signal<DateTime<Utc>> {
    expect_context::<Clock>().now.into()
}

/// How instants become wall-clock time: UTC as the server draws it, then the browser's own time zone.
#[derive(Clone, Copy)]
pub struct Zone(RwSignal<bool>);

/// The zone that times are written in.
#[must_use]
pub fn use_zone() -> Zone {
    Zone(expect_context::<Clock>().is_local)
}

impl Zone {
    /// Minutes east of UTC at an instant.
    #[must_use]
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        reason = "milliseconds of this era fit"
    )]
    pub fn offset_minutes(self, at: DateTime<Utc>) -> i64 {
        if !self.0.get() {
            return 0;
        }
        let date = js_sys::Date::new(&wasm_bindgen::JsValue::from_f64(at.timestamp_millis() as f64));
        -(date.get_timezone_offset() as i64)
    }

    /// The instant as the clock on the wall shows it; only its fields mean something.
    #[must_use]
    pub fn wall(self, at: DateTime<Utc>) -> DateTime<Utc> {
        at + TimeDelta::minutes(self.offset_minutes(at))
    }

    /// The name of the zone at an instant: `UTC`, `UTC+1`, `UTC-3:30`.
    #[must_use]
    pub fn name(self, at: DateTime<Utc>) -> String {
        let offset = self.offset_minutes(at);
        let sign = if offset < 0 { '-' } else { '+' };
        match (offset.abs() / 60, offset.abs() % 60) {
            (0, 0) => "UTC".to_owned(),
            (hours, 0) => format!("UTC{sign}{hours}"),
            (hours, minutes) => format!("UTC{sign}{hours}:{minutes:02}"),
        }
    }
}

/// The browser's clock.
#[must_use]
#[expect(clippy::cast_possible_truncation, reason = "milliseconds of this era fit")]
pub fn browser_now() -> DateTime<Utc> {
    DateTime::from_timestamp_millis(js_sys::Date::now() as i64).unwrap_or_default()
}
