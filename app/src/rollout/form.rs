//! What the designer of rollouts sends and its address carries: every field as text, read into what is asked. Pure.

use super::wave_form::{WaveForm, number};
use chrono::{DateTime, NaiveDateTime, Utc};
use entity::{
    problem::Problem,
    release::Channel,
    rollout::{
        HaltTerms, IN_FLIGHT_DEFAULT, RolloutInput, RolloutKind, RolloutTarget, SPREAD_SECONDS_DEFAULT,
        WAVES_MAX,
    },
};
use serde::{Deserialize, Serialize};
use std::str::FromStr;

/// What stands in the fields of the designer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RolloutForm {
    /// The draft that is written anew; empty: it makes a rollout.
    pub draft: String,
    /// What people call it.
    pub name: String,
    /// Why.
    pub note: String,
    /// What is rolled out.
    pub release_id: String,
    /// A [`Channel`]; empty: that of the release.
    pub channel: String,
    /// A word of [`Target`]; empty: everybody.
    pub target: String,
    /// Of which businesses.
    pub business_ids: Vec<String>,
    /// At which places.
    pub service_location_ids: Vec<String>,
    /// Which devices.
    pub device_ids: Vec<String>,
    /// What the boxes to tick are narrowed by.
    pub find: String,
    /// One after the other.
    pub waves: Vec<WaveForm>,
    /// See [`HaltTerms::failed_percent`].
    pub failed_percent: String,
    /// See [`HaltTerms::bad_percent`].
    pub bad_percent: String,
    /// See [`HaltTerms::min_devices`].
    pub min_devices: String,
    /// See [`HaltTerms::bad_in_a_row`].
    pub bad_in_a_row: String,
    /// See [`HaltTerms::bad_max`].
    pub bad_max: String,
    /// Most devices at once.
    pub max_in_flight: String,
    /// Minutes over which devices are spread.
    pub spread_minutes: String,
    /// A word of [`Start`]; empty: it stays a draft.
    pub start: String,
    /// When, in UTC, as a browser writes it.
    pub start_at: String,
    /// What a button asks of the form itself, see [`Step`].
    pub step: String,
}

/// For which devices.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Target {
    /// All.
    #[default]
    Everybody,
    /// Those of some businesses.
    Businesses,
    /// Those at some places.
    Locations,
    /// Some.
    Devices,
}

impl Target {
    /// Every one, with its word and what people read.
    pub(super) const ALL: [(Self, &'static str, &'static str); 4] = [
        (Self::Everybody, "all", "Every device"),
        (Self::Businesses, "businesses", "Devices of some businesses"),
        (Self::Locations, "locations", "Devices at some service locations"),
        (Self::Devices, "devices", "Some devices"),
    ];

    /// What a word means.
    pub(super) fn of(word: &str) -> Self {
        Self::ALL.into_iter().find(|(_, other, _)| *other == word).map_or(Self::Everybody, |(one, ..)| one)
    }
}

/// When it begins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Start {
    /// Somebody hands it in later.
    #[default]
    Draft,
    /// As soon as it may.
    Now,
    /// At a time.
    At,
}

impl Start {
    /// Every one, with its word and what people read.
    pub(super) const ALL: [(Self, &'static str, &'static str); 3] = [
        (Self::Draft, "draft", "Not yet: keep it as a draft"),
        (Self::Now, "now", "As soon as it may"),
        (Self::At, "at", "At a time"),
    ];

    /// What a word means.
    pub(super) fn of(word: &str) -> Self {
        Self::ALL.into_iter().find(|(_, other, _)| *other == word).map_or(Self::Draft, |(one, ..)| one)
    }
}

/// What a button asks of the form itself: the same with JavaScript, where the page does it, and without, where the
/// server does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// One more wave at the end.
    Add,
    /// A wave of chosen devices, before all with a percent.
    AddNamed,
    /// One place up.
    Up(usize),
    /// One place down.
    Down(usize),
    /// Away with it.
    Drop(usize),
}

