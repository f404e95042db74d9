//! Commands: what is asked of devices, who decided it, what came of it, the devices' own record, and scripts.

crate::step!(UP, DOWN);

const UP: &str = "
CREATE TABLE approval_policies (
    id {uuid} NOT NULL PRIMARY KEY,
    business_id {uuid} REFERENCES businesses (id),
    revision BIGINT NOT NULL,
    document TEXT NOT NULL,
    created_by {uuid} REFERENCES users (id),
    created_at {time} NOT NULL
);
CREATE UNIQUE INDEX approval_policies_of_msp ON approval_policies (revision) WHERE business_id IS NULL;
CREATE UNIQUE INDEX approval_policies_of_business ON approval_policies (business_id, revision);

INSERT INTO counters (name, value) VALUES ('command_seq', 0);
INSERT INTO counters (name, value) VALUES ('stop_seq', 0);

CREATE TABLE agent_command_requests (
    id {uuid} NOT NULL PRIMARY KEY,
    business_id {uuid} NOT NULL REFERENCES businesses (id),
    seq BIGINT NOT NULL UNIQUE,
    state TEXT NOT NULL,
    revision BIGINT NOT NULL,
    kind TEXT NOT NULL,
    payload TEXT NOT NULL,
    targets_count BIGINT NOT NULL,
    targets_sha256 TEXT NOT NULL,
    request_sha256 TEXT NOT NULL,
    timeout_seconds BIGINT NOT NULL,
    deliver_by {time} NOT NULL,
    decide_by {time} NOT NULL,
    on_offline TEXT NOT NULL,
    priority TEXT NOT NULL,
    reason TEXT,
    requested_by {uuid} NOT NULL,
    door TEXT NOT NULL,
    ask_key TEXT,
    ask_sha256 TEXT,
    approvals_needed BIGINT NOT NULL,
    approver TEXT NOT NULL,
    policy_id {uuid} REFERENCES approval_policies (id),
    break_glass_reason TEXT,
    break_glass_by {uuid} REFERENCES users (id),
    break_glass_at {time},
    break_glass_proof TEXT,
    reviewed_by {uuid} REFERENCES users (id),
    reviewed_at {time},
    review_note TEXT,
    wave BIGINT NOT NULL,
    waves BIGINT NOT NULL,
    wave_at {time},
    decided_at {time},
    proof TEXT NOT NULL,
    created_at {time} NOT NULL,
    UNIQUE (id, business_id)
);
CREATE INDEX agent_command_requests_of_business ON agent_command_requests (business_id, id);
CREATE INDEX agent_command_requests_of_state ON agent_command_requests (state, id);
CREATE INDEX agent_command_requests_of_person ON agent_command_requests (requested_by, id);
CREATE UNIQUE INDEX agent_command_requests_once ON agent_command_requests (requested_by, business_id, ask_key)
    WHERE ask_key IS NOT NULL;
CREATE INDEX agent_command_requests_awaiting ON agent_command_requests (decide_by) WHERE state = 'awaiting';
CREATE INDEX agent_command_requests_waves ON agent_command_requests (wave_at) WHERE wave < waves;
CREATE INDEX agent_command_requests_unreviewed ON agent_command_requests (id)
    WHERE break_glass_at IS NOT NULL AND reviewed_at IS NULL;

