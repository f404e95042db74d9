//! Another device key takes the place of the present one: signed by both, once, and the former one is no good after.

use crate::support::world::{World, each_engine};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use domain::agent_token;
use ed25519_dalek::{Signer as _, SigningKey};
use entity::{
    activity::ActivityKind,
    agent_token::{ChallengeProof, KeyRotation, challenge_message, key_rotation_message},
    id::DeviceId,
    problem::{Problem, ProblemCode},
};

fn key(seed: u8) -> SigningKey {
    SigningKey::from_bytes(&[seed; 32])
}

fn text(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// A device whose key the test holds.
async fn device(world: &World, seed: u8) -> DeviceId {
    let mut request = crate::support::world::register_request(&world.token().await);
    request.device_public_key = text(key(seed).verifying_key().as_bytes());
    let visitor = crate::support::world::visitor();
    domain::registration::register(&world.store, &visitor, request).await.expect("registers").agent_id
}

async fn token(world: &World, id: DeviceId, seed: u8) -> domain::Result<String> {
    let challenge = agent_token::challenge(&world.store, id).await?.challenge;
    let signature = text(&key(seed).sign(&challenge_message(&challenge)).to_bytes());
    let proof = ChallengeProof { challenge, signature };
    Ok(agent_token::exchange(&world.store, id, proof).await?.agent_token)
}

async fn rotation(world: &World, id: DeviceId, by: u8, to: u8) -> KeyRotation {
    let challenge = agent_token::challenge(&world.store, id).await.expect("a challenge").challenge;
    let new_public_key = text(key(to).verifying_key().as_bytes());
    let message = key_rotation_message(&challenge, &new_public_key);
    KeyRotation {
        signature: text(&key(by).sign(&message).to_bytes()),
        new_signature: text(&key(to).sign(&message).to_bytes()),
        challenge,
        new_public_key,
    }
}

fn code(error: domain::Error) -> ProblemCode {
    Problem::from(error).code
}

#[tokio::test]
async fn a_key_is_replaced_once_and_by_its_owner_alone() {
    each_engine(|world| async move {
        let (id, other) = (device(&world, 1).await, device(&world, 2).await);
        let first = token(&world, id, 1).await.expect("a token");
        let cx = agent_token::authenticate(&world.store, &first).await.expect("the device");

        let forged = rotation(&world, id, 9, 3).await;
        assert_eq!(
            code(agent_token::rotate(&cx, forged).await.expect_err("not its key")),
            ProblemCode::SignedOut
        );
        let unproven = KeyRotation {
            new_signature: rotation(&world, id, 1, 4).await.new_signature,
            ..rotation(&world, id, 1, 3).await
        };
        assert_eq!(
            code(agent_token::rotate(&cx, unproven).await.expect_err("not had")),
            ProblemCode::SignedOut
        );
        let foreign = rotation(&world, other, 1, 3).await;
        assert_eq!(
            code(agent_token::rotate(&cx, foreign).await.expect_err("another's")),
            ProblemCode::SignedOut
        );
        let taken = rotation(&world, id, 1, 2).await;
        assert_eq!(
            code(agent_token::rotate(&cx, taken).await.expect_err("a key of another")),
            ProblemCode::Conflict
        );
        let old = rotation(&world, id, 1, 3).await;
        world.clock.advance(chrono::Duration::seconds(61));
        assert_eq!(code(agent_token::rotate(&cx, old).await.expect_err("too old")), ProblemCode::SignedOut);

        let good = rotation(&world, id, 1, 3).await;
        agent_token::rotate(&cx, good.clone()).await.expect("replaced");
        agent_token::rotate(&cx, good).await.expect("again is no harm");
        assert_eq!(code(token(&world, id, 1).await.expect_err("the former key")), ProblemCode::SignedOut);
        assert!(token(&world, id, 3).await.is_ok());
        let activity = domain::device::activity(&world.admin, id, None, None).await.expect("activity");
        assert_eq!(activity.items.iter().filter(|item| item.kind == ActivityKind::KeyRotated).count(), 1);
    })
    .await;
}

#[tokio::test]
async fn of_many_new_keys_at_once_one_is_taken() {
    each_engine(|world| async move {
        let id = device(&world, 1).await;
        let first = token(&world, id, 1).await.expect("a token");
        let cx = agent_token::authenticate(&world.store, &first).await.expect("the device");
        let mut tries = tokio::task::JoinSet::new();
        for seed in 10..30 {
            let (cx, rotation) = (cx.clone(), rotation(&world, id, 1, seed).await);
            tries.spawn(async move { agent_token::rotate(&cx, rotation).await.is_ok().then_some(seed) });
        }
        let taken: Vec<u8> = tries.join_all().await.into_iter().flatten().collect();
        assert_eq!(taken.len(), 1, "{taken:?}");
        assert!(token(&world, id, taken[0]).await.is_ok());
    })
    .await;
}
