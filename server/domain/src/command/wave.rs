//! Requests for many devices go out in waves: a few devices first, the others in parts, each a while after the one before,
//! and no further one once too many devices have failed.

use super::queue::{Moved, offline_devices};
use crate::{Result, store::Change, store::Reach};
use chrono::TimeDelta;
use entity::{
    command::{CommandEvent, CommandState, is_mass},
    id::CommandRequestId,
    table::command,
};
use sea_orm::{ColumnTrait as _, ConnectionTrait, QueryFilter as _, QuerySelect as _};

/// Devices of the first wave.
const FIRST: usize = 5;
/// Devices of each further wave, at least; else a tenth of all.
const NEXT: usize = 25;
/// Between two waves.
pub(super) const PAUSE: TimeDelta = TimeDelta::seconds(30);
/// No further wave goes out when more than one in so many devices came to harm.
const FAILED_PART: u64 = 5;

/// In which wave each device goes out, from 1, in the order of the devices.
pub(super) fn plan(targets: usize, business_devices: usize) -> Vec<i64> {
    if !is_mass(targets, business_devices) {
        return vec![1; targets];
    }
    let next = NEXT.max(targets.div_ceil(10));
    let wave_of = |index: usize| if index < FIRST { 1 } else { 2 + (index - FIRST) / next };
    (0..targets).map(|index| i64::try_from(wave_of(index)).unwrap_or(i64::MAX)).collect()
}

/// Did too many of those that have ended come to harm? A device that would not is not harmed.
pub(super) fn is_held(counts: &[(CommandState, u64)]) -> bool {
    let of = |states: &[CommandState]| -> u64 {
        counts.iter().filter(|(state, _)| states.contains(state)).map(|(_, count)| count).sum()
    };
    let harmed = of(&[CommandState::Failed, CommandState::TimedOut, CommandState::Interrupted]);
    let ended = harmed + of(&[CommandState::Completed]);
    harmed * FAILED_PART > ended
}

/// How many commands of a request are in which state.
pub(super) async fn counts(
    db: &impl ConnectionTrait,
    select: sea_orm::Select<command::Entity>,
) -> Result<Vec<(CommandState, u64)>> {
    let rows: Vec<(CommandState, i64)> = select
        .select_only()
        .column(command::Column::State)
        .expr_as(sea_orm::sea_query::Expr::cust("COUNT(*)"), "count")
        .group_by(command::Column::State)
        .into_tuple()
        .all(db)
        .await?;
    let mut counts: Vec<_> = rows.into_iter().map(|(state, count)| (state, count.unsigned_abs())).collect();
    counts.sort_unstable();
    Ok(counts)
}

/// Leaves out the devices of the waves so far that are not there.
pub(super) async fn skip_offline(change: &Change, id: CommandRequestId, wave: i64) -> Result<Vec<Moved>> {
    let rows = Reach::everything()
        .select::<command::Entity>()
        .filter(command::Column::RequestId.eq(id))
        .filter(command::Column::State.eq(CommandState::Pending))
        .filter(command::Column::Wave.lte(wave))
        .filter(command::Column::DeviceId.in_subquery(offline_devices()))
        .all(&**change)
        .await?;
    let mut moved = Vec::new();
    for row in rows {
        let detail = "The device was offline, and was to be left out then.";
        moved.extend(super::queue::step(change, &row, CommandEvent::Cancel, detail, |update| update).await?);
    }
    Ok(moved)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_few_go_out_at_once_and_many_in_waves() {
        assert_eq!(plan(3, 3), vec![1, 1, 1]);
        assert_eq!(plan(25, 1_000), vec![1; 25]);
        let many = plan(300, 10_000);
        assert_eq!(many.iter().filter(|wave| **wave == 1).count(), FIRST);
        assert_eq!(many.iter().filter(|wave| **wave == 2).count(), 30);
        assert!(many.is_sorted() && many.last() == Some(&11));
        assert_eq!(plan(4, 4).last(), Some(&1), "four of four are many, and fit into the first wave");
    }

    #[test]
    fn waves_end_when_one_in_five_came_to_harm() {
        use CommandState::{Completed, Failed, Refused};
        assert!(!is_held(&[]));
        assert!(!is_held(&[(Completed, 4), (Failed, 1)]));
        assert!(is_held(&[(Completed, 3), (Failed, 1)]));
        assert!(!is_held(&[(Completed, 4), (Refused, 100)]), "a lock is no harm");
    }
}
