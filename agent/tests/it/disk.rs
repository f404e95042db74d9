//! A disk without room: on a small file system in memory, which only root can mount.

use crate::support::{Device, FakeServer, eventually};
use std::{
    fs,
    io::{ErrorKind, Write as _},
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};
use tokio::time::sleep;

/// A file system with half a megabyte.
pub struct SmallDisk(PathBuf);

impl SmallDisk {
    /// `None` where it cannot be mounted.
    pub fn mount(point: &Path) -> Option<Self> {
        fs::create_dir_all(point).unwrap();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=512k,mode=0700", "tmpfs"])
            .arg(point)
            .status();
        mounted.is_ok_and(|status| status.success()).then(|| Self(point.to_owned()))
    }

    /// Leaves no room; answers what takes it.
    pub fn fill(&self) -> PathBuf {
        let path = self.0.join("ballast");
        let mut file = fs::File::create(&path).unwrap();
        loop {
            match file.write_all(&[0; 512]) {
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

#[tokio::test]
async fn a_full_disk_is_survived_told_and_recovered_from() {
    let mut server = FakeServer::start().await;
    let device = Device::registered(&server).await;
    let Some(disk) = SmallDisk::mount(&device.data().join("spool")) else {
        eprintln!("skipped: only root can mount a small file system");
        return;
    };
    let running = device.run();
    eventually("samples", || server.world().samples.len() >= 2).await;

    let ballast = disk.fill();
    let stored = server.world().samples.len();
    eventually("samples past the full disk", || server.world().samples.len() >= stored + 3).await;
    eventually("the trouble in the status", || {
        fs::read_to_string(device.data().join("state.json")).unwrap().contains("No space left")
    })
    .await;
    assert!(device.status().await.contains("samples cannot be kept on disk"), "{}", device.status().await);

    eventually("the report", || server.world().errors.iter().any(|report| report.error_type == "disk_full"))
        .await;

    // Without the server the latest wait in memory, and go to disk once there is room.
    server.vanish().await;
    sleep(Duration::from_secs(3)).await;
    fs::remove_file(ballast).unwrap();
    let on_disk = device.spooled().len();
    eventually("samples on disk", || device.spooled().len() >= on_disk + 3).await;
    let expected = device.spooled();
    // That it was so is among the last errors.
    assert!(!device.status().await.contains("samples cannot be kept"), "{}", device.status().await);
    server.come_back().await;
    eventually("everything in the server", || {
        let world = server.world();
        expected.iter().all(|moment| world.samples.contains_key(moment))
    })
    .await;
    let moments: Vec<_> = server.world().samples.keys().copied().collect();
    let widest = moments.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap();
    assert!(widest < chrono::Duration::seconds(3), "a gap of {widest} in samples taken every second");
    assert!(running.stop().await.success());
}
