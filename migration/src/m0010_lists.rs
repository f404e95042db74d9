//! What lists are read by at 10,000 devices: names as they are sorted and searched, an index for each order, and
//! policies whose settings are read once a statement instead of once a row.

use sea_orm_migration::{
    prelude::*,
    sea_orm::{ConnectionTrait, DatabaseBackend, Statement, Value},
};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
#[expect(elided_lifetimes_in_paths, reason = "as the trait declares them")]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        crate::run(manager, UP).await?;
        fold_names(manager).await?;
        crate::run(manager, AFTER).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        crate::run(manager, DOWN).await
    }
}

/// Tables with a name, as they were when this step was written.
const NAMED: [(&str, &str); 4] = [
    ("businesses", "business_name"),
    ("service_locations", "location_name"),
    ("users", "full_name"),
    ("agent_devices", "device_name"),
];

/// Fills the keys of the rows that there are. Not by the database: the embedded one folds ASCII alone.
async fn fold_names(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let db = manager.get_connection();
    let backend = manager.get_database_backend();
    let mark = |n: usize| if backend == DatabaseBackend::Postgres { format!("${n}") } else { "?".to_owned() };
    for (table, name) in NAMED {
        let names = format!("SELECT DISTINCT {name} FROM {table}");
        let update = format!("UPDATE {table} SET name_key = {} WHERE {name} = {}", mark(1), mark(2));
        for row in db.query_all_raw(Statement::from_string(backend, names)).await? {
            let name: String = row.try_get_by_index(0)?;
            let values: [Value; 2] = [name.to_lowercase().into(), name.into()];
            db.execute_raw(Statement::from_sql_and_values(backend, update.as_str(), values)).await?;
        }
    }
    Ok(())
}

const UP: &str = "
{postgres} SELECT set_config('reeve.every', 'on', false);

ALTER TABLE businesses ADD COLUMN name_key TEXT NOT NULL DEFAULT '';
ALTER TABLE service_locations ADD COLUMN name_key TEXT NOT NULL DEFAULT '';
ALTER TABLE users ADD COLUMN name_key TEXT NOT NULL DEFAULT '';
ALTER TABLE agent_devices ADD COLUMN name_key TEXT NOT NULL DEFAULT '';

CREATE INDEX agent_devices_names ON agent_devices (device_name);
";

const AFTER: &str = "
DROP INDEX agent_devices_names;
{postgres} SELECT set_config('reeve.every', '', false);

CREATE INDEX businesses_by_name ON businesses (name_key, id);
CREATE INDEX businesses_by_time ON businesses (created_at, id);

CREATE INDEX service_locations_by_name ON service_locations (name_key, id);
CREATE INDEX service_locations_by_time ON service_locations (created_at, id);
CREATE INDEX service_locations_of_business ON service_locations (business_id, name_key, id);

DROP INDEX users_business;
CREATE INDEX users_by_name ON users (kind, name_key, id);
CREATE INDEX users_by_email ON users (kind, email, id);
CREATE INDEX users_by_role ON users (kind, role, id);
CREATE INDEX users_by_sign_in ON users (kind, (CASE WHEN last_sign_in_at IS NULL THEN created_at ELSE last_sign_in_at END), id);
CREATE INDEX users_of_business ON users (business_id, kind, name_key, id);
CREATE INDEX users_of_role ON users (custom_role_id);

DROP INDEX agent_devices_business;
DROP INDEX agent_devices_location;
DROP INDEX agent_devices_name;
DROP INDEX agent_devices_presence;
CREATE INDEX agent_devices_by_name ON agent_devices (name_key, id);
CREATE INDEX agent_devices_by_status ON agent_devices
    ((CASE presence WHEN 'offline' THEN 0 WHEN 'unknown' THEN 1 ELSE 2 END), id);
CREATE INDEX agent_devices_by_os ON agent_devices
    ((CASE WHEN os_version IS NULL THEN os_type ELSE os_version END), id);
CREATE INDEX agent_devices_by_version ON agent_devices (agent_version, id);
CREATE INDEX agent_devices_of_business ON agent_devices (business_id, name_key, id);
CREATE INDEX agent_devices_of_business_by_status ON agent_devices
    (business_id, (CASE presence WHEN 'offline' THEN 0 WHEN 'unknown' THEN 1 ELSE 2 END), id);
CREATE INDEX agent_devices_of_business_by_os ON agent_devices
    (business_id, (CASE WHEN os_version IS NULL THEN os_type ELSE os_version END), id);
