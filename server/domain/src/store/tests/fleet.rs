//! A fleet in a moment: businesses, places, people, devices, tokens, keys and audit entries, written by the database
//! itself in one transaction, past the product. Numbers make the names and the ids, so that each engine has the same.

use super::estate::{Estate, raw, run};
use sea_orm::DatabaseBackend;

/// How much of everything.
#[derive(Clone, Copy, Debug)]
pub(super) struct Size {
    pub(super) businesses: u32,
    pub(super) people: u32,
    pub(super) devices: u32,
    pub(super) entries: u32,
}

/// The number of the business that has half of everything; its place has the number before.
pub(super) const LARGE_ONE: u32 = 77;

/// The number of the device that writes half of all lines of logs.
pub(super) const LOUD_ONE: u32 = 500;

/// An id made of a number; `kind` tells the tables apart.
fn id(backend: DatabaseBackend, kind: u8, number: &str) -> String {
    if backend == DatabaseBackend::Postgres {
        format!("('019a0000-{kind}000-7000-8000-' || lpad(to_hex({number}), 12, '0'))::uuid")
    } else {
        format!("unhex('019a0000{kind}00070008000' || printf('%012x', {number}))")
    }
}

/// The numbers from one on, as `i`.
fn numbers(count: u32) -> String {
    format!("WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count})")
}

/// What agents say of their devices' services, of their logs and of their own errors, as statements.
fn what_agents_tell(backend: DatabaseBackend, business: &str, devices: u32, at: &str) -> [String; 6] {
    let own = |kind: u8| id(backend, kind, "i");
    [
        format!(
            "INSERT INTO agent_logs (device_key, position, at, level, source, message) {} \
             SELECT 1000 + CASE i % 2 WHEN 0 THEN {LOUD_ONE} ELSE 1 + i % {devices} END, i, 1763640000000 + i * 977, 1 + i % 3, 'orders.log', 'Message ' || i FROM n",
            numbers(devices * 4)
        ),
        format!(
            "INSERT INTO agent_alert_history (id, device_id, business_id, alert_type, fingerprint, state, severity, \
             alert_message, message_key, quiet_seconds, triggered_at, last_breach_at) {} \
             SELECT {}, {}, {business}, 'log_burst', 'log ' || i, CASE i % 100 WHEN 0 THEN 'firing' WHEN 1 THEN 'acknowledged' \
             WHEN 2 THEN 'resolved' ELSE 'auto_resolved' END, CASE i % 2 WHEN 0 THEN 'critical' ELSE 'warning' END, 'A burst', \
             'a burst', 600, {at}, {at} FROM n",
            numbers(devices),
            own(9),
            own(4)
        ),
        format!(
            "INSERT INTO command_suggestions (id, business_id, device_id, alert_id, cause, why, kind, payload, state, \
             created_at) {} \
             SELECT {}, {business}, {}, {}, 'log ' || i, 'Busy', 'patch_scan', '{{\"kind\":\"patch_scan\"}}', \
             CASE i % 100 WHEN 0 THEN 'open' WHEN 1 THEN 'taken' ELSE 'outdated' END, {at} FROM n",
            numbers(devices),
            own(9),
            own(4),
            own(9)
        ),
        format!(
            "INSERT INTO agent_monitored_services (device_id, business_id, service_name, status, last_state_change_at) {} \
             SELECT {}, {business}, 'nginx', CASE i % 100 WHEN 0 THEN 'failed' ELSE 'running' END, {at} FROM n",
            numbers(devices),
            own(4)
        ),
        format!(
            "INSERT INTO monitored_service_rules (id, business_id, device_id, service_name, name_key, is_watched, \
             should_be_running, auto_restart, created_at, changed_at) {} \
             SELECT {}, {business}, {}, 'nginx ' || (i % 40), 'nginx ' || (i % 40), TRUE, TRUE, FALSE, {at}, {at} FROM n",
            numbers(devices),
            own(9),
            own(4)
        ),
        format!(
            "INSERT INTO error_reports (id, device_id, business_id, fingerprint, error_type, error_message, search_text, \
             details, agent_version, occurrences, first_at, last_at, state, report_ids) {} \
             SELECT {}, {}, {business}, 'f' || (i % 40), CASE i % 2 WHEN 0 THEN 'disk_full' ELSE 'other' END, 'broke', \
             'broke', 'null', '0.1.' || (i % 5), 1, {at}, {at}, CASE i % 2 WHEN 0 THEN 'resolved' ELSE 'new' END, '' FROM n",
            numbers(devices),
            own(8),
            own(4)
        ),
    ]
}

