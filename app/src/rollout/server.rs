//! What the server functions of rollouts gather: the boxes to tick, the releases to choose from. Exists on the server only.

use super::{
    form::{RolloutForm, Start, Target},
    picks::{Pick, PickQuestion, Picks},
};
use crate::error::PortalError;
use domain::Cx;
use entity::{
    agent_release::{ReleaseQuery, ReleaseState, ReleaseView},
    device::DeviceQuery,
    id::DeviceId,
    page::{PAGE_SIZE_MAX, Page},
    problem::Problem,
    rollout::{RolloutState, RolloutView, WAVES_MAX},
};

/// Devices that a search offers at most.
const OFFERED: u32 = 20;

/// A problem with the status that belongs to it.
pub(super) fn refused(problem: Problem) -> PortalError {
    crate::context::set_status(problem.code);
    PortalError(problem)
}

/// Releases of which every file is here, with a sequence above this, newest first.
pub(super) async fn available(cx: &Cx, above: u64) -> Result<Vec<ReleaseView>, PortalError> {
    let query = ReleaseQuery {
        state: Some(ReleaseState::Available),
        limit: Some(PAGE_SIZE_MAX),
        ..ReleaseQuery::default()
    };
    let page = domain::release::list(cx, &query).await?;
    Ok(page.items.into_iter().filter(|release| release.seq > above).collect())
}

/// Makes a rollout or writes a draft anew, and hands it in unless it is to stay a draft.
pub(super) async fn create(cx: &Cx, form: &RolloutForm) -> Result<RolloutView, PortalError> {
    let input = form.input(crate::context::now()).map_err(refused)?;
    let starts = form.starts();
    // Asked for before anything is made: a draft that nobody meant would stay behind.
    let confirmed = if starts == Start::Draft { None } else { Some(cx.confirmed()?) };
    let mut view = match form.draft().map_err(refused)? {
        Some(draft) => domain::rollout::redraft(cx, draft, input).await?,
        None => domain::rollout::create(cx, input).await?,
    };
    let id = view.rollout.id;
    let mut why_not = None;
    if let Some(confirmed) = confirmed {
        view = domain::rollout::submit(&confirmed, id).await?;
        if starts == Start::Now && view.rollout.state == RolloutState::Scheduled {
            // It is made whatever comes of this: whoever was refused here would make it once more.
            match domain::rollout::start(&confirmed, id).await {
                Ok(started) => view = started,
                Err(error) => why_not = Some(error.problem().detail),
            }
        }
    }
    crate::context::redirect(&format!("/rollouts/{id}"));
    if let Some(why) = why_not {
        crate::context::done(&format!("Rollout made. It did not start: {why}"));
        return Ok(view);
    }
    crate::context::done(match view.rollout.state {
        RolloutState::Draft if !form.draft.is_empty() => "Draft saved.",
        RolloutState::Draft => "Rollout made. It is a draft.",
        RolloutState::AwaitingApproval => "Rollout made. Somebody else has to say yes.",
        RolloutState::Scheduled => "Rollout made. It waits for its time.",
        _ => "Rollout started.",
    });
    Ok(view)
}

/// The boxes of a form.
pub(super) async fn pick(cx: &Cx, question: PickQuestion) -> Result<Picks, PortalError> {
    let like = Some(question.find.trim()).filter(|find| !find.is_empty());
    let target = match Target::of(&question.target) {
        Target::Everybody => Page::default(),
        Target::Businesses => {
            let page = domain::business::choices(cx, like, &ids(&question.chosen)).await?;
            page_of(page, |one| Pick {
                id: one.id.to_string(),
                label: one.business_name,
                aside: String::new(),
            })
        }
        Target::Locations => {
            let page = domain::service_location::choices(cx, None, like, &ids(&question.chosen)).await?;
            page_of(page, |one| Pick {
                id: one.id.to_string(),
                label: one.location_name,
                aside: one.business_name,
            })
        }
        Target::Devices => devices(cx, like, &question.chosen).await?,
    };
    let mut waves = Vec::new();
    for wave in question.waves.iter().take(WAVES_MAX) {
        let like = Some(wave.find.trim()).filter(|find| !find.is_empty());
        waves.push((wave.place, devices(cx, like, &wave.chosen).await?));
    }
    Ok(Picks { about: question.target, target, waves })
}

fn ids<T: std::str::FromStr>(texts: &[String]) -> Vec<T> {
    texts.iter().filter_map(|text| text.parse().ok()).collect()
}

fn page_of<T>(page: Page<T>, pick: impl Fn(T) -> Pick) -> Page<Pick> {
    let Page { items, next_cursor, total } = page;
    Page { items: items.into_iter().map(pick).collect(), next_cursor, total }
}

/// The devices that are ticked, then the first that match.
async fn devices(cx: &Cx, like: Option<&str>, chosen: &[String]) -> Result<Page<Pick>, PortalError> {
    // One that is gone is left out, and with it its tick.
    let ticked = domain::rollout::ticked(cx, &ids::<DeviceId>(chosen)).await?;
    let ticked = ticked.into_iter().map(|(id, label, aside)| Pick { id: id.to_string(), label, aside });
    let mut items: Vec<Pick> = ticked.collect();
    let query =
        DeviceQuery { search: like.map(str::to_owned), limit: Some(OFFERED), ..DeviceQuery::default() };
    let found = domain::device::list(cx, &query).await?;
    for row in found.items {
        let id = row.id.to_string();
        if items.iter().all(|item| item.id != id) {
            items.push(Pick { id, label: row.device_name, aside: row.business_name });
        }
    }
    Ok(Page { items, next_cursor: found.next_cursor, total: found.total })
}
