//! The page that adds a second factor: before anything else for those who have to have one, and at will for others.

use super::{
    add_passkey::AddPasskey,
    calls::{ConfirmTotp, begin_totp, get_factors, take_recovery_codes},
    codes::KeepCodes,
    totp::TotpForm,
};
use crate::{
    error::PortalError,
    layout::{bare::Bare, calls::who_is_looking},
    ui::Load,
};
use entity::{
    factor::{FactorsView, TotpSetup},
    user::Me,
};
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::{
    components::Redirect,
    hooks::{use_navigate, use_query_map},
};

/// This page; `?with=` says which kind of factor is added.
const PATH: &str = "/account/factor";

/// Which kind of factor is added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Chosen {
    /// Not chosen yet.
    Nothing,
    /// An authenticator app.
    App,
    /// A passkey.
    Passkey,
}

/// All that the page shows.
#[derive(Clone, serde::Serialize, serde::Deserialize)]
struct Loaded {
    me: Me,
    factors: FactorsView,
    /// What the app needs, when one is set up.
    setup: Option<TotpSetup>,
    /// Codes that a form sent without JavaScript was answered with.
    codes: Option<Vec<String>>,
}

/// Choose, add, keep the codes, go on.
#[component]
pub fn FactorPage() -> impl IntoView {
    let query = use_query_map();
    let with = Memo::new(move |_| match query.with(|query| query.get("with")).as_deref() {
        Some("app") => Chosen::App,
        Some("passkey") => Chosen::Passkey,
        _ => Chosen::Nothing,
    });
    let confirm = ServerAction::<ConfirmTotp>::new();
    let added = RwSignal::new(None::<Vec<String>>);
    let loaded = Resource::new_blocking(move || with.get(), load);
    Effect::new(move |_| {
        confirm.version().track();
        if let Some(Ok(codes)) = confirm.value().get_untracked() {
            added.set(Some(codes));
        }
    });
    let navigate = use_navigate();
    Effect::new(move |_| {
        // There are codes already when it is not the first factor.
        if added.with(|codes| codes.as_ref().is_some_and(Vec::is_empty)) {
            navigate("/account", leptos_router::NavigateOptions::default());
        }
    });
    view! {
        <Title text="Second factor"/>
        <Bare>
            {move || match added.get().filter(|codes| !codes.is_empty()) {
                Some(codes) => view! { <KeepCodes codes next="/"/> }.into_any(),
                None => view! {
                    <Load resource=loaded skeleton=4 let:loaded>
                        <Adding loaded with=with.get_untracked() confirm added/>
                    </Load>
                }
                .into_any(),
            }}
        </Bare>
    }
}

async fn load(with: Chosen) -> Result<Loaded, PortalError> {
    let me = who_is_looking().await?;
    let factors = get_factors().await?;
    let codes = take_recovery_codes().await?;
    let is_new = factors.totp_since.is_none() && codes.is_none() && !me.must_change_password;
    let setup = if with == Chosen::App && is_new { Some(begin_totp().await?) } else { None };
    Ok(Loaded { me, factors, setup, codes })
}

#[component]
fn Adding(
    loaded: Loaded,
    with: Chosen,
    confirm: ServerAction<ConfirmTotp>,
    added: RwSignal<Option<Vec<String>>>,
) -> impl IntoView {
    let Loaded { me, factors, setup, codes } = loaded;
    if me.must_change_password {
        return view! { <Redirect path="/account/password"/> }.into_any();
    }
    if let Some(codes) = codes {
        return view! { <KeepCodes codes next="/"/> }.into_any();
    }
    let must = me.must_add_factor;
    match (with, setup) {
        (Chosen::App, Some(setup)) => view! {
            <h1>"Authenticator app"</h1>
            <TotpForm setup confirm/>
            <Foot must/>
        }
        .into_any(),
        (Chosen::Passkey, _) if factors.passkeys_are_possible => view! {
            <h1>"Passkey"</h1>
            <AddPasskey added/>
            <Foot must/>
        }
        .into_any(),
        _ => view! { <Choose factors must/> }.into_any(),
    }
}

/// The ways on, each with what it asks for.
#[component]
fn Choose(factors: FactorsView, must: bool) -> impl IntoView {
    let lead = if must {
        "Your account can do much to other people's machines, so a password alone is not enough for it. Add one of \
         these; you are asked for it when you sign in."
    } else {
        "Whoever learns your password then still cannot sign in as you."
    };
    view! {
        <h1>"Add a second factor"</h1>
        <p class="bare-lead">{lead}</p>
        <ul class="factor-ways">
            {factors.totp_since.is_none().then(|| view! {
                <Way
                    href=format!("{PATH}?with=app")
                    name="Authenticator app"
                    sentence="A code from an app on your phone. Works everywhere."
                />
            })}
            {if factors.passkeys_are_possible {
                view! {
                    <Way
                        href=format!("{PATH}?with=passkey")
                        name="Passkey"
                        sentence="Fingerprint, face, PIN or a security key. Cannot be phished, and needs no password."
                    />
                }
                .into_any()
            } else {
                view! {
                    <li class="quiet">
                        "Passkeys are not possible here: browsers want https and a name, not an IP address."
                    </li>
                }
                .into_any()
            }}
        </ul>
        {(!must).then(|| view! { <p class="bare-foot"><a href="/account">"Back to the account"</a></p> })}
    }
}

#[component]
fn Way(href: String, name: &'static str, sentence: &'static str) -> impl IntoView {
    view! {
        <li>
            <a class="factor-way" href=href>
                <b>{name}</b>
                <span>{sentence}</span>
            </a>
        </li>
    }
}

#[component]
fn Foot(must: bool) -> impl IntoView {
    let (href, label) = if must { (PATH, "Choose another way") } else { ("/account", "Back to the account") };
    view! { <p class="bare-foot"><a href=href>{label}</a></p> }
}
