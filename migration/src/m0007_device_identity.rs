//! What tells one machine from two that share an identity: the boots that a device has reported.

crate::step!(UP, DOWN);

const UP: &str = "
ALTER TABLE agent_devices ADD COLUMN former_boot_ids TEXT NOT NULL DEFAULT '[]';
ALTER TABLE agent_devices ADD COLUMN clone_suspected_at {time};
";

const DOWN: &str = "
ALTER TABLE agent_devices DROP COLUMN clone_suspected_at;
ALTER TABLE agent_devices DROP COLUMN former_boot_ids;
";
