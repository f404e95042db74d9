//! Checking the stored records of all devices: every entry against its hash and the one before, every record against its
//! head, and both against what the audit log wrote down of them at the time.

use super::chain::{ANCHOR, Anchor, FAULT};
use crate::{
    Result,
    store::{self, Db, Reach, statement},
};
use entity::{
    command::{ChainEntry, ChainHead},
    id::DeviceId,
    seal,
    table::{chain_entry, chain_head},
};
use sea_orm::{ColumnTrait as _, ConnectionTrait as _, FromQueryResult as _, QueryFilter as _};
use std::collections::BTreeMap;

/// Rows that are read at a time.
const PAGE: usize = 500;
/// Faults that are told one by one.
const FAULTS_MAX: usize = 100;

/// What `reeve verify` found about devices' records.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Records {
    /// Devices that have told one.
    pub devices: u64,
    /// Entries in all.
    pub entries: u64,
    /// How often a device told another record than before; the audit log knows of each.
    pub forks: u64,
    /// What is wrong, in words, the first hundred.
    pub faults: Vec<String>,
    /// How much is wrong in all.
    pub faults_total: u64,
}

impl Records {
    /// In one sentence.
    #[must_use]
    pub fn sentence(&self) -> String {
        if self.faults_total > 0 {
            return format!("{} of what is stored of devices' records is not as it was.", self.faults_total);
        }
        let forks = match self.forks {
            0 => String::new(),
            1 => "; once a device told another record than before".to_owned(),
            many => format!("; {many} times a device told another record than before"),
        };
        format!("Every record is whole: {} entries of {} devices{forks}.", self.entries, self.devices)
    }

    fn fault(&mut self, fault: String) {
        self.faults_total += 1;
        if self.faults.len() < FAULTS_MAX {
            self.faults.push(fault);
        }
    }
}

/// Where the walk has come to in the record of a device.
#[derive(Clone, Debug, PartialEq, Eq)]
struct At {
    device: DeviceId,
    fork: i64,
    seq: i64,
    hash: String,
}

/// Where each record but the first of a device parts from the one before.
type Parted = BTreeMap<(DeviceId, i64), ChainHead>;

/// Checks the records in a database from outside of the server, which may be running: reads only, migrates nothing.
///
/// # Errors
/// When the database cannot be read, or is older than the records.
pub async fn verify_database(database_url: &str) -> Result<Records> {
    let db = store::open_for_reading(database_url).await?;
    let mut records = Records::default();
    let parted = parted(&db).await?;
    let ends = walk(&db, &mut records, &parted).await?;
    heads(&db, &mut records, &ends, &parted).await?;
    anchors(&db, &mut records).await?;
    Ok(records)
}

/// Follows every entry; answers where each record of each device ends.
async fn walk(db: &Db, records: &mut Records, parted: &Parted) -> Result<BTreeMap<(DeviceId, i64), At>> {
    let sql = format!(
        "SELECT * FROM agent_chain_entries WHERE device_id > ? OR (device_id = ? AND (fork > ? OR (fork = ? AND seq > ?))) \
         ORDER BY device_id, fork, seq LIMIT {PAGE}"
    );
    let mut at: Option<At> = None;
    let mut ends = BTreeMap::new();
    loop {
        let (device, fork, seq) =
            at.as_ref().map_or((DeviceId(uuid::Uuid::nil()), -1, -1), |at| (at.device, at.fork, at.seq));
        let values = [device.into(), device.into(), fork.into(), fork.into(), seq.into()];
        let rows = db.query_all_raw(statement(db.get_database_backend(), &sql, values)).await?;
        for row in &rows {
            let row = chain_entry::Model::from_query_result(row, "")?;
            records.entries += 1;
            if at.as_ref().is_none_or(|at| at.device != row.device_id) {
                records.devices += 1;
            }
            if let Some(fault) = entry_fault(&row, at.as_ref(), parted) {
                records
                    .fault(format!("Entry {} of the record of device {} {fault}.", row.seq, row.device_id));
            }
            let here = At { device: row.device_id, fork: row.fork, seq: row.seq, hash: row.hash };
            ends.insert((here.device, here.fork), here.clone());
            at = Some(here);
        }
        if rows.len() < PAGE {
            return Ok(ends);
        }
    }
}

