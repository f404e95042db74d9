//! The calls about error reports.

use super::{
    Form,
    Kind::{self, Changes, Lists, Reads},
    World,
};
use crate::support::{agent::FakeAgent, server::TestServer, world::noon};
use domain::error_report::receive;
use entity::error_report::{ErrorReport, ErrorReportQuery, ErrorReportView};
use serde_json::{Value, json};

/// An error that the agent has reported.
pub(super) async fn reported(server: &TestServer, agent: &FakeAgent) -> ErrorReportView {
    let cx = domain::agent_token::authenticate(server.store(), &agent.token).await.expect("the device");
    let report = json!({
        "agent_id": agent.id, "agent_version": "0.1.0", "timestamp": noon(), "error_type": "other", "message": "It broke.",
    });
    let report: ErrorReport = serde_json::from_value(report).expect("a report");
    receive(&cx, report).await.expect("taken");
    let query = ErrorReportQuery { device_id: Some(agent.id), ..ErrorReportQuery::default() };
    let page = domain::error_report::list(&server.world.admin, &query).await.expect("a page");
    page.items.into_iter().next().expect("an error")
}

/// Over REST.
pub(super) fn rest() -> [(&'static str, Kind, bool, Value); 5] {
    [
        ("GET /error-reports", Lists, false, Value::Null),
        ("GET /error-reports/groups", Lists, false, Value::Null),
        ("GET /error-reports/{id}", Reads, false, Value::Null),
        ("GET /agents/{id}/error-reports", Reads, false, Value::Null),
        ("POST /error-reports/groups/{id}", Changes, true, json!({ "state": "seen" })),
    ]
}

/// In the portal.
pub(super) fn portal(world: &World) -> [Form; 5] {
    let field = |name: &str, value: String| (name.to_owned(), value);
    let decision =
        vec![field("fingerprint", world.fingerprint.clone()), field("input[state]", "seen".to_owned())];
    [
        ("POST /portal/error_report/groups", Lists, false, vec![]),
        ("POST /portal/error_report/list", Lists, false, vec![]),
        ("POST /portal/error_report/options", Lists, false, vec![]),
        ("POST /portal/error_report/of_device", Reads, false, vec![field("id", world.device.to_string())]),
        ("POST /portal/error_report/decide", Changes, true, decision),
    ]
}
