//! The server functions of rollouts: each takes who is asking and calls one verb.

use super::{
    form::RolloutForm,
    picks::{PickQuestion, Picks},
};
use crate::{codec::Answer, error::PortalError};
use entity::{
    agent_release::ReleaseView,
    audit::AuditEntryView,
    id::{DeviceId, RolloutId},
    page::Page,
    rollout::{
        NoteInput, PreviewPart, ResumeInput, RollBackInput, RolloutDevice, RolloutPreview, RolloutQuery,
        RolloutRow, RolloutView, UpdateQuery,
    },
    update::UpdateView,
};
use leptos::prelude::*;
use serde::{Deserialize, Serialize};

/// What stands in the designer would do, or what is missing in it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Preview {
    /// What would happen.
    pub preview: Option<RolloutPreview>,
    /// Why that is not known yet, in a sentence.
    pub missing: Option<String>,
}

/// One page of the rollouts.
#[server(prefix = "/portal", endpoint = "rollout/list", output = Answer)]
pub async fn list_rollouts(#[server(default)] query: RolloutQuery) -> Result<Page<RolloutRow>, PortalError> {
    Ok(domain::rollout::list(&crate::context::cx().await?, &query).await?)
}

/// One rollout.
#[server(prefix = "/portal", endpoint = "rollout/get", output = Answer)]
pub async fn get_rollout(id: RolloutId) -> Result<RolloutView, PortalError> {
    Ok(domain::rollout::get(&crate::context::cx().await?, id).await?)
}

/// One page of its devices.
#[server(prefix = "/portal", endpoint = "rollout/updates", output = Answer)]
pub async fn list_updates(
    id: RolloutId,
    #[server(default)] query: UpdateQuery,
) -> Result<Page<UpdateView>, PortalError> {
    Ok(domain::rollout::devices(&crate::context::cx().await?, id, &query).await?)
}

/// One page of the updates of a device, newest first.
#[server(prefix = "/portal", endpoint = "rollout/of_device", output = Answer)]
pub async fn list_device_updates(
    id: DeviceId,
    #[server(default)] query: UpdateQuery,
) -> Result<Page<UpdateView>, PortalError> {
    Ok(domain::rollout::of_device(&crate::context::cx().await?, id, &query).await?)
}

/// Who decided what about it, newest first.
#[server(prefix = "/portal", endpoint = "rollout/trail", output = Answer)]
pub async fn list_trail(id: RolloutId) -> Result<Vec<AuditEntryView>, PortalError> {
    Ok(domain::rollout::trail(&crate::context::cx().await?, id).await?)
}

/// Releases that can be rolled out.
#[server(prefix = "/portal", endpoint = "rollout/available", output = Answer)]
pub async fn list_available() -> Result<Vec<ReleaseView>, PortalError> {
    super::server::available(&crate::context::cx().await?, 0).await
}

/// Releases with a higher sequence, which can undo a rollout.
#[server(prefix = "/portal", endpoint = "rollout/newer", output = Answer)]
pub async fn list_newer(seq: u64) -> Result<Vec<ReleaseView>, PortalError> {
    super::server::available(&crate::context::cx().await?, seq).await
}

/// The boxes to tick in the designer.
#[server(prefix = "/portal", endpoint = "rollout/pick", output = Answer)]
pub async fn pick(#[server(default)] question: PickQuestion) -> Result<Picks, PortalError> {
    super::server::pick(&crate::context::cx().await?, question).await
}

/// What stands in the designer would do. A form that is not filled in yet is no failure.
#[server(prefix = "/portal", endpoint = "rollout/preview", output = Answer)]
pub async fn preview_rollout(#[server(default)] form: RolloutForm) -> Result<Preview, PortalError> {
    let cx = crate::context::cx().await?;
    let found = match form.input(crate::context::now()) {
        Ok(input) => domain::rollout::preview(&cx, input).await.map_err(|error| error.problem()),
        Err(problem) => Err(problem),
    };
    match found {
        Ok(preview) => Ok(Preview { preview: Some(preview), missing: None }),
        Err(problem) if problem.code == entity::problem::ProblemCode::Invalid => {
            Ok(Preview { preview: None, missing: Some(problem.detail) })
        }
        Err(problem) => Err(super::server::refused(problem)),
    }
}