CREATE TABLE agent_commands (
    id {uuid} NOT NULL PRIMARY KEY,
    request_id {uuid} NOT NULL,
    business_id {uuid} NOT NULL,
    device_id {uuid} NOT NULL REFERENCES agent_devices (id),
    seq BIGINT NOT NULL,
    rank BIGINT NOT NULL,
    wave BIGINT NOT NULL,
    kind TEXT NOT NULL,
    state TEXT NOT NULL,
    deliver_by {time} NOT NULL,
    sent_at {time},
    sends BIGINT NOT NULL,
    order_expires_at {time},
    order_sha256 TEXT,
    envelope TEXT,
    cancel_asked_at {time},
    received_at {time},
    started_at {time},
    ended_at {time},
    detail TEXT NOT NULL,
    refusal TEXT,
    exit_code BIGINT,
    output TEXT,
    output_bytes BIGINT NOT NULL,
    receipt TEXT,
    result TEXT,
    is_late BOOLEAN NOT NULL,
    lock_at_creation TEXT,
    proof TEXT NOT NULL,
    created_at {time} NOT NULL,
    UNIQUE (device_id, seq),
    FOREIGN KEY (request_id, business_id) REFERENCES agent_command_requests (id, business_id)
);
CREATE INDEX agent_commands_of_request ON agent_commands (request_id, id);
CREATE INDEX agent_commands_of_device ON agent_commands (device_id, id);
CREATE INDEX agent_commands_of_business ON agent_commands (business_id, id);
CREATE INDEX agent_commands_of_state ON agent_commands (state, id);
CREATE INDEX agent_commands_of_kind ON agent_commands (kind, id);
CREATE INDEX agent_commands_queue ON agent_commands (device_id, rank, seq) WHERE state IN ('pending', 'sent', 'executing');
CREATE INDEX agent_commands_open ON agent_commands (deliver_by)
    WHERE state IN ('awaiting_approval', 'pending', 'sent');

CREATE TABLE agent_command_approvals (
    id {uuid} NOT NULL PRIMARY KEY,
    request_id {uuid} NOT NULL,
    business_id {uuid} NOT NULL,
    user_id {uuid} NOT NULL REFERENCES users (id),
    user_name TEXT NOT NULL,
    decision TEXT NOT NULL,
    request_sha256 TEXT NOT NULL,
    note TEXT,
    decided_at {time} NOT NULL,
    revoked_at {time},
    proof TEXT NOT NULL,
    UNIQUE (request_id, user_id),
    FOREIGN KEY (request_id, business_id) REFERENCES agent_command_requests (id, business_id)
);
CREATE INDEX agent_command_approvals_of_business ON agent_command_approvals (business_id, id);

CREATE TABLE command_suggestions (
    id {uuid} NOT NULL PRIMARY KEY,
    business_id {uuid} NOT NULL,
    device_id {uuid} NOT NULL,
    alert_id {uuid} NOT NULL REFERENCES agent_alert_history (id),
    cause TEXT NOT NULL,
    why TEXT NOT NULL,
    kind TEXT NOT NULL,
    payload TEXT NOT NULL,
    state TEXT NOT NULL,
    held_back TEXT,
    request_id {uuid} REFERENCES agent_command_requests (id),
    decided_by {uuid} REFERENCES users (id),
    decided_at {time},
    note TEXT,
    created_at {time} NOT NULL,
    FOREIGN KEY (device_id, business_id) REFERENCES agent_devices (id, business_id) ON UPDATE CASCADE
);
CREATE UNIQUE INDEX command_suggestions_open ON command_suggestions (cause) WHERE state = 'open';
CREATE INDEX command_suggestions_of_cause ON command_suggestions (cause, id);
CREATE INDEX command_suggestions_of_alert ON command_suggestions (alert_id, id);
CREATE INDEX command_suggestions_of_device ON command_suggestions (device_id, id);
CREATE INDEX command_suggestions_of_business ON command_suggestions (business_id, id);
CREATE INDEX command_suggestions_of_state ON command_suggestions (state, id);

CREATE TABLE emergency_stops (
    seq BIGINT NOT NULL PRIMARY KEY,
    business_id {uuid} REFERENCES businesses (id),
    is_stopped BOOLEAN NOT NULL,
    envelope TEXT NOT NULL,
    decided_by {uuid} NOT NULL REFERENCES users (id),
    reason TEXT NOT NULL,
    decided_at {time} NOT NULL
);
CREATE INDEX emergency_stops_of_business ON emergency_stops (business_id, seq);

