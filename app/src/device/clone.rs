//! What to do when two machines seem to use one identity.

use super::calls::SettleClone;
use crate::{
    layout::use_me,
    ui::{ButtonKind, Form, Hidden, Notice, StatusKind, Submit, Time},
};
use entity::{
    device::{DeviceState, DeviceView},
    policy::Action,
};
use leptos::prelude::*;

/// The suspicion and the two ways out of it; nothing when there is none.
#[component]
pub(super) fn CloneNotice(device: DeviceView, settle: ServerAction<SettleClone>) -> impl IntoView {
    let can_settle = use_me().may(Action::ManageDevice);
    let since = device.clone_suspected_at.filter(|_| device.state == DeviceState::Active)?;
    let id = device.id.to_string();
    Some(view! {
        <div class="device-notice">
            <Notice kind=StatusKind::Warn>
                "Two machines seem to use this identity, first seen " <Time at=since/> ": a disk was probably copied \
                 after the agent was installed. Revoke the device and add each machine anew. If it is one machine that \
                 was set back to a snapshot, say so."
            </Notice>
            {can_settle.then(|| view! {
                <Form action=settle class="form-inline">
                    <Hidden name="id" value=id/>
                    <Submit kind=ButtonKind::Plain>"It is one machine"</Submit>
                </Form>
            })}
        </div>
    })
}
