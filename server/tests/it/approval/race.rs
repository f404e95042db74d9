//! Many who decide at once, and devices that fetch meanwhile, against the real database: what was handed out was approved
//! at that moment by its own order's words.

use super::{approver, ask, code, policy::two_people, read, restart};
use crate::support::{hesitate, races, world::each_engine};
use domain::{Cx, command::Occasion};
use entity::{
    approval::DecisionInput,
    command::{Order, RequestState},
    problem::ProblemCode,
    seal::{self, Purpose},
};

/// Rounds on each engine, each with a request of its own, unless more are asked for.
const ROUNDS: usize = 24;
/// A device keeps what it was handed for so many rounds; then it is another one's turn.
const ROUNDS_OF_A_DEVICE: usize = 12;

#[tokio::test(flavor = "multi_thread")]
async fn whatever_order_people_and_devices_come_in() {
    each_engine(|world| async move {
        two_people(&world, true).await;
        let (mut device, mut agent) = world.device().await;
        let mut technician = approver(&world).await;
        let mut people: Vec<Cx> = Vec::new();
        for _ in 0..3 {
            people.push(approver(&world).await);
        }
        let root = world.store.signer().root_public();
        let (mut left, mut stayed) = (0, 0);
        for round in 0..races(ROUNDS) {
            if round > 0 && round % ROUNDS_OF_A_DEVICE == 0 {
                (device, agent) = world.device().await;
                // Nobody may leave hundreds of requests waiting.
                technician = approver(&world).await;
            }
            let made =
                domain::command::create_one(&technician, device.agent_id, restart()).await.expect("asked");
            let id = made.request.id;
            let read_first = read(&world.admin, id).await.request.request_sha256;
            let mut tasks = tokio::task::JoinSet::new();
            for (index, person) in people.iter().cloned().enumerate() {
                let request_sha256 = read_first.clone();
                tasks.spawn(async move {
                    let confirmed = person.confirmed().expect("just now");
                    let input = DecisionInput { request_sha256, note: String::new() };
                    hesitate().await;
                    let _ = domain::approval::approve(&confirmed, id, input).await;
                    // Every third one changes their mind, in every second round.
                    if index == 0 && round % 2 == 0 {
                        hesitate().await;
                        let _ = domain::approval::revoke(&confirmed, id).await;
                    }
                    Vec::new()
                });
            }
            for _ in 0..2 {
                let agent = agent.clone();
                tasks.spawn(async move {
                    let mut orders = Vec::new();
                    for _ in 0..6 {
                        hesitate().await;
                        let delivery =
                            domain::command::deliver(&agent, Occasion::Woken).await.expect("asked");
                        orders.extend(delivery.orders);
                    }
                    orders
                });
            }
            let mut orders = tasks.join_all().await.concat();
            orders.extend(domain::command::deliver(&agent, Occasion::Woken).await.expect("asked").orders);
            let mut own = 0;
            for envelope in &orders {
                let (order, _) = seal::open::<Order>(
                    &root,
                    Purpose::Order,
                    envelope,
                    domain::Clock::now(world.clock.as_ref()),
                )
                .expect("signed");
                assert!(order.has_its_approvals(), "{order:?}");
                assert_eq!(order.request_sha256, read_first);
                own += usize::from(order.request.request_id == id);
            }
            assert!(own <= 1, "one command is handed out once");
            let view = read(&world.admin, id).await;
            let standing = view.approvals.iter().filter(|one| one.revoked_at.is_none()).count();
            match view.request.state {
                RequestState::Approved => assert!(own == 1 && standing >= 2, "{view:?}"),
                RequestState::Awaiting => assert!(own == 0 && standing < 2, "{view:?}"),
                state => panic!("{state:?}"),
            }
            left += own;
            stayed += 1 - own;
        }
        eprintln!("{left} left and {stayed} stayed");
        assert!(left > 0, "some were approved");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_yes_and_a_no_at_once_one_counts() {
    each_engine(|world| async move {
        let (device, agent) = world.device().await;
        let (first, second) = (approver(&world).await, approver(&world).await);
        for _ in 0..6 {
            let (_, id) = ask(&world, device.agent_id).await;
            let input = DecisionInput {
                request_sha256: read(&world.admin, id).await.request.request_sha256,
                note: String::new(),
            };
            let (one, two) = (first.confirmed().expect("just now"), second.confirmed().expect("just now"));
            let (yes, no) = tokio::join!(
                domain::approval::approve(&one, id, input.clone()),
                domain::approval::reject(&two, id, input),
            );
            assert_ne!(yes.is_ok(), no.is_ok(), "one of them was first");
            let is_yes = yes.is_ok();
            let refused = if is_yes { code(no) } else { code(yes) };
            assert_eq!(refused, ProblemCode::Conflict);
            assert_eq!(super::pull(&agent).await, usize::from(is_yes));
        }
    })
    .await;
}
