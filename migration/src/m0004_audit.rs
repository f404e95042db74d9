//! What people did, written in the same transaction as the change.

crate::step!(UP, DOWN);

const UP: &str = "
CREATE TABLE audit_entries (
    id {uuid} NOT NULL PRIMARY KEY,
    at {time} NOT NULL,
    actor_id {uuid} REFERENCES users (id),
    actor_name TEXT NOT NULL,
    source_ip TEXT NOT NULL,
    business_id {uuid} REFERENCES businesses (id),
    device_id {uuid} REFERENCES agent_devices (id),
    action TEXT NOT NULL,
    summary TEXT NOT NULL
);
CREATE INDEX audit_entries_device ON audit_entries (device_id, id);
";

const DOWN: &str = "
DROP TABLE audit_entries;
";
