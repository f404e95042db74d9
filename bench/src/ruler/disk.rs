//! How long the disk takes to keep a promise: 8 KiB appended and synced.

use crate::measure::Latencies;
use anyhow::Result;
use std::{
    fs::File,
    io::Write as _,
    path::Path,
    time::{Duration, Instant},
};

/// Appends and syncs for so long below a folder.
///
/// # Errors
/// When the disk refuses.
pub fn fsyncs(folder: &Path, during: Duration) -> Result<Latencies> {
    let name = folder.join("fsync");
    let mut file = File::create(&name)?;
    let block = [7_u8; 8192];
    let mut latencies = Latencies::default();
    let start = Instant::now();
    while start.elapsed() < during {
        let once = Instant::now();
        file.write_all(&block)?;
        rustix::fs::fdatasync(&file)?;
        latencies.add(once.elapsed());
    }
    std::fs::remove_file(name)?;
    Ok(latencies)
}
