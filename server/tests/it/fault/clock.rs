//! The server's clock jumps.

use super::{conserved, fleet, serves_again};
use crate::support::server::each_engine;

#[tokio::test]
async fn a_clock_that_jumps_loses_nothing() {
    each_engine(async |server| {
        let (fleet, _) = fleet(&server, 10).await;
        // As after a wrong time server: an hour back, on again, and half a day ahead.
        for seconds in [-3_600, 3_600, 43_200, -43_200] {
            serves_again(&fleet).await;
            server.advance(seconds);
            server.sweep().await;
        }
        serves_again(&fleet).await;
        conserved(&server, fleet).await;
    })
    .await;
}
