//! A PostgreSQL cluster of a test's own, which it may kill.

use super::postgres::{Cluster, Servant, programs, short_folder};
use std::{
    fs,
    path::Path,
    process::{Child, Stdio},
    thread,
    time::{Duration, Instant},
};

/// Durable, as one for customers would be.
pub struct OwnCluster {
    cluster: Cluster,
    child: Child,
}

impl OwnCluster {
    /// Makes and starts one. Blocks.
    pub fn start() -> Self {
        let (programs, folder) = (programs(), short_folder());
        Cluster::make(&programs, &folder);
        let child = Self::postgres(&programs, &folder);
        let cluster = Cluster { programs, folder, _watchdog: None };
        cluster.wait_until_ready();
        Self { cluster, child }
    }

    fn postgres(programs: &Path, folder: &Path) -> Child {
        let log = fs::OpenOptions::new().create(true).append(true).open(folder.join("log")).expect("a file");
        let mut postgres = Servant::for_folder(folder).command(&programs.join("postgres"));
        postgres.arg("-D").arg(folder.join("data")).arg("-k").arg(folder).args(["-h", ""]);
        postgres.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        postgres.spawn().expect("PostgreSQL starts")
    }

    /// A new, empty database; its URL.
    pub fn database(&self) -> String {
        self.cluster.database()
    }

    /// Kills it without a word; what it had in memory is gone.
    pub fn kill(&mut self) {
        self.child.kill().expect("it ran");
        self.child.wait().expect("it ended");
    }

    /// Starts it anew; it recovers by itself. Blocks.
    pub fn resume(&mut self) {
        let deadline = Instant::now() + Duration::from_secs(30);
        loop {
            self.child = Self::postgres(&self.cluster.programs, &self.cluster.folder);
            // It refuses for as long as one of the processes that it left behind lives.
            thread::sleep(Duration::from_millis(200));
            if self.child.try_wait().expect("asked").is_none() {
                return self.cluster.wait_until_ready();
            }
            assert!(Instant::now() < deadline, "PostgreSQL did not start again");
        }
    }
}

impl Drop for OwnCluster {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = fs::remove_dir_all(&self.cluster.folder);
    }
}
