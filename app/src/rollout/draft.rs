//! A draft as the designer writes it anew: from what was asked, and as a query that holds all of it. Pure.

use super::{form::RolloutForm, wave_form::WaveForm};
use crate::ui::toast::encode;
use chrono::DateTime;
use entity::{
    id::RolloutId,
    problem::Problem,
    rollout::{RolloutInput, RolloutTarget},
};

impl RolloutForm {
    /// A draft, to be written anew. None when this form cannot say all of it, as when it was made over REST with seconds.
    #[must_use]
    pub fn of_draft(id: RolloutId, asked: &RolloutInput) -> Option<Self> {
        fn texts<T: ToString>(ids: &[T]) -> Vec<String> {
            ids.iter().map(ToString::to_string).collect()
        }
        let (mut businesses, mut places, mut devices) = (Vec::new(), Vec::new(), Vec::new());
        let target = match &asked.target {
            RolloutTarget::All {} => "all",
            RolloutTarget::Businesses { business_ids } => {
                businesses = texts(business_ids);
                "businesses"
            }
            RolloutTarget::Locations { service_location_ids } => {
                places = texts(service_location_ids);
                "locations"
            }
            RolloutTarget::Devices { device_ids } => {
                devices = texts(device_ids);
                "devices"
            }
        };
        let form = Self {
            draft: id.to_string(),
            name: asked.name.clone(),
            note: asked.note.clone(),
            release_id: asked.release_id.to_string(),
            channel: asked.channel.map(|channel| channel.word().to_owned()).unwrap_or_default(),
            target: target.to_owned(),
            business_ids: businesses,
            service_location_ids: places,
            device_ids: devices,
            waves: asked.waves.iter().map(WaveForm::of_wave).collect(),
            failed_percent: asked.halt.failed_percent.to_string(),
            bad_percent: asked.halt.bad_percent.to_string(),
            min_devices: asked.halt.min_devices.to_string(),
            bad_in_a_row: asked.halt.bad_in_a_row.to_string(),
            bad_max: asked.halt.bad_max.to_string(),
            max_in_flight: asked.max_in_flight.to_string(),
            spread_minutes: (asked.spread_seconds / 60).to_string(),
            start: if asked.start_at.is_some() { "at" } else { "draft" }.to_owned(),
            start_at: asked.start_at.map(|at| at.format("%Y-%m-%dT%H:%M:%S").to_string()).unwrap_or_default(),
            ..Self::default()
        };
        let read = form.input(DateTime::UNIX_EPOCH).ok()?;
        (read == *asked).then_some(form)
    }

    /// Which draft is written anew, if one is.
    ///
    /// # Errors
    /// When what stands there names none.
    pub fn draft(&self) -> Result<Option<RolloutId>, Problem> {
        match self.draft.as_str() {
            "" => Ok(None),
            id => id.parse().map(Some).map_err(|_| Problem::invalid("draft", "There is no such draft.")),
        }
    }

    /// The query that holds all that is filled in.
    #[must_use]
    pub fn query(&self) -> String {
        let pairs = self.pairs();
        let pairs = pairs.iter().map(|(name, value)| format!("{}={}", encode(name), encode(value)));
        pairs.collect::<Vec<_>>().join("&")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use entity::release::Channel;

    const ID: &str = "01890000-0000-7000-8000-000000000001";

    #[test]
    fn a_draft_is_written_anew_if_the_form_can_say_all_of_it() {
        let id: RolloutId = ID.parse().expect("an id");
        let usual = RolloutForm { name: "2.4.0".to_owned(), ..RolloutForm::usual(Some(ID.to_owned())) };
        let usual = usual.input(DateTime::UNIX_EPOCH).expect("all is filled in");
        let asked = RolloutInput { channel: Some(Channel::Beta), ..usual };
        let form = RolloutForm::of_draft(id, &asked).expect("it can");
        assert_eq!((form.draft(), form.input(DateTime::UNIX_EPOCH)), (Ok(Some(id)), Ok(asked.clone())));
        let query = form.query();
        assert!(query.starts_with(&format!("form%5Bdraft%5D={ID}&form%5Bname%5D=2.4.0&")), "{query}");
        assert_eq!(RolloutForm::of_draft(id, &RolloutInput { spread_seconds: 61, ..asked }), None);
        assert!(RolloutForm { draft: "x".to_owned(), ..form }.draft().is_err());
    }
}
