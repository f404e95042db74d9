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
        }
    }
}
