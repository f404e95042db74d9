//! Which services are looked after, how those of a device are, what its lock says, and events that count once.

crate::step!(UP, DOWN);

const UP: &str = "
CREATE TABLE monitored_service_rules (
    id {uuid} NOT NULL PRIMARY KEY,
    business_id {uuid} REFERENCES businesses (id),
    device_id {uuid},
    os_type TEXT,
    service_name TEXT NOT NULL,
    name_key TEXT NOT NULL,
    is_watched BOOLEAN NOT NULL,
    should_be_running BOOLEAN NOT NULL,
    auto_restart BOOLEAN NOT NULL,
    created_at {time} NOT NULL,
    changed_at {time} NOT NULL,
    FOREIGN KEY (device_id, business_id) REFERENCES agent_devices (id, business_id) ON UPDATE CASCADE
);
CREATE UNIQUE INDEX monitored_service_rules_of_msp ON monitored_service_rules (service_name, COALESCE(os_type, ''))
    WHERE business_id IS NULL;
CREATE UNIQUE INDEX monitored_service_rules_of_business
    ON monitored_service_rules (business_id, service_name, COALESCE(os_type, '')) WHERE device_id IS NULL;
CREATE UNIQUE INDEX monitored_service_rules_of_device ON monitored_service_rules (device_id, service_name)
    WHERE device_id IS NOT NULL;
CREATE INDEX monitored_service_rules_by_name ON monitored_service_rules (name_key, id);

CREATE TABLE monitored_service_states (
    device_id {uuid} NOT NULL,
    business_id {uuid} NOT NULL,
    service_name TEXT NOT NULL,
    status TEXT,
    pid BIGINT,
    exit_code BIGINT,
    restart_count BIGINT NOT NULL,
    last_restart_at {time},
    refusal TEXT,
    last_checked_at {time} NOT NULL,
    last_state_change_at {time} NOT NULL,
    PRIMARY KEY (device_id, service_name),
    FOREIGN KEY (device_id, business_id) REFERENCES agent_devices (id, business_id) ON UPDATE CASCADE
);

ALTER TABLE agent_devices ADD COLUMN device_lock TEXT;
ALTER TABLE agent_devices ADD COLUMN services_wrong BIGINT NOT NULL DEFAULT 0;
CREATE INDEX agent_devices_services_wrong ON agent_devices (name_key, id) WHERE services_wrong > 0;

ALTER TABLE device_events ADD COLUMN event_id {uuid};
CREATE UNIQUE INDEX device_events_once ON device_events (device_id, event_id);

{postgres} ALTER TABLE monitored_service_rules ENABLE ROW LEVEL SECURITY;
{postgres} ALTER TABLE monitored_service_rules FORCE ROW LEVEL SECURITY;
{postgres} CREATE POLICY business ON monitored_service_rules USING (((SELECT reeve_sees_every()) OR business_id = ANY ((SELECT reeve_sees_only())::uuid[]))
    AND (business_id IS NULL OR business_id <> ALL ((SELECT reeve_sees_never())::uuid[])))
    WITH CHECK (((SELECT reeve_sees_every()) OR business_id = ANY ((SELECT reeve_sees_only())::uuid[]))
    AND (business_id IS NULL OR business_id <> ALL ((SELECT reeve_sees_never())::uuid[])));
{postgres} ALTER TABLE monitored_service_states ENABLE ROW LEVEL SECURITY;
{postgres} ALTER TABLE monitored_service_states FORCE ROW LEVEL SECURITY;
{postgres} CREATE POLICY business ON monitored_service_states USING (((SELECT reeve_sees_every()) OR business_id = ANY ((SELECT reeve_sees_only())::uuid[]))
    AND (business_id IS NULL OR business_id <> ALL ((SELECT reeve_sees_never())::uuid[])))
    WITH CHECK (((SELECT reeve_sees_every()) OR business_id = ANY ((SELECT reeve_sees_only())::uuid[]))
    AND (business_id IS NULL OR business_id <> ALL ((SELECT reeve_sees_never())::uuid[])));
";

const DOWN: &str = "
DROP INDEX device_events_once;
ALTER TABLE device_events DROP COLUMN event_id;
DROP INDEX agent_devices_services_wrong;
ALTER TABLE agent_devices DROP COLUMN services_wrong;
ALTER TABLE agent_devices DROP COLUMN device_lock;
DROP TABLE monitored_service_states;
DROP TABLE monitored_service_rules;
";
