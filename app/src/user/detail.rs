//! The page of one user.

use super::{
    actions::UserActions,
    calls::{ChangeUser, SendLink, SetActive, get_user, take_link},
    choices::{Choices, load_choices},
    form::ChangeUserPanel,
    status::{UserStatus, reach_words},
};
use crate::{
    business::use_business_like,
    custom_role::permission_words,
    error::PortalError,
    layout::{PageHead, load_named, refetch_after, use_me},
    ui::{CopyField, Exact, Fact, Facts, Load, Notice, OptionTime, Panel, Status, StatusKind},
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
    let (is_msp, permissions) = (me.role.is_msp(), me.permissions.clone());
    // In one, because the form for a user stands among what is known of them.
    let like = use_business_like();
    let user = load_named("id", move |id| {
        let (permissions, like) = (permissions.clone(), like.get_untracked());
        async move {
            let user = get_user(id).await?;
            let choices = load_choices(is_msp && can_manage, can_manage, permissions, like, None).await?;
            Ok((user, choices))
        }
    });
    Effect::new(move |former: Option<Option<String>>| {
        let like = like.get();
        if former.is_some_and(|former| former != like) {
            user.refetch();
        }
        like
    });
    let send = ServerAction::<SendLink>::new();
    let set_active = ServerAction::<SetActive>::new();
    let change = ServerAction::<ChangeUser>::new();
    refetch_after(send, user);
    refetch_after(set_active, user);
    refetch_after(change, user);
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
                let (user, choices) = user;
                let is_self = user.id == me.id;
                let is_weaker = me.permissions.include(&user.permissions);
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
                    {can_manage.then(|| if is_self || is_weaker {
                        view! { <Managed user is_self choices send set_active change/> }.into_any()
                    } else {
                        view! { <Stronger/> }.into_any()
                    })}
                }
            }
        </Load>
    }
}

/// What those who manage people may do to somebody.
#[component]
fn Managed(
    user: UserView,
    is_self: bool,
    choices: Choices,
    send: ServerAction<SendLink>,
    set_active: ServerAction<SetActive>,
    change: ServerAction<ChangeUser>,
) -> impl IntoView {
    let changed = user.clone();
    view! {
        <UserActions user is_self send set_active/>
        {(!is_self).then(|| view! { <ChangeUserPanel choices user=changed change/> })}
    }
}

#[component]
fn Stronger() -> impl IntoView {
    view! {
        <Notice kind=StatusKind::Info>
            "They may do more than you; somebody who may do as much can change this."
        </Notice>
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
    let stands_in = user.custom_role.is_some().then(|| user.role.label());
    let may = permission_words(&user.permissions);
    let extra = (!user.extra_permissions.is_empty()).then(|| permission_words(&user.extra_permissions));
    view! {
        <Panel title="Known">
            <Facts>
                <Fact label="Email">{user.email}</Fact>
                <Fact label="Role">
                    {role}
                    {stands_in.map(|base| view! { <span class="quiet">" in place of " {base}</span> })}
                </Fact>
                <Fact label="Sees">
                    {match user.business_id {
                        Some(id) => view! { <a href=format!("/businesses/{id}")>{reach}</a> }.into_any(),
                        None => reach.into_any(),
                    }}
                </Fact>
                <Fact label="May">
                    {may}
                    {extra.map(|extra| view! { <span class="quiet">" (extra: " {extra} ")"</span> })}
                </Fact>
                <Fact label="Second factor">
                    {if user.has_factor {
                        view! { <Status kind=StatusKind::Ok word="Yes"/> }
                    } else {
                        view! { <Status kind=StatusKind::Warn word="No"/> }
                    }}
                </Fact>
                <Fact label="Last signed in"><OptionTime at=user.last_sign_in_at/></Fact>
                <Fact label="Added"><Exact at=user.created_at/></Fact>
            </Facts>
        </Panel>
    }
}