CREATE INDEX agent_devices_of_business_by_version ON agent_devices (business_id, agent_version, id);
CREATE INDEX agent_devices_of_location ON agent_devices (service_location_id, name_key, id);
CREATE INDEX agent_devices_of_presence ON agent_devices (presence, name_key, id);
CREATE INDEX agent_devices_of_os ON agent_devices (os_type, name_key, id);
CREATE INDEX agent_devices_silent ON agent_devices (presence, presence_since, id);
CREATE INDEX agent_devices_counted ON agent_devices (state, business_id, presence, service_location_id, os_type);
{sqlite} CREATE INDEX agent_devices_by_last_seen ON agent_devices
    ((CASE WHEN last_seen_at IS NULL THEN created_at ELSE last_seen_at END), id);

DROP INDEX device_latest_disk;
CREATE INDEX device_latest_by_cpu ON device_latest (cpu_percent, device_key);
CREATE INDEX device_latest_by_memory ON device_latest (memory_percent, device_key);
CREATE INDEX device_latest_by_disk ON device_latest (disk_percent, device_key);

DROP INDEX registration_tokens_business;
CREATE INDEX registration_tokens_of_business ON registration_tokens (business_id, id);
CREATE INDEX registration_tokens_of_state ON registration_tokens (state, id);
CREATE INDEX registration_tokens_waiting ON registration_tokens (expires_at) WHERE state = 'issued';

DROP INDEX api_keys_user;
CREATE INDEX api_keys_of_user ON api_keys (user_id, id);
CREATE INDEX api_keys_of_business ON api_keys (business_id, id);

CREATE INDEX oidc_providers_by_name ON oidc_providers (provider_name, id);
CREATE INDEX oidc_providers_of_business ON oidc_providers (business_id, provider_name, id);

DROP INDEX sessions_user;
CREATE INDEX sessions_of_user ON sessions (user_id, id);

DROP INDEX agent_monitored_services_status;
CREATE INDEX agent_monitored_services_failed ON agent_monitored_services (business_id, device_id) WHERE status = 'failed';

DROP INDEX audit_entries_action;
CREATE INDEX audit_entries_of_action ON audit_entries (action, seq);

{postgres} CREATE FUNCTION reeve_sees_every() RETURNS boolean LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT COALESCE(current_setting('reeve.every', true), '') = 'on' $$;
{postgres} CREATE FUNCTION reeve_sees_only() RETURNS uuid[] LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT COALESCE(NULLIF(current_setting('reeve.businesses', true), ''), '{}')::uuid[] $$;
{postgres} CREATE FUNCTION reeve_sees_never() RETURNS uuid[] LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT COALESCE(NULLIF(current_setting('reeve.denied', true), ''), '{}')::uuid[] $$;

