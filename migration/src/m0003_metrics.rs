//! Samples keyed by (device, collected_at) in milliseconds, and the latest of each device.

crate::step!(UP, DOWN);

const UP: &str = "
CREATE TABLE agent_metrics (
    device_key BIGINT NOT NULL,
    collected_at BIGINT NOT NULL,
    cpu_percent {real},
    memory_used_bytes BIGINT,
    memory_percent {real},
    swap_used_bytes BIGINT,
    disk_used_bytes BIGINT,
    disk_percent {real},
    load_average_1m {real},
    load_average_5m {real},
    load_average_15m {real},
    uptime_seconds BIGINT,
    network_rx_bytes BIGINT,
    network_tx_bytes BIGINT,
    process_count BIGINT,
    PRIMARY KEY (device_key, collected_at)
) {clustered};

CREATE TABLE device_latest (
    device_key BIGINT NOT NULL PRIMARY KEY REFERENCES agent_devices (device_key),
    collected_at BIGINT NOT NULL,
    received_at {time} NOT NULL,
    cpu_percent {real},
    memory_percent {real},
    disk_percent {real},
    sample TEXT NOT NULL
);
CREATE INDEX device_latest_disk ON device_latest (disk_percent);
";

const DOWN: &str = "
DROP TABLE device_latest;
DROP TABLE agent_metrics;
";
