//! Who is asking. Three contexts, three types, so that a signature says who may call it; none can be made outside
//! this module's authentication.

mod password;
mod permit;
mod setup;
mod sign_in;
mod throttle;

pub(crate) use password::{hash as hash_password, verify as verify_password};
pub(crate) use permit::Permit;
pub use setup::{complete_setup, new_setup_key, setup_is_open};
pub(crate) use sign_in::end_sessions;
pub use sign_in::{session_cx, sign_in, sign_out, watching_cx};
pub(crate) use throttle::Throttle;

use crate::{
    Result, Store,
    store::{Reach, Tenant},
};
use entity::{
    id::{BusinessId, DeviceId, SessionId},
    portal_event::PortalEvent,
    table::device,
    user::Me,
};
use sea_orm::{DatabaseConnection, Select};

/// Who knocks, before it is known who they are.
#[derive(Clone, Debug)]
pub struct Visitor {
    /// Address the request came from.
    pub source_ip: String,
    /// What the program called itself, cut to a bounded length.
    pub user_agent: String,
}

/// The secret in a session cookie. Not `Debug`, so that it cannot reach a log by accident.
#[derive(Clone)]
pub struct SessionSecret(String);

impl SessionSecret {
    /// From the value of a cookie.
    #[must_use]
    pub fn from_cookie(value: &str) -> Self {
        Self(value.to_owned())
    }

    /// The value for a cookie.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

/// A signed-in person. Made by [`session_cx`] and [`watching_cx`] alone.
#[derive(Clone)]
pub struct Cx {
    store: Store,
    me: Me,
    reach: Reach,
    session_id: SessionId,
    source_ip: String,
}

impl Cx {
    /// Who it is.
    #[must_use]
    pub const fn me(&self) -> &Me {
        &self.me
    }

    /// May this person be told of this event?
    #[must_use]
    pub fn sees(&self, event: &PortalEvent) -> bool {
        event.business_id().is_none_or(|business| self.reach.includes(business))
    }

    pub(crate) const fn store(&self) -> &Store {
        &self.store
    }

    pub(crate) fn db(&self) -> &DatabaseConnection {
        self.store.db()
    }

    pub(crate) const fn reach(&self) -> &Reach {
        &self.reach
    }

    pub(crate) const fn session_id(&self) -> SessionId {
        self.session_id
    }

    pub(crate) fn source_ip(&self) -> &str {
        &self.source_ip
    }

    /// Rows of a tenant table within reach.
    pub(crate) fn select<E: Tenant>(&self) -> Select<E> {
        self.reach.select()
    }
}

/// One device, proved by its token. May report only on itself. Made by [`crate::agent_token::authenticate`] and by
/// registration alone.
#[derive(Clone)]
pub struct AgentCx {
    store: Store,
    device_id: DeviceId,
    device_key: i64,
    business_id: BusinessId,
}

impl AgentCx {
    pub(crate) fn new(store: &Store, device: &device::Model) -> Self {
        Self {
            store: store.clone(),
            device_id: device.id,
            device_key: device.device_key,
            business_id: device.business_id,
        }
    }

    /// Which device.
    #[must_use]
    pub const fn device_id(&self) -> DeviceId {
        self.device_id
    }

    /// Whose device.
    #[must_use]
    pub const fn business_id(&self) -> BusinessId {
        self.business_id
    }

    pub(crate) const fn device_key(&self) -> i64 {
        self.device_key
    }

    pub(crate) const fn store(&self) -> &Store {
        &self.store
    }

    /// The row of this device; gone when it was revoked after it proved who it is.
    pub(crate) async fn device(&self) -> Result<device::Model> {
        crate::agent_token::active(&self.store, self.device_id).await
    }
}

/// A job: something that happens because time passed.
#[derive(Clone)]
pub struct SystemCx {
    store: Store,
    job: &'static str,
}

impl SystemCx {
    /// The context of the job called `job`.
    #[must_use]
    pub fn new(store: &Store, job: &'static str) -> Self {
        Self { store: store.clone(), job }
    }

    /// The name of the job.
    #[must_use]
    pub const fn job(&self) -> &'static str {
        self.job
    }

    pub(crate) const fn store(&self) -> &Store {
        &self.store
    }
}
