//! What people and programs send: bodies, forms and queries of the REST API and the portal.
#![no_main]

use entity::{
    api_key::{ApiKeyInput, ServiceAccountInput},
    audit::AuditQuery,
    business::BusinessInput,
    custom_role::CustomRoleInput,
    device::{DeviceInput, DeviceQuery, DeviceTransferInput},
    device_lock::AllowEntry,
    factor::CodeInput,
    metric::HistoryQuery,
    monitored_service::{MonitoredServiceRuleChange, MonitoredServiceRuleInput},
    oidc::OidcProviderInput,
    registration::RegistrationTokenInput,
    service_location::ServiceLocationInput,
    session::{ForgottenInput, LinkInput, PasswordInput, SetupInput, SignInInput},
    user::UserInput,
};
use fuzz::reads;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    reads::<ApiKeyInput>(data);
    reads::<AuditQuery>(data);
    reads::<BusinessInput>(data);
    reads::<CodeInput>(data);
    reads::<CustomRoleInput>(data);
    reads::<DeviceInput>(data);
    reads::<DeviceQuery>(data);
    reads::<DeviceTransferInput>(data);
    reads::<ForgottenInput>(data);
    reads::<HistoryQuery>(data);
    reads::<LinkInput>(data);
    reads::<MonitoredServiceRuleChange>(data);
    reads::<MonitoredServiceRuleInput>(data);
    reads::<OidcProviderInput>(data);
    reads::<PasswordInput>(data);
    reads::<RegistrationTokenInput>(data);
    reads::<ServiceAccountInput>(data);
    reads::<ServiceLocationInput>(data);
    reads::<SetupInput>(data);
    reads::<SignInInput>(data);
    reads::<UserInput>(data);
    if let Ok(text) = std::str::from_utf8(data)
        && let Ok(entry) = text.parse::<AllowEntry>()
    {
        assert_eq!(entry.to_string().parse().as_ref(), Ok(&entry), "what is written can be read");
    }
});
