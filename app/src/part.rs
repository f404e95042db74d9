//! The parts that the WASM bundle is cut into: what one visit does not need is not fetched. The server renders every
//! page alike; the browser fetches the part of a page before it shows it.

use crate::{
    account, alert, api_key, approval, approval_policy, audit, business, command, custom_role, device,
    emergency_stop, error_report, factor, log_entry, monitored_service, oidc, overview, registration,
    release, rollout, script, service_account, service_location, settings, setup, sign_in, user, welcome,
};
use leptos::prelude::*;
use leptos_router::LazyRoute;

/// Cuts: each part has one function that is fetched when first called, and a route for each of its pages.
macro_rules! parts {
    ($($(#[$about:meta])* mod $part:ident, $show:ident, $preload:ident { $($page:ident = $component:path;)* })*) => {$(
        $(#[$about])*
        pub mod $part {
            use super::*;

            /// The pages of this part.
            #[derive(Clone, Copy)]
            enum Page { $($page,)* }

            #[leptos::lazy]
            fn $show(page: Page) -> AnyView {
                match page { $(Page::$page => $component().into_any(),)* }
            }

            $(
                /// The route of one page.
                pub struct $page;

                impl LazyRoute for $page {
                    fn data() -> Self {
                        Self
                    }

                    async fn view(_: Self) -> AnyView {
                        $show(Page::$page).await
                    }

                    async fn preload() {
                        #[cfg(target_arch = "wasm32")]
                        $preload().await;
                    }
                }
            )*
        }
    )*};
}

parts! {
    /// Getting in: what somebody sees who is not signed in, or has to prove more.
    mod door, show_door, __preload_show_door {
        Setup = setup::SetupPage;
        SignIn = sign_in::SignInPage;
        SignInFactor = sign_in::SignInFactorPage;
        Welcome = welcome::WelcomePage;
        Choose = welcome::ChoosePage;
        Forgotten = welcome::ForgottenPage;
        Sent = welcome::SentPage;
        Password = account::PasswordPage;
        Factor = factor::FactorPage;
        Confirm = factor::ConfirmPage;
    }

    /// What is open all day: the overview and the list of devices.
    mod daily, show_daily, __preload_show_daily {
        Overview = overview::OverviewPage;
        DeviceList = device::DeviceListPage;
    }

    /// What went wrong, over all devices: alerts, logs and the agents' own errors.
    mod trouble, show_trouble, __preload_show_trouble {
        AlertList = alert::AlertListPage;
        Alert = alert::AlertPage;
        LogList = log_entry::LogListPage;
        ErrorList = error_report::ErrorListPage;
        Error = error_report::ErrorPage;
    }

    /// One device, and how a machine becomes one.
    mod one_device, show_one_device, __preload_show_one_device {
        Device = device::DevicePage;
        AddDevice = registration::AddDevicePage;
        WaitForDevice = registration::WaitForDevicePage;
        TokenList = registration::TokenListPage;
    }

    /// What is asked of devices, and who decides it.
    mod commands, show_commands, __preload_show_commands {
        CommandList = command::CommandListPage;
        Command = command::CommandPage;
        Request = command::RequestPage;
        Compose = command::ComposePage;
        ChangeRequest = command::ChangeRequestPage;
        ApprovalList = approval::ApprovalListPage;
        PolicyList = approval_policy::PolicyListPage;
        DefaultPolicy = approval_policy::DefaultPolicyPage;
        BusinessPolicy = approval_policy::BusinessPolicyPage;
        EmergencyStop = emergency_stop::EmergencyStopPage;
        ScriptList = script::ScriptListPage;
        Script = script::ScriptPage;
    }

    /// What the agent is released as, who is believed, and how it reaches devices.
    mod releases, show_releases, __preload_show_releases {
        ReleaseList = release::ReleaseListPage;
        UploadRelease = release::UploadPage;
        RootList = release::RootListPage;
        Release = release::ReleasePage;
        RolloutList = rollout::RolloutListPage;
        DesignRollout = rollout::DesignPage;
        Rollout = rollout::RolloutPage;
        RolloutDevices = rollout::RolloutDevicesPage;
    }

    /// Businesses, people, keys and settings: what is set up once and looked at seldom.
    mod estate, show_estate, __preload_show_estate {
        BusinessList = business::BusinessListPage;
        Business = business::BusinessPage;
        ServiceLocation = service_location::ServiceLocationPage;
        UserList = user::UserListPage;
        User = user::UserPage;
        RoleList = custom_role::RoleListPage;
        Role = custom_role::RolePage;
        MonitoredServiceList = monitored_service::MonitoredServiceListPage;
        MonitoredService = monitored_service::MonitoredServicePage;
        Settings = settings::SettingsPage;
        Monitoring = log_entry::MonitoringSettingsPage;
        SignInSettings = oidc::SignInSettingsPage;
        Provider = oidc::ProviderPage;
        Account = account::AccountPage;
        OwnKeys = api_key::OwnKeysPage;
        Key = api_key::KeyPage;
        ServiceAccountList = service_account::ServiceAccountListPage;
        ServiceAccount = service_account::ServiceAccountPage;
        Audit = audit::AuditPage;
        AuditEntry = audit::AuditEntryPage;
    }
}
