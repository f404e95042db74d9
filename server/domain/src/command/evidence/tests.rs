//! The whole way of a command leaves evidence that is good; and somebody with the database, but without the keys, makes no
//! device do anything that people did not ask for.

mod put_back;

use super::*;
use crate::{
    AgentCx, SessionSecret, Visitor,
    access::SignIn,
    approval,
    command::{self, Delivery, Occasion, chain, evidence_check},
    store::tests::estate::{Estate, each_engine, run},
};
use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use ed25519_dalek::{Signer as _, SigningKey};
use entity::{
    approval::DecisionInput,
    command::{
        ChainEvent, CommandInput, CommandReceipt, Envelope, Order, Payload, ResultStatus, chain_head_message,
    },
    factor::FactorPolicy,
    seal::{Purpose, SealKey},
    session::{LinkInput, SetupInput},
    user::{Role, UserInput},
    wire::Chain,
};

const PASSWORD: &str = "correct horse battery staple 9";

/// Two people, and a device that does what it is told.
struct World {
    estate: Estate,
    asker: Cx,
    decider: Cx,
    agent: AgentCx,
    key: SigningKey,
}

fn visitor() -> Visitor {
    Visitor { source_ip: "192.0.2.7".to_owned(), user_agent: "test".to_owned(), request_id: None }
}

async fn cx(estate: &Estate, secret: &SessionSecret) -> Cx {
    crate::access::session_cx(&estate.store, &visitor(), secret).await.expect("a session")
}

impl World {
    async fn new(estate: Estate) -> Self {
        let store = &estate.store;
        let key = crate::access::new_setup_key(store).await.expect("asks").expect("nobody is there yet");
        let setup = SetupInput {
            key,
            full_name: "Ada Admin".to_owned(),
            email: "ada@msp.example".to_owned(),
            password: PASSWORD.to_owned(),
        };
        let secret = crate::access::complete_setup(store, &visitor(), setup).await.expect("the first admin");
        let job = crate::SystemCx::new(store, "test");
        crate::access::decide_factor_policy(&job, FactorPolicy::Nobody).await.expect("decided");
        let asker = cx(&estate, &secret).await;
        let input = UserInput {
            email: "bob@msp.example".to_owned(),
            full_name: "Bob Boss".to_owned(),
            role: Role::MspAdmin,
            custom_role_id: None,
            extra_permissions: vec![],
            business_id: None,
            every_business: false,
            granted: vec![],
            granted_locations: vec![],
            denied: vec![],
            denied_locations: vec![],
        };
        let invited = crate::user::add(&asker.confirmed().expect("just now"), input).await.expect("added");
        let link = invited.link.url.as_deref().and_then(|url| url.split('#').nth(1)).expect("shown");
        let input = LinkInput { key: link.to_owned(), password: PASSWORD.to_owned() };
        let arrived = crate::user::accept_link(store, &visitor(), input).await.expect("a password");
        let SignIn::Session(secret) = arrived else { panic!("a factor is asked for") };
        let decider = cx(&estate, &secret).await;
        let key = SigningKey::from_bytes(&[7; 32]);
        let public = BASE64_URL_SAFE_NO_PAD.encode(key.verifying_key().as_bytes());
        let sql = "UPDATE agent_devices SET public_key = ? WHERE id = ?";
        run(&estate.raw().await, sql, [public.into(), estate.device.into()]).await.expect("a key");
        let agent = AgentCx::new(&estate.store, estate.device, 1, estate.ours);
        Self { estate, asker, decider, agent, key }
    }

    /// Somebody asks for something strong.
    async fn ask(&self) -> entity::command::CommandDetail {
        let input = CommandInput {
            payload: Payload::RestartService { service_name: "nginx".to_owned() },
            timeout_seconds: None,
            deliver_within_seconds: None,
            on_offline: None,
            priority: None,
            reason: Some("It hangs".to_owned()),
        };
        command::create_one(&self.asker, self.estate.device, input).await.expect("asked")
    }

    async fn approve(&self, asked: &entity::command::CommandDetail) {
        let input =
            DecisionInput { request_sha256: asked.request.request_sha256.clone(), note: String::new() };
        let confirmed = self.decider.confirmed().expect("just now");
        approval::approve(&confirmed, asked.request.id, input).await.expect("approved");
    }

    async fn delivered(&self) -> Vec<Envelope> {
        let Delivery { orders, .. } =
            command::deliver(&self.agent, Occasion::Arrived).await.expect("looked up");
        orders
    }

    /// What the device would believe.
    fn believed(&self, envelope: &Envelope) -> Option<Order> {
        let root = self.estate.store.signer().root_public();
        let opened = seal::open::<Order>(&root, Purpose::Order, envelope, self.estate.store.now());
        opened.ok().map(|(order, _)| order).filter(|order| {
            order.device_id == self.estate.device
                && seal::is_what_was_approved(order)
                && order.has_its_approvals()
        })
    }