CREATE TABLE emergency_rearms (
    id {uuid} NOT NULL PRIMARY KEY,
    stop_seq BIGINT NOT NULL REFERENCES emergency_stops (seq),
    business_id {uuid} REFERENCES businesses (id),
    user_id {uuid} NOT NULL REFERENCES users (id),
    user_name TEXT NOT NULL,
    note TEXT,
    approved_at {time} NOT NULL,
    proof TEXT NOT NULL,
    UNIQUE (stop_seq, user_id)
);

CREATE TABLE agent_chain_entries (
    device_id {uuid} NOT NULL,
    business_id {uuid} NOT NULL,
    fork BIGINT NOT NULL,
    seq BIGINT NOT NULL,
    entry TEXT NOT NULL,
    hash TEXT NOT NULL,
    command_id {uuid},
    received_at {time} NOT NULL,
    PRIMARY KEY (device_id, fork, seq),
    FOREIGN KEY (device_id, business_id) REFERENCES agent_devices (id, business_id) ON UPDATE CASCADE
);
CREATE INDEX agent_chain_entries_of_command ON agent_chain_entries (command_id) WHERE command_id IS NOT NULL;

CREATE TABLE agent_chain_heads (
    device_id {uuid} NOT NULL PRIMARY KEY,
    business_id {uuid} NOT NULL,
    fork BIGINT NOT NULL,
    seq BIGINT NOT NULL,
    hash TEXT NOT NULL,
    told_seq BIGINT NOT NULL,
    told_hash TEXT NOT NULL,
    told_signature TEXT,
    told_at {time} NOT NULL,
    fault TEXT,
    fault_at {time},
    FOREIGN KEY (device_id, business_id) REFERENCES agent_devices (id, business_id) ON UPDATE CASCADE
);
CREATE INDEX agent_chain_heads_faults ON agent_chain_heads (fault_at) WHERE fault IS NOT NULL;

CREATE TABLE scripts (
    id {uuid} NOT NULL PRIMARY KEY,
    business_id {uuid} REFERENCES businesses (id),
    script_name TEXT NOT NULL,
    name_key TEXT NOT NULL,
    description TEXT NOT NULL,
    latest_version BIGINT NOT NULL,
    created_by {uuid} REFERENCES users (id),
    created_at {time} NOT NULL,
    changed_at {time} NOT NULL,
    archived_at {time}
);
CREATE INDEX scripts_by_name ON scripts (name_key, id);
CREATE UNIQUE INDEX scripts_of_msp ON scripts (name_key) WHERE business_id IS NULL AND archived_at IS NULL;
CREATE UNIQUE INDEX scripts_of_business ON scripts (business_id, name_key) WHERE archived_at IS NULL;

CREATE TABLE script_versions (
    id {uuid} NOT NULL PRIMARY KEY,
    script_id {uuid} NOT NULL REFERENCES scripts (id),
    business_id {uuid} REFERENCES businesses (id),
    version BIGINT NOT NULL,
    shell TEXT NOT NULL,
    script TEXT NOT NULL,
    script_sha256 TEXT NOT NULL,
    parameters TEXT NOT NULL,
    created_by {uuid} REFERENCES users (id),
    created_at {time} NOT NULL,
    UNIQUE (script_id, version)
);
CREATE INDEX script_versions_by_digest ON script_versions (script_sha256);

{sqlite} CREATE TRIGGER approval_policies_no_update BEFORE UPDATE ON approval_policies
    BEGIN SELECT RAISE(ABORT, 'rows of approval_policies are never changed'){;} END;
{sqlite} CREATE TRIGGER approval_policies_no_delete BEFORE DELETE ON approval_policies
    BEGIN SELECT RAISE(ABORT, 'rows of approval_policies are never deleted'){;} END;
{postgres} CREATE TRIGGER approval_policies_no_update BEFORE UPDATE ON approval_policies FOR EACH ROW EXECUTE FUNCTION reeve_refuse();
{postgres} CREATE TRIGGER approval_policies_no_delete BEFORE DELETE ON approval_policies FOR EACH ROW EXECUTE FUNCTION reeve_refuse();
{postgres} CREATE TRIGGER approval_policies_no_truncate BEFORE TRUNCATE ON approval_policies EXECUTE FUNCTION reeve_refuse();

