//! PostgreSQL is killed under load, again and again.

use super::{conserved, fleet, serves_again};
use crate::support::{own_cluster::OwnCluster, server::TestServer, world::World};
use std::time::Duration;
use tokio::time::sleep;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_is_killed_loses_nothing_that_was_acknowledged() {
    let mut cluster = OwnCluster::start();
    let database_url = cluster.database();
    let folder = tempfile::tempdir().expect("a folder");
    let server = TestServer::upon(
        async |url| World::at(folder, database_url, &url).await,
        |config| config.limits = server::Limits::default(),
    )
    .await;
    let (fleet, _) = fleet(&server, 20).await;
    for _ in 0..3 {
        serves_again(&fleet).await;
        sleep(Duration::from_millis(500)).await;
        cluster.kill();
        sleep(Duration::from_millis(500)).await;
        cluster.resume();
        serves_again(&fleet).await;
    }
    conserved(&server, fleet).await;
}
