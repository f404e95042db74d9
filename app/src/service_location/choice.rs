//! Choosing a service location in a form that follows the choice of a business where it can.

use crate::ui::Choice;
use entity::service_location::ServiceLocationChoice;

/// The places of the chosen business once the form follows the choice; before that all, under their businesses.
#[must_use]
pub fn location_choices(
    locations: &[ServiceLocationChoice],
    business: &str,
    follows: bool,
    is_one: bool,
) -> Vec<Choice> {
    let none = Choice::new("", "No service location");
    let choice =
        |place: &ServiceLocationChoice| Choice::new(place.id.to_string(), place.location_name.clone());
    let places: Vec<Choice> = if is_one {
        locations.iter().map(choice).collect()
    } else if follows {
        locations.iter().filter(|place| place.business_id.to_string() == business).map(choice).collect()
    } else {
        let mut sorted: Vec<_> = locations.iter().collect();
        sorted.sort_by_key(|place| (place.business_name.to_lowercase(), place.business_id));
        sorted.into_iter().map(|place| choice(place).under(place.business_name.clone())).collect()
    };
    std::iter::once(none).chain(places).collect()
}
