//! What people ask to roll something out.

use super::{
    Exclusion, IN_FLIGHT_DEFAULT, IN_FLIGHT_MAX, NAMED_MAX, NOTE_MAX, RolloutKind, RolloutState,
    SOAK_SECONDS_MAX, SPREAD_SECONDS_DEFAULT, SPREAD_SECONDS_MAX, TARGET_MAX, WAVES_MAX,
};
use crate::{
    id::{BusinessId, DeviceId, ReleaseId, ServiceLocationId},
    input::{line, paragraph},
    page::list_query,
    platform::{Arch, Os},
    problem::Problem,
    release::Channel,
    update::UpdateState,
};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// What is asked to make a rollout; it is a draft until it is handed in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct RolloutInput {
    /// What people call it.
    #[cfg_attr(feature = "schema", schemars(with = "crate::schema::Line", example = &"2.4.0 to everybody"))]
    pub name: String,
    /// What is rolled out.
    #[serde(default = "agent_release")]
    pub kind: RolloutKind,
    /// The release; it has to be complete.
    pub release_id: ReleaseId,
    /// For which devices.
    pub target: RolloutTarget,
    /// Only devices that follow this channel; that of the release when absent.
    #[serde(default)]
    pub channel: Option<Channel>,
    /// One after the other; the last one takes 100 percent. [`RolloutInput::usual_waves`] when there are none.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(length(max = 20)))]
    pub waves: Vec<WaveInput>,
    /// When it stops by itself.
    #[serde(default)]
    pub halt: HaltTerms,
    /// Most devices that may be about it at once.
    #[serde(default = "in_flight")]
    #[cfg_attr(feature = "schema", schemars(range(min = 1, max = 10_000)))]
    pub max_in_flight: u32,
    /// Seconds over which devices are spread, by chance, before they fetch it.
    #[serde(default = "spread_seconds")]
    #[cfg_attr(feature = "schema", schemars(range(max = 86_400)))]
    pub spread_seconds: u32,
    /// When it starts by itself once it may; somebody has to start it when absent.
    #[serde(default)]
    pub start_at: Option<DateTime<Utc>>,
    /// Why; may be empty.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(with = "crate::schema::ApprovalNote"))]
    pub note: String,
}

const fn agent_release() -> RolloutKind {
    RolloutKind::AgentRelease
}

const fn in_flight() -> u32 {
    IN_FLIGHT_DEFAULT
}

const fn spread_seconds() -> u32 {
    SPREAD_SECONDS_DEFAULT
}

/// For which devices.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "scope", rename_all = "snake_case", deny_unknown_fields)]
pub enum RolloutTarget {
    /// All of them.
    All {},
    /// Those of these businesses.
    Businesses {
        /// Which.
        #[cfg_attr(feature = "schema", schemars(length(min = 1, max = 10_000)))]
        business_ids: Vec<BusinessId>,
    },
    /// Those at these service locations.
    Locations {
        /// Which.
        #[cfg_attr(feature = "schema", schemars(length(min = 1, max = 10_000)))]
        service_location_ids: Vec<ServiceLocationId>,
    },
    /// These.
    Devices {
        /// Which.
        #[cfg_attr(feature = "schema", schemars(length(min = 1, max = 10_000)))]
        device_ids: Vec<DeviceId>,
    },
}

/// One wave: either chosen devices or a part of all.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct WaveInput {
    /// Of all devices of the target, 1–100, with those of the waves before; rises from wave to wave.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(range(min = 1, max = 100)))]
    pub percent: Option<u8>,
    /// Or these devices; only before the first wave with a percent.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(length(max = 500)))]
    pub devices: Vec<DeviceId>,
    /// Seconds that it has to last once enough devices have it.
    #[cfg_attr(feature = "schema", schemars(range(max = 2_592_000)))]
    pub soak_seconds: u32,
    /// Devices of each platform that have to have it; all of a platform where the wave has fewer.
    #[cfg_attr(feature = "schema", schemars(range(min = 1, max = 10_000)))]
    pub min_successes: u32,
    /// How many of 100 devices that have ended have to have it.
    #[cfg_attr(feature = "schema", schemars(range(min = 1, max = 100)))]
    pub success_percent: u8,
}

/// When a rollout stops by itself: for one platform or over all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct HaltTerms {
    /// More than so many of 100 devices came to nothing before the change.
    #[cfg_attr(feature = "schema", schemars(range(min = 1, max = 100)))]
    pub failed_percent: u8,
    /// More than so many of 100 devices went wrong after the change: rolled back, or not heard from.
    #[cfg_attr(feature = "schema", schemars(range(min = 1, max = 100)))]
    pub bad_percent: u8,
    /// Percents count from so many devices on.
    #[cfg_attr(feature = "schema", schemars(range(min = 1, max = 1_000)))]
    pub min_devices: u32,
    /// So many in a row went wrong after the change, however few they are.
    #[cfg_attr(feature = "schema", schemars(range(min = 1, max = 1_000)))]
    pub bad_in_a_row: u32,
    /// So many went wrong after the change, however many did not.
    #[cfg_attr(feature = "schema", schemars(range(min = 1, max = 10_000)))]
    pub bad_max: u32,
}

