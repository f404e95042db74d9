//! Whether a release is due for a device, and why not: one function for the preview, the waves and the grant.

use super::row::Rollout;
use crate::{Result, release, store::Reach};
use entity::{
    device::DeviceState,
    id::{BusinessId, DeviceId, RolloutId},
    platform::{Arch, Os},
    presence::Presence,
    release::{ArtifactKind, Channel, Libc, Manifest, Version},
    rollout::Exclusion,
    table::{
        business, device, release as release_table, release_artifact as artifact, rollout_device as update,
    },
    update::{UpdateQuestion, UpdateState},
};
use sea_orm::{
    ColumnTrait as _, ConnectionTrait, EntityTrait as _, FromQueryResult, QueryFilter as _, QueryOrder as _,
    QuerySelect as _,
};
use std::collections::BTreeSet;

/// What is rolled out: the only part of a rollout that knows that it is a release.
pub(super) struct Goods {
    pub(super) release: release_table::Model,
    pub(super) manifest: Manifest,
    artifacts: Vec<artifact::Model>,
    /// Businesses whose devices follow beta unless they say otherwise; none where it does not matter.
    betas: BTreeSet<BusinessId>,
    /// Devices that got what this rollout undoes; none when it undoes nothing.
    undone: Option<BTreeSet<DeviceId>>,
}

/// A device as it is judged.
#[derive(Clone, Debug, FromQueryResult)]
pub(super) struct Candidate {
    pub(super) id: DeviceId,
    pub(super) business_id: BusinessId,
    pub(super) device_name: String,
    pub(super) os_type: Os,
    pub(super) os_architecture: Arch,
    pub(super) presence: Presence,
    pub(super) running_version: Option<String>,
    pub(super) running_seq: Option<i64>,
    pub(super) running_sha256: Option<String>,
    pub(super) running_libc: Option<Libc>,
    pub(super) is_supervised: bool,
    /// Its own; that of its business when none.
    pub(super) release_channel: Option<Channel>,
    pub(super) clone_suspected_at: Option<chrono::DateTime<chrono::Utc>>,
}

impl Candidate {
    /// The device that asks, with what it says of itself at this moment.
    pub(super) fn asking(device: &device::Model, question: &UpdateQuestion) -> Self {
        let highest = question.seq.max(question.highest_seq);
        Self {
            id: device.id,
            business_id: device.business_id,
            device_name: device.device_name.clone(),
            os_type: question.os,
            os_architecture: question.arch,
            presence: device.presence,
            running_version: Some(question.version.clone()),
            running_seq: Some(i64::try_from(highest).unwrap_or(i64::MAX)),
            running_sha256: device.running_sha256.clone(),
            running_libc: question.libc.or(device.running_libc),
            is_supervised: device.is_supervised,
            release_channel: device.release_channel,
            clone_suspected_at: device.clone_suspected_at,
        }
    }
}

/// What a rollout brings.
pub(super) async fn goods(db: &impl ConnectionTrait, rollout: &Rollout) -> Result<Goods> {
    let row = release::find(db, rollout.row.release_id).await?;
    let manifest = release::manifest_of(&row)?;
    let artifacts = artifact::Entity::find()
        .filter(artifact::Column::ReleaseId.eq(row.id))
        .filter(artifact::Column::Kind.eq(ArtifactKind::Agent))
        .order_by_asc(artifact::Column::Position)
        .all(db)
        .await?;
    let undone = match rollout.row.undoes {
        Some(other) => Some(holders(db, other).await?),
        None => None,
    };
    let betas = betas(db, rollout).await?;
    Ok(Goods { release: row, manifest, artifacts, betas, undone })
}

/// Businesses on beta. Whatever is for everybody needs none of them.
async fn betas(db: &impl ConnectionTrait, rollout: &Rollout) -> Result<BTreeSet<BusinessId>> {
    if rollout.row.channel != Channel::Beta {
        return Ok(BTreeSet::new());
    }
    let ids: Vec<BusinessId> = Reach::everything()
        .select::<business::Entity>()
        .filter(business::Column::ReleaseChannel.eq(Channel::Beta))
        .select_only()
        .column(business::Column::Id)
        .into_tuple()
        .all(db)
        .await?;
    Ok(ids.into_iter().collect())
}

/// Devices that may run what a rollout brought.
async fn holders(db: &impl ConnectionTrait, id: RolloutId) -> Result<BTreeSet<DeviceId>> {
    let states = [UpdateState::Switched, UpdateState::Confirmed, UpdateState::Lost];
    let ids: Vec<DeviceId> = Reach::everything()
        .select::<update::Entity>()
        .filter(update::Column::RolloutId.eq(id))
        .filter(update::Column::State.is_in(states))
        .select_only()
        .column(update::Column::DeviceId)
        .into_tuple()
        .all(db)
        .await?;
    Ok(ids.into_iter().collect())
}

/// Every device that a rollout is meant for.
pub(super) async fn candidates(db: &impl ConnectionTrait, rollout: &Rollout) -> Result<Vec<Candidate>> {
    use device::Column as C;
    Ok(Reach::everything()
        .select::<device::Entity>()
        .filter(C::State.eq(DeviceState::Active))
        .filter(rollout.covered())
        .order_by_asc(C::Id)
        .select_only()
        .columns([
            C::Id,
            C::BusinessId,
            C::DeviceName,
            C::OsType,
            C::OsArchitecture,
            C::Presence,
            C::RunningVersion,
            C::RunningSeq,
            C::RunningSha256,
            C::RunningLibc,
            C::IsSupervised,
            C::ReleaseChannel,
            C::CloneSuspectedAt,
        ])
        .into_model::<Candidate>()
        .all(db)
        .await?)
}

impl Goods {
    /// The artifact that is due for this device, or why none is.
    pub(super) fn judge(
        &self,
        rollout: &Rollout,
        device: &Candidate,
    ) -> std::result::Result<&artifact::Model, Exclusion> {
        if device.clone_suspected_at.is_some() {
            return Err(Exclusion::CloneSuspected);
        }
        let version = device.running_version.as_deref().filter(|_| device.is_supervised);
        let version = version.ok_or(Exclusion::NotSupervised)?;
        if version.parse::<Version>().is_err() {
            return Err(Exclusion::OddVersion);
        }
        let of_business =
            if self.betas.contains(&device.business_id) { Channel::Beta } else { Channel::Stable };
        if !rollout.is_for(device.release_channel.unwrap_or(of_business)) {
            return Err(Exclusion::OtherChannel);
        }
        if self.undone.as_ref().is_some_and(|undone| !undone.contains(&device.id)) {
            return Err(Exclusion::NothingToUndo);
        }
        let is_same = |row: &&artifact::Model| {
            row.os == device.os_type
                && row.arch == device.os_architecture
                && (row.libc.is_none() || device.running_libc.is_none() || row.libc == device.running_libc)
        };
        let artifact = self.artifacts.iter().find(is_same).ok_or(Exclusion::NoArtifact)?;
        let seq = device.running_seq.unwrap_or_default();
        if seq >= self.release.seq || device.running_sha256.as_ref() == Some(&artifact.sha256) {
            return Err(Exclusion::UpToDate);
        }
        if seq.unsigned_abs() < self.manifest.min_from {
            return Err(Exclusion::MinFrom);
        }
        Ok(artifact)
    }

    /// Systems and processors for which the release has an agent.
    pub(super) fn platforms(&self) -> BTreeSet<(Os, Arch)> {
        self.artifacts.iter().map(|row| (row.os, row.arch)).collect()
    }
}
