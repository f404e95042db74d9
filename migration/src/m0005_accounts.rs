//! Roles, grants, second factors, links, keys, sign-in by OpenID Connect, and an audit log that is a chain.

crate::step!(UP, DOWN);

const UP: &str = "
ALTER TABLE businesses ADD COLUMN is_active BOOLEAN NOT NULL DEFAULT TRUE;

CREATE TABLE custom_roles (
    id {uuid} NOT NULL PRIMARY KEY,
    role_name TEXT NOT NULL,
    base_role TEXT NOT NULL,
    permissions TEXT NOT NULL,
    created_at {time} NOT NULL
);
CREATE UNIQUE INDEX custom_roles_name ON custom_roles (lower(role_name));

ALTER TABLE users ADD COLUMN kind TEXT NOT NULL DEFAULT 'person';
ALTER TABLE users ADD COLUMN custom_role_id {uuid};
{postgres} ALTER TABLE users ADD FOREIGN KEY (custom_role_id) REFERENCES custom_roles (id);
ALTER TABLE users ADD COLUMN extra_permissions TEXT NOT NULL DEFAULT '[]';

CREATE TABLE access_grants (
    id {uuid} NOT NULL PRIMARY KEY,
    user_id {uuid} NOT NULL REFERENCES users (id),
    effect TEXT NOT NULL,
    business_id {uuid} REFERENCES businesses (id),
    service_location_id {uuid},
    FOREIGN KEY (service_location_id, business_id) REFERENCES service_locations (id, business_id)
);
CREATE INDEX access_grants_user ON access_grants (user_id);
INSERT INTO access_grants (id, user_id, effect, business_id)
    SELECT {new_uuid}, user_id, 'allow', business_id FROM user_grants;
DROP TABLE user_grants;

ALTER TABLE sessions ADD COLUMN signed_in_with TEXT NOT NULL DEFAULT 'password';
ALTER TABLE sessions ADD COLUMN confirmed_at {time};

CREATE TABLE totp_factors (
    user_id {uuid} NOT NULL PRIMARY KEY REFERENCES users (id),
    secret_sealed TEXT NOT NULL,
    last_step BIGINT NOT NULL,
    created_at {time} NOT NULL,
    confirmed_at {time}
);

CREATE TABLE recovery_codes (
    user_id {uuid} NOT NULL REFERENCES users (id),
    code_hash TEXT NOT NULL,
    used_at {time},
    PRIMARY KEY (user_id, code_hash)
);

CREATE TABLE passkeys (
    id {uuid} NOT NULL PRIMARY KEY,
    user_id {uuid} NOT NULL REFERENCES users (id),
    credential_id TEXT NOT NULL UNIQUE,
    passkey_name TEXT NOT NULL,
    credential TEXT NOT NULL,
    created_at {time} NOT NULL,
    last_used_at {time}
);
CREATE INDEX passkeys_user ON passkeys (user_id);

CREATE TABLE ceremonies (
    id {uuid} NOT NULL PRIMARY KEY,
    secret_hash TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL,
    user_id {uuid} REFERENCES users (id),
    state TEXT NOT NULL,
    tries BIGINT NOT NULL,
    created_at {time} NOT NULL,
    expires_at {time} NOT NULL
);
CREATE INDEX ceremonies_expires ON ceremonies (expires_at);

CREATE TABLE user_links (
    id {uuid} NOT NULL PRIMARY KEY,
    user_id {uuid} NOT NULL REFERENCES users (id),
    kind TEXT NOT NULL,
    secret_hash TEXT NOT NULL UNIQUE,
    created_by {uuid} REFERENCES users (id),
    created_at {time} NOT NULL,
    expires_at {time} NOT NULL,
    used_at {time}
);
CREATE INDEX user_links_user ON user_links (user_id);

