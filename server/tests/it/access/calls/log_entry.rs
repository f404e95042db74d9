//! The calls about log entries, where agents look for them, and alerts.

use super::{Form, Kind, World};
use crate::{
    log_entry::{append, entry},
    support::{agent::FakeAgent, server::TestServer, world::noon},
};
use entity::{alert::AlertQuery, id::AlertId, log_entry::LogLevel};
use serde_json::{Value, json};

/// Over REST.
pub(super) fn rest() -> [(&'static str, Kind, bool, Value); 17] {
    use Kind::{Changes, Lists, Reads};
    let (none, sources) = (Value::Null, json!({"system_log": true, "files": "/var/log/app.log"}));
    let rule = json!({"is_active": true, "threshold": 5, "window_seconds": 60, "quiet_seconds": 60});
    [
        ("GET /logs", Lists, false, none.clone()),
        ("GET /agents/{id}/logs", Reads, false, none.clone()),
        ("GET /log-sources", Lists, false, none.clone()),
        ("PUT /log-sources", Changes, true, sources.clone()),
        ("GET /businesses/{id}/log-sources", Reads, false, none.clone()),
        ("PUT /businesses/{id}/log-sources", Changes, false, sources.clone()),
        ("GET /agents/{id}/log-sources", Reads, false, none.clone()),
        ("PUT /agents/{id}/log-sources", Changes, false, sources),
        ("GET /alerts", Lists, false, none.clone()),
        ("GET /agents/{id}/alerts", Reads, false, none.clone()),
        ("GET /alerts/{id}", Reads, false, none.clone()),
        ("POST /alerts/{id}/acknowledge", Changes, false, none.clone()),
        ("POST /alerts/{id}/resolve", Changes, false, json!({"notes": "R"})),
        ("GET /alert-rules/log-burst", Lists, false, none.clone()),
        ("PUT /alert-rules/log-burst", Changes, true, rule.clone()),
        ("GET /businesses/{id}/alert-rules/log-burst", Reads, false, none),
        ("PUT /businesses/{id}/alert-rules/log-burst", Changes, false, rule),
    ]
}

/// An alert of a device, made by its errors.
pub(super) async fn alert(server: &TestServer, agent: &FakeAgent) -> AlertId {
    let cx = domain::agent_token::authenticate(server.store(), &agent.token).await.expect("the device");
    let errors = (1..=10).map(|n| entry(n, noon(), LogLevel::Error, "failed")).collect();
    append(&cx, errors).await.expect("stored");
    let query = AlertQuery { device_id: Some(agent.id), ..AlertQuery::default() };
    let page = domain::alert::list(&server.world.admin, &query).await.expect("a page");
    page.items.first().expect("an alert").id
}

/// In the portal.
pub(super) fn portal(world: &World, alert: AlertId) -> [Form; 17] {
    use Kind::{Changes, Lists, Reads};
    let fields = |pairs: &[(&str, &str)]| {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect::<Vec<_>>()
    };
    let (business, device, alert) = (world.business.to_string(), world.device.to_string(), alert.to_string());
    let (of_business, of_device) = (fields(&[("id", &business)]), fields(&[("id", &device)]));
    let sources = fields(&[("input[system_log]", "true"), ("input[files]", "/var/log/app.log")]);
    let rule = fields(&[
        ("input[is_active]", "true"),
        ("input[threshold]", "5"),
        ("input[window_seconds]", "60"),
        ("input[quiet_seconds]", "60"),
    ]);
    let with =
        |whose: &Vec<(String, String)>, more: &Vec<(String, String)>| [whose.clone(), more.clone()].concat();
    let one = fields(&[("id", &alert)]);
    [
        ("POST /portal/log_entry/list", Lists, false, vec![]),
        ("POST /portal/log_entry/of_device", Reads, false, of_device.clone()),
        ("POST /portal/log_entry/sources", Lists, false, vec![]),
        ("POST /portal/log_entry/business_sources", Reads, false, of_business.clone()),
        ("POST /portal/log_entry/device_sources", Reads, false, of_device.clone()),
        ("POST /portal/log_entry/set_sources", Changes, true, sources.clone()),
        ("POST /portal/log_entry/set_business_sources", Changes, false, with(&of_business, &sources)),
        ("POST /portal/log_entry/set_device_sources", Changes, false, with(&of_device, &sources)),
        ("POST /portal/alert/list", Lists, false, vec![]),
        ("POST /portal/alert/of_device", Reads, false, of_device),
        ("POST /portal/alert/get", Reads, false, one.clone()),
        ("POST /portal/alert/acknowledge", Changes, false, one.clone()),
        ("POST /portal/alert/resolve", Changes, false, one),
        ("POST /portal/alert/rule", Lists, false, vec![]),
        ("POST /portal/alert/business_rule", Reads, false, of_business.clone()),
        ("POST /portal/alert/set_rule", Changes, true, rule.clone()),
        ("POST /portal/alert/set_business_rule", Changes, false, with(&of_business, &rule)),
    ]
}
