//! Checking what is stored: every chunk and every batch is read, decoded and compared with what its row says.

use super::{
    five_minutes::COLUMNS_KEPT,
    sample::{COLUMNS, DAY, Tier},
};
use crate::{
    Result,
    store::{self, Db, statement},
};
use chrono::{DateTime, SecondsFormat};
use sea_orm::{ConnectionTrait as _, DatabaseBackend, QueryResult, Value};

/// Rows that are read at a time.
const PAGE: usize = 256;
/// Faults that are told one by one.
const FAULTS_MAX: usize = 100;

/// What `reeve verify` found about samples.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Samples {
    /// Chunks, of samples and of five minutes.
    pub chunks: u64,
    /// Batches that are not sealed yet.
    pub batches: u64,
    /// Samples in both; repeated ones in batches are counted as often as they came.
    pub samples: u64,
    /// Rows of five minutes.
    pub five_minutes: u64,
    /// What is wrong, in words, the first hundred.
    pub faults: Vec<String>,
    /// How much is wrong in all.
    pub faults_total: u64,
}

impl Samples {
    /// In one sentence.
    #[must_use]
    pub fn sentence(&self) -> String {
        if self.faults_total > 0 {
            return format!("{} of what is stored of samples is not as it was written.", self.faults_total);
        }
        format!(
            "Every chunk is good: {} samples and {} rows of five minutes in {} chunks and {} batches.",
            self.samples, self.five_minutes, self.chunks, self.batches
        )
    }

    fn fault(&mut self, fault: String) {
        self.faults_total += 1;
        if self.faults.len() < FAULTS_MAX {
            self.faults.push(fault);
        }
    }
}

/// Checks the samples of a database from outside of the server, which may be running: reads only, migrates nothing.
///
/// # Errors
/// When the database cannot be read, or is older than the chunks.
pub async fn verify_database(database_url: &str) -> Result<Samples> {
    let db = store::open_for_reading(database_url).await?;
    let mut samples = Samples::default();
    chunks(&db, &mut samples).await?;
    batches(&db, &mut samples).await?;
    Ok(samples)
}

async fn chunks(db: &Db, samples: &mut Samples) -> Result<()> {
    let is_postgres = db.get_database_backend() == DatabaseBackend::Postgres;
    // The embedded database has the key in one number.
    let (key, is_behind) = if is_postgres {
        ("device_key, tier, starts_at", "(device_key, tier, starts_at) > (?, ?, ?)")
    } else {
        ("id", "id > ?")
    };
    let sql = format!(
        "SELECT c.device_key, c.tier, c.starts_at, c.ends_at, c.row_count, c.payload, d.device_name, c.id \
         FROM (SELECT * FROM metric_chunks WHERE {is_behind} ORDER BY {key} LIMIT {PAGE}) c \
         LEFT JOIN agent_devices d ON d.device_key = c.device_key ORDER BY c.device_key, c.tier, c.starts_at"
    );
    let mut after: Vec<Value> = if is_postgres {
        vec![i64::MIN.into(), i16::MIN.into(), i64::MIN.into()]
    } else {
        vec![i64::MIN.into()]
    };
    let mut before: Option<Shelf> = None;
    loop {
        let rows = db.query_all_raw(statement(db.get_database_backend(), &sql, after.clone())).await?;
        for row in &rows {
            let shelf = Shelf::read(row)?;
            samples.chunks += 1;
            match shelf.fault(before.as_ref()) {
                Some(fault) => samples.fault(format!("The chunk of {} {fault}.", shelf.name())),
                None if shelf.tier == i16::from(Tier::Raw.number()) => samples.samples += shelf.rows,
                None => samples.five_minutes += shelf.rows,
            }
            after = if is_postgres {
                vec![shelf.device_key.into(), shelf.tier.into(), shelf.starts_at.into()]
            } else {
                vec![row.try_get_by_index::<i64>(7)?.into()]
            };
            before = Some(Shelf { payload: Vec::new(), ..shelf });
        }
        if rows.len() < PAGE {
            return Ok(());
        }
    }
}

