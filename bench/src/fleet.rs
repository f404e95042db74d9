//! Many agents' sockets in this process: small, quiet, and counted. The same fleet is led against the product and
//! against the bare hub, so that what it costs itself is the same for both.

use crate::{
    estate::Device,
    measure::Latencies,
    sample::Walk,
    wire::{Pipe, Place},
};
use anyhow::{Context, Result, bail};
use entity::wire::{ToAgent, ToServer, limits::SOCKET_READ_BUFFER_BYTES};
use futures::{SinkExt as _, StreamExt as _};
use sim::Asked;
use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::{
    sync::{Semaphore, watch},
    task::JoinSet,
    time::{interval_at, timeout},
};
use tokio_tungstenite::{
    WebSocketStream, client_async_with_config,
    tungstenite::{Message, client::IntoClientRequest as _, protocol::WebSocketConfig},
};

/// Connections that are being opened at once.
const DIALS_AT_ONCE: usize = 128;
/// A socket that is not up within this time is lost.
const UP_WITHIN: Duration = Duration::from_secs(30);
/// Heartbeats, the product's default.
const HEARTBEAT_EVERY: Duration = Duration::from_secs(10);
/// Samples, the product's default.
const SAMPLE_EVERY: Duration = Duration::from_secs(60);
const HEARTBEAT: &str = r#"{"type":"heartbeat","link":"socket"}"#;
const HELLO: &str = concat!(
    r#"{"type":"hello","protocol":4,"agent_version":"0.1.0","os_type":"linux","os_architecture":"x86_64","#,
    r#""boot_id":"bench","capabilities":["services.systemd","software.dpkg"]}"#
);

/// What all sockets of a fleet share.
#[derive(Default)]
pub struct Seen {
    /// Sockets that were welcomed and have not ended.
    pub up: AtomicUsize,
    /// Sockets that could not be opened.
    pub lost: AtomicUsize,
    /// Heartbeats sent.
    pub heartbeats: AtomicUsize,
    /// Samples acknowledged.
    pub acks: AtomicUsize,
    /// When each goodbye came.
    pub goodbyes: Mutex<Vec<Instant>>,
    why: Mutex<Option<String>>,
}

impl Seen {
    fn failed(&self, error: &anyhow::Error) {
        self.lost.fetch_add(1, Ordering::Relaxed);
        self.why.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert_with(|| format!("{error:#}"));
    }
}

/// A fleet of open sockets.
pub struct Fleet {
    pub seen: Arc<Seen>,
    samples: watch::Sender<bool>,
    tasks: JoinSet<()>,
}

/// How a fleet came up.
pub struct Arrival {
    pub took: Duration,
    /// Each agent's time from its first packet to its welcome, waiting for its turn left out.
    pub each: Latencies,
}

impl Fleet {
    /// Nobody yet.
    pub fn new() -> Self {
        Self { seen: Arc::default(), samples: watch::Sender::new(false), tasks: JoinSet::new() }
    }

