//! The Reeve portal: one Leptos app, rendered on the server and hydrated in the browser. This file is the list of
//! its pages.
#![recursion_limit = "512"]

pub mod account;
pub mod alert;
pub mod api_key;
pub mod approval;
pub mod approval_policy;
pub mod audit;
pub mod business;
pub mod carried;
pub mod codec;
pub mod command;
#[cfg(feature = "ssr")]
pub mod context;
pub mod custom_role;
pub mod device;
pub mod emergency_stop;
pub mod error;
pub mod error_report;
pub mod factor;
#[cfg(debug_assertions)]
pub mod gallery;
pub mod layout;
pub mod live;
pub mod log_entry;
pub mod monitored_service;
pub mod oidc;
pub mod overview;
pub mod part;
pub mod registration;
pub mod release;
pub mod rollout;
pub mod script;
pub mod service_account;
pub mod service_location;
pub mod settings;
pub mod setup;
#[cfg(feature = "ssr")]
pub mod shell;
pub mod sign_in;
pub mod suggestion;
pub mod ui;
pub mod user;
pub mod welcome;

use leptos::prelude::*;
use leptos_meta::{Title, provide_meta_context};
use leptos_router::{
    Lazy, SsrMode,
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
    command::provide_test_mode(carried.is_test_mode);
    layout::provide_me(carried.me);
    view! {
        <Title text=PRODUCT formatter=window_title/>
        <Router>
            <Routes fallback=layout::NotFoundPage>
                <Route path=path!("/setup") view={Lazy::<part::door::Setup>::new()} ssr=SsrMode::Async/>
                <Route path=path!("/sign-in") view={Lazy::<part::door::SignIn>::new()} ssr=SsrMode::Async/>
                <Route path=path!("/sign-in/factor") view={Lazy::<part::door::SignInFactor>::new()} ssr=SsrMode::Async/>
                <WelcomeRoutes/>
                <Route path=path!("/account/password") view={Lazy::<part::door::Password>::new()} ssr=SsrMode::Async/>
                <Route path=path!("/account/factor") view={Lazy::<part::door::Factor>::new()} ssr=SsrMode::Async/>
                <Route path=path!("/account/confirm") view={Lazy::<part::door::Confirm>::new()} ssr=SsrMode::Async/>
                <ParentRoute path=path!("") view=layout::Frame ssr=SsrMode::Async>
                    <Route path=path!("") view={Lazy::<part::daily::Overview>::new()}/>
                    <DeviceRoutes/>
                    <AlertRoutes/>
                    <CommandRoutes/>
                    <BusinessRoutes/>
                    <Route path=path!("/account") view={Lazy::<part::estate::Account>::new()}/>
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
            <Route path=path!("/welcome") view={Lazy::<part::door::Welcome>::new()}/>
            <Route path=path!("/welcome/password") view={Lazy::<part::door::Choose>::new()}/>
            <Route path=path!("/forgotten") view={Lazy::<part::door::Forgotten>::new()}/>
            <Route path=path!("/forgotten/sent") view={Lazy::<part::door::Sent>::new()}/>
        </ParentRoute>
    }
    .into_inner()
}

#[component(transparent)]
fn DeviceRoutes() -> impl leptos_router::MatchNestedRoutes + Clone {
    view! {
        <ParentRoute path=path!("/devices") view=leptos_router::components::Outlet>
            <Route path=path!("") view={Lazy::<part::daily::DeviceList>::new()}/>
            <Route path=path!("add") view={Lazy::<part::one_device::AddDevice>::new()}/>
            <Route path=path!("add/:token_id") view={Lazy::<part::one_device::WaitForDevice>::new()}/>
            <Route path=path!("tokens") view={Lazy::<part::one_device::TokenList>::new()}/>
            <Route path=path!(":id/:tab?") view={Lazy::<part::one_device::Device>::new()}/>
        </ParentRoute>
    }
    .into_inner()
}

/// What needs a person, and what devices wrote.
#[component(transparent)]
fn AlertRoutes() -> impl leptos_router::MatchNestedRoutes + Clone {
    view! {
        <ParentRoute path=path!("") view=leptos_router::components::Outlet>
            <Route path=path!("/alerts") view={Lazy::<part::trouble::AlertList>::new()}/>
            <Route path=path!("/alerts/:id") view={Lazy::<part::trouble::Alert>::new()}/>
            <Route path=path!("/logs") view={Lazy::<part::trouble::LogList>::new()}/>
        </ParentRoute>
    }
    .into_inner()
}

