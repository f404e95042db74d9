//! A record is stored once and in order; one that is not what it was shows, whichever side it was changed on.

use super::*;
use crate::{
    audit::verify_database as verify_audit,
    command::chain_verify::{self, Records},
    store::tests::estate::{Estate, each_engine, run},
};
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use ed25519_dalek::{Signer as _, SigningKey};
use entity::{
    command::chain_head_message,
    id::{AuditEntryId, CommandId, DeviceEventId},
    table::{audit_entry, chain_entry, device_event},
};
use sea_orm::QueryOrder as _;

/// A device with a record of its own.
struct Device {
    cx: AgentCx,
    key: SigningKey,
    entries: Vec<ChainEntry>,
}

impl Device {
    async fn of(estate: &Estate) -> Self {
        let key = SigningKey::from_bytes(&[7; 32]);
        let public = BASE64_URL_SAFE_NO_PAD.encode(key.verifying_key().as_bytes());
        let sql = "UPDATE agent_devices SET public_key = ? WHERE id = ?";
        run(&estate.raw().await, sql, [public.into(), estate.device.into()]).await.expect("a key");
        Self { cx: AgentCx::new(&estate.store, estate.device, 1, estate.ours), key, entries: Vec::new() }
    }

    fn add(&mut self, event: ChainEvent, note: &str) -> &mut Self {
        let last = self.entries.last();
        let mut entry = ChainEntry {
            seq: last.map_or(1, |last| last.seq + 1),
            at: crate::store::tests::estate::noon(),
            event,
            command_id: Some(CommandId::generate()),
            subject_sha256: "ab".repeat(32),
            note: note.to_owned(),
            previous: last.map_or_else(seal::chain_start, |last| last.hash.clone()),
            hash: String::new(),
        };
        entry.hash = seal::chain_hash(&entry);
        self.entries.push(entry);
        self
    }

    /// Three entries of a command.
    fn command(&mut self) -> &mut Self {
        self.add(ChainEvent::Received, "").add(ChainEvent::Started, "").add(ChainEvent::Done, "completed")
    }

    fn head(&self) -> ChainHead {
        let Some(last) = self.entries.last() else { return ChainHead::default() };
        let message = chain_head_message(self.cx.device_id(), last.seq, &last.hash);
        let signature = BASE64_URL_SAFE_NO_PAD.encode(self.key.sign(&message).to_bytes());
        ChainHead { seq: last.seq, hash: last.hash.clone(), signature: Some(signature) }
    }

    /// Tells what is behind an entry.
    async fn tell(&self, behind: u64) -> u64 {
        let entries = self.entries.iter().filter(|entry| entry.seq > behind).cloned().collect();
        append(&self.cx, Chain { entries, head: self.head() }).await.expect("taken")
    }

    /// Says hello, and tells all that is asked for until nothing is.
    async fn settle(&self) -> u64 {
        let mut behind = hello(&self.cx, &self.head()).await.expect("taken");
        for _ in 0..5 {
            let stored = self.tell(behind).await;
            if stored == behind {
                return stored;
            }
            behind = stored;
        }
        panic!("it goes on for ever");
    }
}

async fn fault(estate: &Estate) -> Option<String> {
    let head = Reach::everything()
        .select::<chain_head::Entity>()
        .filter(chain_head::Column::DeviceId.eq(estate.device))
        .one(estate.store.db())
        .await
        .expect("read");
    head.and_then(|head| head.fault)
}

async fn stored(estate: &Estate) -> Vec<(i64, i64)> {
    let rows = Reach::everything()
        .select::<chain_entry::Entity>()
        .order_by_asc(chain_entry::Column::Fork)
        .order_by_asc(chain_entry::Column::Seq)
        .all(estate.store.db())
        .await
        .expect("read");
    rows.into_iter().map(|row| (row.fork, row.seq)).collect()
}

async fn audited(estate: &Estate, action: &str) -> Vec<audit_entry::Model> {
    let found =
        Reach::everything().select::<audit_entry::Entity>().filter(audit_entry::Column::Action.eq(action));
    found.order_by_asc(audit_entry::Column::Seq).all(estate.store.db()).await.expect("read")
}