impl Step {
    /// As a form sends it.
    #[must_use]
    pub fn word(self) -> String {
        match self {
            Self::Add => "add".to_owned(),
            Self::AddNamed => "add_named".to_owned(),
            Self::Up(index) => format!("up-{index}"),
            Self::Down(index) => format!("down-{index}"),
            Self::Drop(index) => format!("drop-{index}"),
        }
    }

    fn of(word: &str) -> Option<Self> {
        let (name, index) = word.split_once('-').unwrap_or((word, ""));
        match (name, index.parse().ok()) {
            ("add", _) => Some(Self::Add),
            ("add_named", _) => Some(Self::AddNamed),
            ("up", Some(index)) => Some(Self::Up(index)),
            ("down", Some(index)) => Some(Self::Down(index)),
            ("drop", Some(index)) => Some(Self::Drop(index)),
            _ => None,
        }
    }
}

impl RolloutForm {
    /// What a rollout usually is, of the release that a link names.
    #[must_use]
    pub fn usual(release_id: Option<String>) -> Self {
        let halt = HaltTerms::default();
        Self {
            release_id: release_id.unwrap_or_default(),
            waves: RolloutInput::usual_waves().iter().map(WaveForm::of_wave).collect(),
            failed_percent: halt.failed_percent.to_string(),
            bad_percent: halt.bad_percent.to_string(),
            min_devices: halt.min_devices.to_string(),
            bad_in_a_row: halt.bad_in_a_row.to_string(),
            bad_max: halt.bad_max.to_string(),
            max_in_flight: IN_FLIGHT_DEFAULT.to_string(),
            spread_minutes: (SPREAD_SECONDS_DEFAULT / 60).to_string(),
            ..Self::default()
        }
    }

    /// From the names and values of fields, of an address or of the page. Nothing when there are none of this form.
    #[must_use]
    pub fn from_pairs(pairs: impl IntoIterator<Item = (String, String)>) -> Option<Self> {
        let mut form = Self::default();
        let mut waves = std::collections::BTreeMap::<usize, WaveForm>::new();
        let mut is_there = false;
        for (name, value) in pairs {
            let Some(path) = name.strip_prefix("form[").and_then(|rest| rest.strip_suffix(']')) else {
                continue;
            };
            is_there = true;
            match path.split("][").collect::<Vec<_>>().as_slice() {
                ["waves", index, rest @ ..] => {
                    if let Ok(index) = index.parse() {
                        waves.entry(index).or_default().set(rest, value);
                    }
                }
                ["business_ids", ""] => form.business_ids.push(value),
                ["service_location_ids", ""] => form.service_location_ids.push(value),
                ["device_ids", ""] => form.device_ids.push(value),
                [field] => {
                    if let Some(slot) = form.slot(field) {
                        *slot = value;
                    }
                }
                _ => {}
            }
        }
        form.waves = waves.into_values().take(WAVES_MAX + 1).collect();
        let step = Step::of(&std::mem::take(&mut form.step));
        if let Some(step) = step {
            form.take(step);
        }
        is_there.then_some(form)
    }

    /// The names and values of all that is filled in: what [`RolloutForm::from_pairs`] reads.
    #[must_use]
    pub fn pairs(&self) -> Vec<(String, String)> {
        let mut this = self.clone();
        let mut pairs = Vec::new();
        for field in FIELDS {
            if let Some(value) = this.slot(field).map(std::mem::take).filter(|value| !value.is_empty()) {
                pairs.push((format!("form[{field}]"), value));
            }
        }
        let lists = [
            ("business_ids", &self.business_ids),
            ("service_location_ids", &self.service_location_ids),
            ("device_ids", &self.device_ids),
        ];
        for (field, values) in lists {
            pairs.extend(values.iter().map(|value| (format!("form[{field}][]"), value.clone())));
        }
        for (index, wave) in self.waves.iter().enumerate() {
            pairs.extend(
                wave.pairs().into_iter().map(|(rest, value)| (format!("form[waves][{index}]{rest}"), value)),
            );
        }
        pairs
    }

