//! Devices, the tokens they come from, and what they report about themselves.

crate::step!(UP, DOWN);

const UP: &str = "
CREATE TABLE agent_devices (
    id {uuid} NOT NULL PRIMARY KEY,
    device_key BIGINT NOT NULL UNIQUE,
    business_id {uuid} NOT NULL REFERENCES businesses (id),
    service_location_id {uuid},
    device_name TEXT NOT NULL,
    hostname TEXT NOT NULL,
    public_key TEXT NOT NULL UNIQUE,
    state TEXT NOT NULL,
    os_type TEXT NOT NULL,
    os_architecture TEXT NOT NULL,
    os_version TEXT,
    agent_version TEXT NOT NULL,
    presence TEXT NOT NULL,
    presence_since {time},
    disconnect_reason TEXT,
    link TEXT,
    last_seen_at {time},
    boot_id TEXT,
    facts TEXT NOT NULL,
    facts_digest TEXT,
    services_manager TEXT,
    services_digest TEXT,
    services_reported_at {time},
    software_digest TEXT,
    software_count BIGINT,
    samples_dropped BIGINT NOT NULL,
    search_text TEXT NOT NULL,
    created_at {time} NOT NULL,
    revoked_at {time},
    UNIQUE (id, business_id),
    FOREIGN KEY (service_location_id, business_id) REFERENCES service_locations (id, business_id) ON UPDATE CASCADE
);
CREATE INDEX agent_devices_business ON agent_devices (business_id, device_name);
CREATE INDEX agent_devices_location ON agent_devices (service_location_id);
CREATE INDEX agent_devices_name ON agent_devices (device_name, id);
CREATE INDEX agent_devices_presence ON agent_devices (presence, presence_since);

CREATE TABLE registration_tokens (
    id {uuid} NOT NULL PRIMARY KEY,
    business_id {uuid} NOT NULL REFERENCES businesses (id),
    service_location_id {uuid},
    device_name TEXT,
    token_hash TEXT NOT NULL UNIQUE,
    state TEXT NOT NULL,
    created_by {uuid} REFERENCES users (id),
    created_at {time} NOT NULL,
    expires_at {time} NOT NULL,
    device_id {uuid} REFERENCES agent_devices (id),
    FOREIGN KEY (service_location_id, business_id) REFERENCES service_locations (id, business_id) ON UPDATE CASCADE
);
CREATE INDEX registration_tokens_business ON registration_tokens (business_id);

CREATE TABLE agent_monitored_services (
    device_id {uuid} NOT NULL,
    business_id {uuid} NOT NULL,
    service_name TEXT NOT NULL,
    display_name TEXT,
    status TEXT NOT NULL,
    starts_at_boot BOOLEAN,
    pid BIGINT,
    last_state_change_at {time} NOT NULL,
    PRIMARY KEY (device_id, service_name),
    FOREIGN KEY (device_id, business_id) REFERENCES agent_devices (id, business_id) ON UPDATE CASCADE
);
CREATE INDEX agent_monitored_services_status ON agent_monitored_services (business_id, status);

CREATE TABLE agent_software_inventory (
    device_id {uuid} NOT NULL,
    business_id {uuid} NOT NULL,
    software_name TEXT NOT NULL,
    software_version TEXT NOT NULL,
    architecture TEXT NOT NULL,
    source TEXT NOT NULL,
    vendor TEXT,
    first_seen_at {time} NOT NULL,
    PRIMARY KEY (device_id, software_name, software_version, architecture, source),
    FOREIGN KEY (device_id, business_id) REFERENCES agent_devices (id, business_id) ON UPDATE CASCADE
);

CREATE TABLE device_events (
    id {uuid} NOT NULL PRIMARY KEY,
    device_id {uuid} NOT NULL,
    business_id {uuid} NOT NULL,
    at {time} NOT NULL,
    kind TEXT NOT NULL,
    summary TEXT NOT NULL,
    FOREIGN KEY (device_id, business_id) REFERENCES agent_devices (id, business_id) ON UPDATE CASCADE
);
CREATE INDEX device_events_device ON device_events (device_id, id);
";

const DOWN: &str = "
DROP TABLE device_events;
DROP TABLE agent_software_inventory;
DROP TABLE agent_monitored_services;
DROP TABLE registration_tokens;
DROP TABLE agent_devices;
";
