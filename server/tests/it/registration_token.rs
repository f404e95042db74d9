//! Registration tokens: consumed exactly once, expired, revoked, shown once.

use crate::support::world::{World, each_engine, register_request, visitor};
use chrono::Duration;
use entity::{
    device::DeviceQuery,
    presence::Presence,
    problem::{Problem, ProblemCode},
    registration::{RegistrationState, RegistrationTokenInput},
};

fn input(world: &World) -> RegistrationTokenInput {
    RegistrationTokenInput {
        business_id: world.business,
        service_location_id: None,
        device_name: "Office server".to_owned(),
        expires_in_hours: Some(1),
    }
}

#[tokio::test]
async fn of_a_hundred_tries_with_one_token_one_succeeds() {
    each_engine(|world| async move {
        let token = world.token().await;
        let tries: Vec<_> = (0..100)
            .map(|_| {
                let (store, request) = (world.store.clone(), register_request(&token));
                tokio::spawn(async move { domain::registration::register(&store, &visitor(), request).await })
            })
            .collect();
        let mut registered = 0;
        for task in tries {
            match task.await.expect("no panic") {
                Ok(_) => registered += 1,
                Err(error) => {
                    let problem = Problem::from(error);
                    assert_eq!((problem.code, problem.field.as_deref()), (ProblemCode::Gone, Some("token")));
                }
            }
        }
        assert_eq!(registered, 1);
        let page = domain::device::list(&world.admin, &DeviceQuery::default()).await.expect("a page");
        assert_eq!(page.total, Some(1));
    })
    .await;
}

#[tokio::test]
async fn a_token_goes_through_its_states() {
    each_engine(|world| async move {
        let used = domain::registration::issue(&world.admin, input(&world)).await.expect("issued");
        let late = domain::registration::issue(&world.admin, input(&world)).await.expect("issued");
        let taken_back = domain::registration::issue(&world.admin, input(&world)).await.expect("issued");
        assert!(used.token.starts_with("AGT-"));
        assert!(used.install_command_linux.contains("https://reeve.example/install.sh"));

        let answer = domain::registration::register(&world.store, &visitor(), register_request(&used.token))
            .await
            .expect("registers");
        assert_eq!(answer.device_name, "Office server");
        assert_eq!(answer.websocket_url, "wss://reeve.example/ws");
        domain::registration::revoke(&world.admin, taken_back.id).await.expect("revoked");
        world.clock.advance(Duration::hours(1));
        let refused = |token: &str| {
            let (store, request) = (world.store.clone(), register_request(token));
            async move {
                let result = domain::registration::register(&store, &visitor(), request).await;
                Problem::from(result.expect_err("refused")).detail
            }
        };
        assert!(refused(&late.token).await.contains("expired"), "by the clock, before the job has run");
        // The token, and the three that were kept to be shown to their maker.
        assert_eq!(domain::job::expire(&world.job()).await.expect("runs"), 1 + 3);
        assert!(refused(&late.token).await.contains("expired"));
        assert!(refused(&taken_back.token).await.contains("revoked"));
        assert!(refused(&used.token).await.contains("used"));
        assert!(refused("AGT-00000000-00000000-00000000").await.contains("not known"));

        let state = async |id| domain::registration::get(&world.admin, id).await.expect("a token").state;
        assert_eq!(state(used.id).await, RegistrationState::Consumed);
        assert_eq!(state(late.id).await, RegistrationState::Expired);
        assert_eq!(state(taken_back.id).await, RegistrationState::Revoked);
        let again = domain::registration::revoke(&world.admin, used.id).await.expect_err("refused");
        assert_eq!(Problem::from(again).code, ProblemCode::Conflict);
        let view = domain::registration::get(&world.admin, used.id).await.expect("a token");
        assert_eq!(view.device_id, Some(answer.agent_id));
        assert_eq!(view.created_by.as_deref(), Some("Ada Admin"));
    })
    .await;
}

#[tokio::test]
async fn a_secret_is_shown_once() {
    let world = World::on_sqlite().await;
    let issued = domain::registration::issue(&world.admin, input(&world)).await.expect("issued");
    let shown = domain::registration::take_secret(&world.admin, issued.id).await.expect("asks");
    assert_eq!(shown, Some(issued.clone()));
    assert_eq!(domain::registration::take_secret(&world.admin, issued.id).await.expect("asks"), None);
}

#[tokio::test]
async fn a_token_needs_a_place_of_its_business_and_a_life_in_bounds() {
    let world = World::on_sqlite().await;
    let bad = [
        (
            "service_location_id",
            RegistrationTokenInput { service_location_id: Some(world.neighbour_location), ..input(&world) },
        ),
        ("expires_in_hours", RegistrationTokenInput { expires_in_hours: Some(0), ..input(&world) }),
        ("device_name", RegistrationTokenInput { device_name: "x".repeat(500), ..input(&world) }),
    ];
    for (field, input) in bad {
        let problem =
            Problem::from(domain::registration::issue(&world.admin, input).await.expect_err("refused"));
        assert_eq!(problem.field.as_deref(), Some(field));
    }
}

#[tokio::test]
async fn a_revoked_device_is_out_at_once() {
    each_engine(|world| async move {
        let (device, _) = world.device().await;
        let view = domain::device::revoke(&world.admin.confirmed().expect("just now"), device.agent_id)
            .await
            .expect("revoked");
        assert_eq!(view.presence, Presence::Offline);
        let gone = domain::agent_token::authenticate(&world.store, &device.agent_token).await;
        assert_eq!(Problem::from(gone.err().expect("refused")).code, ProblemCode::Gone);
        let gone = domain::agent_token::challenge(&world.store, device.agent_id).await;
        assert_eq!(Problem::from(gone.expect_err("refused")).code, ProblemCode::Gone);
    })
    .await;
}