    fn slot(&mut self, field: &str) -> Option<&mut String> {
        Some(match field {
            "draft" => &mut self.draft,
            "name" => &mut self.name,
            "note" => &mut self.note,
            "release_id" => &mut self.release_id,
            "channel" => &mut self.channel,
            "target" => &mut self.target,
            "find" => &mut self.find,
            "failed_percent" => &mut self.failed_percent,
            "bad_percent" => &mut self.bad_percent,
            "min_devices" => &mut self.min_devices,
            "bad_in_a_row" => &mut self.bad_in_a_row,
            "bad_max" => &mut self.bad_max,
            "max_in_flight" => &mut self.max_in_flight,
            "spread_minutes" => &mut self.spread_minutes,
            "start" => &mut self.start,
            "start_at" => &mut self.start_at,
            "step" => &mut self.step,
            _ => return None,
        })
    }

    /// Does what a button asks of the form itself.
    pub fn take(&mut self, step: Step) {
        let waves = &mut self.waves;
        match step {
            Step::Add if waves.len() < WAVES_MAX => waves.push(WaveForm::after(waves.last())),
            Step::AddNamed if waves.len() < WAVES_MAX => {
                let first = waves.iter().position(|wave| !wave.is_named()).unwrap_or(waves.len());
                waves.insert(first, WaveForm::named());
            }
            Step::Up(index) if (1..waves.len()).contains(&index) => waves.swap(index - 1, index),
            Step::Down(index) if index + 1 < waves.len() => waves.swap(index, index + 1),
            Step::Drop(index) if index < waves.len() => drop(waves.remove(index)),
            Step::Add | Step::AddNamed | Step::Up(_) | Step::Down(_) | Step::Drop(_) => {}
        }
    }

    /// When it begins.
    #[must_use]
    pub fn starts(&self) -> Start {
        Start::of(&self.start)
    }

    /// As the server takes it; `now` is what "as soon as it may" means.
    ///
    /// # Errors
    /// Names the field that is not acceptable.
    pub fn input(&self, now: DateTime<Utc>) -> Result<RolloutInput, Problem> {
        let release_id = self
            .release_id
            .parse()
            .map_err(|_| Problem::invalid("release_id", "Choose what is rolled out."))?;
        let channel = match self.channel.as_str() {
            "" => None,
            word => {
                Some(Channel::from_str(word).map_err(|_| Problem::invalid("channel", "Choose a channel."))?)
            }
        };
        let start_at = match self.starts() {
            Start::Draft => None,
            Start::Now => Some(now),
            Start::At => Some(moment(&self.start_at)?),
        };
        let waves = self.waves.iter().enumerate().map(|(index, wave)| wave.input(index + 1));
        Ok(RolloutInput {
            name: self.name.clone(),
            kind: RolloutKind::AgentRelease,
            release_id,
            target: self.target()?,
            channel,
            waves: waves.collect::<Result<_, _>>()?,
            halt: self.halt()?,
            max_in_flight: number("max_in_flight", &self.max_in_flight)?,
            spread_seconds: number::<u32>("spread_minutes", &self.spread_minutes)?.saturating_mul(60),
            start_at,
            note: self.note.clone(),
        })
    }

    fn target(&self) -> Result<RolloutTarget, Problem> {
        Ok(match Target::of(&self.target) {
            Target::Everybody => RolloutTarget::All {},
            Target::Businesses => RolloutTarget::Businesses { business_ids: ids(&self.business_ids)? },
            Target::Locations => {
                RolloutTarget::Locations { service_location_ids: ids(&self.service_location_ids)? }
            }
            Target::Devices => RolloutTarget::Devices { device_ids: ids(&self.device_ids)? },
        })
    }

    fn halt(&self) -> Result<HaltTerms, Problem> {
        Ok(HaltTerms {
            failed_percent: number("failed_percent", &self.failed_percent)?,
            bad_percent: number("bad_percent", &self.bad_percent)?,
            min_devices: number("min_devices", &self.min_devices)?,
            bad_in_a_row: number("bad_in_a_row", &self.bad_in_a_row)?,
            bad_max: number("bad_max", &self.bad_max)?,
        })
    }
}

