//! A world for rollouts: people, releases that somebody signed, and devices that do as they are told.

use crate::{
    AgentCx, Cx, Visitor, access, job,
    rollout::{self, Grant},
    store::{
        Reach,
        tests::estate::{Engine, Estate},
    },
};
use chrono::{DateTime, TimeDelta, Utc};
use entity::{
    agent_release::ReleaseState,
    device::DeviceState,
    factor::FactorPolicy,
    id::{DeviceId, ReleaseId, RolloutId, UserId},
    platform::{Arch, Os},
    presence::Presence,
    release::{Artifact, ArtifactKind, Channel, Libc, Manifest, PRODUCT, Reason, SPEC, Sha256Hex, Signer},
    rollout::{HaltTerms, RolloutInput, RolloutKind, RolloutState, RolloutTarget, RolloutView, WaveInput},
    session::{SetupInput, SignInInput},
    table::{device, release, release_artifact, rollout as rollout_table, rollout_device as update, user},
    update::{GoAnswer, Running, UpdateQuestion, UpdateState, UpdateStatus},
};
use sea_orm::{ColumnTrait as _, EntityTrait as _, QueryFilter as _, QueryOrder as _, sea_query::Expr};
use std::sync::atomic::{AtomicI64, Ordering};

pub(super) const PASSWORD: &str = "correct horse battery staple";
const FIRST: &str = "ada@msp.example";
const SECOND: &str = "ben@msp.example";

pub(super) struct World {
    pub(super) estate: Estate,
    next_key: AtomicI64,
}

/// A device, and what it runs.
#[derive(Clone)]
pub(super) struct Machine {
    pub(super) cx: AgentCx,
    pub(super) os: Os,
    pub(super) seq: u64,
    pub(super) highest_seq: u64,
    pub(super) version: String,
    pub(super) step: u32,
}

pub(super) fn visitor() -> Visitor {
    Visitor { source_ip: "192.0.2.1".to_owned(), user_agent: "test".to_owned(), request_id: None }
}

/// What a build of a release for a system is called, and its digest.
fn build(seq: u64, os: Os) -> String {
    format!("build-{seq}-{}", os.word())
}

pub(super) fn digest(seq: u64, os: Os) -> Sha256Hex {
    Sha256Hex::of(build(seq, os).as_bytes())
}

pub(super) fn wave(percent: u8) -> WaveInput {
    WaveInput {
        percent: Some(percent),
        devices: Vec::new(),
        soak_seconds: 0,
        min_successes: 1,
        success_percent: 95,
    }
}

pub(super) fn named(devices: &[DeviceId]) -> WaveInput {
    WaveInput { percent: None, devices: devices.to_vec(), ..wave(1) }
}

pub(super) fn input(release_id: ReleaseId, waves: Vec<WaveInput>) -> RolloutInput {
    RolloutInput {
        name: "Try it".to_owned(),
        kind: RolloutKind::AgentRelease,
        release_id,
        target: RolloutTarget::All {},
        channel: None,
        waves,
        halt: HaltTerms::default(),
        max_in_flight: 50,
        spread_seconds: 0,
        start_at: None,
        note: String::new(),
    }
}

impl World {
    pub(super) async fn on(engine: Engine) -> Self {
        let estate = Estate::on(engine).await;
        let key = access::new_setup_key(&estate.store).await.expect("a key").expect("the setup is open");
        let input = SetupInput {
            key,
            full_name: "Ada Admin".to_owned(),
            email: FIRST.to_owned(),
            password: PASSWORD.to_owned(),
        };
        access::complete_setup(&estate.store, &visitor(), input).await.expect("an admin");
        let system = crate::SystemCx::new(&estate.store, "test");
        access::decide_factor_policy(&system, FactorPolicy::Nobody).await.expect("decided");
        let world = Self { estate, next_key: AtomicI64::new(10) };
        world.add_person(SECOND, |user| user).await;
        world
    }

    /// Another person with the first one's password.
    pub(super) async fn add_person(&self, email: &str, change: impl FnOnce(user::Model) -> user::Model) {
        let store = &self.estate.store;
        let first = Reach::everything().select::<user::Entity>();
        let first = first.filter(user::Column::Email.eq(FIRST)).one(store.db()).await;
        let first = first.expect("read").expect("the first");
        let row = change(user::Model { id: UserId::generate(), email: email.to_owned(), ..first });
        let change = store.begin().await.expect("begins");
        user::Entity::insert(user::ActiveModel::from(row))
            .exec_without_returning(&*change)
            .await
            .expect("inserted");
        change.commit_unattended().await.expect("committed");
    }

    pub(super) async fn person(&self, email: &str) -> Cx {
        let store = &self.estate.store;
        let input = SignInInput { email: email.to_owned(), password: PASSWORD.to_owned() };
        match access::sign_in(store, &visitor(), input).await.expect("signs in") {
            access::SignIn::Session(secret) => {
                access::session_cx(store, &visitor(), &secret).await.expect("a session")
            }
            access::SignIn::Factor(_) => panic!("no factor is asked for"),
        }
    }