    /// Opens a socket for each of these devices; all of them, or it fails.
    ///
    /// # Errors
    /// With what the first of those that were lost ran into.
    pub async fn connect(&mut self, place: &Place, devices: &[Device]) -> Result<Arrival> {
        let turns = Arc::new(Semaphore::new(DIALS_AT_ONCE));
        let each = Arc::new(Mutex::new(Latencies::default()));
        let wanted = self.seen.up.load(Ordering::Relaxed) + devices.len();
        let start = Instant::now();
        for (number, device) in devices.iter().enumerate() {
            let turn = Arc::clone(&turns).acquire_owned().await?;
            let (seen, each) = (Arc::clone(&self.seen), Arc::clone(&each));
            let (place, device, samples) = (place.clone(), device.clone(), self.samples.subscribe());
            self.tasks.spawn(async move {
                let start = Instant::now();
                let opened = timeout(UP_WITHIN, Talk::open(&place, &device)).await;
                match opened.context("no welcome in time").and_then(|opened| opened) {
                    Err(error) => seen.failed(&error),
                    Ok(talk) => {
                        each.lock().unwrap_or_else(PoisonError::into_inner).add(start.elapsed());
                        seen.up.fetch_add(1, Ordering::Relaxed);
                        drop((turn, place, each));
                        talk.live(&seen, samples, number as u64).await;
                        seen.up.fetch_sub(1, Ordering::Relaxed);
                    }
                }
            });
        }
        while self.seen.up.load(Ordering::Relaxed) < wanted {
            if let Some(why) = &*self.seen.why.lock().unwrap_or_else(PoisonError::into_inner) {
                let lost = self.seen.lost.load(Ordering::Relaxed);
                bail!("{lost} of {wanted} sockets were lost; the first: {why}");
            }
            if start.elapsed() > UP_WITHIN * 4 {
                bail!("{} of {wanted} sockets are up", self.seen.up.load(Ordering::Relaxed));
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let took = start.elapsed();
        let each = each.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Ok(Arrival { took, each })
    }

    /// From now on, every agent reports a sample a minute beside its heartbeats; or no longer.
    pub fn samples(&self, wanted: bool) {
        self.samples.send_replace(wanted);
    }

    /// Waits until every socket has ended, or so long. Says how many are left.
    pub async fn gone(&self, within: Duration) -> usize {
        let deadline = Instant::now() + within;
        while self.seen.up.load(Ordering::Relaxed) > 0 && Instant::now() < deadline {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        self.seen.up.load(Ordering::Relaxed)
    }

    /// When the goodbyes came, after a moment.
    pub fn goodbyes_since(&self, start: Instant) -> Latencies {
        let mut latencies = Latencies::default();
        for at in self.seen.goodbyes.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            latencies.add(at.saturating_duration_since(start));
        }
        latencies
    }

    /// Ends all sockets without a word, as a failing network does.
    pub async fn cut(mut self) {
        self.tasks.shutdown().await;
    }
}

/// One agent's socket.
pub struct Talk(Box<WebSocketStream<Box<dyn Pipe>>>);

impl Talk {
    /// Opens a socket, says hello and waits for the welcome.
    ///
    /// # Errors
    /// When the server does not welcome it.
    pub async fn open(place: &Place, device: &Device) -> Result<Self> {
        let pipe = place.dial(device.from).await?;
        let url = format!("ws://localhost:{}/ws", place.address.port());
        let mut request = url.into_client_request()?;
        request.headers_mut().insert("authorization", format!("Bearer {}", device.token).parse()?);
        let small =
            WebSocketConfig::default().read_buffer_size(SOCKET_READ_BUFFER_BYTES).write_buffer_size(0);
        // Boxed: what the handshake needs is ten times what the open socket does.
        let (socket, _) = Box::pin(client_async_with_config(request, pipe, Some(small))).await?;
        let mut talk = Self(Box::new(socket));
        talk.0.send(Message::text(HELLO)).await?;
        loop {
            match talk.0.next().await.context("closed before the welcome")?? {
                Message::Text(text) if text.contains(r#""type":"welcome""#) => return Ok(talk),
                Message::Text(text) => bail!("{} instead of a welcome", text.as_str()),
                Message::Close(frame) => bail!("closed before the welcome: {frame:?}"),
                _ => {}
            }
        }
    }

    /// Sends a frame.
    ///
    /// # Errors
    /// When the socket is broken.
    pub async fn send(&mut self, text: String) -> Result<()> {
        Ok(self.0.send(Message::text(text)).await?)
    }

    /// Waits for what became of the oldest report on its way: true when it was acknowledged.
    ///
    /// # Errors
    /// When the socket ends.
    pub async fn next_outcome(&mut self) -> Result<bool> {
        loop {
            match self.0.next().await.context("the socket ended")?? {
                Message::Text(text) if text.contains(r#""type":"ack""#) => return Ok(true),
                Message::Text(text) if text.contains(r#""type":"busy""#) => return Ok(false),
                Message::Text(text) if text.contains(r#""type":"unsupported""#) => bail!("{}", text.as_str()),
                Message::Close(frame) => bail!("the server closed the socket: {frame:?}"),
                _ => {}
            }
        }
    }

    /// Waits for a command, answering pings meanwhile.
    ///
    /// # Errors
    /// When the socket ends.
    pub async fn next_command(&mut self) -> Result<Asked> {
        loop {
            match self.next_message().await? {
                ToAgent::Command(envelope) => {
                    return Asked::read(&envelope).context("a command without an order");
                }
                ToAgent::Ping { nonce } => {
                    self.send(serde_json::to_string(&ToServer::Pong { nonce })?).await?;
                }
                _ => {}
            }
        }
    }

    /// Says that a command came, began and ended, and waits until the server has the result.
    ///
    /// # Errors
    /// When the socket ends.
    pub async fn obey(&mut self, asked: &Asked) -> Result<()> {
        for message in asked.obeyed() {
            self.send(serde_json::to_string(&message)?).await?;
        }
        loop {
            if let ToAgent::ResultAck { command_id } = self.next_message().await?
                && command_id == asked.order.command_id
            {
                return Ok(());
            }
        }
    }

    async fn next_message(&mut self) -> Result<ToAgent> {
        loop {
            match self.0.next().await.context("the socket ended")?? {
                Message::Text(text) => return Ok(serde_json::from_str(&text)?),
                Message::Close(frame) => bail!("the server closed the socket: {frame:?}"),
                _ => {}
            }
        }
    }

    /// Sends heartbeats, and samples while they are wanted, until the socket ends.
    async fn live(mut self, seen: &Seen, mut samples: watch::Receiver<bool>, number: u64) {
        // The golden ratio spreads any number of agents evenly over the interval.
        let phase = (number as f64 * 0.618_034).fract();
        let now = tokio::time::Instant::now();
        let mut heartbeat = interval_at(now + HEARTBEAT_EVERY.mul_f64(phase), HEARTBEAT_EVERY);
        let mut sample = interval_at(now + SAMPLE_EVERY.mul_f64(phase), SAMPLE_EVERY);
        loop {
            let sent = tokio::select! {
                frame = self.0.next() => match frame {
                    Some(Ok(Message::Text(text))) => self.heard(&text, seen).await,
                    Some(Ok(Message::Close(_)) | Err(_)) | None => return,
                    Some(Ok(_)) => Ok(()),
                },
                _ = heartbeat.tick() => {
                    seen.heartbeats.fetch_add(1, Ordering::Relaxed);
                    self.0.send(Message::text(HEARTBEAT)).await
                }
                _ = sample.tick(), if *samples.borrow_and_update() => {
                    self.0.send(Message::text(report(number))).await
                }
            };
            if sent.is_err() {
                return;
            }
        }
    }

    async fn heard(&mut self, text: &str, seen: &Seen) -> Result<(), tokio_tungstenite::tungstenite::Error> {
        if text.contains(r#""type":"goodbye""#) {
            seen.goodbyes.lock().unwrap_or_else(PoisonError::into_inner).push(Instant::now());
        } else if text.contains(r#""type":"ack""#) {
            seen.acks.fetch_add(1, Ordering::Relaxed);
        } else if let Some((_, rest)) = text.split_once(r#""type":"ping","nonce":"#) {
            let nonce = rest.trim_end_matches('}');
            return self.0.send(Message::text(format!(r#"{{"type":"pong","nonce":{nonce}}}"#))).await;
        }
        Ok(())
    }
}

/// One sample of now.
fn report(number: u64) -> String {
    let now = crate::estate::now().timestamp_millis();
    let mut text = r#"{"type":"metrics","position":1,"dropped_total":0,"samples":["#.to_owned();
    Walk::new(number, now - 1).next(1).write_json(&mut text);
    text.push_str("]}");
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use entity::wire::{Hello, PROTOCOL};

    #[test]
    fn the_hello_is_that_of_an_agent_of_today() {
        let ToServer::Hello(Hello { protocol, .. }) = serde_json::from_str(HELLO).expect("a message") else {
            panic!("no hello")
        };
        assert_eq!(protocol, PROTOCOL);
    }
}