/// The fields that are one text each.
const FIELDS: [&str; 16] = [
    "draft",
    "name",
    "note",
    "release_id",
    "channel",
    "target",
    "find",
    "failed_percent",
    "bad_percent",
    "min_devices",
    "bad_in_a_row",
    "bad_max",
    "max_in_flight",
    "spread_minutes",
    "start",
    "start_at",
];

fn ids<T: FromStr>(texts: &[String]) -> Result<Vec<T>, Problem> {
    let ids = texts.iter().map(|text| text.parse()).collect::<Result<_, _>>();
    ids.map_err(|_| Problem::invalid("target", "This is not understood. Choose anew."))
}

/// A moment as a browser writes it, in UTC.
fn moment(text: &str) -> Result<DateTime<Utc>, Problem> {
    let read = |format| NaiveDateTime::parse_from_str(text.trim(), format);
    read("%Y-%m-%dT%H:%M")
        .or_else(|_| read("%Y-%m-%dT%H:%M:%S"))
        .map(|moment| moment.and_utc())
        .map_err(|_| Problem::invalid("start_at", "Choose a day and a time."))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "01890000-0000-7000-8000-000000000001";

    fn form() -> RolloutForm {
        RolloutForm { name: "2.4.0".to_owned(), ..RolloutForm::usual(Some(ID.to_owned())) }
    }

    #[test]
    fn the_address_holds_the_whole_form() {
        let mut form = form();
        form.take(Step::AddNamed);
        form.waves[0].devices = vec![ID.to_owned(), "x & y".to_owned()];
        form.business_ids = vec![ID.to_owned()];
        form.note = "because".to_owned();
        assert_eq!(RolloutForm::from_pairs(form.pairs()), Some(form));
        assert_eq!(RolloutForm::from_pairs([("release_id".to_owned(), ID.to_owned())]), None);
    }

    #[test]
    fn what_is_usual_is_acceptable() {
        let input = form().input(DateTime::UNIX_EPOCH).expect("all is filled in");
        assert_eq!((input.waves.clone(), input.halt), (RolloutInput::usual_waves(), HaltTerms::default()));
        assert_eq!(input.start_at, None);
        assert!(input.checked().is_ok());
    }

    #[test]
    fn waves_come_go_and_change_places() {
        let percents = |form: &RolloutForm| {
            form.waves.iter().map(|wave| wave.percent.clone()).collect::<Vec<_>>().join(" ")
        };
        let mut form = form();
        form.take(Step::Drop(1));
        form.take(Step::Up(1));
        form.take(Step::Up(0));
        form.take(Step::Down(9));
        assert_eq!(percents(&form), "25 1 50 100");
        form.take(Step::Down(0));
        form.take(Step::AddNamed);
        assert_eq!(percents(&form), " 1 25 50 100");
        let asked = form.pairs().into_iter().chain([("form[step]".to_owned(), Step::Drop(0).word())]);
        let without = RolloutForm::from_pairs(asked).expect("it is there");
        assert_eq!((percents(&without), without.step.as_str()), ("1 25 50 100".to_owned(), ""));
        for _ in 0..WAVES_MAX {
            form.take(Step::Add);
        }
        assert_eq!(form.waves.len(), WAVES_MAX);
    }

    #[test]
    fn what_is_wrong_names_its_field() {
        let field = |form: RolloutForm| {
            form.input(DateTime::UNIX_EPOCH).map(|_| ()).map_err(|problem| problem.field.unwrap_or_default())
        };
        assert_eq!(field(RolloutForm::usual(None)), Err("release_id".to_owned()));
        assert_eq!(field(RolloutForm { bad_max: "many".to_owned(), ..form() }), Err("bad_max".to_owned()));
        assert_eq!(field(RolloutForm { start: "at".to_owned(), ..form() }), Err("start_at".to_owned()));
        let at = RolloutForm { start: "at".to_owned(), start_at: "2026-11-21T15:00".to_owned(), ..form() };
        let start_at = at.input(DateTime::UNIX_EPOCH).map(|input| input.start_at.map(|at| at.to_rfc3339()));
        assert_eq!(start_at, Ok(Some("2026-11-21T15:00:00+00:00".to_owned())));
    }
}
