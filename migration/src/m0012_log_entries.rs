//! Log entries that agents send, where agents look for them, and the alerts that come of them.

crate::step!(UP, DOWN);

const UP: &str = "
CREATE TABLE agent_logs (
    device_key BIGINT NOT NULL,
    position BIGINT NOT NULL,
    at BIGINT NOT NULL,
    level SMALLINT NOT NULL,
    source TEXT NOT NULL,
    message TEXT NOT NULL,
    PRIMARY KEY (device_key, position)
) {clustered};
CREATE INDEX agent_logs_by_time ON agent_logs (at, device_key, position);
CREATE INDEX agent_logs_of_device ON agent_logs (device_key, at, position);
CREATE INDEX agent_logs_errors ON agent_logs (at, device_key, position) WHERE level <= 2;
CREATE INDEX agent_logs_errors_of_device ON agent_logs (device_key, at) WHERE level <= 2;

CREATE TABLE agent_log_totals (
    device_key BIGINT NOT NULL PRIMARY KEY,
    dropped BIGINT NOT NULL,
    suppressed BIGINT NOT NULL
);

CREATE TABLE log_sources (
    id {uuid} NOT NULL PRIMARY KEY,
    scope_key TEXT NOT NULL UNIQUE,
    business_id {uuid} REFERENCES businesses (id),
    device_id {uuid},
    system_log BOOLEAN NOT NULL,
    files TEXT NOT NULL,
    updated_at {time} NOT NULL,
    FOREIGN KEY (device_id, business_id) REFERENCES agent_devices (id, business_id) ON UPDATE CASCADE
);
CREATE INDEX log_sources_of_business ON log_sources (business_id);
CREATE INDEX log_sources_of_device ON log_sources (device_id);

CREATE TABLE agent_alerts (
    id {uuid} NOT NULL PRIMARY KEY,
    rule_key TEXT NOT NULL UNIQUE,
    business_id {uuid} REFERENCES businesses (id),
    alert_name TEXT NOT NULL,
    alert_type TEXT NOT NULL,
    severity TEXT NOT NULL,
    conditions TEXT NOT NULL,
    is_active BOOLEAN NOT NULL,
    created_at {time} NOT NULL,
    updated_at {time} NOT NULL
);
CREATE INDEX agent_alerts_of_business ON agent_alerts (business_id);

CREATE TABLE agent_alert_history (
    id {uuid} NOT NULL PRIMARY KEY,
    agent_alert_id {uuid} REFERENCES agent_alerts (id) ON DELETE SET NULL,
    device_id {uuid} NOT NULL,
    business_id {uuid} NOT NULL,
    alert_type TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    state TEXT NOT NULL,
    severity TEXT NOT NULL,
    alert_message TEXT NOT NULL,
    message_key TEXT NOT NULL,
    metric_value {real},
    threshold_value {real},
    quiet_seconds BIGINT NOT NULL,
    triggered_at {time} NOT NULL,
    last_breach_at {time} NOT NULL,
    acknowledged_by {uuid} REFERENCES users (id),
    acknowledged_at {time},
    resolved_by {uuid} REFERENCES users (id),
    resolved_at {time},
    resolution_notes TEXT,
    FOREIGN KEY (device_id, business_id) REFERENCES agent_devices (id, business_id) ON UPDATE CASCADE
);
CREATE UNIQUE INDEX agent_alert_history_open ON agent_alert_history (fingerprint) WHERE state IN ('firing', 'acknowledged');
CREATE INDEX agent_alert_history_of_device ON agent_alert_history (device_id, id);
CREATE INDEX agent_alert_history_of_business ON agent_alert_history (business_id, id);
CREATE INDEX agent_alert_history_of_state ON agent_alert_history (state, id);
CREATE INDEX agent_alert_history_of_fingerprint ON agent_alert_history (fingerprint, id);
CREATE INDEX agent_alert_history_of_rule ON agent_alert_history (agent_alert_id);

{postgres} ALTER TABLE agent_logs ENABLE ROW LEVEL SECURITY;
{postgres} ALTER TABLE agent_logs FORCE ROW LEVEL SECURITY;
{postgres} CREATE POLICY device ON agent_logs USING (((SELECT reeve_sees_every()) AND (SELECT reeve_sees_never()) = '{}'::uuid[])
    OR EXISTS (SELECT 1 FROM agent_devices d WHERE d.device_key = agent_logs.device_key OFFSET 0));

{postgres} ALTER TABLE agent_log_totals ENABLE ROW LEVEL SECURITY;
{postgres} ALTER TABLE agent_log_totals FORCE ROW LEVEL SECURITY;
{postgres} CREATE POLICY device ON agent_log_totals USING (((SELECT reeve_sees_every()) AND (SELECT reeve_sees_never()) = '{}'::uuid[])
    OR EXISTS (SELECT 1 FROM agent_devices d WHERE d.device_key = agent_log_totals.device_key OFFSET 0));

{postgres} ALTER TABLE log_sources ENABLE ROW LEVEL SECURITY;
{postgres} ALTER TABLE log_sources FORCE ROW LEVEL SECURITY;
{postgres} CREATE POLICY business ON log_sources USING (((SELECT reeve_sees_every()) OR business_id = ANY ((SELECT reeve_sees_only())::uuid[]))
    AND (business_id IS NULL OR business_id <> ALL ((SELECT reeve_sees_never())::uuid[])))
    WITH CHECK (((SELECT reeve_sees_every()) OR business_id = ANY ((SELECT reeve_sees_only())::uuid[]))
    AND (business_id IS NULL OR business_id <> ALL ((SELECT reeve_sees_never())::uuid[])));

{postgres} ALTER TABLE agent_alerts ENABLE ROW LEVEL SECURITY;
{postgres} ALTER TABLE agent_alerts FORCE ROW LEVEL SECURITY;
{postgres} CREATE POLICY business ON agent_alerts USING (((SELECT reeve_sees_every()) OR business_id = ANY ((SELECT reeve_sees_only())::uuid[]))
    AND (business_id IS NULL OR business_id <> ALL ((SELECT reeve_sees_never())::uuid[])))
    WITH CHECK (((SELECT reeve_sees_every()) OR business_id = ANY ((SELECT reeve_sees_only())::uuid[]))
    AND (business_id IS NULL OR business_id <> ALL ((SELECT reeve_sees_never())::uuid[])));

{postgres} ALTER TABLE agent_alert_history ENABLE ROW LEVEL SECURITY;
{postgres} ALTER TABLE agent_alert_history FORCE ROW LEVEL SECURITY;
{postgres} CREATE POLICY business ON agent_alert_history USING (((SELECT reeve_sees_every()) OR business_id = ANY ((SELECT reeve_sees_only())::uuid[]))
    AND (business_id IS NULL OR business_id <> ALL ((SELECT reeve_sees_never())::uuid[])))
    WITH CHECK (((SELECT reeve_sees_every()) OR business_id = ANY ((SELECT reeve_sees_only())::uuid[]))
    AND (business_id IS NULL OR business_id <> ALL ((SELECT reeve_sees_never())::uuid[])));
";

const DOWN: &str = "
DROP TABLE agent_alert_history;
DROP TABLE agent_alerts;
DROP TABLE log_sources;
DROP TABLE agent_log_totals;
DROP TABLE agent_logs;
";