impl Default for HaltTerms {
    fn default() -> Self {
        Self { failed_percent: 20, bad_percent: 2, min_devices: 5, bad_in_a_row: 3, bad_max: 25 }
    }
}

/// What is asked to see all devices of one part of a preview, a page at a time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct PreviewQuestion {
    /// What would be made.
    pub rollout: RolloutInput,
    /// Which devices.
    pub part: PreviewPart,
}

/// One part of a preview: a wave, or those that get nothing for one reason; and how far it was read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct PreviewPart {
    /// The devices of this wave, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wave: Option<u32>,
    /// Or those that get nothing because of this.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub excluded: Option<Exclusion>,
    /// `next_cursor` of the page before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cursor: Option<DeviceId>,
}

/// What is said with a step; may be empty.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct NoteInput {
    /// In their words.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(with = "crate::schema::ApprovalNote"))]
    pub note: String,
}

/// What is said to let a rollout go on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ResumeInput {
    /// Why it is safe; required after a halt.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(with = "crate::schema::ApprovalNote"))]
    pub reason: String,
}

/// What is asked to undo a rollout.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct RollBackInput {
    /// A release with a higher sequence: the older programs, stamped anew.
    pub release_id: ReleaseId,
    /// Why.
    #[cfg_attr(feature = "schema", schemars(with = "crate::schema::Reason"))]
    pub reason: String,
}

/// What holds for every rollout.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct RolloutPolicy {
    /// True: somebody else than who made a rollout has to say yes before it starts.
    pub is_approval_needed: bool,
}

list_query! {
    /// What is asked of the list of rollouts, newest first.
    RolloutQuery,
    {
        /// Only in this state.
        state: RolloutState,
        /// Only of this release.
        release_id: ReleaseId,
    }
}

list_query! {
    /// What is asked of the devices of a rollout, or of the updates of a device.
    UpdateQuery,
    {
        /// Only of this wave, from 1.
        wave: u32,
        /// Only in this state.
        state: UpdateState,
        /// Only with this system.
        os: Os,
        /// Only with this processor.
        arch: Arch,
    }
}

impl RolloutInput {
    /// Waves for those who name none: 1, 5, 25, 50 and 100 percent.
    #[must_use]
    pub fn usual_waves() -> Vec<WaveInput> {
        const HOUR: u32 = 3_600;
        [(1, HOUR), (5, 4 * HOUR), (25, 12 * HOUR), (50, 12 * HOUR), (100, HOUR)]
            .map(|(percent, soak_seconds)| WaveInput {
                percent: Some(percent),
                devices: Vec::new(),
                soak_seconds,
                min_successes: 2,
                success_percent: 95,
            })
            .to_vec()
    }

    /// Trimmed, filled in and bounded.
    ///
    /// # Errors
    /// Names the field that is at fault.
    pub fn checked(mut self) -> Result<Self, Problem> {
        self.name = line("name", &self.name)?;
        self.note = paragraph("note", &self.note, NOTE_MAX)?.unwrap_or_default();
        self.target = self.target.checked()?;
        if self.waves.is_empty() {
            self.waves = Self::usual_waves();
        }
        check_waves(&mut self.waves)?;
        self.halt.check()?;
        within("max_in_flight", self.max_in_flight, 1, IN_FLIGHT_MAX)?;
        within("spread_seconds", self.spread_seconds, 0, SPREAD_SECONDS_MAX)?;
        Ok(self)
    }
}

impl RolloutTarget {
    fn checked(self) -> Result<Self, Problem> {
        Ok(match self {
            Self::All {} => self,
            Self::Businesses { business_ids } => {
                Self::Businesses { business_ids: some("target", business_ids)? }
            }
            Self::Locations { service_location_ids } => {
                Self::Locations { service_location_ids: some("target", service_location_ids)? }
            }
            Self::Devices { device_ids } => Self::Devices { device_ids: some("target", device_ids)? },
        })
    }
}

/// Each once, in order; at least one.
fn some<T: Ord>(field: &str, items: Vec<T>) -> Result<Vec<T>, Problem> {
    let items: Vec<T> = items.into_iter().collect::<BTreeSet<_>>().into_iter().collect();
    match items.len() {
        0 => Err(Problem::invalid(field, "Choose at least one.")),
        1..=TARGET_MAX => Ok(items),
        _ => Err(Problem::invalid(field, format!("At most {TARGET_MAX}."))),
    }
}