CREATE TABLE api_keys (
    id {uuid} NOT NULL PRIMARY KEY,
    business_id {uuid} REFERENCES businesses (id),
    user_id {uuid} NOT NULL REFERENCES users (id),
    key_name TEXT NOT NULL,
    secret_hash TEXT NOT NULL UNIQUE,
    hint TEXT NOT NULL,
    permissions TEXT NOT NULL,
    allowed_networks TEXT NOT NULL,
    created_by {uuid} NOT NULL REFERENCES users (id),
    created_at {time} NOT NULL,
    expires_at {time} NOT NULL,
    last_used_at {time},
    last_used_ip TEXT,
    revoked_at {time}
);
CREATE INDEX api_keys_user ON api_keys (user_id);

CREATE TABLE oidc_providers (
    id {uuid} NOT NULL PRIMARY KEY,
    business_id {uuid} REFERENCES businesses (id),
    provider_name TEXT NOT NULL,
    issuer TEXT NOT NULL,
    client_id TEXT NOT NULL,
    client_secret_sealed TEXT,
    asks_for_factor BOOLEAN NOT NULL,
    is_active BOOLEAN NOT NULL,
    created_at {time} NOT NULL
);

CREATE TABLE user_identities (
    provider_id {uuid} NOT NULL REFERENCES oidc_providers (id),
    subject TEXT NOT NULL,
    user_id {uuid} NOT NULL REFERENCES users (id),
    email TEXT NOT NULL,
    linked_at {time} NOT NULL,
    PRIMARY KEY (provider_id, subject)
);
CREATE INDEX user_identities_user ON user_identities (user_id);
CREATE UNIQUE INDEX user_identities_once ON user_identities (provider_id, user_id);

ALTER TABLE audit_entries ADD COLUMN seq BIGINT;
ALTER TABLE audit_entries ADD COLUMN actor_kind TEXT NOT NULL DEFAULT 'person';
ALTER TABLE audit_entries ADD COLUMN request_id TEXT;
ALTER TABLE audit_entries ADD COLUMN before_json TEXT;
ALTER TABLE audit_entries ADD COLUMN after_json TEXT;
ALTER TABLE audit_entries ADD COLUMN previous_hash TEXT;
ALTER TABLE audit_entries ADD COLUMN hash TEXT;
CREATE UNIQUE INDEX audit_entries_seq ON audit_entries (seq);
CREATE INDEX audit_entries_business ON audit_entries (business_id, seq);
CREATE INDEX audit_entries_actor ON audit_entries (actor_id, seq);

CREATE TABLE audit_head (
    id BIGINT NOT NULL PRIMARY KEY CHECK (id = 1),
    seq BIGINT NOT NULL,
    hash TEXT NOT NULL
);
INSERT INTO audit_head (id, seq, hash) VALUES (1, 0, '');

CREATE INDEX audit_entries_action ON audit_entries (action);

{sqlite} CREATE TRIGGER audit_entries_no_replace BEFORE INSERT ON audit_entries
    WHEN EXISTS (SELECT 1 FROM audit_entries WHERE id = NEW.id OR seq = NEW.seq)
    BEGIN SELECT RAISE(ABORT, 'audit entries are never replaced'){;} END;
{sqlite} CREATE TRIGGER audit_entries_no_update BEFORE UPDATE ON audit_entries
    WHEN OLD.hash IS NOT NULL OR NEW.id <> OLD.id
        OR EXISTS (SELECT 1 FROM audit_entries WHERE seq = NEW.seq AND id <> OLD.id)
    BEGIN SELECT RAISE(ABORT, 'audit entries are never changed'){;} END;
{sqlite} CREATE TRIGGER audit_entries_no_delete BEFORE DELETE ON audit_entries
    BEGIN SELECT RAISE(ABORT, 'audit entries are never deleted'){;} END;
{sqlite} CREATE TRIGGER audit_head_no_delete BEFORE DELETE ON audit_head
    BEGIN SELECT RAISE(ABORT, 'the head of the audit chain is never deleted'){;} END;
{sqlite} CREATE TRIGGER audit_head_no_replace BEFORE INSERT ON audit_head
    BEGIN SELECT RAISE(ABORT, 'the audit chain has one head'){;} END;
{sqlite} CREATE TRIGGER audit_head_goes_on BEFORE UPDATE ON audit_head WHEN NEW.seq <> OLD.seq + 1
    BEGIN SELECT RAISE(ABORT, 'the head of the audit chain goes on by one'){;} END;

