//! Row-level security on PostgreSQL: what a transaction may touch is decided by the businesses that it was begun for,
//! whatever a query forgets. The settings `reeve.every`, `reeve.businesses` and `reeve.denied` say which; unset means
//! none. The embedded database has no such thing.

crate::step!(UP, DOWN);

const UP: &str = "
{postgres} CREATE FUNCTION reeve_sees(business uuid) RETURNS boolean LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT (current_setting('reeve.every', true) = 'on'
            OR business = ANY (COALESCE(NULLIF(current_setting('reeve.businesses', true), ''), '{}')::uuid[]))
        AND (business IS NULL
            OR business <> ALL (COALESCE(NULLIF(current_setting('reeve.denied', true), ''), '{}')::uuid[]))
    $$;

{postgres} ALTER TABLE businesses ENABLE ROW LEVEL SECURITY;
{postgres} ALTER TABLE businesses FORCE ROW LEVEL SECURITY;
{postgres} CREATE POLICY business ON businesses USING (reeve_sees(id)) WITH CHECK (reeve_sees(id));

{postgres} ALTER TABLE service_locations ENABLE ROW LEVEL SECURITY;
{postgres} ALTER TABLE service_locations FORCE ROW LEVEL SECURITY;
{postgres} CREATE POLICY business ON service_locations USING (reeve_sees(business_id)) WITH CHECK (reeve_sees(business_id));

{postgres} ALTER TABLE users ENABLE ROW LEVEL SECURITY;
{postgres} ALTER TABLE users FORCE ROW LEVEL SECURITY;
{postgres} CREATE POLICY business ON users USING (reeve_sees(business_id)) WITH CHECK (reeve_sees(business_id));

{postgres} ALTER TABLE access_grants ENABLE ROW LEVEL SECURITY;
{postgres} ALTER TABLE access_grants FORCE ROW LEVEL SECURITY;
{postgres} CREATE POLICY business ON access_grants USING (reeve_sees(business_id)) WITH CHECK (reeve_sees(business_id));

{postgres} ALTER TABLE agent_devices ENABLE ROW LEVEL SECURITY;
{postgres} ALTER TABLE agent_devices FORCE ROW LEVEL SECURITY;
{postgres} CREATE POLICY business ON agent_devices USING (reeve_sees(business_id)) WITH CHECK (reeve_sees(business_id));

{postgres} ALTER TABLE registration_tokens ENABLE ROW LEVEL SECURITY;
{postgres} ALTER TABLE registration_tokens FORCE ROW LEVEL SECURITY;
{postgres} CREATE POLICY business ON registration_tokens USING (reeve_sees(business_id)) WITH CHECK (reeve_sees(business_id));

{postgres} ALTER TABLE agent_monitored_services ENABLE ROW LEVEL SECURITY;
{postgres} ALTER TABLE agent_monitored_services FORCE ROW LEVEL SECURITY;
{postgres} CREATE POLICY business ON agent_monitored_services USING (reeve_sees(business_id)) WITH CHECK (reeve_sees(business_id));

{postgres} ALTER TABLE agent_software_inventory ENABLE ROW LEVEL SECURITY;
{postgres} ALTER TABLE agent_software_inventory FORCE ROW LEVEL SECURITY;
{postgres} CREATE POLICY business ON agent_software_inventory USING (reeve_sees(business_id)) WITH CHECK (reeve_sees(business_id));

{postgres} ALTER TABLE device_events ENABLE ROW LEVEL SECURITY;
{postgres} ALTER TABLE device_events FORCE ROW LEVEL SECURITY;
{postgres} CREATE POLICY business ON device_events USING (reeve_sees(business_id)) WITH CHECK (reeve_sees(business_id));

{postgres} ALTER TABLE api_keys ENABLE ROW LEVEL SECURITY;
{postgres} ALTER TABLE api_keys FORCE ROW LEVEL SECURITY;
{postgres} CREATE POLICY business ON api_keys USING (reeve_sees(business_id)) WITH CHECK (reeve_sees(business_id));

{postgres} ALTER TABLE oidc_providers ENABLE ROW LEVEL SECURITY;
{postgres} ALTER TABLE oidc_providers FORCE ROW LEVEL SECURITY;
{postgres} CREATE POLICY business ON oidc_providers USING (reeve_sees(business_id)) WITH CHECK (reeve_sees(business_id));

{postgres} ALTER TABLE agent_metrics ENABLE ROW LEVEL SECURITY;
{postgres} ALTER TABLE agent_metrics FORCE ROW LEVEL SECURITY;
{postgres} CREATE POLICY device ON agent_metrics USING ((reeve_sees(NULL) AND COALESCE(current_setting('reeve.denied', true), '') IN ('', '{}'))
    OR EXISTS (SELECT 1 FROM agent_devices d WHERE d.device_key = agent_metrics.device_key));

