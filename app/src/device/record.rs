//! What people see when the device's own record of commands is not what it was.

use super::calls::AcknowledgeRecord;
use crate::{
    layout::use_me,
    ui::{ButtonKind, Form, Hidden, Notice, StatusKind, Submit, Time},
};
use entity::{device::DeviceView, policy::Action};
use leptos::prelude::*;

/// What does not fit; nothing when everything does.
#[component]
pub(super) fn RecordNotice(device: DeviceView, seen: ServerAction<AcknowledgeRecord>) -> impl IntoView {
    let can_decide = use_me().may(Action::ManageDevice);
    let fault = device.record.fault?;
    let id = device.id.to_string();
    Some(view! {
        <div class="device-notice">
            <Notice kind=StatusKind::Warn>
                "This device's own record of commands is not what it was" {device.record.fault_at.map(|at| view! {
                    ", since " <Time at/>
                })} ": " {fault} " Both records are kept."
            </Notice>
            {can_decide.then(|| view! {
                <Form action=seen class="form-inline">
                    <Hidden name="id" value=id/>
                    <Submit kind=ButtonKind::Plain>"I have seen it"</Submit>
                </Form>
            })}
        </div>
    })
}
