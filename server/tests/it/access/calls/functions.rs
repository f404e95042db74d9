//! Every server function, with the fields of its form.

use super::{Kind, World};

/// A route, what it does, whether it is for some roles alone, and the fields of its form.
pub(super) type Row = (&'static str, Kind, bool, Vec<(String, String)>);

/// What a form names one thing by.
fn id(id: &dyn std::fmt::Display) -> Vec<(String, String)> {
    vec![("id".to_owned(), id.to_string())]
}

/// These fields and more.
fn with(mut fields: Vec<(String, String)>, more: &[(&str, &str)]) -> Vec<(String, String)> {
    fields.extend(more.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    fields
}

/// All of them; what ends something comes last.
pub(super) fn rows(world: &World) -> Vec<Row> {
    [own(), estate(world), people(world), ends(world)].concat()
}

/// About whoever calls.
fn own() -> Vec<Row> {
    use Kind::Own;
    let passwords = [("input[current_password]", "x"), ("input[new_password]", "y")];
    let passkey = [("name", "P"), ("credential", "{}"), ("next", "/")];
    vec![
        ("POST /portal/account/me", Own, false, vec![]),
        ("POST /portal/account/sessions", Own, false, vec![]),
        ("POST /portal/account/end-session", Own, false, id(&uuid::Uuid::nil())),
        ("POST /portal/account/end-other-sessions", Own, false, vec![]),
        ("POST /portal/factor/take-recovery-codes", Own, false, vec![]),
        ("POST /portal/factor/get", Own, false, vec![]),
        ("POST /portal/factor/begin-totp", Own, false, vec![]),
        ("POST /portal/factor/confirm-totp", Own, false, with(vec![], &[("input[code]", "000000")])),
        ("POST /portal/factor/remove-totp", Own, false, vec![]),
        ("POST /portal/factor/new-recovery-codes", Own, false, vec![]),
        ("POST /portal/factor/begin-passkey", Own, false, vec![]),
        ("POST /portal/factor/finish-passkey", Own, false, with(vec![], &passkey)),
        ("POST /portal/factor/rename-passkey", Own, false, with(id(&uuid::Uuid::nil()), &[("name", "P")])),
        ("POST /portal/factor/remove-passkey", Own, false, id(&uuid::Uuid::nil())),
        ("POST /portal/confirm/password", Own, false, with(vec![], &[("password", "x"), ("next", "/")])),
        ("POST /portal/confirm/code", Own, false, with(vec![], &[("input[code]", "000000"), ("next", "/")])),
        ("POST /portal/confirm/begin-passkey", Own, false, vec![]),
        ("POST /portal/confirm/finish-passkey", Own, false, with(vec![], &passkey)),
        ("POST /portal/account/change-password", Own, false, with(vec![], &passwords)),
        ("POST /portal/account/replace-password", Own, false, with(vec![], &passwords)),
    ]
}

/// Businesses, places and devices.
fn estate(world: &World) -> Vec<Row> {
    use Kind::{Changes, Lists, Makes, Reads};
    let World { business, location, device, token, .. } = world;
    let of_business = business.to_string();
    let history = [
        ("query[metrics][0]", "cpu_percent"),
        ("query[start]", "2026-11-20T11:00:00Z"),
        ("query[end]", "2026-11-20T12:00:00Z"),
    ];
    vec![
        ("POST /portal/layout/businesses", Lists, false, vec![]),
        ("POST /portal/overview/get", Lists, false, vec![]),
        ("POST /portal/business/list", Lists, false, vec![]),
        ("POST /portal/business/offer", Lists, false, vec![]),
        ("POST /portal/business/get", Reads, false, id(business)),
        ("POST /portal/business/add", Makes, false, with(vec![], &[("input[business_name]", "P")])),
        (
            "POST /portal/business/set_release_channel",
            Changes,
            true,
            with(id(business), &[("channel", "beta")]),
        ),
        (
            "POST /portal/business/rename",
            Changes,
            false,
            with(id(business), &[("input[business_name]", "P2")]),
        ),
        ("POST /portal/service_location/list", Lists, false, vec![]),
        ("POST /portal/service_location/offer", Lists, false, vec![]),
        ("POST /portal/service_location/get", Reads, false, id(location)),
        (
            "POST /portal/service_location/add",
            Changes,
            false,
            with(vec![], &[("business_id", &of_business), ("input[location_name]", "P")]),
        ),
        (
            "POST /portal/service_location/change",
            Changes,
            false,
            with(id(location), &[("input[location_name]", "P2")]),
        ),
        ("POST /portal/device/list", Lists, false, with(vec![], &[("query[search]", "")])),
        ("POST /portal/device/get", Reads, false, id(device)),
        ("POST /portal/device/change", Changes, false, with(id(device), &[("input[device_name]", "P")])),
        ("POST /portal/device/settle_clone", Changes, true, id(device)),
        ("POST /portal/device/record_entries", Reads, false, id(device)),
        ("POST /portal/device/acknowledge_record", Changes, true, id(device)),
        ("POST /portal/device/services", Reads, false, id(device)),
        ("POST /portal/device/software", Reads, false, id(device)),
        ("POST /portal/device/activity", Reads, false, id(device)),
        ("POST /portal/device/history", Reads, false, with(id(device), &history)),
        (
            "POST /portal/registration/issue",
            Makes,
            false,
            with(vec![], &[("input[business_id]", &of_business)]),
        ),
        ("POST /portal/registration/list", Lists, true, vec![]),
        ("POST /portal/registration/get", Reads, true, id(token)),
        ("POST /portal/registration/take_secret", Reads, true, id(token)),
        ("POST /portal/business/set_active", Changes, false, with(id(business), &[("is_active", "true")])),
    ]
}

/// People, programs and their roles.
fn people(world: &World) -> Vec<Row> {
    use Kind::{Changes, Lists, Makes, Own, Reads};
    let World { business, user, role, .. } = world;
    let of_business = business.to_string();
    let new_user = person("portal@ours.example", &of_business);
    let changed_user = person("portal2@ours.example", &of_business);
    vec![
        ("POST /portal/user/list", Lists, true, vec![]),
        ("POST /portal/user/get", Reads, true, id(user)),
        ("POST /portal/user/add", Makes, true, with(vec![], &new_user)),
        ("POST /portal/user/take_link", Reads, true, id(user)),
        ("POST /portal/user/change", Changes, true, with(id(user), &changed_user)),
        ("POST /portal/user/set_active", Changes, true, with(id(user), &[("is_active", "true")])),
        ("POST /portal/user/send_link", Changes, true, id(user)),
        ("POST /portal/service_account/list", Lists, true, vec![]),
        ("POST /portal/service_account/get", Reads, true, id(&world.account)),
        (
            "POST /portal/service_account/add",
            Makes,
            true,
            with(
                vec![],
                &[
                    ("input[full_name]", "P"),
                    ("input[role]", "contact"),
                    ("input[business_id]", &of_business),
                ],
            ),
        ),
        (
            "POST /portal/service_account/change",
            Changes,
            true,
            with(id(&world.account), &[("wanted[full_name]", "P")]),
        ),
        ("POST /portal/api_key/own", Own, false, vec![]),
        ("POST /portal/api_key/list", Lists, false, vec![]),
        ("POST /portal/api_key/get", Reads, true, id(&world.key)),
        (
            "POST /portal/api_key/add",
            Changes,
            true,
            with(
                vec![],
                &[
                    ("input[key_name]", "P"),
                    ("input[service_account_id]", &world.account.to_string()),
                    ("input[expires_in_days]", "7"),
                ],
            ),
        ),
        ("POST /portal/api_key/take_secret", Reads, true, id(&world.key)),
        ("POST /portal/api_key/revoke", Changes, true, id(&world.key)),
        ("POST /portal/role/list", Lists, true, vec![]),
        ("POST /portal/role/get", Reads, true, id(role)),
        ("POST /portal/role/add", Makes, true, with(vec![], &role_fields("P"))),
        ("POST /portal/role/change", Changes, true, with(id(role), &role_fields("P3"))),
        ("POST /portal/role/remove", Changes, true, id(role)),
    ]
}

/// What ends something, or takes it away.
fn ends(world: &World) -> Vec<Row> {
    use Kind::{Changes, Own};
    let World { device, token, other, .. } = world;
    let to_other = other.to_string();
    vec![
        (
            "POST /portal/device/transfer",
            Changes,
            false,
            with(id(device), &[("input[business_id]", &to_other)]),
        ),
        ("POST /portal/registration/revoke", Changes, false, id(token)),
        ("POST /portal/device/revoke", Changes, false, id(device)),
        ("POST /portal/account/sign-out", Own, false, vec![]),
    ]
}

/// The fields of a person.
fn person<'a>(email: &'a str, business: &'a str) -> [(&'static str, &'a str); 4] {
    [
        ("input[email]", email),
        ("input[full_name]", "P"),
        ("input[role]", "contact"),
        ("input[business_id]", business),
    ]
}

/// The fields of a role.
fn role_fields(name: &str) -> [(&'static str, &str); 2] {
    [("input[role_name]", name), ("input[base_role]", "technician")]
}