    /// The device does it, and tells its record.
    async fn obey(&self, envelope: &Envelope) {
        let order = self.believed(envelope).expect("believed");
        let sha256 = seal::sha256(&seal::payload(envelope).expect("bytes"));
        for is_started in [false, true] {
            let receipt = CommandReceipt {
                command_id: order.command_id,
                order_sha256: sha256.clone(),
                at: self.estate.store.now(),
                is_started,
            };
            command::receipt(&self.agent, receipt).await.expect("taken");
        }
        let result = CommandResult {
            command_id: order.command_id,
            order_sha256: sha256.clone(),
            status: ResultStatus::Completed,
            refusal: None,
            detail: "the service runs".to_owned(),
            exit_code: Some(0),
            output: "restarted\n".to_owned(),
            output_bytes: 10,
            started_at: Some(self.estate.store.now()),
            ended_at: self.estate.store.now(),
        };
        command::result(&self.agent, Vec::new(), result.clone()).await.expect("taken");
        let known = chain::record(&self.asker, self.estate.device).await.expect("read");
        let mut head = ChainHead { seq: known.seq, hash: known.hash, signature: None };
        let mut entries = Vec::new();
        let result_sha256 = seal::result_sha256(&result);
        for (event, subject) in [
            (ChainEvent::Received, &sha256),
            (ChainEvent::Started, &sha256),
            (ChainEvent::Done, &result_sha256),
        ] {
            let mut entry = ChainEntry {
                seq: head.seq + 1,
                at: self.estate.store.now(),
                event,
                command_id: Some(order.command_id),
                subject_sha256: subject.clone(),
                note: String::new(),
                previous: if head.seq == 0 { seal::chain_start() } else { head.hash },
                hash: String::new(),
            };
            entry.hash = seal::chain_hash(&entry);
            head = ChainHead { seq: entry.seq, hash: entry.hash.clone(), signature: None };
            entries.push(entry);
        }
        let message = chain_head_message(self.estate.device, head.seq, &head.hash);
        head.signature = Some(BASE64_URL_SAFE_NO_PAD.encode(self.key.sign(&message).to_bytes()));
        chain::append(&self.agent, Chain { entries, head }).await.expect("taken");
    }
}

fn said(checks: &evidence_check::Checks) -> String {
    checks.list.iter().map(|check| format!("{:?}: {}\n", check.found, check.what)).collect()
}

#[tokio::test]
async fn the_whole_way_of_a_command_leaves_evidence() {
    each_engine(async |estate: Estate| {
        let world = World::new(estate).await;
        let store = &world.estate.store;
        let root = store.signer().root_public();
        let mut made = Vec::new();
        // The second one begins at a place of the device's record that the audit log knows.
        for _ in 0..2 {
            let asked = world.ask().await;
            assert!(world.delivered().await.is_empty(), "nobody has said yes");
            world.approve(&asked).await;
            let orders = world.delivered().await;
            assert_eq!(orders.len(), 1);
            world.obey(&orders[0]).await;
            let file = export(&world.asker, asked.command.id).await.expect("made");
            let checks = evidence_check::check(file.as_bytes(), Some(root));
            assert!(checks.is_good(), "{}", said(&checks));
            for sentence in
                ["own key has signed", "has this result", "audit log has the place up to", "1 approvals"]
            {
                assert!(said(&checks).contains(sentence), "{sentence} in\n{}", said(&checks));
            }
            made.push(file);
        }
        assert!(said(&evidence_check::check(made[1].as_bytes(), None)).contains("place from which on"));
        let rejected = world.ask().await;
        let file = export(&world.asker, rejected.command.id).await.expect("made");
        let checks = evidence_check::check(file.as_bytes(), Some(root));
        assert!(checks.is_good(), "{}", said(&checks));
        // The database in another's hands makes no good evidence of something else.
        let raw = world.estate.raw().await;
        run(&raw, "UPDATE agent_commands SET output = 'nothing happened'", []).await.expect("changed");
        let read = evidence_file::read(&made[0]).expect("a file");
        let id = read.1.command.id;
        let file = export(&world.asker, id).await.expect("made");
        assert!(
            !evidence_check::check(file.as_bytes(), Some(root)).is_good(),
            "it is not what the device says"
        );
    })
    .await;
}

