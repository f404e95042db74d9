//! What happened to a device, newest first.

use crate::platform::words;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

words! {
    /// What kind of thing happened.
    ActivityKind {
        /// The machine became a device.
        Registered = "registered",
        /// It came online.
        Online = "online",
        /// It went offline.
        Offline = "offline",
        /// The link changed between socket and polling.
        LinkChanged = "link_changed",
        /// The machine was started anew.
        Rebooted = "rebooted",
        /// Another version of the agent runs.
        AgentChanged = "agent_changed",
        /// Another device key took the place of the former one.
        KeyRotated = "key_rotated",
        /// Two machines seem to use its identity.
        CloneSuspected = "clone_suspected",
        /// Its own record of commands is not what it was.
        RecordFault = "record_fault",
        /// Hardware or operating system changed.
        FactsChanged = "facts_changed",
        /// Software was added, removed or replaced.
        SoftwareChanged = "software_changed",
        /// A system service changed its status.
        ServiceChanged = "service_changed",
        /// The agent had to drop samples because its spool was full.
        SamplesDropped = "samples_dropped",
        /// An alert began, or is over.
        Alert = "alert",
        /// Something the agent's operating system reported.
        Reported = "reported",
        /// A person did something.
        Person = "person",
    }
}

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ActivityView {
    /// When.
    pub at: DateTime<Utc>,
    /// What kind of thing.
    pub kind: ActivityKind,
    /// A sentence.
    pub summary: String,
    /// Who did it, when it was a person.
    pub actor: Option<String>,
}
