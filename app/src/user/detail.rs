//! The page of one user.

use super::{
    actions::UserActions,
    calls::{SendLink, SetActive, get_user, take_link},
    status::{UserStatus, reach_words},
};
use crate::{
    error::PortalError,
    layout::{PageHead, load_named, refetch_after, use_me},
    ui::{CopyField, Exact, Fact, Facts, Load, Notice, OptionTime, Panel, StatusKind},
};
use entity::{
    id::UserId,
    policy::Action,
    user::{IssuedLink, UserView},
};
use leptos::prelude::*;
use leptos_router::hooks::use_params_map;

/// One user.
#[component]
pub fn UserPage() -> impl IntoView {
    let me = use_me();
    let can_manage = me.may(Action::ManageUser);
    let user = load_named("id", get_user);
    let send = ServerAction::<SendLink>::new();
    let set_active = ServerAction::<SetActive>::new();
    refetch_after(send, user);
    refetch_after(set_active, user);
    let params = use_params_map();
    let id = move || params.with(|params| params.get("id").and_then(|text| text.parse::<UserId>().ok()));
    // Given out once, so asked for only when there may be a new one.
    let link = Resource::new(
        move || (id(), send.version().get()),
        move |(id, _)| load_link(id.filter(|_| can_manage)),
    );
    view! {
        <Load resource=user let:user>
            {
                let is_self = user.id == me.id;
                let head = user.clone();
                view! {
                    <PageHead
                        title=user.full_name.clone()
                        up=("Users", "/users")
                        facts=move || view! { <UserStatus user=head.clone()/> <span>{head.role_label().to_owned()}</span> }.into_any()
                    />
                    <Load resource=link skeleton=1 let:link>
                        {link.map(|link| view! { <LinkToHandOver link/> })}
                    </Load>
                    <KnownPanel user=user.clone()/>
                    {can_manage.then(|| view! { <UserActions user is_self send set_active/> })}
                }
            }
        </Load>
    }
}

async fn load_link(id: Option<UserId>) -> Result<Option<IssuedLink>, PortalError> {
    match id {
        Some(id) => take_link(id).await,
        None => Ok(None),
    }
}

#[component]
fn LinkToHandOver(link: IssuedLink) -> impl IntoView {
    let IssuedLink { url, expires_at, .. } = link;
    url.map(|url| view! {
        <Panel title="Link to choose a password">
            <Notice kind=StatusKind::Warn>
                "Shown only now. Hand it over yourself, to nobody else: whoever opens it first chooses the password."
            </Notice>
            <CopyField label="Link" value=url/>
            <p class="quiet">"It works once, until " <Exact at=expires_at/> "."</p>
        </Panel>
    })
}

#[component]
fn KnownPanel(user: UserView) -> impl IntoView {
    let (reach, role) = (reach_words(&user), user.role_label().to_owned());
    view! {
        <Panel title="Known">
            <Facts>
                <Fact label="Email">{user.email}</Fact>
                <Fact label="Role">{role}</Fact>
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
