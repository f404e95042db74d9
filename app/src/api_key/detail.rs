//! The page of one key: its secret the first time, what it may do, and the end of it.

use super::{
    calls::{RevokeKey, get_key, take_key_secret},
    table::KeyStatus,
};
use crate::{
    error::PortalError,
    layout::{PageHead, load_named, named_id, refetch_after, use_me},
    ui::{
        Absent, Confirm, CopyField, Exact, Fact, Facts, Hidden, Load, Notice, OptionTime, Panel, StatusKind,
        clock::use_now,
    },
};
use entity::{api_key::ApiKeyView, id::ApiKeyId, policy::Action};
use leptos::prelude::*;

/// One key.
#[component]
pub fn KeyPage() -> impl IntoView {
    let me = use_me();
    let now = use_now();
    let revoke = ServerAction::<RevokeKey>::new();
    let key = load_named("id", get_key);
    refetch_after(revoke, key);
    let id = named_id::<ApiKeyId>("id");
    // Given out once, so asked for only by its own page.
    let secret = Resource::new(move || id.get(), load_secret);
    view! {
        <Load resource=key let:key>
            {
                let is_own = key.user_id == me.id;
                let up = if is_own {
                    ("Your API keys".to_owned(), "/account/keys".to_owned())
                } else {
                    ("Service accounts".to_owned(), "/service-accounts".to_owned())
                };
                let head = key.clone();
                let can_revoke = key.revoked_at.is_none() && key.expires_at > now.get_untracked();
                view! {
                    <PageHead
                        title=key.key_name.clone()
                        up=up
                        facts=move || view! { <KeyStatus key=head.clone()/> }.into_any()
                        action={
                            let key = key.clone();
                            move || can_revoke.then(|| view! { <RevokeButton key=key.clone() revoke/> }).into_any()
                        }
                    />
                    <Load resource=secret skeleton=1 let:secret>
                        {secret.map(|secret| view! { <SecretToKeep secret/> })}
                    </Load>
                    <KnownPanel key/>
                }
            }
        </Load>
    }
}

async fn load_secret(id: Option<ApiKeyId>) -> Result<Option<String>, PortalError> {
    match id {
        Some(id) => take_key_secret(id).await,
        None => Ok(None),
    }
}

#[component]
fn SecretToKeep(secret: String) -> impl IntoView {
    view! {
        <Panel title="The key">
            <div class="key-secret">
                <Notice kind=StatusKind::Warn>
                    "Shown only now. Put it where the program finds it; nobody can show it again."
                </Notice>
                <CopyField label="Key" value=secret/>
                <p class="quiet">
                    "Programs send it to " <code>"/api/v1"</code> " in the header "
                    <code>"Authorization: Bearer"</code> ", and nowhere else."
                </p>
            </div>
        </Panel>
    }
}

#[component]
fn RevokeButton(key: ApiKeyView, revoke: ServerAction<RevokeKey>) -> impl IntoView {
    let title = format!("Revoke {}?", key.key_name);
    view! {
        <Confirm action=revoke label="Revoke" title confirm="Revoke key">
            <p>"It stops working at once, and for good."</p>
            <Hidden name="id" value=key.id.to_string()/>
        </Confirm>
    }
}

#[component]
fn KnownPanel(key: ApiKeyView) -> impl IntoView {
    let labels: Vec<_> = key.permissions.iter().map(Action::label).collect();
    let scopes =
        if labels.is_empty() { "Read only".to_owned() } else { format!("Read; {}", labels.join("; ")) };
    let networks = if key.allowed_networks.is_empty() {
        "Anywhere".into_any()
    } else {
        view! { <span class="mono">{key.allowed_networks.join(" ")}</span> }.into_any()
    };
    let maker = match key.created_by_name {
        Some(name) => name.into_any(),
        None => view! { <Absent/> }.into_any(),
    };
    view! {
        <Panel title="Known">
            <Facts>
                <Fact label="Acts as">{key.user_name}</Fact>
                <Fact label="May">{scopes}</Fact>
                <Fact label="Only from">{networks}</Fact>
                <Fact label="Ends in"><span class="mono">{key.hint}</span></Fact>
                <Fact label="Works until"><Exact at=key.expires_at/></Fact>
                <Fact label="Last used">
                    <OptionTime at=key.last_used_at/>
                    {key.last_used_ip.map(|address| view! { " from " <span class="mono">{address}</span> })}
                </Fact>
                <Fact label="Made by">{maker}</Fact>
                <Fact label="Made"><Exact at=key.created_at/></Fact>
                {key.revoked_at.map(|at| view! { <Fact label="Revoked"><Exact at/></Fact> })}
            </Facts>
        </Panel>
    }
}
