//! Table `agent_devices`.

use crate::{
    agent_state::AgentState,
    device::DeviceState,
    id::{BusinessId, DeviceId, NodeId, ServiceLocationId},
    platform::{Arch, Os},
    presence::{DisconnectReason, LinkKind, Presence},
    release::{Channel, Libc},
    system_service::ServiceManager,
};
use sea_orm::entity::prelude::*;

#[expect(missing_docs, reason = "columns are described by the views that show them")]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "agent_devices")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: DeviceId,
    pub device_key: i64,
    pub business_id: BusinessId,
    pub service_location_id: Option<ServiceLocationId>,
    pub device_name: String,
    /// The name folded by [`crate::input::fold`]; written whenever the name is.
    pub name_key: String,
    pub hostname: String,
    pub public_key: String,
    pub state: DeviceState,
    pub os_type: Os,
    pub os_architecture: Arch,
    pub os_version: Option<String>,
    pub agent_version: String,
    pub agent_state: Option<AgentState>,
    pub presence: Presence,
    pub presence_since: Option<DateTimeUtc>,
    pub disconnect_reason: Option<DisconnectReason>,
    pub link: Option<LinkKind>,
    pub last_seen_at: Option<DateTimeUtc>,
    pub node_id: Option<NodeId>,
    pub boot_id: Option<String>,
    pub former_boot_ids: String,
    pub clone_suspected_at: Option<DateTimeUtc>,
    pub facts: String,
    pub facts_digest: Option<String>,
    pub services_manager: Option<ServiceManager>,
    pub services_digest: Option<String>,
    pub services_reported_at: Option<DateTimeUtc>,
    pub software_digest: Option<String>,
    pub software_count: Option<i64>,
    pub samples_dropped: i64,
    /// [`crate::device_lock::LockView`] as JSON; absent before the agent has said anything.
    pub device_lock: Option<String>,
    /// Monitored services that are not as they should be.
    pub services_wrong: i64,
    /// What the agent says that it is; absent before it said so.
    pub running_version: Option<String>,
    pub running_seq: Option<i64>,
    pub running_build_id: Option<String>,
    pub running_sha256: Option<String>,
    pub running_libc: Option<Libc>,
    /// It can put another agent in its place.
    pub is_supervised: bool,
    /// Its own; that of its business when none.
    pub release_channel: Option<Channel>,
    pub search_text: String,
    pub created_at: DateTimeUtc,
    pub revoked_at: Option<DateTimeUtc>,
}

/// Relations are composite keys in the schema; queries join by hand.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
