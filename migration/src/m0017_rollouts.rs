//! Rollouts: what reaches which devices in which waves, what came of it on each, and what each device runs.

crate::step!(UP, DOWN);

const UP: &str = "
ALTER TABLE agent_devices ADD COLUMN running_version TEXT;
ALTER TABLE agent_devices ADD COLUMN running_seq BIGINT;
ALTER TABLE agent_devices ADD COLUMN running_build_id TEXT;
ALTER TABLE agent_devices ADD COLUMN running_sha256 TEXT;
ALTER TABLE agent_devices ADD COLUMN running_libc TEXT;
ALTER TABLE agent_devices ADD COLUMN is_supervised BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE agent_devices ADD COLUMN release_channel TEXT;
ALTER TABLE businesses ADD COLUMN release_channel TEXT NOT NULL DEFAULT 'stable';
CREATE INDEX agent_devices_running ON agent_devices (running_seq);

CREATE TABLE rollouts (
    id {uuid} NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    name_key TEXT NOT NULL,
    kind TEXT NOT NULL,
    state TEXT NOT NULL,
    revision BIGINT NOT NULL,
    reason TEXT,
    release_id {uuid} NOT NULL REFERENCES releases (id),
    seq BIGINT NOT NULL,
    channel TEXT NOT NULL,
    target TEXT NOT NULL,
    halt TEXT NOT NULL,
    max_in_flight BIGINT NOT NULL,
    first_in_flight BIGINT NOT NULL,
    in_flight BIGINT NOT NULL,
    spread_seconds BIGINT NOT NULL,
    salt TEXT NOT NULL,
    note TEXT NOT NULL,
    start_at {time},
    wave BIGINT NOT NULL,
    waves BIGINT NOT NULL,
    is_approval_needed BOOLEAN NOT NULL,
    undoes {uuid},
    created_by {uuid} NOT NULL REFERENCES users (id),
    created_at {time} NOT NULL,
    approved_by {uuid} REFERENCES users (id),
    approved_at {time},
    started_by {uuid} REFERENCES users (id),
    started_at {time},
    counted_from {time},
    halted_at {time},
    changed_by {uuid} REFERENCES users (id),
    changed_at {time} NOT NULL,
    ended_at {time}
);
CREATE INDEX rollouts_of_state ON rollouts (state, id);
CREATE INDEX rollouts_of_release ON rollouts (release_id, id);
CREATE INDEX rollouts_that_undo ON rollouts (undoes) WHERE undoes IS NOT NULL;

CREATE TABLE rollout_waves (
    rollout_id {uuid} NOT NULL REFERENCES rollouts (id),
    number BIGINT NOT NULL,
    percent BIGINT,
    devices TEXT NOT NULL,
    soak_seconds BIGINT NOT NULL,
    min_successes BIGINT NOT NULL,
    success_percent BIGINT NOT NULL,
    opened_at {time},
    last_grant_at {time},
    soaks_since {time},
    passed_at {time},
    PRIMARY KEY (rollout_id, number)
);

CREATE TABLE rollout_devices (
    id {uuid} NOT NULL PRIMARY KEY,
    rollout_id {uuid} NOT NULL REFERENCES rollouts (id),
    business_id {uuid} NOT NULL,
    device_id {uuid} NOT NULL,
    wave BIGINT NOT NULL,
    os TEXT NOT NULL,
    arch TEXT NOT NULL,
    state TEXT NOT NULL,
    step BIGINT NOT NULL,
    attempts BIGINT NOT NULL,
    seq BIGINT NOT NULL,
    artifact_sha256 TEXT NOT NULL,
    build_id TEXT NOT NULL,
    size_bytes BIGINT NOT NULL,
    from_version TEXT NOT NULL,
    hinted_at {time},
    lease_expires_at {time},
    not_before {time},
    offered_at {time},
    switched_at {time},
    ended_at {time},
    changed_at {time} NOT NULL,
    reason TEXT,
    detail TEXT NOT NULL,
    log_lines TEXT NOT NULL,
    gap_ms BIGINT,
    downloaded_bytes BIGINT,
    UNIQUE (rollout_id, device_id),
    FOREIGN KEY (device_id, business_id) REFERENCES agent_devices (id, business_id) ON UPDATE CASCADE
);
CREATE UNIQUE INDEX rollout_devices_once ON rollout_devices (device_id)
    WHERE state IN ('offered', 'accepted', 'downloading', 'staged', 'switched');
CREATE INDEX rollout_devices_of_rollout ON rollout_devices (rollout_id, id);
CREATE INDEX rollout_devices_counted ON rollout_devices (rollout_id, wave, os, arch, state);
CREATE INDEX rollout_devices_of_device ON rollout_devices (device_id, id);
CREATE INDEX rollout_devices_of_business ON rollout_devices (business_id, id);
CREATE INDEX rollout_devices_ended ON rollout_devices (rollout_id, ended_at) WHERE ended_at IS NOT NULL;
CREATE INDEX rollout_devices_leased ON rollout_devices (lease_expires_at)
    WHERE state IN ('offered', 'accepted', 'downloading', 'staged');
CREATE INDEX rollout_devices_on_trial ON rollout_devices (switched_at) WHERE state = 'switched';

{postgres} ALTER TABLE rollout_devices ENABLE ROW LEVEL SECURITY;
{postgres} ALTER TABLE rollout_devices FORCE ROW LEVEL SECURITY;
{postgres} CREATE POLICY business ON rollout_devices USING (((SELECT reeve_sees_every()) OR business_id = ANY ((SELECT reeve_sees_only())::uuid[]))
    AND (business_id IS NULL OR business_id <> ALL ((SELECT reeve_sees_never())::uuid[])))
    WITH CHECK (((SELECT reeve_sees_every()) OR business_id = ANY ((SELECT reeve_sees_only())::uuid[]))
    AND (business_id IS NULL OR business_id <> ALL ((SELECT reeve_sees_never())::uuid[])));
";

const DOWN: &str = "
DROP TABLE rollout_devices;
DROP TABLE rollout_waves;
DROP TABLE rollouts;
DROP INDEX agent_devices_running;
ALTER TABLE businesses DROP COLUMN release_channel;
ALTER TABLE agent_devices DROP COLUMN release_channel;
ALTER TABLE agent_devices DROP COLUMN is_supervised;
ALTER TABLE agent_devices DROP COLUMN running_libc;
ALTER TABLE agent_devices DROP COLUMN running_sha256;
ALTER TABLE agent_devices DROP COLUMN running_build_id;
ALTER TABLE agent_devices DROP COLUMN running_seq;
ALTER TABLE agent_devices DROP COLUMN running_version;
";
