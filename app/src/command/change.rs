//! Changing what was asked, for as long as no device has got it: the form is filled with what it is, and whoever said yes to
//! that is asked anew.

use super::{
    calls::{EditRequest, get_request},
    fields::KindFields,
    form::CommandForm,
    words::{StrengthMark, about, risk},
};
use crate::{
    error::PortalError,
    layout::{PageHead, load_named, use_me},
    script::load_scripts,
    ui::{ButtonKind, EmptyState, Form, Hidden, LinkButton, Load, Notice, Panel, StatusKind, Submit, format},
};
use entity::{
    command::{CommandKind, RequestDetail, RequestRow, RequestState},
    id::CommandRequestId,
    script::ScriptView,
    user::Me,
};
use leptos::prelude::*;

/// May this person change it, as far as its state tells?
pub(super) fn may_change(me: &Me, request: &RequestRow) -> bool {
    // What nobody had to approve is on its way at once.
    let is_held = match request.state {
        RequestState::Awaiting => true,
        RequestState::Approved => request.approvals_needed > 0,
        RequestState::Rejected | RequestState::Expired | RequestState::Cancelled => false,
    };
    request.requested_by == me.id && is_held && request.break_glass_at.is_none() && request.wave <= 1
}

/// Changes one request.
#[component]
pub fn ChangeRequestPage() -> impl IntoView {
    let me = use_me();
    let known = load_named("id", |id: CommandRequestId| async move {
        let found = get_request(id).await?;
        let scripts = load_scripts(found.request.kind == CommandKind::RunScript).await?;
        Ok::<(RequestDetail, Vec<ScriptView>), PortalError>((found, scripts))
    });
    let edit = ServerAction::<EditRequest>::new();
    view! {
        <Load resource=known let:found>
            {
                let request = found.0.request;
                let back = format!("/commands/requests/{}", request.id);
                view! {
                    <PageHead title="Change what was asked" up=(request.sentence.clone(), back.clone())/>
                    {if may_change(&me, &request) {
                        view! { <ChangePanel request scripts=found.1 back edit/> }.into_any()
                    } else {
                        view! {
                            <EmptyState
                                title="Not to be changed"
                                action=move || view! { <LinkButton href=back.clone()>"Back to the request"</LinkButton> }.into_any()
                            >
                                "Only who asked may change it, and only until a device has got it. You may ask for something else."
                            </EmptyState>
                        }.into_any()
                    }}
                }
            }
        </Load>
    }
}

#[component]
fn ChangePanel(
    request: RequestRow,
    scripts: Vec<ScriptView>,
    back: String,
    edit: ServerAction<EditRequest>,
) -> impl IntoView {
    let kind = request.kind;
    let asked = CommandForm::of_request(&request);
    let devices = match request.device_name.clone() {
        Some(name) => name,
        None => format!("{} devices", format::count(request.targets_count)),
    };
    view! {
        <Panel title=kind.label() facts=format!("{devices} · {}", request.business_name)>
            <div class="compose">
                <div class="compose-about">
                    <StrengthMark strength=request.strength/>
                    <p>{about(kind)} " " {risk(kind)}</p>
                </div>
                <Form action=edit>
                    <Hidden name="id" value=request.id.to_string()/>
                    <Hidden name="request_sha256" value=request.request_sha256/>
                    <Hidden name="form[kind]" value=kind.word()/>
                    <KindFields kind asked scripts/>
                    <Notice kind=StatusKind::Info>
                        "It is another request then: every approval of what it was is void, and those who decide read it anew. The devices stay the same."
                    </Notice>
                    <div class="form-buttons">
                        <Submit>"Change the request"</Submit>
                        <LinkButton href=back kind=ButtonKind::Quiet>"Leave it as it is"</LinkButton>
                    </div>
                </Form>
            </div>
        </Panel>
    }
}
