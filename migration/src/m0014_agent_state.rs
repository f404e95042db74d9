//! What the agent of a device is doing with itself, as it last said.

crate::step!(UP, DOWN);

const UP: &str = "
ALTER TABLE agent_devices ADD COLUMN agent_state TEXT;
";

const DOWN: &str = "
ALTER TABLE agent_devices DROP COLUMN agent_state;
";