async fn verified(estate: &Estate) -> Records {
    assert_eq!(verify_audit(&estate.url, None).await.expect("read").chain.broken, None);
    chain_verify::verify_database(&estate.url).await.expect("read")
}

#[tokio::test]
async fn a_record_is_stored_once_and_the_audit_log_has_its_end() {
    each_engine(async |estate: Estate| {
        let mut device = Device::of(&estate).await;
        assert_eq!(device.settle().await, 0);
        assert_eq!(device.command().tell(0).await, 3);
        assert_eq!(device.tell(0).await, 3, "the same again");
        assert_eq!(device.add(ChainEvent::Received, "").tell(1).await, 4, "some of it again");
        assert_eq!(hello(&device.cx, &device.head()).await.expect("taken"), 4);
        assert_eq!(stored(&estate).await, [(0, 1), (0, 2), (0, 3), (0, 4)]);
        let anchors = audited(&estate, ANCHOR).await;
        assert_eq!(anchors.len(), 1, "when a command has ended");
        let anchor: Anchor =
            serde_json::from_str(anchors[0].after_json.as_deref().expect("one")).expect("read");
        assert_eq!((anchor.fork, anchor.head.seq), (0, 3));
        assert!(seal::is_signed_head(
            &device.cx.device().await.expect("row").public_key,
            estate.device,
            &anchor.head
        ));
        assert_eq!(fault(&estate).await, None);
        let found = verified(&estate).await;
        assert_eq!((found.devices, found.entries, found.faults_total), (1, 4, 0), "{:?}", found.faults);
        // What another key signed counts as not signed.
        device.key = SigningKey::from_bytes(&[8; 32]);
        device.add(ChainEvent::Done, "").tell(4).await;
        let head = Reach::everything()
            .select::<chain_head::Entity>()
            .filter(chain_head::Column::DeviceId.eq(estate.device))
            .one(estate.store.db())
            .await
            .expect("read");
        assert_eq!(head.expect("one").told_signature, None);
    })
    .await;
}

#[tokio::test]
async fn a_device_that_lost_entries_is_found_out_and_both_records_are_kept() {
    each_engine(async |estate: Estate| {
        let mut device = Device::of(&estate).await;
        device.command().command().settle().await;
        device.entries.truncate(4);
        assert_eq!(device.settle().await, 4, "it goes on where both agree");
        let said = fault(&estate).await.expect("a fault");
        assert!(said.contains("ends at entry 4 and 6 were stored"), "{said}");
        device.add(ChainEvent::Started, "anew").add(ChainEvent::Done, "anew");
        assert_eq!(device.settle().await, 6);
        assert_eq!(stored(&estate).await, [(0, 1), (0, 2), (0, 3), (0, 4), (0, 5), (0, 6), (1, 5), (1, 6)]);
        let entries = audited(&estate, FAULT).await;
        assert_eq!(entries.len(), 1, "said once");
        assert_eq!(entries[0].device_id, Some(estate.device));
        let seen = Reach::everything()
            .select::<device_event::Entity>()
            .filter(device_event::Column::Kind.eq(ActivityKind::RecordFault))
            .filter(device_event::Column::Id.gt(DeviceEventId(uuid::Uuid::nil())))
            .all(estate.store.db())
            .await
            .expect("read");
        assert_eq!(seen.len(), 1, "shown at the device");
        let found = verified(&estate).await;
        assert_eq!((found.entries, found.forks, found.faults_total), (8, 1, 0), "{:?}", found.faults);
    })
    .await;
}

