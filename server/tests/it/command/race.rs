//! Taking back, handing out and answering at the same moment: whoever is first wins, and everybody is told the same.

use super::note;
use crate::support::world::{World, each_engine};
use domain::command::{Occasion, cancel, create_one, deliver, get, result};
use entity::command::{CommandInput, CommandState, ResultStatus};
use sim::Asked;

/// Rounds of each race.
const ROUNDS: usize = 12;

async fn asked(world: &World, device: entity::id::DeviceId) -> entity::command::CommandDetail {
    let input: CommandInput = serde_json::from_value(note()).expect("an input");
    create_one(&world.admin, device, input).await.expect("asked")
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_taken_back_in_time_never_leaves_and_what_left_says_so() {
    each_engine(async |world| {
        let (answer, agent) = world.device().await;
        for _ in 0..ROUNDS {
            let made = asked(&world, answer.agent_id).await;
            let id = made.command.id;
            let (taken, handed) = tokio::join!(cancel(&world.admin, id), deliver(&agent, Occasion::Woken));
            let handed = handed.expect("looked").orders;
            let after = get(&world.admin, id).await.expect("found").command;
            match after.state {
                CommandState::Cancelled => assert!(taken.is_ok() && handed.is_empty()),
                CommandState::Sent => {
                    // Asked back, or told that it has moved on.
                    assert_eq!(after.is_cancel_asked, taken.is_ok());
                    let order = Asked::read(handed.first().expect("it left")).expect("an order");
                    let done = order.result(ResultStatus::Completed, "");
                    result(&agent, Vec::new(), done).await.expect("taken");
                }
                other => panic!("{other:?}"),
            }
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_who_fetch_one_gets_it_and_of_many_results_one_counts() {
    each_engine(async |world| {
        let (answer, agent) = world.device().await;
        for _ in 0..ROUNDS {
            let made = asked(&world, answer.agent_id).await;
            let tries = (0..4).map(|_| deliver(&agent, Occasion::Woken));
            let handed: Vec<_> = futures::future::join_all(tries)
                .await
                .into_iter()
                .flat_map(|delivery| delivery.expect("looked").orders)
                .collect();
            let [envelope] = handed.as_slice() else { panic!("{} times", handed.len()) };
            let order = Asked::read(envelope).expect("an order");
            let results = [ResultStatus::Completed, ResultStatus::Failed, ResultStatus::TimedOut]
                .map(|status| result(&agent, Vec::new(), order.result(status, status.word())));
            for taken in futures::future::join_all(results).await {
                taken.expect("each is acknowledged");
            }
            let after = get(&world.admin, made.command.id).await.expect("found");
            let expected = match after.command.state {
                CommandState::Completed => "completed",
                CommandState::Failed => "failed",
                CommandState::TimedOut => "timed_out",
                other => panic!("{other:?}"),
            };
            assert_eq!(after.output.as_deref(), Some(expected), "state and output are of one result");
        }
        assert!(domain::audit::verify(&world.admin, None).await.expect("checked").broken.is_none());
    })
    .await;
}