{postgres} ALTER POLICY business ON businesses USING (((SELECT reeve_sees_every()) OR id = ANY ((SELECT reeve_sees_only())::uuid[]))
    AND (id IS NULL OR id <> ALL ((SELECT reeve_sees_never())::uuid[])))
    WITH CHECK (((SELECT reeve_sees_every()) OR id = ANY ((SELECT reeve_sees_only())::uuid[]))
    AND (id IS NULL OR id <> ALL ((SELECT reeve_sees_never())::uuid[])));
{postgres} ALTER POLICY business ON service_locations USING (((SELECT reeve_sees_every()) OR business_id = ANY ((SELECT reeve_sees_only())::uuid[]))
    AND (business_id IS NULL OR business_id <> ALL ((SELECT reeve_sees_never())::uuid[])))
    WITH CHECK (((SELECT reeve_sees_every()) OR business_id = ANY ((SELECT reeve_sees_only())::uuid[]))
    AND (business_id IS NULL OR business_id <> ALL ((SELECT reeve_sees_never())::uuid[])));
{postgres} ALTER POLICY business ON users USING (((SELECT reeve_sees_every()) OR business_id = ANY ((SELECT reeve_sees_only())::uuid[]))
    AND (business_id IS NULL OR business_id <> ALL ((SELECT reeve_sees_never())::uuid[])))
    WITH CHECK (((SELECT reeve_sees_every()) OR business_id = ANY ((SELECT reeve_sees_only())::uuid[]))
    AND (business_id IS NULL OR business_id <> ALL ((SELECT reeve_sees_never())::uuid[])));
{postgres} ALTER POLICY business ON access_grants USING (((SELECT reeve_sees_every()) OR business_id = ANY ((SELECT reeve_sees_only())::uuid[]))
    AND (business_id IS NULL OR business_id <> ALL ((SELECT reeve_sees_never())::uuid[])))
    WITH CHECK (((SELECT reeve_sees_every()) OR business_id = ANY ((SELECT reeve_sees_only())::uuid[]))
    AND (business_id IS NULL OR business_id <> ALL ((SELECT reeve_sees_never())::uuid[])));
{postgres} ALTER POLICY business ON agent_devices USING (((SELECT reeve_sees_every()) OR business_id = ANY ((SELECT reeve_sees_only())::uuid[]))
    AND (business_id IS NULL OR business_id <> ALL ((SELECT reeve_sees_never())::uuid[])))
    WITH CHECK (((SELECT reeve_sees_every()) OR business_id = ANY ((SELECT reeve_sees_only())::uuid[]))
    AND (business_id IS NULL OR business_id <> ALL ((SELECT reeve_sees_never())::uuid[])));
{postgres} ALTER POLICY business ON registration_tokens USING (((SELECT reeve_sees_every()) OR business_id = ANY ((SELECT reeve_sees_only())::uuid[]))
    AND (business_id IS NULL OR business_id <> ALL ((SELECT reeve_sees_never())::uuid[])))
    WITH CHECK (((SELECT reeve_sees_every()) OR business_id = ANY ((SELECT reeve_sees_only())::uuid[]))
    AND (business_id IS NULL OR business_id <> ALL ((SELECT reeve_sees_never())::uuid[])));
{postgres} ALTER POLICY business ON agent_monitored_services USING (((SELECT reeve_sees_every()) OR business_id = ANY ((SELECT reeve_sees_only())::uuid[]))
    AND (business_id IS NULL OR business_id <> ALL ((SELECT reeve_sees_never())::uuid[])))
    WITH CHECK (((SELECT reeve_sees_every()) OR business_id = ANY ((SELECT reeve_sees_only())::uuid[]))
    AND (business_id IS NULL OR business_id <> ALL ((SELECT reeve_sees_never())::uuid[])));
{postgres} ALTER POLICY business ON agent_software_inventory USING (((SELECT reeve_sees_every()) OR business_id = ANY ((SELECT reeve_sees_only())::uuid[]))
    AND (business_id IS NULL OR business_id <> ALL ((SELECT reeve_sees_never())::uuid[])))
    WITH CHECK (((SELECT reeve_sees_every()) OR business_id = ANY ((SELECT reeve_sees_only())::uuid[]))
    AND (business_id IS NULL OR business_id <> ALL ((SELECT reeve_sees_never())::uuid[])));
{postgres} ALTER POLICY business ON device_events USING (((SELECT reeve_sees_every()) OR business_id = ANY ((SELECT reeve_sees_only())::uuid[]))
    AND (business_id IS NULL OR business_id <> ALL ((SELECT reeve_sees_never())::uuid[])))
    WITH CHECK (((SELECT reeve_sees_every()) OR business_id = ANY ((SELECT reeve_sees_only())::uuid[]))
    AND (business_id IS NULL OR business_id <> ALL ((SELECT reeve_sees_never())::uuid[])));
{postgres} ALTER POLICY business ON api_keys USING (((SELECT reeve_sees_every()) OR business_id = ANY ((SELECT reeve_sees_only())::uuid[]))
    AND (business_id IS NULL OR business_id <> ALL ((SELECT reeve_sees_never())::uuid[])))
    WITH CHECK (((SELECT reeve_sees_every()) OR business_id = ANY ((SELECT reeve_sees_only())::uuid[]))
    AND (business_id IS NULL OR business_id <> ALL ((SELECT reeve_sees_never())::uuid[])));
{postgres} ALTER POLICY business ON oidc_providers USING (((SELECT reeve_sees_every()) OR business_id = ANY ((SELECT reeve_sees_only())::uuid[]))
    AND (business_id IS NULL OR business_id <> ALL ((SELECT reeve_sees_never())::uuid[])))
    WITH CHECK (((SELECT reeve_sees_every()) OR business_id = ANY ((SELECT reeve_sees_only())::uuid[]))
    AND (business_id IS NULL OR business_id <> ALL ((SELECT reeve_sees_never())::uuid[])));
{postgres} ALTER POLICY reading ON audit_entries USING (((SELECT reeve_sees_every()) OR business_id = ANY ((SELECT reeve_sees_only())::uuid[]))
    AND (business_id IS NULL OR business_id <> ALL ((SELECT reeve_sees_never())::uuid[])));
{postgres} ALTER POLICY chaining ON audit_entries USING ((SELECT reeve_sees_every()));
{postgres} ALTER POLICY device ON device_latest USING (((SELECT reeve_sees_every()) AND (SELECT reeve_sees_never()) = '{}'::uuid[])
    OR EXISTS (SELECT 1 FROM agent_devices d WHERE d.device_key = device_latest.device_key OFFSET 0));
";