/// Adds the fleet to an estate.
pub(super) async fn fill(estate: &Estate, size: Size) {
    let db = raw(&estate.url).await;
    let backend = db.get_database_backend();
    let Size { businesses, people, devices, entries } = size;
    let at = "'2026-11-20T12:00:00+00:00'";
    // Every second thing is one business's: there is a large one.
    let of = format!("CASE WHEN i % 2 = 0 THEN {LARGE_ONE} ELSE (i % {businesses}) + 1 END");
    let place = format!(
        "CASE WHEN i % 2 = 0 THEN {LARGE_ONE} - 1 WHEN i % {businesses} = 0 THEN {businesses} ELSE i % {businesses} END"
    );
    let of_places = id(backend, 1, &format!("(i % {businesses}) + 1"));
    let (business, own) = (id(backend, 1, &of), |kind: u8| id(backend, kind, "i"));
    let statements = [
        format!(
            "INSERT INTO businesses (id, business_name, name_key, created_at) {} \
             SELECT {}, 'Business ' || i, 'business ' || i, {at} FROM n",
            numbers(businesses),
            own(1)
        ),
        format!(
            "INSERT INTO service_locations (id, business_id, location_name, name_key, is_headquarters, created_at) {} \
             SELECT {}, {of_places}, 'Place ' || i, 'place ' || i, FALSE, {at} FROM n",
            numbers(businesses * 2),
            own(2)
        ),
        format!(
            "INSERT INTO users (id, business_id, email, full_name, name_key, role, password_hash, \
             must_change_password, is_active, created_at) {} \
             SELECT {}, {business}, 'p' || i || '@fleet.example', 'Person ' || i, 'person ' || i, 'contact', '', FALSE, \
             TRUE, {at} FROM n",
            numbers(people),
            own(3)
        ),
        format!(
            "INSERT INTO agent_devices (id, device_key, business_id, service_location_id, device_name, name_key, hostname, \
             public_key, state, os_type, os_version, os_architecture, agent_version, presence, presence_since, facts, \
             samples_dropped, services_wrong, search_text, last_seen_at, created_at) {} \
             SELECT {}, 1000 + i, {business}, {}, 'Device ' || i, 'device ' || i, 'h', 'key ' || i, 'active', \
             CASE i % 3 WHEN 0 THEN 'windows' ELSE 'linux' END, 'Debian ' || (i % 7), 'x86_64', '0.1.' || (i % 5), \
             CASE i % 50 WHEN 0 THEN 'offline' WHEN 1 THEN 'unknown' ELSE 'online' END, {at}, '{{}}', 0, \
             CASE i % 3 WHEN 0 THEN 2 ELSE 0 END, \
             'device ' || i || ' host 10.0.0.' || i, {at}, {at} FROM n",
            numbers(devices),
            own(4),
            id(backend, 2, &place)
        ),
        format!(
            "INSERT INTO device_latest (device_key, collected_at, received_at, cpu_percent, memory_percent, disk_percent, \
             sample) {} SELECT 1000 + i, 1, {at}, i * 37 % 1000 / 10.0, i * 31 % 1000 / 10.0, i * 29 % 1000 / 10.0, \
             '{{}}' FROM n WHERE i % 100 <> 0",
            numbers(devices)
        ),
        format!(
            "INSERT INTO registration_tokens (id, business_id, token_hash, state, created_at, expires_at) {} \
             SELECT {}, {business}, 'hash ' || i, CASE i % 100 WHEN 0 THEN 'issued' ELSE 'consumed' END, {at}, {at} FROM n",
            numbers(devices),
            own(5)
        ),
        format!(
            "INSERT INTO api_keys (id, business_id, user_id, key_name, secret_hash, hint, permissions, allowed_networks, \
             created_by, created_at, expires_at) {} \
             SELECT {}, {business}, {own_user}, 'Key ' || i, 'hash ' || i, '', '[]', '[]', {own_user}, {at}, {at} FROM n",
            numbers(people),
            own(6),
            own_user = own(3)
        ),
        format!(
            "INSERT INTO audit_entries (id, seq, at, actor_kind, actor_id, actor_name, source_ip, business_id, action, \
             summary, hash) {} \
             SELECT {}, 1000 + i, {at}, 'person', {}, 'Person', '', {business}, 'device.act' || (i % 20), 'Did it', 'h' \
             FROM n",
            numbers(entries),
            own(7),
            id(backend, 3, &format!("(i % {people}) + 1"))
        ),
    ];
    let told = what_agents_tell(backend, &business, devices, at);
    for sql in statements.into_iter().chain(told).chain(["ANALYZE".to_owned()]) {
        // Texts for times and ids of one engine are casts of the other.
        let sql = if backend == DatabaseBackend::Postgres {
            sql.replace(at, &format!("{at}::timestamptz"))
        } else {
            sql
        };
        run(&db, &sql, []).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
    }
}
