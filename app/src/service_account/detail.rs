//! The page of one service account: what it is, its keys, and switching it off.

use super::{
    calls::{ChangeServiceAccount, get_service_account},
    list::AccountStatus,
};
use crate::{
    api_key::{AddKeyPanel, KeyTable, calls::list_keys},
    error::PortalError,
    layout::{PageHead, load_named, named_id, refetch_after, use_me},
    ui::{
        ButtonKind, Confirm, Exact, Fact, Facts, Field, Form, Hidden, Load, Notice, Panel, StatusKind, Submit,
    },
};
use entity::{
    api_key::{ApiKeyQuery, ApiKeyView, ServiceAccountView},
    id::UserId,
    input::NAME_MAX,
    page::PAGE_SIZE_MAX,
};
use leptos::prelude::*;

/// One service account.
#[component]
pub fn ServiceAccountPage() -> impl IntoView {
    let mine = use_me().permissions;
    let change = ServerAction::<ChangeServiceAccount>::new();
    let account = load_named("id", get_service_account);
    refetch_after(change, account);
    let id = named_id::<UserId>("id");
    let keys = Resource::new(move || id.get(), load_keys);
    view! {
        <Load resource=account let:account>
            {
                let ServiceAccountView { id, is_active, .. } = account;
                let allowed = account.permissions.only(&mine);
                let role = account.role.label();
                let head = account.clone();
                view! {
                    <PageHead
                        title=account.full_name.clone()
                        up=("Service accounts".to_owned(), "/service-accounts".to_owned())
                        facts=move || view! { <AccountStatus is_active/> <span>{role}</span> }.into_any()
                        action=move || view! { <SwitchButton account=head.clone() change/> }.into_any()
                    />
                    {(!is_active).then(|| view! {
                        <Notice kind=StatusKind::Warn>"This account is switched off: none of its keys works."</Notice>
                    })}
                    <div class="columns">
                        <KnownPanel account=account.clone()/>
                        <RenamePanel account change/>
                    </div>
                    <Panel title="API keys">
                        <Load resource=keys skeleton=2 let:keys>
                            {
                                if keys.is_empty() {
                                    view! { <p class="quiet">"No keys. The account does nothing until a program has one."</p> }
                                        .into_any()
                                } else {
                                    view! { <KeyTable keys/> }.into_any()
                                }
                            }
                        </Load>
                    </Panel>
                    {is_active.then(|| view! { <AddKeyPanel service_account_id=id permissions=allowed/> })}
                }
            }
        </Load>
    }
}

async fn load_keys(id: Option<UserId>) -> Result<Vec<ApiKeyView>, PortalError> {
    match id {
        Some(id) => {
            let query =
                ApiKeyQuery { user_id: Some(id), limit: Some(PAGE_SIZE_MAX), ..ApiKeyQuery::default() };
            Ok(list_keys(query).await?.items)
        }
        None => Ok(Vec::new()),
    }
}

#[component]
fn KnownPanel(account: ServiceAccountView) -> impl IntoView {
    let (role, reach) = (account.role.label(), account.reach_words());
    view! {
        <Panel title="Known">
            <Facts>
                <Fact label="Role">{role}</Fact>
                <Fact label="Sees">{reach}</Fact>
                <Fact label="Signs in">"Never: it acts by API keys alone"</Fact>
                <Fact label="Made"><Exact at=account.created_at/></Fact>
            </Facts>
        </Panel>
    }
}

#[component]
fn RenamePanel(account: ServiceAccountView, change: ServerAction<ChangeServiceAccount>) -> impl IntoView {
    view! {
        <Panel title="Change">
            <Form action=change>
                <Hidden name="id" value=account.id.to_string()/>
                <Field
                    name="wanted[full_name]"
                    label="Name"
                    value=account.full_name
                    required=true
                    max_length=NAME_MAX
                    autocomplete="off"
                />
                <Submit kind=ButtonKind::Plain>"Rename"</Submit>
            </Form>
        </Panel>
    }
}

#[component]
fn SwitchButton(account: ServiceAccountView, change: ServerAction<ChangeServiceAccount>) -> impl IntoView {
    let (label, sentence) = if account.is_active {
        ("Switch off", "Its keys stop working at once.")
    } else {
        ("Switch on", "Those of its keys that have neither expired nor been revoked work again.")
    };
    let title = format!("{label}: {}?", account.full_name);
    view! {
        <Confirm action=change label title confirm=label>
            <p>{sentence}</p>
            <Hidden name="id" value=account.id.to_string()/>
            <Hidden name="wanted[is_active]" value=(!account.is_active).to_string()/>
        </Confirm>
    }
}
