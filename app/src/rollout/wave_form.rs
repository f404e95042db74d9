//! One wave of the designer as text. Pure.

use entity::{problem::Problem, rollout::WaveInput};
use serde::{Deserialize, Serialize};
use std::str::FromStr;

/// What a wave of chosen devices says that it is.
const NAMED: &str = "devices";

/// What stands in the row of one wave.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct WaveForm {
    /// `devices`: it names them; else it takes a percent.
    pub kind: String,
    /// Of all devices, with those of the waves before.
    pub percent: String,
    /// The devices that it names.
    pub devices: Vec<String>,
    /// What the boxes to tick are narrowed by.
    pub find: String,
    /// How long it has to last once enough devices have it.
    pub soak: String,
    /// A word of [`SoakUnit`].
    pub soak_unit: String,
    /// Devices of each platform that have to have it.
    pub min_successes: String,
    /// How many of 100 devices that have ended have to have it.
    pub success_percent: String,
}

/// In what a soak is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SoakUnit {
    /// Minutes.
    Minutes,
    /// Hours.
    Hours,
    /// Days.
    Days,
}

impl SoakUnit {
    /// Every one, with its word, which people read too; the longest first.
    pub(super) const ALL: [(Self, &'static str); 3] =
        [(Self::Days, "days"), (Self::Hours, "hours"), (Self::Minutes, "minutes")];

    const fn seconds(self) -> u32 {
        match self {
            Self::Minutes => 60,
            Self::Hours => 3_600,
            Self::Days => 86_400,
        }
    }

    fn of(word: &str) -> Self {
        Self::ALL.into_iter().find(|(_, other)| *other == word).map_or(Self::Minutes, |(one, _)| one)
    }
}

impl WaveForm {
    /// A wave as its row.
    #[must_use]
    pub fn of_wave(wave: &WaveInput) -> Self {
        // The longest unit that leaves nothing over.
        let fits = |(unit, _): &(SoakUnit, &str)| wave.soak_seconds.is_multiple_of(unit.seconds());
        let found = SoakUnit::ALL.into_iter().find(|one| wave.soak_seconds > 0 && fits(one));
        let (unit, word) = found.unwrap_or((SoakUnit::Minutes, "minutes"));
        Self {
            kind: if wave.percent.is_none() { NAMED.to_owned() } else { String::new() },
            percent: wave.percent.map(|percent| percent.to_string()).unwrap_or_default(),
            devices: wave.devices.iter().map(ToString::to_string).collect(),
            find: String::new(),
            soak: (wave.soak_seconds / unit.seconds()).to_string(),
            soak_unit: word.to_owned(),
            min_successes: wave.min_successes.to_string(),
            success_percent: wave.success_percent.to_string(),
        }
    }

    /// A wave of chosen devices that names none yet.
    #[must_use]
    pub fn named() -> Self {
        Self::of_wave(&WaveInput {
            percent: None,
            devices: Vec::new(),
            soak_seconds: 3_600,
            min_successes: 1,
            success_percent: 100,
        })
    }

    /// Another wave at the end: all devices, with what the one before asks for.
    #[must_use]
    pub fn after(former: Option<&Self>) -> Self {
        let percent = "100".to_owned();
        match former.filter(|former| !former.is_named()) {
            Some(former) => Self { percent, ..former.clone() },
            None => Self { kind: String::new(), percent, ..Self::named() },
        }
    }

    /// Does it name its devices?
    #[must_use]
    pub fn is_named(&self) -> bool {
        self.kind == NAMED
    }

    /// Takes the value of a field, by what stands of its name after the number of the wave.
    pub(super) fn set(&mut self, path: &[&str], value: String) {
        match path {
            ["devices", ""] => self.devices.push(value),
            ["kind"] => self.kind = value,
            ["percent"] => self.percent = value,
            ["find"] => self.find = value,
            ["soak"] => self.soak = value,
            ["soak_unit"] => self.soak_unit = value,
            ["min_successes"] => self.min_successes = value,
            ["success_percent"] => self.success_percent = value,
            _ => {}
        }
    }

    /// The names and values of what is filled in.
    pub(super) fn pairs(&self) -> Vec<(String, String)> {
        let fields = [
            ("kind", &self.kind),
            ("percent", &self.percent),
            ("find", &self.find),
            ("soak", &self.soak),
            ("soak_unit", &self.soak_unit),
            ("min_successes", &self.min_successes),
            ("success_percent", &self.success_percent),
        ];
        let filled = fields.into_iter().filter(|(_, value)| !value.is_empty());
        let filled = filled.map(|(field, value)| (format!("[{field}]"), value.clone()));
        let devices = self.devices.iter().map(|device| ("[devices][]".to_owned(), device.clone()));
        filled.chain(devices).collect()
    }

    /// As the server takes it.
    ///
    /// # Errors
    /// Says which wave.
    pub(super) fn input(&self, place: usize) -> Result<WaveInput, Problem> {
        let refuse = |what: &str| Problem::invalid("waves", format!("Wave {place}: {what}"));
        let whole = |text: &str, what: &str| text.trim().parse::<u32>().map_err(|_| refuse(what));
        let share = |text: &str, what: &str| text.trim().parse::<u8>().map_err(|_| refuse(what));
        let devices = self.devices.iter().map(|device| device.parse()).collect::<Result<Vec<_>, _>>();
        let soak = whole(&self.soak, "write how long it has to last; 0 is not at all.")?;
        Ok(WaveInput {
            percent: if self.is_named() { None } else { Some(share(&self.percent, "write a percent.")?) },
            devices: if self.is_named() {
                devices.map_err(|_| refuse("choose its devices anew."))?
            } else {
                Vec::new()
            },
            soak_seconds: soak.saturating_mul(SoakUnit::of(&self.soak_unit).seconds()),
            min_successes: whole(&self.min_successes, "write how many devices have to have it.")?,
            success_percent: share(&self.success_percent, "write a share from 1 to 100.")?,
        })
    }
}

/// A number that has to be there.
pub(super) fn number<T: FromStr>(field: &str, text: &str) -> Result<T, Problem> {
    text.trim().parse().map_err(|_| Problem::invalid(field, "Write a number."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_soak_is_written_in_the_unit_that_fits() {
        let soak = |soak_seconds| {
            let row = WaveForm::of_wave(&WaveInput {
                percent: Some(5),
                devices: Vec::new(),
                soak_seconds,
                min_successes: 1,
                success_percent: 95,
            });
            assert_eq!(row.input(1).map(|wave| wave.soak_seconds), Ok(soak_seconds));
            format!("{} {}", row.soak, row.soak_unit)
        };
        assert_eq!(
            [0, 60, 5_400, 43_200, 172_800].map(soak),
            ["0 minutes", "1 minutes", "90 minutes", "12 hours", "2 days"]
        );
    }

    #[test]
    fn a_wave_that_is_not_filled_in_says_which_it_is() {
        let wave = WaveForm { percent: "all".to_owned(), ..WaveForm::after(None) };
        let problem = wave.input(3).expect_err("that is no number");
        assert_eq!(
            (problem.field.as_deref(), problem.detail.as_str()),
            (Some("waves"), "Wave 3: write a percent.")
        );
        assert_eq!(WaveForm::named().input(1).map(|wave| wave.devices.len()), Ok(0));
    }
}
