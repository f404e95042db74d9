//! Businesses, their service locations, people, sessions, and the server's own small state.

crate::step!(UP, DOWN);

const UP: &str = "
CREATE TABLE businesses (
    id {uuid} NOT NULL PRIMARY KEY,
    business_name TEXT NOT NULL,
    created_at {time} NOT NULL
);
CREATE UNIQUE INDEX businesses_name ON businesses (lower(business_name));

CREATE TABLE service_locations (
    id {uuid} NOT NULL PRIMARY KEY,
    business_id {uuid} NOT NULL REFERENCES businesses (id),
    location_name TEXT NOT NULL,
    address TEXT,
    contact_person TEXT,
    contact_phone TEXT,
    is_headquarters BOOLEAN NOT NULL,
    created_at {time} NOT NULL,
    UNIQUE (id, business_id)
);
CREATE UNIQUE INDEX service_locations_name ON service_locations (business_id, lower(location_name));

CREATE TABLE users (
    id {uuid} NOT NULL PRIMARY KEY,
    business_id {uuid} REFERENCES businesses (id),
    email TEXT NOT NULL UNIQUE,
    full_name TEXT NOT NULL,
    role TEXT NOT NULL,
    password_hash TEXT NOT NULL,
    must_change_password BOOLEAN NOT NULL,
    is_active BOOLEAN NOT NULL,
    last_sign_in_at {time},
    created_at {time} NOT NULL
);
CREATE INDEX users_business ON users (business_id);

CREATE TABLE user_grants (
    user_id {uuid} NOT NULL REFERENCES users (id),
    business_id {uuid} NOT NULL REFERENCES businesses (id),
    PRIMARY KEY (user_id, business_id)
);

CREATE TABLE sessions (
    id {uuid} NOT NULL PRIMARY KEY,
    user_id {uuid} NOT NULL REFERENCES users (id),
    secret_hash TEXT NOT NULL UNIQUE,
    source_ip TEXT NOT NULL,
    user_agent TEXT NOT NULL,
    created_at {time} NOT NULL,
    last_seen_at {time} NOT NULL,
    expires_at {time} NOT NULL,
    ended_at {time}
);
CREATE INDEX sessions_user ON sessions (user_id);
CREATE INDEX sessions_expires ON sessions (expires_at);

CREATE TABLE server_state (
    name TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
);

CREATE TABLE counters (
    name TEXT NOT NULL PRIMARY KEY,
    value BIGINT NOT NULL
);
INSERT INTO counters (name, value) VALUES ('device_key', 0);
";

const DOWN: &str = "
DROP TABLE counters;
DROP TABLE server_state;
DROP TABLE sessions;
DROP TABLE user_grants;
DROP TABLE users;
DROP TABLE service_locations;
DROP TABLE businesses;
";