/// What is asked of devices, who decides it, and what runs.
#[component(transparent)]
fn CommandRoutes() -> impl leptos_router::MatchNestedRoutes + Clone {
    view! {
        <ParentRoute path=path!("") view=leptos_router::components::Outlet>
            <Route path=path!("/commands") view={Lazy::<part::commands::CommandList>::new()}/>
            <Route path=path!("/commands/new") view={Lazy::<part::commands::Compose>::new()}/>
            <Route path=path!("/commands/requests/:id") view={Lazy::<part::commands::Request>::new()}/>
            <Route path=path!("/commands/requests/:id/change") view={Lazy::<part::commands::ChangeRequest>::new()}/>
            <Route path=path!("/commands/:id") view={Lazy::<part::commands::Command>::new()}/>
            <Route path=path!("/approvals") view={Lazy::<part::commands::ApprovalList>::new()}/>
            <Route path=path!("/approval-policies") view={Lazy::<part::commands::PolicyList>::new()}/>
            <Route path=path!("/approval-policies/all") view={Lazy::<part::commands::DefaultPolicy>::new()}/>
            <Route path=path!("/approval-policies/:id") view={Lazy::<part::commands::BusinessPolicy>::new()}/>
            <Route path=path!("/emergency-stop") view={Lazy::<part::commands::EmergencyStop>::new()}/>
            <Route path=path!("/scripts") view={Lazy::<part::commands::ScriptList>::new()}/>
            <Route path=path!("/scripts/:id") view={Lazy::<part::commands::Script>::new()}/>
        </ParentRoute>
    }
    .into_inner()
}

#[component(transparent)]
fn BusinessRoutes() -> impl leptos_router::MatchNestedRoutes + Clone {
    view! {
        <ParentRoute path=path!("") view=leptos_router::components::Outlet>
            <Route path=path!("/businesses") view={Lazy::<part::estate::BusinessList>::new()}/>
            <Route path=path!("/businesses/:id") view={Lazy::<part::estate::Business>::new()}/>
            <Route path=path!("/service-locations/:id") view={Lazy::<part::estate::ServiceLocation>::new()}/>
            <Route path=path!("/users") view={Lazy::<part::estate::UserList>::new()}/>
            <Route path=path!("/users/:id") view={Lazy::<part::estate::User>::new()}/>
            <Route path=path!("/sign-in-settings") view={Lazy::<part::estate::SignInSettings>::new()}/>
            <Route path=path!("/sign-in-settings/:id") view={Lazy::<part::estate::Provider>::new()}/>
            <SettingRoutes/>
            <ReleaseRoutes/>
            <RolloutRoutes/>
            <Route path=path!("/account/keys") view={Lazy::<part::estate::OwnKeys>::new()}/>
            <Route path=path!("/api-keys/:id") view={Lazy::<part::estate::Key>::new()}/>
            <Route path=path!("/service-accounts") view={Lazy::<part::estate::ServiceAccountList>::new()}/>
            <Route path=path!("/service-accounts/:id") view={Lazy::<part::estate::ServiceAccount>::new()}/>
            <Route path=path!("/errors") view={Lazy::<part::trouble::ErrorList>::new()}/>
            <Route path=path!("/errors/:fingerprint") view={Lazy::<part::trouble::Error>::new()}/>
            <Route path=path!("/audit") view={Lazy::<part::estate::Audit>::new()}/>
            <Route path=path!("/audit/:seq") view={Lazy::<part::estate::AuditEntry>::new()}/>
        </ParentRoute>
    }
    .into_inner()
}

#[component(transparent)]
fn SettingRoutes() -> impl leptos_router::MatchNestedRoutes + Clone {
    view! {
        <ParentRoute path=path!("") view=leptos_router::components::Outlet>
            <Route path=path!("/monitored-services") view={Lazy::<part::estate::MonitoredServiceList>::new()}/>
            <Route path=path!("/monitored-services/:id") view={Lazy::<part::estate::MonitoredService>::new()}/>
            <Route path=path!("/settings") view={Lazy::<part::estate::Settings>::new()}/>
            <Route path=path!("/monitoring") view={Lazy::<part::estate::Monitoring>::new()}/>
            <Route path=path!("/roles") view={Lazy::<part::estate::RoleList>::new()}/>
            <Route path=path!("/roles/:id") view={Lazy::<part::estate::Role>::new()}/>
        </ParentRoute>
    }
    .into_inner()
}

/// What the agent is released as.
#[component(transparent)]
fn ReleaseRoutes() -> impl leptos_router::MatchNestedRoutes + Clone {
    view! {
        <ParentRoute path=path!("/releases") view=leptos_router::components::Outlet>
            <Route path=path!("") view={Lazy::<part::releases::ReleaseList>::new()}/>
            <Route path=path!("upload") view={Lazy::<part::releases::UploadRelease>::new()}/>
            <Route path=path!("roots") view={Lazy::<part::releases::RootList>::new()}/>
            <Route path=path!(":id") view={Lazy::<part::releases::Release>::new()}/>
        </ParentRoute>
    }
    .into_inner()
}

/// How releases reach devices.
#[component(transparent)]
fn RolloutRoutes() -> impl leptos_router::MatchNestedRoutes + Clone {
    view! {
        <ParentRoute path=path!("/rollouts") view=leptos_router::components::Outlet>
            <Route path=path!("") view={Lazy::<part::releases::RolloutList>::new()}/>
            <Route path=path!("new") view={Lazy::<part::releases::DesignRollout>::new()}/>
            <Route path=path!(":id") view={Lazy::<part::releases::Rollout>::new()}/>
            <Route path=path!(":id/devices") view={Lazy::<part::releases::RolloutDevices>::new()}/>
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
