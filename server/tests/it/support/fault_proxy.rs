//! What may stand between a device and its server and mean no good: a proxy that delays, cuts, shortens, changes or
//! invents answers, one kind of fault at a time. Each request has a connection of its own; sockets are passed through.

use std::{
    io,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional},
    net::{TcpListener, TcpStream},
    sync::watch,
    task::{JoinHandle, JoinSet},
    time::sleep,
};

/// So much is passed on at once.
const CHUNK_BYTES: usize = 16 * 1024;
/// What a portal for guests answers to everything.
const PAGE: &str = "<!doctype html><title>Welcome</title><p>Sign in to use this network.";

/// What happens to an answer.
#[derive(Clone, Copy, Debug)]
pub enum Fault {
    /// It comes so much later.
    Delay(Duration),
    /// The connection ends after so many bytes of the body.
    Cut(usize),
    /// So many bytes of the body are all there is, also by the length that is announced.
    Truncate(usize),
    /// There is none but this status, and to come back in a second.
    Busy(u16),
    /// Something else answers, with a page.
    Page,
    /// One bit of this byte of the body is another.
    Flip(usize),
    /// It comes with so many bytes a second.
    Slow(usize),
}

/// Which answers are to be spoiled.
#[derive(Clone, Copy, Debug)]
struct Plan {
    fault: Fault,
    /// Those to requests whose path has this in it.
    path: &'static str,
    /// So many of them.
    left: u32,
}

struct Shared {
    upstream: Mutex<Option<SocketAddr>>,
    plan: Mutex<Option<Plan>>,
    hits: Mutex<u32>,
    /// Nobody gets through, and who was through is not any more.
    is_away: watch::Sender<bool>,
}

/// A proxy on a port of its own.
pub struct FaultProxy {
    pub url: String,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

impl FaultProxy {
    /// One that leads nowhere yet.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let shared = Arc::new(Shared {
            upstream: Mutex::new(None),
            plan: Mutex::new(None),
            hits: Mutex::new(0),
            is_away: watch::Sender::new(false),
        });
        let inner = Arc::clone(&shared);
        let task = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                let inner = Arc::clone(&inner);
                connections.spawn(async move {
                    let mut is_away = inner.is_away.subscribe();
                    let cut = async { is_away.wait_for(|is_away| *is_away).await.map(drop) };
                    tokio::select! {
                        biased;
                        _ = cut => {}
                        // Whoever leaves in the middle is one of the faults.
                        _ = serve(client, &inner) => {}
                    }
                });
                while connections.try_join_next().is_some() {}
            }
        });
        Self { url, shared, task }
    }

    /// The server behind it.
    pub fn lead_to(&self, server: SocketAddr) {
        *locked(&self.shared.upstream) = Some(server);
    }

    /// From now on this happens to so many answers to requests whose path has this in it, and nothing else.
    pub fn spoil(&self, fault: Fault, path: &'static str, times: u32) {
        *locked(&self.shared.plan) = Some(Plan { fault, path, left: times });
        *locked(&self.shared.hits) = 0;
    }

    /// All answers are good again; how many were not.
    pub fn mend(&self) -> u32 {
        *locked(&self.shared.plan) = None;
        *locked(&self.shared.hits)
    }

    /// Takes the network away, with every connection, or brings it back.
    pub fn set_away(&self, is_away: bool) {
        self.shared.is_away.send_replace(is_away);
    }
}

impl Drop for FaultProxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    /// What is to happen to the answer to this request.
    fn fault(&self, path: &str) -> Option<Fault> {
        let mut plan = locked(&self.plan);
        let plan = plan.as_mut().filter(|plan| plan.left > 0 && path.contains(plan.path))?;
        plan.left -= 1;
        *locked(&self.hits) += 1;
        Some(plan.fault)
    }
}

