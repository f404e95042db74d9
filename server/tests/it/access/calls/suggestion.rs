//! The calls about suggestions.

use super::{Form, Kind, World};
use crate::{
    metric::{append, sample},
    support::{agent::FakeAgent, server::TestServer},
};
use domain::Clock as _;
use entity::{
    command::CommandKind,
    id::SuggestionId,
    suggestion::{SuggestionQuery, SuggestionState},
};
use serde_json::{Value, json};

/// What alerts propose for a device.
pub struct Suggested {
    /// To be taken.
    take: SuggestionId,
    /// To be dismissed.
    dismiss: SuggestionId,
}

impl Suggested {
    /// Ids of nothing.
    pub(super) const fn imaginary() -> Self {
        let id = SuggestionId(uuid::Uuid::nil());
        Self { take: id, dismiss: id }
    }

    /// Makes them: a limit, and the restart of a service that is looked after.
    pub(super) async fn of(server: &TestServer, agent: &FakeAgent) -> Self {
        let cx = domain::agent_token::authenticate(server.store(), &agent.token).await.expect("the device");
        let now = server.world.clock.now();
        let busy = [60, 0].map(|ago| sample(now - chrono::Duration::seconds(ago), 99.0));
        append(&cx, busy.to_vec()).await.expect("stored");
        let failed = json!({"items": [{"service_name": "nginx.service", "status": "failed"}]});
        let failed = serde_json::from_value(failed).expect("a report");
        domain::monitored_service::report(&cx, failed).await.expect("taken");
        let query = SuggestionQuery {
            device_id: Some(agent.id),
            state: Some(SuggestionState::Open),
            ..SuggestionQuery::default()
        };
        let all = domain::suggestion::list(&server.world.admin, &query).await.expect("a list").items;
        let of = |kind| all.iter().find(|one| one.kind == kind).expect("a suggestion").id;
        Self { take: of(CommandKind::SetRateLimit), dismiss: of(CommandKind::RestartService) }
    }

    /// What stands for an id in the address of one of these.
    pub(super) fn id_in(&self, route: &str) -> String {
        if route.ends_with("/take") { self.take.to_string() } else { self.dismiss.to_string() }
    }
}

/// Over REST.
pub(super) fn rest() -> [(&'static str, Kind, bool, Value); 3] {
    use Kind::{Changes, Lists};
    [
        ("GET /suggestions", Lists, false, Value::Null),
        ("POST /suggestions/{id}/take", Changes, false, Value::Null),
        ("POST /suggestions/{id}/dismiss", Changes, false, json!({"note": "R"})),
    ]
}

/// In the portal.
pub(super) fn portal(world: &World) -> [Form; 3] {
    use Kind::{Changes, Lists};
    let id = |id: SuggestionId| ("id".to_owned(), id.to_string());
    let note = ("input[note]".to_owned(), "R".to_owned());
    [
        ("POST /portal/suggestion/list", Lists, false, vec![]),
        ("POST /portal/suggestion/take", Changes, false, vec![id(world.suggested.take)]),
        ("POST /portal/suggestion/dismiss", Changes, false, vec![id(world.suggested.dismiss), note]),
    ]
}