/// More devices of one part of what stands in the designer.
#[server(prefix = "/portal", endpoint = "rollout/preview_devices", output = Answer)]
pub async fn list_preview_devices(
    #[server(default)] form: RolloutForm,
    #[server(default)] part: PreviewPart,
) -> Result<Page<RolloutDevice>, PortalError> {
    let cx = crate::context::cx().await?;
    let rollout = form.input(crate::context::now()).map_err(super::server::refused)?;
    let question = entity::rollout::PreviewQuestion { rollout, part };
    Ok(domain::rollout::preview_devices(&cx, question).await?)
}

/// Makes a rollout of what stands in the designer, hands it in if it is to start, and leads to its page.
#[server(prefix = "/portal", endpoint = "rollout/create", output = Answer)]
pub async fn create_rollout(#[server(default)] form: RolloutForm) -> Result<RolloutView, PortalError> {
    super::server::create(&crate::context::cx().await?, &form).await
}

/// Hands a draft in.
#[server(prefix = "/portal", endpoint = "rollout/submit", output = Answer)]
pub async fn submit_rollout(id: RolloutId) -> Result<RolloutView, PortalError> {
    let cx = crate::context::cx().await?;
    let view = domain::rollout::submit(&cx.confirmed()?, id).await?;
    crate::context::done("Handed in.");
    Ok(view)
}

/// Says yes to it.
#[server(prefix = "/portal", endpoint = "rollout/approve", output = Answer)]
pub async fn approve_rollout(
    id: RolloutId,
    #[server(default)] input: NoteInput,
) -> Result<RolloutView, PortalError> {
    let cx = crate::context::cx().await?;
    let view = domain::rollout::approve(&cx.confirmed()?, id, input).await?;
    crate::context::done("Approved.");
    Ok(view)
}

/// Starts it now.
#[server(prefix = "/portal", endpoint = "rollout/start", output = Answer)]
pub async fn start_rollout(id: RolloutId) -> Result<RolloutView, PortalError> {
    let cx = crate::context::cx().await?;
    let view = domain::rollout::start(&cx.confirmed()?, id).await?;
    crate::context::done("Started.");
    Ok(view)
}

/// Holds it.
#[server(prefix = "/portal", endpoint = "rollout/pause", output = Answer)]
pub async fn pause_rollout(
    id: RolloutId,
    #[server(default)] input: NoteInput,
) -> Result<RolloutView, PortalError> {
    let view = domain::rollout::pause(&crate::context::cx().await?, id, input).await?;
    crate::context::done("Paused.");
    Ok(view)
}

/// Lets it go on.
#[server(prefix = "/portal", endpoint = "rollout/resume", output = Answer)]
pub async fn resume_rollout(
    id: RolloutId,
    #[server(default)] input: ResumeInput,
) -> Result<RolloutView, PortalError> {
    let view = domain::rollout::resume(&crate::context::cx().await?, id, input).await?;
    crate::context::done("It goes on.");
    Ok(view)
}

/// Stops it until somebody else lets it go on.
#[server(prefix = "/portal", endpoint = "rollout/halt", output = Answer)]
pub async fn halt_rollout(
    id: RolloutId,
    #[server(default)] input: NoteInput,
) -> Result<RolloutView, PortalError> {
    let view = domain::rollout::halt(&crate::context::cx().await?, id, input).await?;
    crate::context::done("Halted.");
    Ok(view)
}

/// Takes it back.
#[server(prefix = "/portal", endpoint = "rollout/cancel", output = Answer)]
pub async fn cancel_rollout(
    id: RolloutId,
    #[server(default)] input: NoteInput,
) -> Result<RolloutView, PortalError> {
    let view = domain::rollout::cancel(&crate::context::cx().await?, id, input).await?;
    crate::context::done("Taken back.");
    Ok(view)
}

/// Undoes it with a newer release, and leads to the rollout that does so.
#[server(prefix = "/portal", endpoint = "rollout/roll_back", output = Answer)]
pub async fn roll_back_rollout(id: RolloutId, input: RollBackInput) -> Result<RolloutView, PortalError> {
    let cx = crate::context::cx().await?;
    let view = domain::rollout::roll_back(&cx.confirmed()?, id, input).await?;
    crate::context::done("It is being rolled back.");
    crate::context::redirect(&format!("/rollouts/{}", view.rollout.id));
    Ok(view)
}
