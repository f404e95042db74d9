//! The first tab of a device: is it well, what changed, what may I do.

use super::{
    activity::RecentActivity,
    form::DeviceActions,
    latest::{DisksPanel, NowPanel},
    page::Shown,
};
use crate::{alert::OpenAlerts, monitored_service::DeviceLockPanel, suggestion::OpenSuggestions, ui::Load};
use leptos::prelude::*;

/// The answers side by side; on a phone one under the other.
#[component]
pub(super) fn OverviewTab(shown: Shown) -> impl IntoView {
    view! {
        <OpenAlerts id=shown.id/>
        <OpenSuggestions device=shown.id/>
        <div class="device-columns">
            <div class="device-column">
                <Load resource=shown.device let:device>
                    {
                        let lock = device.device_lock.clone();
                        view! {
                            <NowPanel device=device.clone()/>
                            <DisksPanel device/>
                            <DeviceLockPanel lock/>
                        }
                    }
                </Load>
            </div>
            <div class="device-column">
                <RecentActivity shown/>
                <DeviceActions shown/>
            </div>
        </div>
    }
}