/// What is wrong with an entry, if anything is.
fn entry_fault(row: &chain_entry::Model, before: Option<&At>, parted: &Parted) -> Option<String> {
    let Ok(entry) = serde_json::from_str::<ChainEntry>(&row.entry) else {
        return Some("cannot be read".to_owned());
    };
    if seal::chain_hash(&entry) != entry.hash || entry.hash != row.hash {
        return Some("is not what its hash says".to_owned());
    }
    if i64::try_from(entry.seq) != Ok(row.seq) || entry.command_id != row.command_id {
        return Some("is not what its row says".to_owned());
    }
    let same = before.filter(|at| (at.device, at.fork) == (row.device_id, row.fork));
    let (seq, hash) = match same {
        Some(at) => (at.seq, at.hash.clone()),
        None if row.fork == 0 => (0, seal::chain_start()),
        None => match parted.get(&(row.device_id, row.fork)) {
            Some(place) => (i64::try_from(place.seq).unwrap_or(i64::MAX), place.hash.clone()),
            None => return Some("begins another record, and the audit log does not know why".to_owned()),
        },
    };
    if row.seq != seq + 1 {
        return Some(format!("follows entry {seq}, and entry {} is missing", seq + 1));
    }
    (entry.previous != hash).then(|| "follows another entry than the one before".to_owned())
}

async fn heads(
    db: &Db,
    records: &mut Records,
    ends: &BTreeMap<(DeviceId, i64), At>,
    parted: &Parted,
) -> Result<()> {
    let heads = Reach::everything().select::<chain_head::Entity>().all(db).await?;
    for head in &heads {
        let device = head.device_id;
        records.forks += head.fork.unsigned_abs();
        if (1..=head.fork).any(|fork| !parted.contains_key(&(device, fork))) {
            records.fault(format!(
                "The record of device {device} has more than one form, and the audit log does not know why."
            ));
        }
        match ends.get(&(device, head.fork)) {
            Some(end) if end.seq != head.seq => records.fault(format!(
                "The record of device {device} ends at entry {} and not at entry {}.",
                end.seq, head.seq
            )),
            Some(end) if end.hash != head.hash => {
                records.fault(format!("The record of device {device} ends with another hash than its head."));
            }
            None if head.seq > 0 && head.fork == 0 => {
                records
                    .fault(format!("The record of device {device} is missing: it had {} entries.", head.seq));
            }
            _ => {}
        }
    }
    for ((device, fork), end) in ends {
        if !heads.iter().any(|head| head.device_id == *device && head.fork >= *fork) {
            records.fault(format!("The record of device {device} has no head, and {} entries.", end.seq));
        }
    }
    Ok(())
}

/// Where the audit log says that another record of a device parts from the one before.
async fn parted(db: &Db) -> Result<Parted> {
    let sql = "SELECT device_id, after_json FROM audit_entries WHERE action = ? AND device_id IS NOT NULL \
               AND after_json IS NOT NULL";
    let rows = db.query_all_raw(statement(db.get_database_backend(), sql, [FAULT.into()])).await?;
    let mut parted = Parted::new();
    for row in &rows {
        let (device, text): (DeviceId, String) =
            (row.try_get("", "device_id")?, row.try_get("", "after_json")?);
        if let Ok(anchor) = serde_json::from_str::<Anchor>(&text) {
            parted.insert((device, anchor.fork), anchor.head);
        }
    }
    Ok(parted)
}

/// Every place that the audit log wrote down has to be there still.
async fn anchors(db: &Db, records: &mut Records) -> Result<()> {
    let sql = format!(
        "SELECT seq, device_id, after_json FROM audit_entries WHERE action = ? AND device_id IS NOT NULL AND seq > ? \
         ORDER BY seq LIMIT {PAGE}"
    );
    let mut after = 0_i64;
    loop {
        let values = [ANCHOR.into(), after.into()];
        let rows = db.query_all_raw(statement(db.get_database_backend(), &sql, values)).await?;
        for row in &rows {
            after = row.try_get("", "seq")?;
            let device: DeviceId = row.try_get("", "device_id")?;
            let text: Option<String> = row.try_get("", "after_json")?;
            let Some(anchor) = text.and_then(|text| serde_json::from_str::<Anchor>(&text).ok()) else {
                continue;
            };
            let seq = i64::try_from(anchor.head.seq).unwrap_or(i64::MAX);
            let found = Reach::everything()
                .select::<chain_entry::Entity>()
                .filter(chain_entry::Column::DeviceId.eq(device))
                .filter(chain_entry::Column::Fork.eq(anchor.fork))
                .filter(chain_entry::Column::Seq.eq(seq))
                .one(db)
                .await?;
            if found.is_none_or(|found| found.hash != anchor.head.hash) {
                records.fault(format!(
                    "The audit log knows entry {seq} of the record of device {device}, and it is not here as it was."
                ));
            }
        }
        if rows.len() < PAGE {
            return Ok(());
        }
    }
}