{postgres} CREATE FUNCTION reeve_refuse() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION 'rows of % are never changed or deleted', TG_TABLE_NAME{;} END $$;
{postgres} CREATE TRIGGER audit_entries_no_update BEFORE UPDATE ON audit_entries FOR EACH ROW
    WHEN (OLD.hash IS NOT NULL) EXECUTE FUNCTION reeve_refuse();
{postgres} CREATE TRIGGER audit_entries_no_delete BEFORE DELETE ON audit_entries FOR EACH ROW
    EXECUTE FUNCTION reeve_refuse();
{postgres} CREATE TRIGGER audit_entries_no_truncate BEFORE TRUNCATE ON audit_entries EXECUTE FUNCTION reeve_refuse();
{postgres} CREATE TRIGGER audit_head_no_delete BEFORE DELETE ON audit_head FOR EACH ROW
    EXECUTE FUNCTION reeve_refuse();
{postgres} CREATE TRIGGER audit_head_no_truncate BEFORE TRUNCATE ON audit_head EXECUTE FUNCTION reeve_refuse();
{postgres} CREATE TRIGGER audit_head_goes_on BEFORE UPDATE ON audit_head FOR EACH ROW
    WHEN (NEW.seq <> OLD.seq + 1) EXECUTE FUNCTION reeve_refuse();
";

const DOWN: &str = "
DROP TABLE audit_head;
{sqlite} DROP TRIGGER audit_entries_no_delete;
{sqlite} DROP TRIGGER audit_entries_no_update;
{sqlite} DROP TRIGGER audit_entries_no_replace;
{postgres} DROP TRIGGER audit_entries_no_truncate ON audit_entries;
{postgres} DROP TRIGGER audit_entries_no_delete ON audit_entries;
{postgres} DROP TRIGGER audit_entries_no_update ON audit_entries;
{postgres} DROP FUNCTION reeve_refuse;
DROP INDEX audit_entries_action;
DROP INDEX audit_entries_actor;
DROP INDEX audit_entries_business;
DROP INDEX audit_entries_seq;
ALTER TABLE audit_entries DROP COLUMN hash;
ALTER TABLE audit_entries DROP COLUMN previous_hash;
ALTER TABLE audit_entries DROP COLUMN after_json;
ALTER TABLE audit_entries DROP COLUMN before_json;
ALTER TABLE audit_entries DROP COLUMN request_id;
ALTER TABLE audit_entries DROP COLUMN actor_kind;
ALTER TABLE audit_entries DROP COLUMN seq;
DROP TABLE user_identities;
DROP TABLE oidc_providers;
DROP TABLE api_keys;
DROP TABLE user_links;
DROP TABLE ceremonies;
DROP TABLE passkeys;
DROP TABLE recovery_codes;
DROP TABLE totp_factors;
ALTER TABLE sessions DROP COLUMN confirmed_at;
ALTER TABLE sessions DROP COLUMN signed_in_with;
CREATE TABLE user_grants (
    user_id {uuid} NOT NULL REFERENCES users (id),
    business_id {uuid} NOT NULL REFERENCES businesses (id),
    PRIMARY KEY (user_id, business_id)
);
INSERT INTO user_grants (user_id, business_id)
    SELECT DISTINCT user_id, business_id FROM access_grants
    WHERE effect = 'allow' AND business_id IS NOT NULL AND service_location_id IS NULL;
DROP TABLE access_grants;
ALTER TABLE users DROP COLUMN extra_permissions;
ALTER TABLE users DROP COLUMN custom_role_id;
ALTER TABLE users DROP COLUMN kind;
DROP TABLE custom_roles;
ALTER TABLE businesses DROP COLUMN is_active;
";
