//! A relay between the agent and its server that counts the bytes, and that can be away.

use anyhow::Result;
use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    task::JoinSet,
};

/// Bytes that were carried.
#[derive(Clone, Debug, Default)]
pub struct Carried {
    up: Arc<AtomicU64>,
    down: Arc<AtomicU64>,
}

impl Carried {
    /// From the agent.
    pub fn up(&self) -> u64 {
        self.up.load(Ordering::Relaxed)
    }

    /// To the agent.
    pub fn down(&self) -> u64 {
        self.down.load(Ordering::Relaxed)
    }

    /// Both.
    pub fn total(&self) -> u64 {
        self.up() + self.down()
    }
}

/// A relay; when it goes, its connections go with it, and nobody listens.
pub struct Relay {
    _tasks: JoinSet<()>,
}

impl Relay {
    /// Listens at one address and carries everything to the other.
    ///
    /// # Errors
    /// When it cannot listen.
    pub async fn start(at: SocketAddr, to: SocketAddr, carried: &Carried) -> Result<Self> {
        let listener = TcpListener::bind(at).await?;
        let carried = carried.clone();
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((from, _)) = listener.accept().await {
                connections.spawn(connect(from, to, carried.clone()));
                while connections.try_join_next().is_some() {}
            }
        });
        Ok(Self { _tasks: tasks })
    }
}

async fn connect(from: TcpStream, to: SocketAddr, carried: Carried) {
    // Whoever cannot be reached is as good as away: the connection ends.
    let Ok(to) = TcpStream::connect(to).await else { return };
    let _ = (from.set_nodelay(true), to.set_nodelay(true));
    let ((from_read, from_write), (to_read, to_write)) = (from.into_split(), to.into_split());
    tokio::join!(carry(from_read, to_write, carried.up), carry(to_read, from_write, carried.down));
}

async fn carry(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, count: Arc<AtomicU64>) {
    let mut buffer = vec![0; 16 * 1024];
    while let Ok(length @ 1..) = from.read(&mut buffer).await {
        count.fetch_add(length as u64, Ordering::Relaxed);
        if to.write_all(&buffer[..length]).await.is_err() {
            break;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;
    use tokio::time::timeout;

    #[tokio::test]
    async fn what_goes_through_is_counted_until_it_is_away() {
        let server = TcpListener::bind("127.0.0.1:0").await.expect("a server");
        let at = TcpListener::bind("127.0.0.1:0").await.expect("a port").local_addr().expect("an address");
        let carried = Carried::default();
        let relay =
            Relay::start(at, server.local_addr().expect("an address"), &carried).await.expect("a relay");
        let mut agent = TcpStream::connect(at).await.expect("connected");
        let (mut far, _) = server.accept().await.expect("connected");
        agent.write_all(b"hello").await.expect("sent");
        let mut heard = [0; 5];
        far.read_exact(&mut heard).await.expect("heard");
        far.write_all(b"hi").await.expect("sent");
        agent.read_exact(&mut heard[..2]).await.expect("heard");
        assert_eq!((carried.up(), carried.down(), carried.total()), (5, 2, 7));
        drop(relay);
        let ended =
            timeout(Duration::from_secs(10), agent.read(&mut heard)).await.expect("the relay is still there");
        assert!(matches!(ended, Ok(0) | Err(_)));
    }
}