fn within(field: &str, value: u32, least: u32, most: u32) -> Result<(), Problem> {
    if (least..=most).contains(&value) {
        return Ok(());
    }
    Err(Problem::invalid(field, format!("Write a number from {least} to {most}.")))
}

fn check_waves(waves: &mut [WaveInput]) -> Result<(), Problem> {
    if waves.len() > WAVES_MAX {
        return Err(Problem::invalid("waves", format!("At most {WAVES_MAX} waves.")));
    }
    let mut reached = 0;
    for (index, wave) in waves.iter_mut().enumerate() {
        let number = index + 1;
        let refuse = |why: &str| Err(Problem::invalid("waves", format!("Wave {number}: {why}")));
        wave.devices =
            std::mem::take(&mut wave.devices).into_iter().collect::<BTreeSet<_>>().into_iter().collect();
        match wave.percent {
            Some(_) if !wave.devices.is_empty() => return refuse("either a percent or devices, not both."),
            Some(percent) if percent > 100 || percent <= reached => {
                return refuse("the percent has to rise from wave to wave, up to 100.");
            }
            Some(percent) => reached = percent,
            None if wave.devices.is_empty() => return refuse("choose a percent or devices."),
            None if reached > 0 => return refuse("chosen devices come before the waves with a percent."),
            None if wave.devices.len() > NAMED_MAX => return refuse("at most 500 devices."),
            None => {}
        }
        let is_good = wave.soak_seconds <= SOAK_SECONDS_MAX
            && (1..=IN_FLIGHT_MAX).contains(&wave.min_successes)
            && (1..=100).contains(&wave.success_percent);
        if !is_good {
            return refuse(
                "it may soak for up to 30 days, needs at least one success of each platform and a share from 1 to 100.",
            );
        }
    }
    if reached != 100 {
        return Err(Problem::invalid("waves", "The last wave has to take 100 percent."));
    }
    Ok(())
}

impl HaltTerms {
    fn check(self) -> Result<(), Problem> {
        within("halt", self.failed_percent.into(), 1, 100)?;
        within("halt", self.bad_percent.into(), 1, 100)?;
        within("halt", self.min_devices, 1, 1_000)?;
        within("halt", self.bad_in_a_row, 1, 1_000)?;
        within("halt", self.bad_max, 1, 10_000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    fn input() -> RolloutInput {
        let json = r#"{"name":" 2.4.0 ","release_id":"00000000-0000-0000-0000-000000000001","target":{"scope":"all"}}"#;
        serde_json::from_str(json).expect("a rollout with what it takes")
    }

    #[test]
    fn little_has_to_be_said_and_the_rest_is_filled_in() {
        let checked = input().checked().expect("good");
        assert_eq!((checked.name.as_str(), checked.max_in_flight), ("2.4.0", IN_FLIGHT_DEFAULT));
        assert_eq!(
            checked.waves.iter().map(|wave| wave.percent).collect::<Vec<_>>(),
            [1, 5, 25, 50, 100].map(Some)
        );
        assert!(serde_json::from_str::<RolloutTarget>(r#"{"scope":"all","business_ids":[]}"#).is_err());
        assert!(serde_json::from_str::<RolloutTarget>(r#"{"scope":"devices"}"#).is_err());
    }

    #[test]
    fn bad_waves_are_refused() {
        let device = DeviceId(Uuid::nil());
        let wave = |percent, devices: &[DeviceId]| WaveInput {
            percent,
            devices: devices.to_vec(),
            soak_seconds: 0,
            min_successes: 1,
            success_percent: 95,
        };
        let try_waves = |waves: Vec<WaveInput>| RolloutInput { waves, ..input() }.checked().map(|_| ());
        assert!(try_waves(vec![wave(None, &[device, device]), wave(Some(100), &[])]).is_ok());
        for bad in [
            vec![wave(Some(50), &[])],
            vec![wave(Some(50), &[]), wave(Some(50), &[]), wave(Some(100), &[])],
            vec![wave(Some(101), &[])],
            vec![wave(Some(100), &[device])],
            vec![wave(None, &[])],
            vec![wave(Some(1), &[]), wave(None, &[device]), wave(Some(100), &[])],
            vec![WaveInput { min_successes: 0, ..wave(Some(100), &[]) }],
            vec![WaveInput { success_percent: 0, ..wave(Some(100), &[]) }],
            vec![WaveInput { soak_seconds: SOAK_SECONDS_MAX + 1, ..wave(Some(100), &[]) }],
        ] {
            assert_eq!(try_waves(bad.clone()).expect_err("bad").field.as_deref(), Some("waves"), "{bad:?}");
        }
        let target = RolloutTarget::Devices { device_ids: Vec::new() };
        assert!(RolloutInput { target, ..input() }.checked().is_err());
    }
}
