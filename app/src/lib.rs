//! The Reeve portal: one Leptos app, rendered on the server and hydrated in the browser. This file is the list of
//! its pages.
#![recursion_limit = "512"]

pub mod account;
pub mod api_key;
pub mod audit;
pub mod business;
pub mod carried;
pub mod codec;
#[cfg(feature = "ssr")]
pub mod context;
pub mod custom_role;
pub mod device;
pub mod error;
pub mod factor;
#[cfg(debug_assertions)]
pub mod gallery;
pub mod layout;
pub mod live;
pub mod oidc;
pub mod overview;
pub mod registration;
pub mod service_account;
pub mod service_location;
pub mod settings;
pub mod setup;
#[cfg(feature = "ssr")]
pub mod shell;
pub mod sign_in;
pub mod ui;
pub mod user;
pub mod welcome;

use leptos::prelude::*;
use leptos_meta::{Title, provide_meta_context};
use leptos_router::{
    SsrMode,
    components::{ParentRoute, Route, Router, Routes},
    path,
};

/// The whole portal. Everything is rendered before the first byte is sent, so that it reads without JavaScript.
#[component]
pub fn App() -> impl IntoView {
    provide_meta_context();
    let carried = carried::carry();
    ui::clock::provide_clock(carried.now);
    ui::theme::provide_theme(carried.theme);
    ui::toast::provide_toasts(carried.done);
    ui::step_up::provide_step_up();
    live::provide_live();
    layout::provide_me(carried.me);
    view! {
        <Title text=PRODUCT formatter=window_title/>
        <Router>
            <Routes fallback=layout::NotFoundPage>
                <Route path=path!("/setup") view=setup::SetupPage ssr=SsrMode::Async/>
                <Route path=path!("/sign-in") view=sign_in::SignInPage ssr=SsrMode::Async/>
                <Route path=path!("/sign-in/factor") view=sign_in::SignInFactorPage ssr=SsrMode::Async/>
                <WelcomeRoutes/>
                <Route path=path!("/account/password") view=account::PasswordPage ssr=SsrMode::Async/>
                <Route path=path!("/account/factor") view=factor::FactorPage ssr=SsrMode::Async/>
                <Route path=path!("/account/confirm") view=factor::ConfirmPage ssr=SsrMode::Async/>
                <ParentRoute path=path!("") view=layout::Frame ssr=SsrMode::Async>
                    <Route path=path!("") view=overview::OverviewPage/>
                    <DeviceRoutes/>
                    <BusinessRoutes/>
                    <Route path=path!("/account") view=account::AccountPage/>
                </ParentRoute>
                <GalleryRoutes/>
            </Routes>
            <ui::toast::ToastOutlet/>
            <factor::ConfirmOutlet/>
        </Router>
    }
}

/// Names the window until a page does.
const PRODUCT: &str = "Reeve";

fn window_title(page: String) -> String {
    let page = for_head(page);
    if page == PRODUCT { page } else { format!("{page} · {PRODUCT}") }
}

/// The server writes the title into the page as it is, and names of people and machines stand in titles.
#[cfg(feature = "ssr")]
fn for_head(title: String) -> String {
    title.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// The browser takes it as text.
#[cfg(not(feature = "ssr"))]
const fn for_head(title: String) -> String {
    title
}

/// Links to choose a password, and asking for one.
#[component(transparent)]
fn WelcomeRoutes() -> impl leptos_router::MatchNestedRoutes + Clone {
    view! {
        <ParentRoute path=path!("") view=leptos_router::components::Outlet ssr=SsrMode::Async>
            <Route path=path!("/welcome") view=welcome::WelcomePage/>
            <Route path=path!("/welcome/password") view=welcome::ChoosePage/>
            <Route path=path!("/forgotten") view=welcome::ForgottenPage/>
            <Route path=path!("/forgotten/sent") view=welcome::SentPage/>
        </ParentRoute>
    }
    .into_inner()
}

#[component(transparent)]
fn DeviceRoutes() -> impl leptos_router::MatchNestedRoutes + Clone {
    view! {
        <ParentRoute path=path!("/devices") view=leptos_router::components::Outlet>
            <Route path=path!("") view=device::DeviceListPage/>
            <Route path=path!("add") view=registration::AddDevicePage/>
            <Route path=path!("add/:token_id") view=registration::WaitForDevicePage/>
            <Route path=path!("tokens") view=registration::TokenListPage/>
            <Route path=path!(":id/:tab?") view=device::DevicePage/>
        </ParentRoute>
    }
    .into_inner()
}

#[component(transparent)]
fn BusinessRoutes() -> impl leptos_router::MatchNestedRoutes + Clone {
    view! {
        <ParentRoute path=path!("") view=leptos_router::components::Outlet>
            <Route path=path!("/businesses") view=business::BusinessListPage/>
            <Route path=path!("/businesses/:id") view=business::BusinessPage/>
            <Route path=path!("/service-locations/:id") view=service_location::ServiceLocationPage/>
            <Route path=path!("/users") view=user::UserListPage/>
            <Route path=path!("/users/:id") view=user::UserPage/>
            <Route path=path!("/sign-in-settings") view=oidc::SignInSettingsPage/>
            <Route path=path!("/sign-in-settings/:id") view=oidc::ProviderPage/>
            <SettingRoutes/>
            <Route path=path!("/account/keys") view=api_key::OwnKeysPage/>
            <Route path=path!("/api-keys/:id") view=api_key::KeyPage/>
            <Route path=path!("/service-accounts") view=service_account::ServiceAccountListPage/>
            <Route path=path!("/service-accounts/:id") view=service_account::ServiceAccountPage/>
            <Route path=path!("/audit") view=audit::AuditPage/>
            <Route path=path!("/audit/:seq") view=audit::AuditEntryPage/>
        </ParentRoute>
    }
    .into_inner()
}

#[component(transparent)]
fn SettingRoutes() -> impl leptos_router::MatchNestedRoutes + Clone {
    view! {
        <ParentRoute path=path!("") view=leptos_router::components::Outlet>
            <Route path=path!("/settings") view=settings::SettingsPage/>
            <Route path=path!("/roles") view=custom_role::RoleListPage/>
            <Route path=path!("/roles/:id") view=custom_role::RolePage/>
        </ParentRoute>
    }
    .into_inner()
}

/// The parts on one page, in development builds only.
#[cfg(debug_assertions)]
#[component(transparent)]
fn GalleryRoutes() -> impl leptos_router::MatchNestedRoutes + Clone {
    view! { <Route path=path!("/ui") view=gallery::GalleryPage ssr=SsrMode::Async/> }.into_inner()
}

/// Release builds have no gallery: this leads to the page that every unknown address leads to.
#[cfg(not(debug_assertions))]
#[component(transparent)]
fn GalleryRoutes() -> impl leptos_router::MatchNestedRoutes + Clone {
    view! { <Route path=path!("/ui") view=layout::NotFoundPage ssr=SsrMode::Async/> }.into_inner()
}
