//! Second factors on the account page: the authenticator app, the recovery codes, the passkeys.

use super::{
    calls::{NewRecoveryCodes, RemovePasskey, RemoveTotp, RenamePasskey, get_factors, take_recovery_codes},
    codes::Codes,
    passkeys::Passkeys,
};
use crate::{
    error::PortalError,
    layout::refetch_after,
    ui::{Confirm, Exact, Fact, Facts, LinkButton, Load, Notice, Panel, Status, StatusKind},
};
use chrono::{DateTime, Utc};
use entity::factor::{FactorsView, RECOVERY_CODES};
use leptos::prelude::*;

/// What is shown, and the codes that a form sent without JavaScript was answered with.
type Loaded = (FactorsView, Option<Vec<String>>);

/// What is done to the factors as a whole.
#[derive(Clone, Copy)]
struct Actions {
    remove_totp: ServerAction<RemoveTotp>,
    new_codes: ServerAction<NewRecoveryCodes>,
    rename: ServerAction<RenamePasskey>,
    remove: ServerAction<RemovePasskey>,
}

/// The panels.
#[component]
pub fn FactorPanels() -> impl IntoView {
    let actions = Actions {
        remove_totp: ServerAction::new(),
        new_codes: ServerAction::new(),
        rename: ServerAction::new(),
        remove: ServerAction::new(),
    };
    let loaded = Resource::new(|| (), |()| load());
    refetch_after(actions.remove_totp, loaded);
    refetch_after(actions.new_codes, loaded);
    refetch_after(actions.rename, loaded);
    refetch_after(actions.remove, loaded);
    let new_codes = actions.new_codes.value();
    // Kept here: what is loaded anew takes nothing away that is shown only once.
    let shown = Memo::new(move |_| new_codes.get().and_then(Result::ok));
    view! {
        <Load resource=loaded skeleton=3 let:loaded>
            <Loaded loaded actions/>
        </Load>
        {move || shown.get().map(|codes| view! { <NewCodes codes/> })}
    }
}

async fn load() -> Result<Loaded, PortalError> {
    Ok((get_factors().await?, take_recovery_codes().await?))
}

#[component]
fn Loaded(loaded: Loaded, actions: Actions) -> impl IntoView {
    let (factors, codes) = loaded;
    let has_any = factors.has_any();
    let is_last =
        factors.is_required && usize::from(factors.totp_since.is_some()) + factors.passkeys.len() == 1;
    let facts = match (has_any, factors.is_required) {
        (true, true) => "Asked for when you sign in; you have to have one",
        (true, false) => "Asked for when you sign in",
        (false, _) => "None: your password alone opens this account",
    };
    let (since, left) = (factors.totp_since, factors.recovery_codes_left);
    view! {
        <Panel title="Second factors" facts=facts.to_owned()>
            <div class="factor-facts">
                <Facts>
                    <Fact label="Authenticator app"><AuthenticatorApp since is_last action=actions.remove_totp/></Fact>
                    {has_any.then(|| view! {
                        <Fact label="Recovery codes">
                            <CodesLeft left action=actions.new_codes/>
                        </Fact>
                    })}
                </Facts>
            </div>
        </Panel>
        {codes.map(|codes| view! { <NewCodes codes/> })}
        <Passkeys factors is_last rename=actions.rename remove=actions.remove/>
    }
}

#[component]
fn AuthenticatorApp(
    since: Option<DateTime<Utc>>,
    is_last: bool,
    action: ServerAction<RemoveTotp>,
) -> impl IntoView {
    let Some(since) = since else {
        return view! {
            <div class="fact-row">
                <Status kind=StatusKind::Off word="Not set up"/>
                <LinkButton href="/account/factor?with=app">"Set up"</LinkButton>
            </div>
        }
        .into_any();
    };
    view! {
        <div class="fact-row">
            <Status kind=StatusKind::Ok word="Set up"/>
            <span class="quiet"><Exact at=since/></span>
            {(!is_last).then(|| view! {
                <Confirm action label="Remove" title="Remove the authenticator app?" confirm="Remove">
                    <p>"Its codes stop working, and your other sessions end."</p>
                </Confirm>
            })}
        </div>
    }
    .into_any()
}

#[component]
fn CodesLeft(left: u64, action: ServerAction<NewRecoveryCodes>) -> impl IntoView {
    let kind = match left {
        0 => StatusKind::Bad,
        1..=3 => StatusKind::Warn,
        _ => StatusKind::Ok,
    };
    view! {
        <div class="fact-row">
            <Status kind word=format!("{left} of {RECOVERY_CODES} left")/>
            <Confirm action label="Make new ones" title="Make new recovery codes?" confirm="Make new ones">
                <p>"The present ones stop working."</p>
            </Confirm>
        </div>
    }
}

#[component]
fn NewCodes(codes: Vec<String>) -> impl IntoView {
    view! {
        <Panel title="Your new recovery codes">
            <div class="stack">
                <Notice kind=StatusKind::Warn>
                    "Shown only now. Keep them where you find them without your phone; those from before are void."
                </Notice>
                <Codes codes/>
            </div>
        </Panel>
    }
}