{sqlite} CREATE TRIGGER emergency_stops_no_update BEFORE UPDATE ON emergency_stops
    BEGIN SELECT RAISE(ABORT, 'rows of emergency_stops are never changed'){;} END;
{sqlite} CREATE TRIGGER emergency_stops_no_delete BEFORE DELETE ON emergency_stops
    BEGIN SELECT RAISE(ABORT, 'rows of emergency_stops are never deleted'){;} END;
{postgres} CREATE TRIGGER emergency_stops_no_update BEFORE UPDATE ON emergency_stops FOR EACH ROW EXECUTE FUNCTION reeve_refuse();
{postgres} CREATE TRIGGER emergency_stops_no_delete BEFORE DELETE ON emergency_stops FOR EACH ROW EXECUTE FUNCTION reeve_refuse();
{postgres} CREATE TRIGGER emergency_stops_no_truncate BEFORE TRUNCATE ON emergency_stops EXECUTE FUNCTION reeve_refuse();

{sqlite} CREATE TRIGGER script_versions_no_update BEFORE UPDATE ON script_versions
    BEGIN SELECT RAISE(ABORT, 'rows of script_versions are never changed'){;} END;
{sqlite} CREATE TRIGGER script_versions_no_delete BEFORE DELETE ON script_versions
    BEGIN SELECT RAISE(ABORT, 'rows of script_versions are never deleted'){;} END;
{postgres} CREATE TRIGGER script_versions_no_update BEFORE UPDATE ON script_versions FOR EACH ROW EXECUTE FUNCTION reeve_refuse();
{postgres} CREATE TRIGGER script_versions_no_delete BEFORE DELETE ON script_versions FOR EACH ROW EXECUTE FUNCTION reeve_refuse();
{postgres} CREATE TRIGGER script_versions_no_truncate BEFORE TRUNCATE ON script_versions EXECUTE FUNCTION reeve_refuse();

{sqlite} CREATE TRIGGER agent_chain_entries_no_update BEFORE UPDATE OF device_id, fork, seq, entry, hash ON agent_chain_entries
    BEGIN SELECT RAISE(ABORT, 'rows of agent_chain_entries are never changed'){;} END;
{sqlite} CREATE TRIGGER agent_chain_entries_no_delete BEFORE DELETE ON agent_chain_entries
    BEGIN SELECT RAISE(ABORT, 'rows of agent_chain_entries are never deleted'){;} END;
{postgres} CREATE TRIGGER agent_chain_entries_no_update BEFORE UPDATE OF device_id, fork, seq, entry, hash ON agent_chain_entries
    FOR EACH ROW EXECUTE FUNCTION reeve_refuse();
{postgres} CREATE TRIGGER agent_chain_entries_no_delete BEFORE DELETE ON agent_chain_entries FOR EACH ROW EXECUTE FUNCTION reeve_refuse();
{postgres} CREATE TRIGGER agent_chain_entries_no_truncate BEFORE TRUNCATE ON agent_chain_entries EXECUTE FUNCTION reeve_refuse();

{postgres} ALTER TABLE approval_policies ENABLE ROW LEVEL SECURITY;
{postgres} ALTER TABLE approval_policies FORCE ROW LEVEL SECURITY;
{postgres} CREATE POLICY business ON approval_policies USING (((SELECT reeve_sees_every()) OR business_id = ANY ((SELECT reeve_sees_only())::uuid[]))
    AND (business_id IS NULL OR business_id <> ALL ((SELECT reeve_sees_never())::uuid[])))
    WITH CHECK (((SELECT reeve_sees_every()) OR business_id = ANY ((SELECT reeve_sees_only())::uuid[]))
    AND (business_id IS NULL OR business_id <> ALL ((SELECT reeve_sees_never())::uuid[])));

