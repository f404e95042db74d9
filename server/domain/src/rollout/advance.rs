//! What becomes of a rollout now: counted, decided and done in the change that holds it. Called wherever something moved and
//! by the clock; called twice it does nothing the second time.

use super::{
    SYSTEM,
    judge::{Goods, goods},
    row::{self, Rollout},
    step::{record, turn},
    tally::tally,
    wave,
};
use crate::{Result, audit::Actor, store::Change};
use entity::{
    rollout::{Act, RolloutEvent, RolloutState, decide},
    table::rollout_wave,
};

/// Halts, soaks, opens waves and completes, as far as it goes at this moment. Says whether anything changed.
pub(super) async fn advance(change: &Change, rollout: &mut Rollout) -> Result<bool> {
    let mut goods_of = None;
    let mut is_changed = false;
    while rollout.row.state.is_open() {
        let tally = tally(&**change, rollout).await?;
        let act = decide(&tally, &rollout.terms(), change.now());
        if act == Act::Wait {
            break;
        }
        is_changed = true;
        apply(change, rollout, act, &mut goods_of).await?;
    }
    Ok(is_changed)
}

async fn apply(change: &Change, rollout: &mut Rollout, act: Act, goods_of: &mut Option<Goods>) -> Result<()> {
    let (number, now) = (rollout.row.wave, change.now());
    match act {
        Act::Wait => {}
        Act::Halt(halt) => {
            turn(change, rollout, RolloutEvent::Halt, None, Some(halt.to_string())).await?;
            note(change, rollout, "rollout.halt", "Halted by itself:").await?;
        }
        Act::Soak => soak(change, rollout, Some(now)).await?,
        Act::Unsoak => soak(change, rollout, None).await?,
        Act::Next => {
            pass(change, rollout, number).await?;
            open(change, rollout, goods_of).await?;
        }
        Act::Complete => {
            pass(change, rollout, number).await?;
            turn(change, rollout, RolloutEvent::Complete, None, None).await?;
            note(change, rollout, "rollout.complete", "Completed").await?;
            if let Some(other) = rollout.row.undoes {
                // Held with this one, see [`row::take_all`].
                let mut undone = row::find(&**change, other).await?;
                if undone.row.state == RolloutState::RollingBack {
                    let reason = undone.row.reason.clone();
                    turn(change, &mut undone, RolloutEvent::Undone, None, reason).await?;
                    note(change, &undone, "rollout.undone", "Rolled back").await?;
                }
            }
        }
    }
    Ok(())
}

/// Opens the next wave, and says so.
pub(super) async fn open(change: &Change, rollout: &mut Rollout, goods_of: &mut Option<Goods>) -> Result<()> {
    let goods = match goods_of {
        Some(goods) => goods,
        None => goods_of.insert(goods(&**change, rollout).await?),
    };
    wave::open_next(change, rollout, goods).await?;
    let what = format!("Opened wave {} of {} of", rollout.row.wave, rollout.row.waves);
    note(change, rollout, "rollout.wave", &what).await
}

async fn soak(
    change: &Change,
    rollout: &mut Rollout,
    since: Option<chrono::DateTime<chrono::Utc>>,
) -> Result<()> {
    let number = rollout.row.wave;
    wave::write(change, rollout, number, rollout_wave::Column::SoaksSince, since).await?;
    if let Some(wave) = rollout.waves.iter_mut().find(|wave| wave.number == number) {
        wave.soaks_since = since;
    }
    Ok(())
}

async fn pass(change: &Change, rollout: &Rollout, number: i64) -> Result<()> {
    wave::write(change, rollout, number, rollout_wave::Column::PassedAt, Some(change.now())).await
}

async fn note(change: &Change, rollout: &Rollout, action: &'static str, what: &str) -> Result<()> {
    change.note(&Actor::system(SYSTEM), None, record(rollout, action, what)).await
}