const DOWN: &str = "
{postgres} ALTER POLICY business ON businesses USING (reeve_sees(id)) WITH CHECK (reeve_sees(id));
{postgres} ALTER POLICY business ON service_locations USING (reeve_sees(business_id)) WITH CHECK (reeve_sees(business_id));
{postgres} ALTER POLICY business ON users USING (reeve_sees(business_id)) WITH CHECK (reeve_sees(business_id));
{postgres} ALTER POLICY business ON access_grants USING (reeve_sees(business_id)) WITH CHECK (reeve_sees(business_id));
{postgres} ALTER POLICY business ON agent_devices USING (reeve_sees(business_id)) WITH CHECK (reeve_sees(business_id));
{postgres} ALTER POLICY business ON registration_tokens USING (reeve_sees(business_id)) WITH CHECK (reeve_sees(business_id));
{postgres} ALTER POLICY business ON agent_monitored_services USING (reeve_sees(business_id)) WITH CHECK (reeve_sees(business_id));
{postgres} ALTER POLICY business ON agent_software_inventory USING (reeve_sees(business_id)) WITH CHECK (reeve_sees(business_id));
{postgres} ALTER POLICY business ON device_events USING (reeve_sees(business_id)) WITH CHECK (reeve_sees(business_id));
{postgres} ALTER POLICY business ON api_keys USING (reeve_sees(business_id)) WITH CHECK (reeve_sees(business_id));
{postgres} ALTER POLICY business ON oidc_providers USING (reeve_sees(business_id)) WITH CHECK (reeve_sees(business_id));
{postgres} ALTER POLICY reading ON audit_entries USING (reeve_sees(business_id));
{postgres} ALTER POLICY chaining ON audit_entries USING (reeve_sees(NULL));
{postgres} ALTER POLICY device ON device_latest USING ((reeve_sees(NULL) AND COALESCE(current_setting('reeve.denied', true), '') IN ('', '{}'))
    OR EXISTS (SELECT 1 FROM agent_devices d WHERE d.device_key = device_latest.device_key));
{postgres} DROP FUNCTION reeve_sees_never;
{postgres} DROP FUNCTION reeve_sees_only;
{postgres} DROP FUNCTION reeve_sees_every;

DROP INDEX audit_entries_of_action;
CREATE INDEX audit_entries_action ON audit_entries (action);
DROP INDEX agent_monitored_services_failed;
CREATE INDEX agent_monitored_services_status ON agent_monitored_services (business_id, status);
DROP INDEX sessions_of_user;
CREATE INDEX sessions_user ON sessions (user_id);
DROP INDEX oidc_providers_of_business;
DROP INDEX oidc_providers_by_name;
DROP INDEX api_keys_of_business;
DROP INDEX api_keys_of_user;
CREATE INDEX api_keys_user ON api_keys (user_id);
DROP INDEX registration_tokens_waiting;
DROP INDEX registration_tokens_of_state;
DROP INDEX registration_tokens_of_business;
CREATE INDEX registration_tokens_business ON registration_tokens (business_id);
DROP INDEX device_latest_by_disk;
DROP INDEX device_latest_by_memory;
DROP INDEX device_latest_by_cpu;
CREATE INDEX device_latest_disk ON device_latest (disk_percent);
{sqlite} DROP INDEX agent_devices_by_last_seen;
DROP INDEX agent_devices_counted;
DROP INDEX agent_devices_silent;
DROP INDEX agent_devices_of_os;
DROP INDEX agent_devices_of_presence;
DROP INDEX agent_devices_of_location;
DROP INDEX agent_devices_of_business_by_version;
DROP INDEX agent_devices_of_business_by_os;
DROP INDEX agent_devices_of_business_by_status;
DROP INDEX agent_devices_of_business;
DROP INDEX agent_devices_by_version;
DROP INDEX agent_devices_by_os;
DROP INDEX agent_devices_by_status;
DROP INDEX agent_devices_by_name;
CREATE INDEX agent_devices_business ON agent_devices (business_id, device_name);
CREATE INDEX agent_devices_location ON agent_devices (service_location_id);
CREATE INDEX agent_devices_name ON agent_devices (device_name, id);
CREATE INDEX agent_devices_presence ON agent_devices (presence, presence_since);
DROP INDEX users_of_role;
DROP INDEX users_of_business;
DROP INDEX users_by_sign_in;
DROP INDEX users_by_role;
DROP INDEX users_by_email;
DROP INDEX users_by_name;
CREATE INDEX users_business ON users (business_id);
DROP INDEX service_locations_of_business;
DROP INDEX service_locations_by_time;
DROP INDEX service_locations_by_name;
DROP INDEX businesses_by_time;
DROP INDEX businesses_by_name;
ALTER TABLE agent_devices DROP COLUMN name_key;
ALTER TABLE users DROP COLUMN name_key;
ALTER TABLE service_locations DROP COLUMN name_key;
ALTER TABLE businesses DROP COLUMN name_key;
";
