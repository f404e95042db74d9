//! People who try to be two, and keys that ask in somebody else's name.

use crate::{
    approval::{approve, approver, code, pull, restart, said},
    support::world::{World, each_engine, visitor},
};
use domain::access::api_key_cx;
use entity::{
    api_key::{ApiKeyInput, ServiceAccountInput},
    approval::BreakGlassInput,
    policy::Action,
    problem::ProblemCode,
    user::Role,
};

/// A program that may ask for commands, by a key that the admin made.
async fn program(world: &World) -> domain::Cx {
    let admin = world.admin_now().await;
    let confirmed = admin.confirmed().expect("just now");
    let input = ServiceAccountInput {
        full_name: "Nightly".to_owned(),
        business_id: None,
        role: Role::Technician,
        every_business: false,
        granted: vec![world.business],
    };
    let account = domain::service_account::add(&confirmed, input).await.expect("made").id;
    let input = ApiKeyInput {
        key_name: "nightly".to_owned(),
        service_account_id: Some(account),
        permissions: vec![Action::RequestCommand],
        allowed_networks: String::new(),
        expires_in_days: None,
    };
    let key = domain::api_key::add(&confirmed, input).await.expect("made");
    api_key_cx(&world.store, &visitor(), &key.secret).await.expect("works")
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_made_a_key_of_a_program_does_not_decide_what_it_asks_for() {
    each_engine(|world| async move {
        let (device, agent) = world.device().await;
        let program = program(&world).await;
        let made = domain::command::create_one(&program, device.agent_id, restart()).await.expect("asked");
        let id = made.request.id;
        let admin = world.admin_now().await;
        assert_eq!(code(approve(&admin, id).await), ProblemCode::Forbidden, "they have its key");
        let request_sha256 = said(&admin, id).await.request_sha256;
        let glass = BreakGlassInput { request_sha256, reason: "fire".to_owned() };
        let opened = domain::approval::break_glass(&admin.confirmed().expect("just now"), id, glass).await;
        assert_eq!(code(opened), ProblemCode::Forbidden, "nor alone");
        assert_eq!(pull(&agent).await, 0);
        approve(&approver(&world).await, id).await.expect("somebody else may");
        assert_eq!(pull(&agent).await, 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_yes_of_who_gets_a_key_of_the_program_afterwards_does_not_count() {
    each_engine(|world| async move {
        let (device, agent) = world.device().await;
        let program = program(&world).await;
        let made = domain::command::create_one(&program, device.agent_id, restart()).await.expect("asked");
        let second = crate::approval::somebody(&world, Role::MspAdmin, None, &[]).await;
        approve(&second, made.request.id).await.expect("they have no key of it yet");
        let input = ApiKeyInput {
            key_name: "mine".to_owned(),
            service_account_id: Some(program.me().id),
            permissions: vec![],
            allowed_networks: String::new(),
            expires_in_days: None,
        };
        domain::api_key::add(&second.confirmed().expect("just now"), input).await.expect("made");
        assert_eq!(pull(&agent).await, 0, "asked and approved with the same hands");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_asks_for_too_much_waits_until_people_have_decided() {
    each_engine(|world| async move {
        let (device, _) = world.device().await;
        let asker = approver(&world).await;
        let mut asked = Vec::new();
        let refused = loop {
            match domain::command::create_one(&asker, device.agent_id, restart()).await {
                Ok(made) => asked.push(made.request.id),
                Err(error) => break error.problem(),
            }
            assert!(asked.len() <= 200, "and no end");
        };
        assert_eq!((refused.code, asked.len()), (ProblemCode::Conflict, 200));
        let other = approver(&world).await;
        domain::command::create_one(&other, device.agent_id, restart()).await.expect("nobody else waits");
        domain::command::cancel_request(&asker, asked[0]).await.expect("taken back");
        domain::command::create_one(&asker, device.agent_id, restart()).await.expect("room again");
    })
    .await;
}
