//! What went wrong inside agents, in their own words: one row for each error of a device.

crate::step!(UP, DOWN);

const UP: &str = "
CREATE TABLE error_reports (
    id {uuid} NOT NULL PRIMARY KEY,
    device_id {uuid} NOT NULL,
    business_id {uuid} NOT NULL,
    fingerprint TEXT NOT NULL,
    error_type TEXT NOT NULL,
    error_message TEXT NOT NULL,
    search_text TEXT NOT NULL,
    details TEXT NOT NULL,
    log_snippet TEXT,
    agent_version TEXT NOT NULL,
    failed_version TEXT,
    occurrences BIGINT NOT NULL,
    first_at {time} NOT NULL,
    last_at {time} NOT NULL,
    state TEXT NOT NULL,
    decided_by TEXT,
    decided_at {time},
    report_ids TEXT NOT NULL,
    UNIQUE (device_id, fingerprint),
    FOREIGN KEY (device_id, business_id) REFERENCES agent_devices (id, business_id) ON UPDATE CASCADE
);
CREATE INDEX error_reports_by_time ON error_reports (last_at, id);
CREATE INDEX error_reports_of_business ON error_reports (business_id, last_at, id);
CREATE INDEX error_reports_of_device ON error_reports (device_id, last_at, id);
CREATE INDEX error_reports_of_group ON error_reports (fingerprint, last_at, id);
CREATE INDEX error_reports_of_type ON error_reports (error_type, last_at, id);
CREATE INDEX error_reports_of_version ON error_reports (agent_version, last_at, id);
CREATE INDEX error_reports_of_state ON error_reports (state, last_at, id);

{postgres} ALTER TABLE error_reports ENABLE ROW LEVEL SECURITY;
{postgres} ALTER TABLE error_reports FORCE ROW LEVEL SECURITY;
{postgres} CREATE POLICY business ON error_reports USING (((SELECT reeve_sees_every()) OR business_id = ANY ((SELECT reeve_sees_only())::uuid[]))
    AND (business_id IS NULL OR business_id <> ALL ((SELECT reeve_sees_never())::uuid[])))
    WITH CHECK (((SELECT reeve_sees_every()) OR business_id = ANY ((SELECT reeve_sees_only())::uuid[]))
    AND (business_id IS NULL OR business_id <> ALL ((SELECT reeve_sees_never())::uuid[])));
";

const DOWN: &str = "
DROP TABLE error_reports;
";
