//! What is asked of the list of devices, as it stands in the URL. Pure: the page, its links and its filters agree
//! because they all read and write the URL here.

use crate::ui::listing;
use entity::device::{DeviceQuery, DeviceSort};
use leptos_router::params::ParamsMap;

/// Where the list is.
pub(super) const PATH: &str = "/devices";
/// Names the business whose service locations a filter form offered; see [`from_url`].
pub(super) const LOCATION_OF: &str = "location_of";

/// Reads the URL; what is not understood is left out, because URLs are edited by hand and kept for years.
pub(super) fn from_url(params: &ParamsMap) -> DeviceQuery {
    let text = |key: &str| params.get(key).map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
    let business_id = text("business_id").and_then(|text| text.parse().ok());
    // When somebody chooses another business, the form still sends the place of the former one.
    let is_stale = text(LOCATION_OF).is_some_and(|of| of.parse().ok() != business_id);
    DeviceQuery {
        search: text("search"),
        business_id,
        service_location_id: text("service_location_id")
            .and_then(|text| text.parse().ok())
            .filter(|_| !is_stale),
        status: text("status").and_then(|text| text.parse().ok()),
        os: text("os").and_then(|text| text.parse().ok()),
        sort: text("sort").and_then(|text| text.parse().ok()),
        descending: text("descending").as_deref() == Some("true"),
        services_wrong: text("services_wrong").as_deref() == Some("true"),
        revoked: text("revoked").as_deref() == Some("true"),
        cursor: text("cursor"),
        limit: None,
    }
}

/// Writes the URL that asks for this; the shortest that does.
pub(super) fn href(query: &DeviceQuery) -> String {
    let flag = |is_set: bool| is_set.then(|| "true".to_owned());
    let pairs = [
        ("search", query.search.clone()),
        ("business_id", query.business_id.map(|id| id.to_string())),
        ("service_location_id", query.service_location_id.map(|id| id.to_string())),
        ("status", query.status.map(|status| status.word().to_owned())),
        ("os", query.os.map(|os| os.word().to_owned())),
        ("sort", query.sort.map(|sort| sort.word().to_owned())),
        ("descending", flag(query.descending)),
        ("services_wrong", flag(query.services_wrong)),
        ("revoked", flag(query.revoked)),
        ("cursor", query.cursor.clone()),
    ];
    link(PATH, &pairs)
}

/// The link of a column head: sorts by it, or turns the order when it is sorted by already. Numbers start with the
/// largest, because that is the one that somebody looks for.
pub(super) fn sorted_by(query: &DeviceQuery, sort: DeviceSort) -> String {
    let is_sorted = query.sort.unwrap_or(DeviceSort::Name) == sort;
    let largest_first = matches!(sort, DeviceSort::Cpu | DeviceSort::Memory | DeviceSort::Disk);
    let descending = if is_sorted { !query.descending } else { largest_first };
    href(&DeviceQuery { sort: Some(sort), descending, cursor: None, ..query.clone() })
}

/// Another page of the same list.
pub(super) fn page(query: &DeviceQuery, cursor: Option<String>) -> String {
    href(&DeviceQuery { cursor, ..query.clone() })
}

/// True when something narrows the list down.
pub(super) const fn is_filtered(query: &DeviceQuery) -> bool {
    query.search.is_some()
        || query.business_id.is_some()
        || query.service_location_id.is_some()
        || query.status.is_some()
        || query.os.is_some()
        || query.services_wrong
}

/// A path with those of the pairs that have a value.
pub(super) fn link(path: &str, pairs: &[(&str, Option<String>)]) -> String {
    listing::link(path, pairs.iter().map(|(key, value)| (*key, value.as_deref())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use entity::{
        id::{BusinessId, ServiceLocationId},
        platform::Os,
        presence::Presence,
    };

    const BUSINESS: &str = "01890000-0000-7000-8000-000000000001";
    const PLACE: &str = "01890000-0000-7000-8000-000000000002";

    fn params(pairs: &[(&'static str, &str)]) -> ParamsMap {
        pairs.iter().map(|(key, value)| (*key, (*value).to_owned())).collect()
    }

    #[test]
    fn the_url_holds_the_whole_question() {
        let query = DeviceQuery {
            search: Some("web & db".to_owned()),
            business_id: BUSINESS.parse::<BusinessId>().ok(),
            service_location_id: PLACE.parse::<ServiceLocationId>().ok(),
            status: Some(Presence::Offline),
            os: Some(Os::Linux),
            sort: Some(DeviceSort::Cpu),
            descending: true,
            services_wrong: true,
            revoked: true,
            cursor: Some("abc".to_owned()),
            limit: None,
        };
        let url = href(&query);
        assert_eq!(
            url,
            format!(
                "/devices?search=web%20%26%20db&business_id={BUSINESS}&service_location_id={PLACE}&status=offline\
                 &os=linux&sort=cpu&descending=true&services_wrong=true&revoked=true&cursor=abc"
            )
        );
        let read = from_url(&params(&[
            ("search", "web & db"),
            ("business_id", BUSINESS),
            ("service_location_id", PLACE),
            ("status", "offline"),
            ("os", "linux"),
            ("sort", "cpu"),
            ("descending", "true"),
            ("services_wrong", "true"),
            ("revoked", "true"),
            ("cursor", "abc"),
        ]));
        assert_eq!(read, query);
    }

    #[test]
    fn what_is_not_understood_is_left_out() {
        let read =
            from_url(&params(&[("status", "asleep"), ("business_id", "x"), ("search", " "), ("sort", "")]));
        assert_eq!(read, DeviceQuery::default());
        assert_eq!(href(&read), "/devices");
    }

    #[test]
    fn another_business_drops_the_place_of_the_former() {
        let place = |of: &str| {
            let asked =
                params(&[("business_id", BUSINESS), ("service_location_id", PLACE), (LOCATION_OF, of)]);
            from_url(&asked).service_location_id
        };
        assert_eq!(place(PLACE), None);
        assert_eq!(place(BUSINESS), PLACE.parse().ok());
    }

    #[test]
    fn a_head_turns_its_own_order_and_starts_a_new_one() {
        let by_name = DeviceQuery { cursor: Some("abc".to_owned()), ..DeviceQuery::default() };
        assert_eq!(sorted_by(&by_name, DeviceSort::Name), "/devices?sort=name&descending=true");
        assert_eq!(sorted_by(&by_name, DeviceSort::Cpu), "/devices?sort=cpu&descending=true");
        assert_eq!(sorted_by(&by_name, DeviceSort::Os), "/devices?sort=os");
    }
}