async fn batches(db: &Db, samples: &mut Samples) -> Result<()> {
    let sql = format!(
        "SELECT b.arrival, b.device_key, b.first_at, b.last_at, b.payload, d.device_name FROM metric_batches b \
         LEFT JOIN agent_devices d ON d.device_key = b.device_key WHERE b.arrival > ? ORDER BY b.arrival LIMIT {PAGE}"
    );
    let mut after = i64::MIN;
    loop {
        let rows = db.query_all_raw(statement(db.get_database_backend(), &sql, [after.into()])).await?;
        for row in &rows {
            after = row.try_get_by_index(0)?;
            let (key, first, last): (i64, i64, i64) =
                (row.try_get_by_index(1)?, row.try_get_by_index(2)?, row.try_get_by_index(3)?);
            let payload: Vec<u8> = row.try_get_by_index(4)?;
            let device: Option<String> = row.try_get_by_index(5)?;
            samples.batches += 1;
            let fault = match chunk::decode::<COLUMNS>(Tier::Raw.number(), &payload) {
                Ok(read)
                    if read.first().map(|row| row.at) != Some(first)
                        || read.last().map(|row| row.at) != Some(last) =>
                {
                    "is not of the time that its row says".to_owned()
                }
                Ok(_) if device.is_none() => "is of a device that there is not".to_owned(),
                Ok(read) => {
                    samples.samples += read.len() as u64;
                    continue;
                }
                Err(error) => format!("cannot be read: {error}"),
            };
            let name = name(key, device.as_deref());
            samples.fault(format!("The batch of {name} that begins at {} {fault}.", moment(first)));
        }
        if rows.len() < PAGE {
            return Ok(());
        }
    }
}

/// A row of `metric_chunks`.
struct Shelf {
    device_key: i64,
    tier: i16,
    starts_at: i64,
    ends_at: i64,
    rows: u64,
    payload: Vec<u8>,
    device: Option<String>,
}

impl Shelf {
    fn read(row: &QueryResult) -> Result<Self> {
        Ok(Self {
            device_key: row.try_get_by_index(0)?,
            tier: row.try_get_by_index(1)?,
            starts_at: row.try_get_by_index(2)?,
            ends_at: row.try_get_by_index(3)?,
            rows: row.try_get_by_index::<i64>(4)?.unsigned_abs(),
            payload: row.try_get_by_index(5)?,
            device: row.try_get_by_index(6)?,
        })
    }

    fn name(&self) -> String {
        format!("{} that begins at {}", name(self.device_key, self.device.as_deref()), moment(self.starts_at))
    }

    /// What is wrong with it, if anything is.
    fn fault(&self, before: Option<&Self>) -> Option<String> {
        let times: std::result::Result<Vec<i64>, _> = if self.tier == i16::from(Tier::Raw.number()) {
            chunk::decode::<COLUMNS>(Tier::Raw.number(), &self.payload)
                .map(|rows| rows.iter().map(|row| row.at).collect())
        } else if self.tier == i16::from(Tier::FiveMinutes.number()) {
            chunk::decode::<COLUMNS_KEPT>(Tier::FiveMinutes.number(), &self.payload)
                .map(|rows| rows.iter().map(|row| row.at).collect())
        } else {
            return Some(format!("is of tier {}, which there is not", self.tier));
        };
        let times = match times {
            Ok(times) => times,
            Err(error) => return Some(format!("cannot be read: {error}")),
        };
        let is_within = |at: Option<&i64>| at.is_some_and(|at| (self.starts_at..self.ends_at).contains(at));
        if self.ends_at - self.starts_at > DAY || !is_within(times.first()) || !is_within(times.last()) {
            return Some("holds samples of another time than its row says".to_owned());
        }
        if times.len() as u64 != self.rows {
            return Some(format!("has {} rows where its row says {}", times.len(), self.rows));
        }
        if self.device.is_none() {
            return Some("is of a device that there is not".to_owned());
        }
        let overlaps = before.is_some_and(|before| {
            (before.device_key, before.tier) == (self.device_key, self.tier)
                && before.ends_at > self.starts_at
        });
        overlaps.then(|| "covers the same time as the one before".to_owned())
    }
}

fn name(device_key: i64, device: Option<&str>) -> String {
    match device {
        Some(device) => format!("the device {device} (number {device_key})"),
        None => format!("device number {device_key}"),
    }
}

fn moment(at: i64) -> String {
    DateTime::from_timestamp_millis(at)
        .map_or_else(|| at.to_string(), |at| at.to_rfc3339_opts(SecondsFormat::Secs, true))
}