{postgres} ALTER TABLE agent_command_requests ENABLE ROW LEVEL SECURITY;
{postgres} ALTER TABLE agent_command_requests FORCE ROW LEVEL SECURITY;
{postgres} CREATE POLICY business ON agent_command_requests USING (((SELECT reeve_sees_every()) OR business_id = ANY ((SELECT reeve_sees_only())::uuid[]))
    AND (business_id IS NULL OR business_id <> ALL ((SELECT reeve_sees_never())::uuid[])))
    WITH CHECK (((SELECT reeve_sees_every()) OR business_id = ANY ((SELECT reeve_sees_only())::uuid[]))
    AND (business_id IS NULL OR business_id <> ALL ((SELECT reeve_sees_never())::uuid[])));

{postgres} ALTER TABLE agent_commands ENABLE ROW LEVEL SECURITY;
{postgres} ALTER TABLE agent_commands FORCE ROW LEVEL SECURITY;
{postgres} CREATE POLICY business ON agent_commands USING (((SELECT reeve_sees_every()) OR business_id = ANY ((SELECT reeve_sees_only())::uuid[]))
    AND (business_id IS NULL OR business_id <> ALL ((SELECT reeve_sees_never())::uuid[])))
    WITH CHECK (((SELECT reeve_sees_every()) OR business_id = ANY ((SELECT reeve_sees_only())::uuid[]))
    AND (business_id IS NULL OR business_id <> ALL ((SELECT reeve_sees_never())::uuid[])));

{postgres} ALTER TABLE agent_command_approvals ENABLE ROW LEVEL SECURITY;
{postgres} ALTER TABLE agent_command_approvals FORCE ROW LEVEL SECURITY;
{postgres} CREATE POLICY business ON agent_command_approvals USING (((SELECT reeve_sees_every()) OR business_id = ANY ((SELECT reeve_sees_only())::uuid[]))
    AND (business_id IS NULL OR business_id <> ALL ((SELECT reeve_sees_never())::uuid[])))
    WITH CHECK (((SELECT reeve_sees_every()) OR business_id = ANY ((SELECT reeve_sees_only())::uuid[]))
    AND (business_id IS NULL OR business_id <> ALL ((SELECT reeve_sees_never())::uuid[])));

{postgres} ALTER TABLE command_suggestions ENABLE ROW LEVEL SECURITY;
{postgres} ALTER TABLE command_suggestions FORCE ROW LEVEL SECURITY;
{postgres} CREATE POLICY business ON command_suggestions USING (((SELECT reeve_sees_every()) OR business_id = ANY ((SELECT reeve_sees_only())::uuid[]))
    AND (business_id IS NULL OR business_id <> ALL ((SELECT reeve_sees_never())::uuid[])))
    WITH CHECK (((SELECT reeve_sees_every()) OR business_id = ANY ((SELECT reeve_sees_only())::uuid[]))
    AND (business_id IS NULL OR business_id <> ALL ((SELECT reeve_sees_never())::uuid[])));

{postgres} ALTER TABLE emergency_stops ENABLE ROW LEVEL SECURITY;
{postgres} ALTER TABLE emergency_stops FORCE ROW LEVEL SECURITY;
{postgres} CREATE POLICY business ON emergency_stops USING (((SELECT reeve_sees_every()) OR business_id = ANY ((SELECT reeve_sees_only())::uuid[]))
    AND (business_id IS NULL OR business_id <> ALL ((SELECT reeve_sees_never())::uuid[])))
    WITH CHECK (((SELECT reeve_sees_every()) OR business_id = ANY ((SELECT reeve_sees_only())::uuid[]))
    AND (business_id IS NULL OR business_id <> ALL ((SELECT reeve_sees_never())::uuid[])));

