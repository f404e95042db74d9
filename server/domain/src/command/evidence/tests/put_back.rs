//! What people took back, and what is over, is not put back by somebody who can write into the database.

use super::{World, each_engine, run};
use crate::{approval, command, store::tests::estate::Estate};
use entity::approval::DecisionInput;

/// Everything that is written of a request and its commands says that it may go out.
const AS_APPROVED: [&str; 3] = [
    "UPDATE agent_command_requests SET state = 'approved', wave = 1",
    "UPDATE agent_command_approvals SET revoked_at = NULL, decision = 'approve'",
    "UPDATE agent_commands SET state = 'pending', result = NULL, received_at = NULL, cancel_asked_at = NULL, \
     sends = 0",
];

async fn goes_nowhere(world: &World, why: &str) {
    let raw = world.estate.raw().await;
    for sql in AS_APPROVED {
        run(&raw, sql, []).await.expect("changed");
    }
    assert!(world.delivered().await.is_empty(), "{why}");
    let sql = "UPDATE agent_commands SET state = 'cancelled' WHERE state IN ('pending', 'awaiting_approval')";
    run(&raw, sql, []).await.expect("put away");
}

#[tokio::test]
async fn what_was_taken_back_or_is_over_is_not_put_back_in_the_database() {
    each_engine(async |estate: Estate| {
        let world = World::new(estate).await;
        let confirmed = world.decider.confirmed().expect("just now");

        let asked = world.ask().await;
        world.approve(&asked).await;
        approval::revoke(&confirmed, asked.request.id).await.expect("taken back");
        goes_nowhere(&world, "its only yes was taken back").await;

        let asked = world.ask().await;
        world.approve(&asked).await;
        command::cancel(&world.asker, asked.command.id).await.expect("taken back");
        goes_nowhere(&world, "the command was taken back").await;

        let asked = world.ask().await;
        world.approve(&asked).await;
        command::cancel_request(&world.asker, asked.request.id).await.expect("taken back");
        goes_nowhere(&world, "the request was taken back").await;

        let asked = world.ask().await;
        let input =
            DecisionInput { request_sha256: asked.request.request_sha256.clone(), note: String::new() };
        approval::reject(&confirmed, asked.request.id, input).await.expect("rejected");
        goes_nowhere(&world, "somebody said no").await;

        let asked = world.ask().await;
        world.approve(&asked).await;
        let handed = world.delivered().await;
        world.obey(handed.first().expect("it goes out")).await;
        goes_nowhere(&world, "it was done").await;
    })
    .await;
}