    pub(super) async fn ada(&self) -> Cx {
        self.person(FIRST).await
    }

    pub(super) async fn ben(&self) -> Cx {
        self.person(SECOND).await
    }

    /// A complete release for Linux and Windows.
    pub(super) async fn release(&self, seq: u64) -> ReleaseId {
        self.release_of(seq, seq, 0).await
    }

    /// The same with the files of another sequence, and a stepping stone.
    pub(super) async fn release_of(&self, seq: u64, files: u64, min_from: u64) -> ReleaseId {
        let version = format!("1.{seq}.0");
        let at = self.now();
        let artifact = |os| Artifact {
            kind: ArtifactKind::Agent,
            os,
            arch: Arch::X86_64,
            libc: (os == Os::Linux).then_some(Libc::Gnu),
            size_bytes: 1_000,
            sha256: digest(files, os),
            build_id: build(files, os),
            config_schema: 1,
            spool_schema: 1,
        };
        let manifest = Manifest {
            spec: SPEC,
            product: PRODUCT.to_owned(),
            channel: Channel::Stable,
            seq,
            version: version.parse().expect("a version"),
            issued: at,
            expires: at + TimeDelta::days(45),
            min_from,
            min_secure: 0,
            revoked: Vec::new(),
            artifacts: vec![artifact(Os::Linux), artifact(Os::Windows)],
            notes: String::new(),
            ext: std::collections::BTreeMap::new(),
        };
        let envelope = Signer::from_seed(&[7; 32]).sign(&manifest).expect("signed");
        let id = ReleaseId::generate();
        let row = release::Model {
            id,
            version,
            seq: i64::try_from(seq).expect("small"),
            channel: Channel::Stable,
            state: ReleaseState::Available,
            manifest: envelope,
            manifest_sha256: digest(seq, Os::Macos).to_string(),
            issued_at: at,
            expires_at: at + TimeDelta::days(45),
            notes: String::new(),
            created_by: None,
            created_at: at,
            available_at: Some(at),
            withdrawn_by: None,
            withdrawn_at: None,
            withdrawn_reason: None,
        };
        let change = self.estate.store.begin().await.expect("begins");
        release::Entity::insert(release::ActiveModel::from(row))
            .exec_without_returning(&*change)
            .await
            .expect("a release");
        for (position, artifact) in (0..).zip(manifest.artifacts) {
            let row = release_artifact::Model {
                release_id: id,
                position,
                kind: artifact.kind,
                os: artifact.os,
                arch: artifact.arch,
                libc: artifact.libc,
                size_bytes: 1_000,
                sha256: artifact.sha256.to_string(),
                build_id: artifact.build_id,
                stored_by: None,
                stored_at: Some(at),
            };
            release_artifact::Entity::insert(release_artifact::ActiveModel::from(row))
                .exec_without_returning(&*change)
                .await
                .expect("an artifact");
        }
        change.commit_unattended().await.expect("committed");
        id
    }

    /// Devices of ours that are there and run the first release.
    pub(super) async fn machines(&self, count: usize, os: Os) -> Vec<Machine> {
        let store = &self.estate.store;
        let template = Reach::everything()
            .select::<device::Entity>()
            .filter(device::Column::Id.eq(self.estate.device))
            .one(store.db())
            .await
            .expect("read")
            .expect("the device of the estate");
        let mut machines = Vec::with_capacity(count);
        let mut rows = Vec::with_capacity(count);
        for _ in 0..count {
            let key = self.next_key.fetch_add(1, Ordering::Relaxed);
            let row = device::Model {
                id: DeviceId::generate(),
                device_key: key,
                device_name: format!("machine {key}"),
                name_key: format!("machine {key}"),
                public_key: format!("key {key}"),
                state: DeviceState::Active,
                os_type: os,
                presence: Presence::Online,
                last_seen_at: Some(self.now()),
                running_version: Some("1.1.0".to_owned()),
                running_seq: Some(1),
                running_build_id: Some(build(1, os)),
                running_sha256: Some(digest(1, os).to_string()),
                is_supervised: true,
                ..template.clone()
            };
            machines.push(Machine {
                cx: AgentCx::new(store, row.id, key, row.business_id),
                os,
                seq: 1,
                highest_seq: 1,
                version: "1.1.0".to_owned(),
                step: 0,
            });
            rows.push(device::ActiveModel::from(row));
        }
        let change = store.begin().await.expect("begins");
        while !rows.is_empty() {
            let some = rows.split_off(rows.len().saturating_sub(500));
            device::Entity::insert_many(some).exec_without_returning(&*change).await.expect("devices");
        }
        change.commit_unattended().await.expect("committed");
        machines
    }