{postgres} ALTER TABLE emergency_rearms ENABLE ROW LEVEL SECURITY;
{postgres} ALTER TABLE emergency_rearms FORCE ROW LEVEL SECURITY;
{postgres} CREATE POLICY business ON emergency_rearms USING (((SELECT reeve_sees_every()) OR business_id = ANY ((SELECT reeve_sees_only())::uuid[]))
    AND (business_id IS NULL OR business_id <> ALL ((SELECT reeve_sees_never())::uuid[])))
    WITH CHECK (((SELECT reeve_sees_every()) OR business_id = ANY ((SELECT reeve_sees_only())::uuid[]))
    AND (business_id IS NULL OR business_id <> ALL ((SELECT reeve_sees_never())::uuid[])));

{postgres} ALTER TABLE agent_chain_entries ENABLE ROW LEVEL SECURITY;
{postgres} ALTER TABLE agent_chain_entries FORCE ROW LEVEL SECURITY;
{postgres} CREATE POLICY business ON agent_chain_entries USING (((SELECT reeve_sees_every()) OR business_id = ANY ((SELECT reeve_sees_only())::uuid[]))
    AND (business_id IS NULL OR business_id <> ALL ((SELECT reeve_sees_never())::uuid[])))
    WITH CHECK (((SELECT reeve_sees_every()) OR business_id = ANY ((SELECT reeve_sees_only())::uuid[]))
    AND (business_id IS NULL OR business_id <> ALL ((SELECT reeve_sees_never())::uuid[])));

{postgres} ALTER TABLE agent_chain_heads ENABLE ROW LEVEL SECURITY;
{postgres} ALTER TABLE agent_chain_heads FORCE ROW LEVEL SECURITY;
{postgres} CREATE POLICY business ON agent_chain_heads USING (((SELECT reeve_sees_every()) OR business_id = ANY ((SELECT reeve_sees_only())::uuid[]))
    AND (business_id IS NULL OR business_id <> ALL ((SELECT reeve_sees_never())::uuid[])))
    WITH CHECK (((SELECT reeve_sees_every()) OR business_id = ANY ((SELECT reeve_sees_only())::uuid[]))
    AND (business_id IS NULL OR business_id <> ALL ((SELECT reeve_sees_never())::uuid[])));

{postgres} ALTER TABLE scripts ENABLE ROW LEVEL SECURITY;
{postgres} ALTER TABLE scripts FORCE ROW LEVEL SECURITY;
{postgres} CREATE POLICY business ON scripts USING (((SELECT reeve_sees_every()) OR business_id = ANY ((SELECT reeve_sees_only())::uuid[]))
    AND (business_id IS NULL OR business_id <> ALL ((SELECT reeve_sees_never())::uuid[])))
    WITH CHECK (((SELECT reeve_sees_every()) OR business_id = ANY ((SELECT reeve_sees_only())::uuid[]))
    AND (business_id IS NULL OR business_id <> ALL ((SELECT reeve_sees_never())::uuid[])));

{postgres} ALTER TABLE script_versions ENABLE ROW LEVEL SECURITY;
{postgres} ALTER TABLE script_versions FORCE ROW LEVEL SECURITY;
{postgres} CREATE POLICY business ON script_versions USING (((SELECT reeve_sees_every()) OR business_id = ANY ((SELECT reeve_sees_only())::uuid[]))
    AND (business_id IS NULL OR business_id <> ALL ((SELECT reeve_sees_never())::uuid[])))
    WITH CHECK (((SELECT reeve_sees_every()) OR business_id = ANY ((SELECT reeve_sees_only())::uuid[]))
    AND (business_id IS NULL OR business_id <> ALL ((SELECT reeve_sees_never())::uuid[])));
";

const DOWN: &str = "
DROP TABLE script_versions;
DROP TABLE scripts;
DROP TABLE agent_chain_heads;
DROP TABLE agent_chain_entries;
DROP TABLE command_suggestions;
DROP TABLE emergency_rearms;
DROP TABLE emergency_stops;
DROP TABLE agent_command_approvals;
DROP TABLE agent_commands;
DROP TABLE agent_command_requests;
DROP TABLE approval_policies;
DELETE FROM counters WHERE name IN ('command_seq', 'stop_seq');
";
