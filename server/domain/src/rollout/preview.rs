//! What a rollout would do, before it is made: judged by the same functions that open its waves and grant it.

use super::{
    change::{check, drafted},
    judge::{Candidate, candidates, goods},
    row::Rollout,
    supersede::superseded_by,
    view::{link, target_label},
};
use crate::{Cx, Result, access::Target, store::Reach};
use entity::{
    id::BusinessId,
    policy::Action,
    presence::Presence,
    rollout::{
        Excluded, Exclusion, NAMED_FEW, PlatformCounts, RolloutDevice, RolloutInput, RolloutPreview, SHOWN,
        UpdateCounts, WavePreview,
    },
    table::business,
    update::UpdateState,
};
use sea_orm::QuerySelect as _;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// What would happen.
///
/// # Errors
/// Forbidden by role; invalid names the field.
pub async fn preview(cx: &Cx, input: RolloutInput) -> Result<RolloutPreview> {
    check(cx)?;
    cx.permit(Action::ManageRollout, Target::Msp)?;
    let (row, waves) = drafted(cx, input).await?;
    let rollout = Rollout::new(row, waves)?;
    let db = cx.store().db();
    let goods = goods(db, &rollout).await?;
    let mut taken: BTreeMap<i64, Vec<Candidate>> = BTreeMap::new();
    let mut excluded: BTreeMap<Exclusion, Vec<Candidate>> = BTreeMap::new();
    let mut online = 0;
    for device in candidates(db, &rollout).await? {
        match goods.judge(&rollout, &device) {
            Ok(_) => {
                online += u64::from(device.presence == Presence::Online);
                taken.entry(rollout.wave_of(device.id)).or_default().push(device);
            }
            Err(why) => excluded.entry(why).or_default().push(device),
        }
    }
    let names = names(cx).await?;
    let devices = taken.values().map(Vec::len).sum::<usize>() as u64;
    let warnings = warnings(&rollout, &goods.platforms(), &taken, devices);
    let supersedes = superseded_by(db, &rollout, goods.manifest.min_from).await?;
    let waves = rollout.waves.iter().map(|wave| {
        let of = taken.get(&wave.number).map_or(&[] as &[Candidate], Vec::as_slice);
        WavePreview {
            number: u32::try_from(wave.number).unwrap_or_default(),
            devices: of.len() as u64,
            platforms: platforms(of),
            first: first(of, &names),
        }
    });
    let excluded = excluded.into_iter().map(|(why, of)| Excluded {
        why,
        devices: of.len() as u64,
        first: first(&of, &names),
    });
    Ok(RolloutPreview {
        sentence: format!(
            "{} goes to {devices} devices ({}) in {} waves.",
            goods.release.version,
            target_label(&rollout.row.target).to_lowercase(),
            rollout.waves.len()
        ),
        devices,
        online,
        waves: waves.collect(),
        excluded: excluded.collect(),
        warnings,
        supersedes: supersedes.iter().map(|other| link(&other.row)).collect(),
        is_approval_needed: rollout.row.is_approval_needed,
    })
}

fn platforms(of: &[Candidate]) -> Vec<PlatformCounts> {
    let mut counts: BTreeMap<_, UpdateCounts> = BTreeMap::new();
    for device in of {
        counts.entry((device.os_type, device.os_architecture)).or_default().add(UpdateState::Waiting, 1);
    }
    counts.into_iter().map(|((os, arch), counts)| PlatformCounts { os, arch, counts }).collect()
}

fn first(of: &[Candidate], names: &HashMap<BusinessId, String>) -> Vec<RolloutDevice> {
    let shown = of.iter().take(SHOWN).map(|device| RolloutDevice {
        device_id: device.id,
        device_name: device.device_name.clone(),
        business_name: names.get(&device.business_id).cloned().unwrap_or_default(),
        os: device.os_type,
        arch: device.os_architecture,
        version: device.running_version.clone().unwrap_or_default(),
    });
    shown.collect()
}

async fn names(cx: &Cx) -> Result<HashMap<BusinessId, String>> {
    let found: Vec<(BusinessId, String)> = Reach::everything()
        .select::<business::Entity>()
        .select_only()
        .columns([business::Column::Id, business::Column::BusinessName])
        .into_tuple()
        .all(cx.store().db())
        .await?;
    Ok(found.into_iter().collect())
}

/// What people should think about.
fn warnings(
    rollout: &Rollout,
    platforms: &BTreeSet<(entity::platform::Os, entity::platform::Arch)>,
    taken: &BTreeMap<i64, Vec<Candidate>>,
    devices: u64,
) -> Vec<String> {
    let mut warnings = Vec::new();
    if devices == 0 {
        warnings.push("No device would get it.".to_owned());
        return warnings;
    }
    let canaries = taken.get(&1).map_or(&[] as &[Candidate], Vec::as_slice);
    if canaries.len() < NAMED_FEW && devices > NAMED_FEW as u64 {
        warnings.push(format!(
            "The first wave has {} devices; fewer than {NAMED_FEW} say little.",
            canaries.len()
        ));
    }
    let tried: BTreeSet<_> = canaries.iter().map(|device| (device.os_type, device.os_architecture)).collect();
    let later: BTreeSet<_> =
        taken.values().flatten().map(|device| (device.os_type, device.os_architecture)).collect();
    for (os, arch) in platforms.intersection(&later).filter(|platform| !tried.contains(platform)) {
        warnings.push(format!("The first wave has no device with {} {}.", os.label(), arch.word()));
    }
    if rollout.named().is_empty() && rollout.waves.len() == 1 {
        warnings.push("All devices are in one wave: nothing is tried before.".to_owned());
    }
    warnings
}