/// Row C03: whoever can write every row, and knows everything that is in the database, but has no key file.
#[tokio::test]
async fn whoever_has_the_database_alone_cannot_mint_a_command() {
    each_engine(async |estate: Estate| {
        let world = World::new(estate).await;
        let raw = world.estate.raw().await;
        let asked = world.ask().await;
        let (request, id) = (asked.request.id, asked.command.id);
        let wanted = seal::sha256(b"what was asked");
        // Nobody has said yes, and the database says that somebody has.
        for sql in [
            "UPDATE agent_commands SET state = 'pending', wave = 1",
            "UPDATE agent_command_requests SET state = 'approved', approvals_needed = 0, wave = 1",
        ] {
            run(&raw, sql, []).await.expect("changed");
            assert!(world.delivered().await.is_empty(), "{sql}");
        }
        let sql = "INSERT INTO agent_command_approvals (id, request_id, business_id, user_id, user_name, decision, \
                   request_sha256, proof, decided_at) VALUES (?, ?, ?, ?, 'Bob', 'approve', ?, ?, ?)";
        for (person, proof) in [(world.decider.me().id, String::new()), (world.asker.me().id, wanted)] {
            let values = [
                entity::id::ApprovalId::generate().into(),
                request.into(),
                world.estate.ours.into(),
                person.into(),
                asked.request.request_sha256.as_str().into(),
                proof.into(),
                world.estate.store.now().into(),
            ];
            run(&raw, sql, values).await.expect("a row");
            let sql = "UPDATE agent_command_requests SET approvals_needed = 1, state = 'approved'";
            run(&raw, sql, []).await.expect("changed");
            assert!(world.delivered().await.is_empty(), "a yes that nobody said");
        }
        // What was approved becomes something else.
        run(&raw, "DELETE FROM agent_command_approvals", []).await.expect("removed");
        let sql = "UPDATE agent_command_requests SET state = 'awaiting', wave = 0, approvals_needed = 1";
        run(&raw, sql, []).await.expect("as it was");
        let sql = "UPDATE agent_commands SET state = 'awaiting_approval'";
        run(&raw, sql, []).await.expect("as it was");
        let second = world.ask().await;
        world.approve(&second).await;
        let other = serde_json::to_string(&Payload::StopProcess { process_name: "sshd".to_owned() }).expect("JSON");
        let sql = "UPDATE agent_command_requests SET payload = ?, kind = 'stop_process' WHERE id = ?";
        run(&raw, sql, [other.into(), second.request.id.into()]).await.expect("changed");
        assert!(world.delivered().await.is_empty(), "a yes to something else");
        // An envelope with keys of one's own, put where the one that was signed lies.
        let third = world.ask().await;
        world.approve(&third).await;
        let genuine = world.delivered().await;
        let order = world.believed(&genuine[0]).expect("genuine");
        let (their_root, their_key) = (SealKey::from_seed(&[1; 32]), SealKey::from_seed(&[2; 32]));
        let grant = KeyGrantOf(&their_root, &their_key, &order).seal();
        let forged = their_key.seal(Purpose::Order, &order, vec![grant]).expect("sealed");
        for envelope in [&forged, &Envelope { grants: genuine[0].grants.clone(), ..forged.clone() }] {
            let text = serde_json::to_string(envelope).expect("JSON");
            let sql = "UPDATE agent_commands SET envelope = ? WHERE id = ?";
            run(&raw, sql, [text.into(), third.command.id.into()]).await.expect("changed");
            for handed in world.delivered().await {
                assert_eq!(world.believed(&handed), None, "the device knows its root");
            }
        }
        // The order of one device for another.
        let sql = "UPDATE agent_commands SET device_id = (SELECT id FROM agent_devices WHERE device_key = 2) WHERE id = ?";
        run(&raw, sql, [third.command.id.into()]).await.expect("changed");
        let neighbour = Reach::everything().select::<device::Entity>().filter(device::Column::DeviceKey.eq(2_i64));
        let neighbour = neighbour.one(world.estate.store.db()).await.expect("read").expect("one");
        let theirs = AgentCx::new(&world.estate.store, neighbour.id, 2, neighbour.business_id);
        let handed = command::deliver(&theirs, Occasion::Arrived).await.expect("looked up");
        assert!(handed.orders.is_empty(), "row C02");
        let _ = id;
    })
    .await;
}

/// A root's word, by whoever thinks that they are one.
struct KeyGrantOf<'a>(&'a SealKey, &'a SealKey, &'a Order);

impl KeyGrantOf<'_> {
    fn seal(&self) -> Envelope {
        let Self(root, key, order) = self;
        let word = entity::command::KeyGrant {
            keyid: key.keyid().to_owned(),
            public_key: base64::prelude::BASE64_STANDARD.encode(key.public()),
            not_before: order.issued_at - TimeDelta::days(1),
            not_after: order.issued_at + TimeDelta::days(1),
        };
        root.seal(Purpose::KeyGrant, &word, Vec::new()).expect("sealed")
    }
}