{postgres} ALTER TABLE device_latest ENABLE ROW LEVEL SECURITY;
{postgres} ALTER TABLE device_latest FORCE ROW LEVEL SECURITY;
{postgres} CREATE POLICY device ON device_latest USING ((reeve_sees(NULL) AND COALESCE(current_setting('reeve.denied', true), '') IN ('', '{}'))
    OR EXISTS (SELECT 1 FROM agent_devices d WHERE d.device_key = device_latest.device_key));

{postgres} ALTER TABLE audit_entries ENABLE ROW LEVEL SECURITY;
{postgres} ALTER TABLE audit_entries FORCE ROW LEVEL SECURITY;
{postgres} CREATE POLICY reading ON audit_entries FOR SELECT USING (reeve_sees(business_id));
{postgres} CREATE POLICY adding ON audit_entries FOR INSERT WITH CHECK (TRUE);
{postgres} CREATE POLICY chaining ON audit_entries FOR UPDATE USING (reeve_sees(NULL));
";

const DOWN: &str = "
{postgres} DROP POLICY business ON businesses;
{postgres} ALTER TABLE businesses NO FORCE ROW LEVEL SECURITY;
{postgres} ALTER TABLE businesses DISABLE ROW LEVEL SECURITY;
{postgres} DROP POLICY business ON service_locations;
{postgres} ALTER TABLE service_locations NO FORCE ROW LEVEL SECURITY;
{postgres} ALTER TABLE service_locations DISABLE ROW LEVEL SECURITY;
{postgres} DROP POLICY business ON users;
{postgres} ALTER TABLE users NO FORCE ROW LEVEL SECURITY;
{postgres} ALTER TABLE users DISABLE ROW LEVEL SECURITY;
{postgres} DROP POLICY business ON access_grants;
{postgres} ALTER TABLE access_grants NO FORCE ROW LEVEL SECURITY;
{postgres} ALTER TABLE access_grants DISABLE ROW LEVEL SECURITY;
{postgres} DROP POLICY business ON agent_devices;
{postgres} ALTER TABLE agent_devices NO FORCE ROW LEVEL SECURITY;
{postgres} ALTER TABLE agent_devices DISABLE ROW LEVEL SECURITY;
{postgres} DROP POLICY business ON registration_tokens;
{postgres} ALTER TABLE registration_tokens NO FORCE ROW LEVEL SECURITY;
{postgres} ALTER TABLE registration_tokens DISABLE ROW LEVEL SECURITY;
{postgres} DROP POLICY business ON agent_monitored_services;
{postgres} ALTER TABLE agent_monitored_services NO FORCE ROW LEVEL SECURITY;
{postgres} ALTER TABLE agent_monitored_services DISABLE ROW LEVEL SECURITY;
{postgres} DROP POLICY business ON agent_software_inventory;
{postgres} ALTER TABLE agent_software_inventory NO FORCE ROW LEVEL SECURITY;
{postgres} ALTER TABLE agent_software_inventory DISABLE ROW LEVEL SECURITY;
{postgres} DROP POLICY business ON device_events;
{postgres} ALTER TABLE device_events NO FORCE ROW LEVEL SECURITY;
{postgres} ALTER TABLE device_events DISABLE ROW LEVEL SECURITY;
{postgres} DROP POLICY business ON api_keys;
{postgres} ALTER TABLE api_keys NO FORCE ROW LEVEL SECURITY;
{postgres} ALTER TABLE api_keys DISABLE ROW LEVEL SECURITY;
{postgres} DROP POLICY business ON oidc_providers;
{postgres} ALTER TABLE oidc_providers NO FORCE ROW LEVEL SECURITY;
{postgres} ALTER TABLE oidc_providers DISABLE ROW LEVEL SECURITY;
{postgres} DROP POLICY device ON agent_metrics;
{postgres} ALTER TABLE agent_metrics NO FORCE ROW LEVEL SECURITY;
{postgres} ALTER TABLE agent_metrics DISABLE ROW LEVEL SECURITY;
{postgres} DROP POLICY device ON device_latest;
{postgres} ALTER TABLE device_latest NO FORCE ROW LEVEL SECURITY;
{postgres} ALTER TABLE device_latest DISABLE ROW LEVEL SECURITY;
{postgres} DROP POLICY chaining ON audit_entries;
{postgres} DROP POLICY adding ON audit_entries;
{postgres} DROP POLICY reading ON audit_entries;
{postgres} ALTER TABLE audit_entries NO FORCE ROW LEVEL SECURITY;
{postgres} ALTER TABLE audit_entries DISABLE ROW LEVEL SECURITY;
{postgres} DROP FUNCTION reeve_sees;
";
