//! The first tab of a device: is it well, what changed, what may I do.

use super::{
    activity::RecentActivity,
    form::DeviceActions,
    latest::{DisksPanel, NowPanel},
    page::Shown,
};
use crate::ui::Load;
use leptos::prelude::*;

/// The answers side by side; on a phone one under the other.
#[component]
pub(super) fn OverviewTab(shown: Shown) -> impl IntoView {
    view! {
        <div class="device-columns">
            <div class="device-column">
                <Load resource=shown.device let:device>
                    <NowPanel device=device.clone()/>
                    <DisksPanel device/>
                </Load>
            </div>
            <div class="device-column">
                <RecentActivity shown/>
                <DeviceActions shown/>
            </div>
        </div>
    }
}
