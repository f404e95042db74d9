//! Releases of the agent: what was signed, the files that belong to it, and the roots by which it is believed.

crate::step!(UP, DOWN);

const UP: &str = "
CREATE TABLE releases (
    id {uuid} NOT NULL PRIMARY KEY,
    version TEXT NOT NULL UNIQUE,
    seq BIGINT NOT NULL UNIQUE,
    channel TEXT NOT NULL,
    state TEXT NOT NULL,
    manifest TEXT NOT NULL,
    manifest_sha256 TEXT NOT NULL,
    issued_at {time} NOT NULL,
    expires_at {time} NOT NULL,
    notes TEXT NOT NULL,
    created_by {uuid} REFERENCES users (id),
    created_at {time} NOT NULL,
    available_at {time},
    withdrawn_by {uuid} REFERENCES users (id),
    withdrawn_at {time},
    withdrawn_reason TEXT
);

CREATE TABLE release_artifacts (
    release_id {uuid} NOT NULL REFERENCES releases (id),
    position BIGINT NOT NULL,
    kind TEXT NOT NULL,
    os TEXT NOT NULL,
    arch TEXT NOT NULL,
    libc TEXT,
    size_bytes BIGINT NOT NULL,
    sha256 TEXT NOT NULL,
    build_id TEXT NOT NULL,
    stored_by {uuid} REFERENCES users (id),
    stored_at {time},
    PRIMARY KEY (release_id, position)
);
CREATE INDEX release_artifacts_by_digest ON release_artifacts (sha256);

CREATE TABLE release_roots (
    version BIGINT NOT NULL PRIMARY KEY,
    envelope TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    added_by {uuid} REFERENCES users (id),
    added_at {time} NOT NULL
);

{sqlite} CREATE TRIGGER release_roots_no_update BEFORE UPDATE ON release_roots
    BEGIN SELECT RAISE(ABORT, 'rows of release_roots are never changed'){;} END;
{sqlite} CREATE TRIGGER release_roots_no_delete BEFORE DELETE ON release_roots
    BEGIN SELECT RAISE(ABORT, 'rows of release_roots are never deleted'){;} END;
{postgres} CREATE TRIGGER release_roots_no_update BEFORE UPDATE ON release_roots FOR EACH ROW EXECUTE FUNCTION reeve_refuse();
{postgres} CREATE TRIGGER release_roots_no_delete BEFORE DELETE ON release_roots FOR EACH ROW EXECUTE FUNCTION reeve_refuse();
{postgres} CREATE TRIGGER release_roots_no_truncate BEFORE TRUNCATE ON release_roots EXECUTE FUNCTION reeve_refuse();
";

const DOWN: &str = "
DROP TABLE release_roots;
DROP TABLE release_artifacts;
DROP TABLE releases;
";
