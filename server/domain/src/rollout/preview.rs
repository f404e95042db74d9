//! What a rollout would do, before it is made: judged by the same functions that open its waves and grant it.

use super::{
    change::{check, drafted},
    judge::{Candidate, Goods, candidates, goods},
    row::Rollout,
    supersede::superseded_by,
    timed::halted_before,
    view::{link, target_label},
};
use crate::{Cx, Result, access::Target, store::Reach};
use entity::{
    id::BusinessId,
    page::Page,
    policy::Action,
    presence::Presence,
    problem::Problem,
    rollout::{
        Excluded, Exclusion, NAMED_FEW, PREVIEW_PAGE, PlatformCounts, PreviewQuestion, RolloutDevice,
        RolloutInput, RolloutPreview, SHOWN, UpdateCounts, WavePreview,
    },
    table::business,
    update::UpdateState,
};
use sea_orm::QuerySelect as _;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// The devices of a target, sorted.
struct Sorted {
    rollout: Rollout,
    goods: Goods,
    /// By wave, in the order of their ids.
    taken: BTreeMap<i64, Vec<Candidate>>,
    /// By why they get nothing, in the same order.
    excluded: BTreeMap<Exclusion, Vec<Candidate>>,
}

async fn sorted(cx: &Cx, input: RolloutInput) -> Result<Sorted> {
    check(cx)?;
    cx.permit(Action::ManageRollout, Target::Msp)?;
    let (row, waves) = drafted(cx, input).await?;
    let rollout = Rollout::new(row, waves)?;
    let db = cx.store().db();
    let goods = goods(db, &rollout).await?;
    let (mut taken, mut excluded) = (BTreeMap::<_, Vec<_>>::new(), BTreeMap::<_, Vec<_>>::new());
    for device in candidates(db, &rollout).await? {
        match goods.judge(&rollout, &device) {
            Ok(_) => taken.entry(rollout.wave_of(device.id)).or_default().push(device),
            Err(why) => excluded.entry(why).or_default().push(device),
        }
    }
    Ok(Sorted { rollout, goods, taken, excluded })
}

/// One page of the devices of a wave, or of those that get nothing for one reason.
///
/// # Errors
/// Forbidden by role; invalid names the field.
pub async fn preview_devices(cx: &Cx, question: PreviewQuestion) -> Result<Page<RolloutDevice>> {
    let PreviewQuestion { rollout, part } = question;
    let Sorted { taken, excluded, .. } = sorted(cx, rollout).await?;
    let of = match (part.wave, part.excluded) {
        (Some(wave), None) => taken.get(&i64::from(wave)),
        (None, Some(why)) => excluded.get(&why),
        _ => return Err(Problem::invalid("part", "Name a wave or a reason, and not both.").into()),
    };
    let of = of.map_or(&[] as &[Candidate], Vec::as_slice);
    let names = names(cx).await?;
    let rest = || of.iter().filter(|device| part.cursor.is_none_or(|last| device.id > last));
    let items: Vec<RolloutDevice> = rest().take(PREVIEW_PAGE).map(|device| shown(device, &names)).collect();
    let has_more = rest().nth(PREVIEW_PAGE).is_some();
    let last = items.last().filter(|_| has_more).map(|device| device.device_id.to_string());
    Ok(Page { items, next_cursor: last, total: Some(of.len() as u64) })
}

/// What would happen.
///
/// # Errors
/// Forbidden by role; invalid names the field.
pub async fn preview(cx: &Cx, input: RolloutInput) -> Result<RolloutPreview> {
    let Sorted { rollout, goods, taken, excluded } = sorted(cx, input).await?;
    let db = cx.store().db();
    let online = taken.values().flatten().filter(|device| device.presence == Presence::Online).count();
    let names = names(cx).await?;
    let devices = taken.values().map(Vec::len).sum::<usize>() as u64;
    let mut warnings = warnings(&rollout, &goods.platforms(), &taken, devices);
    // What keeps it from starting comes first.
    if !crate::release::is_good(db, &goods.release, cx.store().now()).await? {
        let words = "No device would take this release now: it has to be signed again, by a key of the root in force.";
        warnings.insert(0, words.to_owned());
    }
    if let Some(why) = halted_before(db, &rollout, cx.me().id).await? {
        warnings.insert(0, why);
    }
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
            "{} goes to {} ({}) in {}.",
            goods.release.version,
            several(devices, "device"),
            target_label(&rollout.row.target).to_lowercase(),
            several(rollout.waves.len() as u64, "wave")
        ),
        devices,
        online: online as u64,
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
    of.iter().take(SHOWN).map(|device| shown(device, names)).collect()
}

fn shown(device: &Candidate, names: &HashMap<BusinessId, String>) -> RolloutDevice {
    RolloutDevice {
        device_id: device.id,
        device_name: device.device_name.clone(),
        business_name: names.get(&device.business_id).cloned().unwrap_or_default(),
        os: device.os_type,
        arch: device.os_architecture,
        version: device.running_version.clone().unwrap_or_default(),
    }
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

fn several(count: u64, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
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
            "The first wave has {}; fewer than {NAMED_FEW} say little.",
            several(canaries.len() as u64, "device")
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
