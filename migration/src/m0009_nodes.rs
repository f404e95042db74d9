//! Server processes that share a database, and which of them heard from a device last.

crate::step!(UP, DOWN);

const UP: &str = "
CREATE TABLE server_nodes (
    id {uuid} NOT NULL PRIMARY KEY,
    started_at {time} NOT NULL,
    beat BIGINT NOT NULL,
    ended_at {time}
);

ALTER TABLE agent_devices ADD COLUMN node_id {uuid};
";

const DOWN: &str = "
ALTER TABLE agent_devices DROP COLUMN node_id;
DROP TABLE server_nodes;
";