async fn serve(mut client: TcpStream, shared: &Shared) -> io::Result<()> {
    let Some((head, mut body)) = head(&mut client).await? else { return Ok(()) };
    let upstream = *locked(&shared.upstream);
    let upstream = upstream.ok_or_else(|| io::Error::other("it leads nowhere yet"))?;
    let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
    if path == "/ws" {
        let mut server = TcpStream::connect(upstream).await?;
        server.write_all(&[head.as_bytes(), &body].concat()).await?;
        copy_bidirectional(&mut client, &mut server).await?;
        return Ok(());
    }
    let length = header(&head, "content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    while body.len() < length {
        if client.read_buf(&mut body).await? == 0 {
            return Ok(());
        }
    }
    let fault = shared.fault(&path);
    match fault {
        Some(Fault::Busy(status)) => {
            return answer(&mut client, &format!("{status} Later"), "retry-after: 1\r\n", "Later.").await;
        }
        Some(Fault::Page) => {
            return answer(&mut client, "200 OK", "content-type: text/html\r\n", PAGE).await;
        }
        Some(Fault::Delay(delay)) => sleep(delay).await,
        _ => {}
    }
    let mut server = TcpStream::connect(upstream).await?;
    server.write_all(&[closing(&head).as_bytes(), &body].concat()).await?;
    let Some((head, first)) = self::head(&mut server).await? else { return Ok(()) };
    if let Some(Fault::Truncate(most)) = fault {
        let mut body = first;
        server.read_to_end(&mut body).await?;
        body.truncate(most);
        let head = without(&head, "content-length").replacen(
            "\r\n",
            &format!("\r\ncontent-length: {}\r\n", body.len()),
            1,
        );
        client.write_all(&[head.as_bytes(), &body].concat()).await?;
        return client.shutdown().await;
    }
    client.write_all(head.as_bytes()).await?;
    pass(&mut server, &mut client, first, fault).await
}

/// Passes a body on, as far as the fault lets it.
async fn pass(
    server: &mut TcpStream,
    client: &mut TcpStream,
    first: Vec<u8>,
    fault: Option<Fault>,
) -> io::Result<()> {
    let (mut chunk, mut passed) = (first, 0);
    loop {
        match fault {
            Some(Fault::Flip(at)) if (passed..passed + chunk.len()).contains(&at) => chunk[at - passed] ^= 1,
            Some(Fault::Cut(most)) if passed + chunk.len() >= most => {
                return client.write_all(&chunk[..most - passed]).await;
            }
            Some(Fault::Slow(rate)) => {
                let bytes = u32::try_from(chunk.len()).unwrap_or(u32::MAX);
                sleep(Duration::from_secs(1) * bytes / u32::try_from(rate).unwrap_or(u32::MAX)).await;
            }
            _ => {}
        }
        client.write_all(&chunk).await?;
        passed += chunk.len();
        chunk.resize(CHUNK_BYTES, 0);
        let read = server.read(&mut chunk).await?;
        if read == 0 {
            return client.shutdown().await;
        }
        chunk.truncate(read);
    }
}

/// An answer that the server knows nothing of.
async fn answer(client: &mut TcpStream, status: &str, headers: &str, body: &str) -> io::Result<()> {
    let length = body.len();
    let text =
        format!("HTTP/1.1 {status}\r\n{headers}content-length: {length}\r\nconnection: close\r\n\r\n{body}");
    client.write_all(text.as_bytes()).await?;
    client.shutdown().await
}

/// A head, and what came with it of what follows; none when the other end leaves.
async fn head(stream: &mut TcpStream) -> io::Result<Option<(String, Vec<u8>)>> {
    let mut bytes = Vec::new();
    loop {
        if let Some(at) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            let rest = bytes.split_off(at + 4);
            return Ok(Some((String::from_utf8_lossy(&bytes).into_owned(), rest)));
        }
        if stream.read_buf(&mut bytes).await? == 0 {
            return Ok(None);
        }
    }
}

fn header<'head>(head: &'head str, name: &str) -> Option<&'head str> {
    let pair = |line: &'head str| line.split_once(':');
    let (_, value) = head.lines().filter_map(pair).find(|(known, _)| known.eq_ignore_ascii_case(name))?;
    Some(value.trim())
}

/// The head without a header.
fn without(head: &str, name: &str) -> String {
    let is_it = |line: &&str| line.split_once(':').is_some_and(|(known, _)| known.eq_ignore_ascii_case(name));
    head.split_inclusive("\r\n").filter(|line| !is_it(line)).collect()
}

/// A request that is the only one of its connection.
fn closing(head: &str) -> String {
    without(head, "connection").replacen("\r\n", "\r\nconnection: close\r\n", 1)
}
