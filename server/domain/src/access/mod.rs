//! Who is asking. Three contexts, three types, so that a signature says who may call it; none can be made outside
//! this module's authentication.

mod arrive;
mod authority;
mod ceremony;
mod confirm;
mod key;
mod password;
mod permit;
pub(crate) mod policy;
mod setup;
mod sign_in;
mod throttle;

pub(crate) use arrive::{Arrival, FACTOR, arrive, begin_session, may_sign_in};
pub(crate) use authority::{Authority, custom_role, custom_roles, end_sessions_of, held_with, holders};
pub use ceremony::{CEREMONY_MINUTES, CeremonySecret};
pub(crate) use ceremony::{
    begin as begin_ceremony, look as look_ceremony, peek as peek_ceremony, take as take_ceremony,
};
pub(crate) use confirm::note_confirmed;
pub use confirm::{Confirmed, confirm_with_password};
pub use key::api_key_cx;
pub(crate) use key::{
    count_working, held_now, networks, own_keys, read as read_list, write as write_permissions,
};
pub(crate) use password::{
    BreachedList, Chooser, Turns, check_new as check_new_password, hash as hash_password,
    renew as renew_password, verify as verify_password,
};
pub(crate) use permit::{Permit, Target};
pub use policy::{decide_factor_policy, factor_policy, set_factor_policy};
pub use setup::{complete_setup, make_first_admin, new_setup_key, setup_is_open};
pub use sign_in::{SignIn, session_cx, sign_in, sign_out, watching_cx};
pub(crate) use sign_in::{end_sessions, held_by, reach_of};
pub(crate) use throttle::{Throttle, Ticket};

use crate::{
    Error, Result, Store,
    store::{Change, Db, Reach, Scope, Tenant},
};
use chrono::{DateTime, Utc};
use entity::{
    audit::ActorKind,
    id::{ApiKeyId, BusinessId, DeviceId, SessionId},
    portal_event::PortalEvent,
    table::device,
    user::Me,
};
use sea_orm::{ColumnTrait as _, QueryFilter as _, Select};

/// Who knocks, before it is known who they are.
#[derive(Clone, Debug)]
pub struct Visitor {
    /// Address the request came from.
    pub source_ip: String,
    /// What the program called itself, cut to a bounded length.
    pub user_agent: String,
    /// Names the request, in the server's log and in the audit log.
    pub request_id: Option<String>,
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

/// By what somebody was recognised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Credential {
    /// A session of the portal, and when they last proved who they are.
    Session { id: SessionId, confirmed_at: DateTime<Utc> },
    /// An API key.
    ApiKey(ApiKeyId),
}

/// A signed-in person, or a program that acts with a key. Made by [`session_cx`], [`watching_cx`] and [`api_key_cx`]
/// alone.
#[derive(Clone)]
pub struct Cx {
    store: Store,
    db: Db,
    me: Me,
    reach: Reach,
    credential: Credential,
    /// What the API key is called, for the audit log.
    key_name: Option<String>,
    source_ip: String,
    request_id: Option<String>,
}

impl Cx {
    fn new(store: &Store, me: Me, reach: Reach, credential: Credential, visitor: &Visitor) -> Self {
        Self {
            db: store.db().within(reach.scope()),
            store: store.clone(),
            me,
            reach,
            credential,
            key_name: None,
            source_ip: visitor.source_ip.clone(),
            request_id: visitor.request_id.clone(),
        }
    }

    /// Who it is.
    #[must_use]
    pub const fn me(&self) -> &Me {
        &self.me
    }

    /// May this person be told of this event?
    ///
    /// # Errors
    /// When the database fails.
    pub async fn sees(&self, event: &PortalEvent) -> Result<bool> {
        if event.is_for_msp() {
            return Ok(self.me.role.is_msp() && !self.reach.is_nothing());
        }
        let Some(business) = event.business_id() else { return Ok(true) };
        if !self.reach.depends_on_location() {
            return Ok(self.reach.includes(business));
        }
        let Some(device) = event.device_id() else { return Ok(self.reach.includes(business)) };
        if !self.reach.touches(business) {
            return Ok(false);
        }
        let found =
            self.select::<device::Entity>().filter(device::Column::Id.eq(device)).one(self.db()).await?;
        Ok(found.is_some())
    }

    /// Does this person reach what they reached before, and may they do the same?
    #[must_use]
    pub fn reaches_as_before(&self, before: &Self) -> bool {
        self.reach == before.reach && self.me.permissions == before.me.permissions
    }

    /// The same rights, as long as they were confirmed in the last minutes.
    ///
    /// # Errors
    /// Confirm identity when it is too long ago; forbidden for an API key.
    pub fn confirmed(&self) -> Result<Confirmed<'_>> {
        Confirmed::of(self)
    }

    pub(crate) const fn store(&self) -> &Store {
        &self.store
    }

    /// For reading within reach; on PostgreSQL the database keeps to it too.
    pub(crate) const fn db(&self) -> &Db {
        &self.db
    }

    pub(crate) const fn reach(&self) -> &Reach {
        &self.reach
    }

    pub(crate) const fn credential(&self) -> Credential {
        self.credential
    }

    /// The session of the portal.
    ///
    /// # Errors
    /// Forbidden for an API key: an account is its owner's.
    pub(crate) fn session_id(&self) -> Result<SessionId> {
        match self.credential {
            Credential::Session { id, .. } => Ok(id),
            Credential::ApiKey(_) => {
                Err(Error::forbidden("This is for people in the portal, not for API keys."))
            }
        }
    }

    /// The API key by which it was recognised.
    #[must_use]
    pub const fn api_key_id(&self) -> Option<ApiKeyId> {
        match self.credential {
            Credential::Session { .. } => None,
            Credential::ApiKey(id) => Some(id),
        }
    }

    /// Who acts, for the audit log: a key by its own name too.
    pub(crate) fn actor_name(&self) -> String {
        let name = &self.me.full_name;
        self.key_name.as_ref().map_or_else(|| name.clone(), |key| format!("{name} (key {key})"))
    }

    pub(crate) const fn actor_kind(&self) -> ActorKind {
        match self.credential {
            Credential::Session { .. } => ActorKind::Person,
            Credential::ApiKey(_) => ActorKind::ApiKey,
        }
    }

    /// Where the request came from.
    #[must_use]
    pub fn source_ip(&self) -> &str {
        &self.source_ip
    }

    pub(crate) fn request_id(&self) -> Option<&str> {
        self.request_id.as_deref()
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
    pub(crate) fn new(store: &Store, device_id: DeviceId, device_key: i64, business_id: BusinessId) -> Self {
        Self { store: store.clone(), device_id, device_key, business_id }
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

    /// Begins a transaction that may write to this device's business alone.
    pub(crate) async fn begin(&self) -> Result<Change> {
        self.store.begin_within(self.store.db().within(Scope::of(self.business_id))).await
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