#[tokio::test]
async fn a_record_that_was_written_anew_is_told_from_the_beginning() {
    each_engine(async |estate: Estate| {
        let mut device = Device::of(&estate).await;
        device.command().settle().await;
        // All of it, with hashes that fit each other.
        device.entries.clear();
        device.add(ChainEvent::Received, "other").add(ChainEvent::Done, "other").add(ChainEvent::Lock, "x");
        device.add(ChainEvent::Received, "other");
        assert_eq!(device.settle().await, 4);
        assert!(fault(&estate).await.is_some());
        assert_eq!(stored(&estate).await.len(), 3 + 4);
        // Nothing of it left.
        device.entries.clear();
        assert_eq!(device.settle().await, 0);
        assert_eq!(audited(&estate, FAULT).await.len(), 2);
        // Its oldest entries gone, before they came here.
        device.command().command().entries.drain(..2);
        assert_eq!(device.settle().await, 6);
        assert!(fault(&estate).await.expect("a fault").contains("Entries 1 to 2"));
        let found = verified(&estate).await;
        assert_eq!((found.forks, found.faults_total), (3, 0), "{:?}", found.faults);
    })
    .await;
}

#[tokio::test]
async fn an_entry_that_is_not_what_its_hash_says_is_not_taken() {
    each_engine(async |estate: Estate| {
        let mut device = Device::of(&estate).await;
        device.command();
        device.entries[1].note = "changed".to_owned();
        for _ in 0..3 {
            assert_eq!(device.tell(0).await, 0);
        }
        assert!(fault(&estate).await.expect("a fault").contains("Entry 2"));
        assert_eq!((stored(&estate).await.len(), audited(&estate, FAULT).await.len()), (0, 1));
        let many = (0..=CHAIN_ENTRIES_PER_MESSAGE_MAX).map(|_| device.entries[0].clone()).collect();
        assert!(append(&device.cx, Chain { entries: many, head: device.head() }).await.is_err());
        let turned = device.entries.iter().rev().cloned().collect();
        assert!(append(&device.cx, Chain { entries: turned, head: device.head() }).await.is_err());
    })
    .await;
}

#[tokio::test]
async fn what_is_changed_or_removed_here_shows_too() {
    each_engine(async |estate: Estate| {
        let mut device = Device::of(&estate).await;
        device.command().command().settle().await;
        let raw = estate.raw().await;
        for sql in [
            "UPDATE agent_chain_entries SET hash = 'x' WHERE seq = 2",
            "UPDATE agent_chain_entries SET entry = 'x' WHERE seq = 2",
            "DELETE FROM agent_chain_entries WHERE seq = 2",
        ] {
            assert!(run(&raw, sql, []).await.is_err(), "{sql}");
        }
        for name in ["update", "delete", "truncate"] {
            let on = if estate.is_postgres() { " ON agent_chain_entries" } else { "" };
            let sql = format!("DROP TRIGGER IF EXISTS agent_chain_entries_no_{name}{on}");
            run(&raw, &sql, []).await.expect("dropped");
        }
        assert_eq!(verified(&estate).await.faults_total, 0);
        let faults = async || verified(&estate).await.faults.join(" ");
        run(&raw, "DELETE FROM agent_chain_entries WHERE seq = 6", []).await.expect("removed");
        assert!(faults().await.contains("ends at entry 5 and not at entry 6"), "{}", faults().await);
        let sql = "UPDATE agent_chain_heads SET seq = 5, hash = (SELECT hash FROM agent_chain_entries WHERE seq = 5)";
        run(&raw, sql, []).await.expect("hidden");
        assert!(faults().await.contains("audit log knows entry 6"), "{}", faults().await);
        run(&raw, "DELETE FROM agent_chain_entries WHERE seq = 2", []).await.expect("removed");
        assert!(faults().await.contains("entry 2"), "{}", faults().await);
        run(&raw, "UPDATE agent_chain_entries SET entry = replace(entry, 'completed', 'failed')", [])
            .await
            .expect("changed");
        assert!(faults().await.contains("not what its hash says"), "{}", faults().await);
        run(&raw, "DELETE FROM agent_chain_heads", []).await.expect("removed");
        run(&raw, "DELETE FROM agent_chain_entries", []).await.expect("removed");
        assert!(faults().await.contains("audit log knows entry"), "{}", faults().await);
        // The device has it still, and tells all of it again.
        assert_eq!(device.settle().await, 6);
        let _ = AuditEntryId::generate();
        assert_eq!(verified(&estate).await.faults_total, 0);
    })
    .await;
}
