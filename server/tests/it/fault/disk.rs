//! The disk under the embedded database fills up: a small file system in memory, which only root can mount.

use super::{conserved, fleet, serves_again};
use crate::support::{server::TestServer, world::World};
use std::{
    fs,
    io::{ErrorKind, Write as _},
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};
use tokio::time::sleep;

/// A file system with a few megabytes.
struct SmallDisk(PathBuf);

impl SmallDisk {
    /// `None` where it cannot be mounted.
    fn mount(point: &Path) -> Option<Self> {
        let mounted =
            Command::new("mount").args(["-t", "tmpfs", "-o", "size=48m", "tmpfs"]).arg(point).status();
        mounted.is_ok_and(|status| status.success()).then(|| Self(point.to_owned()))
    }

    /// Leaves no byte to anybody else.
    fn fill(&self) -> PathBuf {
        let path = self.0.join("ballast");
        let mut file = fs::File::create(&path).expect("a file");
        loop {
            match file.write_all(&[0; 4096]) {
                Ok(()) => {}
                Err(error) if error.kind() == ErrorKind::StorageFull => return path,
                Err(error) => panic!("{error}"),
            }
        }
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_loses_nothing_that_was_acknowledged() {
    let point = tempfile::tempdir().expect("a folder");
    let Some(disk) = SmallDisk::mount(point.path()) else {
        eprintln!("skipped: only root can mount a small file system");
        return;
    };
    let folder = tempfile::tempdir_in(point.path()).expect("a folder");
    let database_url = format!("sqlite://{}?mode=rwc", folder.path().join("reeve.db").display());
    let server = TestServer::upon(async |url| World::at(folder, database_url, &url).await, |_| {}).await;
    let (fleet, _) = fleet(&server, 10).await;
    for _ in 0..2 {
        serves_again(&fleet).await;
        let ballast = disk.fill();
        // What fits into pages that are there already is still taken; then nothing is, and agents keep it.
        while fleet.count().spooled < 100 {
            sleep(Duration::from_millis(20)).await;
        }
        fs::remove_file(ballast).expect("removed");
        serves_again(&fleet).await;
    }
    conserved(&server, fleet).await;
}
