//! Calls about the services that are looked after.

use super::{Form, Kind, World};
use entity::id::{BusinessId, MonitoredServiceRuleId};
use serde_json::{Value, json};

/// What is asked to look after a service of a business.
pub(super) fn asked(business: BusinessId, name: &str) -> Value {
    json!({"business_id": business, "service_name": name})
}

/// Over REST.
pub(super) fn rest(business: BusinessId) -> [(&'static str, Kind, bool, Value); 6] {
    use Kind::{Changes, Lists, Makes, Reads};
    [
        ("GET /agents/{id}/monitored-services", Reads, false, Value::Null),
        ("GET /monitored-services", Lists, false, Value::Null),
        ("POST /monitored-services", Makes, false, asked(business, "rest.service")),
        ("GET /monitored-services/{id}", Reads, false, Value::Null),
        ("PUT /monitored-services/{id}", Changes, false, json!({"should_be_running": false})),
        ("DELETE /monitored-services/{id}", Changes, false, Value::Null),
    ]
}

/// In the portal.
pub(super) fn portal(world: &World, rule: MonitoredServiceRuleId) -> [Form; 6] {
    use Kind::{Changes, Lists, Makes, Reads};
    let fields = |pairs: &[(&str, &str)]| {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect::<Vec<_>>()
    };
    let (business, device, id) = (world.business.to_string(), world.device.to_string(), rule.to_string());
    let made = fields(&[("input[business_id]", &business), ("input[service_name]", "portal.service")]);
    [
        ("POST /portal/monitored_service/of_device", Reads, false, fields(&[("id", &device)])),
        ("POST /portal/monitored_service/list", Lists, false, vec![]),
        ("POST /portal/monitored_service/add", Makes, false, made),
        ("POST /portal/monitored_service/get", Reads, false, fields(&[("id", &id)])),
        (
            "POST /portal/monitored_service/change",
            Changes,
            false,
            fields(&[("id", &id), ("input[auto_restart]", "true")]),
        ),
        ("POST /portal/monitored_service/remove", Changes, false, fields(&[("id", &id)])),
    ]
}
