//! The page of one user.

use super::{
    actions::UserActions,
    calls::{ResetPassword, SetActive, get_user, take_password},
    status::{UserStatus, reach_words},
};
use crate::{
    error::PortalError,
    layout::{PageHead, load_named, refetch_after, use_me},
    ui::{CopyField, Exact, Fact, Facts, Load, Notice, OptionTime, Panel, StatusKind},
};
use entity::{
    id::UserId,
    policy::{Action, may},
    user::UserView,
};
use leptos::prelude::*;
use leptos_router::hooks::use_params_map;

/// One user.
#[component]
pub fn UserPage() -> impl IntoView {
    let me = use_me();
    let can_manage = may(me.role, Action::ManageUser);
    let user = load_named("id", get_user);
    let reset = ServerAction::<ResetPassword>::new();
    let set_active = ServerAction::<SetActive>::new();
    refetch_after(reset, user);
    refetch_after(set_active, user);
    let params = use_params_map();
    let id = move || params.with(|params| params.get("id").and_then(|text| text.parse::<UserId>().ok()));
    // Given out once, so asked for only when there may be a new one.
    let password = Resource::new(
        move || (id(), reset.version().get()),
        move |(id, _)| load_password(id.filter(|_| can_manage)),
    );
    view! {
        <Load resource=user let:user>
            {
                let is_self = user.id == me.id;
                let head = user.clone();
                let email = user.email.clone();
                view! {
                    <PageHead
                        title=user.full_name.clone()
                        up=("Users", "/users")
                        facts=move || view! { <UserStatus user=head.clone()/> <span>{head.role.label()}</span> }.into_any()
                    />
                    <Load resource=password skeleton=1 let:password>
                        {password.map(|password| view! { <OneTimePassword email=email.clone() password/> })}
                    </Load>
                    <KnownPanel user=user.clone()/>
                    {can_manage.then(|| view! { <UserActions user is_self reset set_active/> })}
                }
            }
        </Load>
    }
}

async fn load_password(id: Option<UserId>) -> Result<Option<String>, PortalError> {
    match id {
        Some(id) => take_password(id).await,
        None => Ok(None),
    }
}

#[component]
fn OneTimePassword(email: String, password: String) -> impl IntoView {
    view! {
        <Panel title="One-time password">
            <Notice kind=StatusKind::Warn>
                "Shown only now. Hand it over yourself; it has to be replaced at the first sign-in."
            </Notice>
            <CopyField label="Email" value=email/>
            <CopyField label="One-time password" value=password/>
        </Panel>
    }
}

#[component]
fn KnownPanel(user: UserView) -> impl IntoView {
    let reach = reach_words(&user);
    view! {
        <Panel title="Known">
            <Facts>
                <Fact label="Email">{user.email}</Fact>
                <Fact label="Role">{user.role.label()}</Fact>
                <Fact label="Sees">
                    {match user.business_id {
                        Some(id) => view! { <a href=format!("/businesses/{id}")>{reach}</a> }.into_any(),
                        None => reach.into_any(),
                    }}
                </Fact>
                <Fact label="Last signed in"><OptionTime at=user.last_sign_in_at/></Fact>
                <Fact label="Added"><Exact at=user.created_at/></Fact>
            </Facts>
        </Panel>
    }
}