    /// Drafts, hands in and starts a rollout.
    pub(super) async fn start(&self, input: RolloutInput) -> RolloutView {
        let ada = self.ada().await;
        let made = rollout::create(&ada, input).await.expect("drafted");
        let confirmed = ada.confirmed().expect("just signed in");
        rollout::submit(&confirmed, made.rollout.id).await.expect("handed in");
        rollout::start(&confirmed, made.rollout.id).await.expect("started")
    }

    pub(super) async fn row(&self, id: RolloutId) -> rollout_table::Model {
        let found = rollout_table::Entity::find_by_id(id).one(self.estate.store.db()).await;
        found.expect("read").expect("the rollout")
    }

    pub(super) async fn state(&self, id: RolloutId) -> RolloutState {
        self.row(id).await.state
    }

    pub(super) async fn updates(&self, id: RolloutId) -> Vec<update::Model> {
        Reach::everything()
            .select::<update::Entity>()
            .filter(update::Column::RolloutId.eq(id))
            .order_by_asc(update::Column::DeviceId)
            .all(self.estate.store.db())
            .await
            .expect("read")
    }

    pub(super) async fn count(&self, id: RolloutId, state: UpdateState) -> usize {
        self.updates(id).await.iter().filter(|row| row.state == state).count()
    }

    pub(super) fn now(&self) -> DateTime<Utc> {
        self.estate.store.now()
    }

    /// Time passes, and the job looks.
    pub(super) async fn pass(&self, minutes: i64) {
        self.estate.clock.advance(TimeDelta::minutes(minutes));
        job::pass_rollouts(&crate::SystemCx::new(&self.estate.store, "test")).await.expect("looked");
    }

    /// Is the device there?
    pub(super) async fn is_there(&self, device: DeviceId, presence: Presence) {
        let change = self.estate.store.begin().await.expect("begins");
        device::Entity::update_many()
            .col_expr(device::Column::Presence, Expr::value(presence))
            .col_expr(device::Column::LastSeenAt, Expr::value(self.now()))
            .filter(device::Column::Id.eq(device))
            .exec(&*change)
            .await
            .expect("written");
        change.commit_unattended().await.expect("committed");
    }
}

impl Machine {
    pub(super) fn id(&self) -> DeviceId {
        self.cx.device_id()
    }

    fn question(&self) -> UpdateQuestion {
        UpdateQuestion {
            agent_id: None,
            version: self.version.clone(),
            os: self.os,
            arch: Arch::X86_64,
            libc: None,
            seq: self.seq,
            highest_seq: self.highest_seq,
            root_version: 1,
            nonce: None,
        }
    }

    pub(super) async fn ask(&self) -> Option<Grant> {
        rollout::offer(&self.cx, &self.question()).await.expect("answered")
    }

    pub(super) async fn go(&self, grant: &Grant) -> GoAnswer {
        rollout::go(&self.cx, grant.update_id).await.expect("answered")
    }

    pub(super) fn running(&self, files: u64) -> Running {
        Running {
            version: format!("1.{files}.0"),
            seq: files,
            build_id: build(files, self.os),
            sha256: Some(digest(files, self.os)),
            libc: None,
            is_supervised: true,
        }
    }

    /// Says how far it is, running the files of a release.
    pub(super) async fn say(&mut self, grant: &Grant, state: UpdateState, files: u64) {
        self.say_why(grant, state, files, None).await;
    }

    pub(super) async fn say_why(
        &mut self,
        grant: &Grant,
        state: UpdateState,
        files: u64,
        reason: Option<Reason>,
    ) {
        self.step += 1;
        let status = UpdateStatus {
            update_id: grant.update_id,
            step: self.step,
            state,
            running: self.running(files),
            seq: files,
            reason,
            detail: String::new(),
            downloaded_bytes: None,
            gap_ms: None,
            log_lines: Vec::new(),
            at: self.cx.store().now(),
        };
        let ack = rollout::report(&self.cx, status).await.expect("taken");
        assert_eq!((ack.update_id, ack.step), (grant.update_id, self.step));
    }

    /// Says hello.
    pub(super) async fn hello(&self, files: u64) {
        rollout::seen(&self.cx, &self.running(files)).await.expect("taken");
    }

    /// Asks and takes the whole way, if it is granted anything.
    pub(super) async fn update(&mut self, seq: u64, files: u64) -> bool {
        let Some(grant) = self.ask().await else { return false };
        self.step = 0;
        self.say(&grant, UpdateState::Staged, self.seq).await;
        if !self.go(&grant).await.go {
            return false;
        }
        self.say(&grant, UpdateState::Confirmed, files).await;
        (self.seq, self.highest_seq, self.version) = (files, seq, format!("1.{files}.0"));
        true
    }

    /// Asks, changes over and is put back.
    pub(super) async fn fail(&mut self) -> bool {
        let Some(grant) = self.ask().await else { return false };
        if !self.go(&grant).await.go {
            return false;
        }
        self.say_why(&grant, UpdateState::RolledBack, self.seq, Some(Reason::Crashed)).await;
        true
    }
}
