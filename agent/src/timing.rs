//! Every wait of a running agent that the server does not set, in one place so that tests can shorten them.

use std::time::Duration;

/// Waits and limits of a running agent.
#[derive(Clone, Copy, Debug)]
pub struct Timing {
    /// From the start to the first sample; processor use is measured over it.
    pub first_sample: Duration,
    /// The longest first wait before connecting again.
    pub reconnect_first: Duration,
    /// The longest wait before connecting again.
    pub reconnect_longest: Duration,
    /// From changing over to polling to the first try of the socket.
    pub socket_first_retry: Duration,
    /// Between tries of the socket while polling.
    pub socket_retry: Duration,
    /// For a connection and its first words.
    pub connect: Duration,
    /// For a request over HTTP, or one frame to be taken.
    pub request: Duration,
    /// A socket silent for so long is closed.
    pub silence: Duration,
    /// From sending samples to their acknowledgement.
    pub ack: Duration,
    /// Between tries of a device whose access was ended.
    pub revoked_retry: Duration,
    /// Most bytes the spool may take.
    pub spool_bytes: u64,
    /// Between looks at the logs.
    pub log_look: Duration,
    /// Most bytes the spool of log entries may take.
    pub log_spool_bytes: u64,
    /// Between two looks whether anything happened to the services that are looked after.
    pub service_check: Duration,
    /// Between two questions to the service manager when nothing seems to happen.
    pub service_look: Duration,
    /// From one restart of a crashed service to the next; doubles each time.
    pub restart_first: Duration,
    /// Between two refreshments of the lock file.
    pub lock_refresh: Duration,
    /// For a connection to the channel of the agent that runs, and for a request on it.
    pub channel: Duration,
    /// For the answer to a request on the channel.
    pub channel_answer: Duration,
    /// For the agent that runs to make room after `--force`.
    pub make_room: Duration,
    /// The first question for a newer version comes within this time, by chance.
    pub update_first: Duration,
    /// Between two signs of life for the supervisor.
    pub update_beat: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            first_sample: Duration::from_secs(1),
            reconnect_first: Duration::from_secs(1),
            reconnect_longest: Duration::from_secs(60),
            socket_first_retry: Duration::from_secs(3),
            socket_retry: Duration::from_secs(60),
            connect: Duration::from_secs(8),
            request: Duration::from_secs(30),
            silence: Duration::from_secs(entity::wire::limits::SOCKET_SILENCE_SECONDS),
            ack: Duration::from_secs(30),
            revoked_retry: Duration::from_secs(3_600),
            spool_bytes: 64 * 1024 * 1024,
            log_look: Duration::from_secs(15),
            log_spool_bytes: 16 * 1024 * 1024,
            service_check: Duration::from_secs(2),
            service_look: Duration::from_secs(300),
            restart_first: Duration::from_secs(10),
            lock_refresh: Duration::from_secs(60),
            channel: Duration::from_secs(5),
            channel_answer: Duration::from_secs(4),
            make_room: Duration::from_secs(45),
            update_first: Duration::from_secs(600),
            update_beat: Duration::from_secs(5),
        }
    }
}
