//! The smallest honest agent: one socket over TLS, a heartbeat every ten seconds, and a sample of `/proc` every minute.

use anyhow::Result;
use futures::{SinkExt as _, StreamExt as _};
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, ServerName, pem::PemObject as _},
};
use std::{fs, path::PathBuf, sync::Arc, time::Duration};
use tokio::{net::TcpStream, time::interval};
use tokio_rustls::TlsConnector;
use tokio_tungstenite::{
    client_async_with_config,
    tungstenite::{Message, protocol::WebSocketConfig},
};

/// What the agent is told.
#[derive(clap::Args)]
pub struct Options {
    #[arg(long)]
    port: u16,
    #[arg(long)]
    cert: PathBuf,
}

/// Reports until the hub goes away.
///
/// # Errors
/// When it does.
pub async fn run(options: Options) -> Result<()> {
    // An error means that there is one already, which is the same.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(&options.cert)?)?;
    let config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    let stream = TcpStream::connect(("127.0.0.1", options.port)).await?;
    let stream =
        TlsConnector::from(Arc::new(config)).connect(ServerName::try_from("localhost")?, stream).await?;
    let small = WebSocketConfig::default().read_buffer_size(4096).write_buffer_size(0);
    let url = format!("ws://localhost:{}/ws", options.port);
    let (mut socket, _) = client_async_with_config(url, stream, Some(small)).await?;
    let mut heartbeat = interval(Duration::from_secs(10));
    let mut sample = interval(Duration::from_secs(60));
    loop {
        tokio::select! {
            _ = heartbeat.tick() => {
                socket.send(Message::text(r#"{"type":"heartbeat","link":"socket"}"#)).await?;
            }
            _ = sample.tick() => socket.send(Message::text(report())).await?,
            frame = socket.next() => match frame {
                Some(frame) => drop(frame?),
                None => return Ok(()),
            },
        }
    }
}

/// What `/proc` says, with no more work than reading it takes; in the shape of a pong, which a hub reads and forgets.
fn report() -> String {
    let read = |name: &str| fs::read_to_string(format!("/proc/{name}")).unwrap_or_default();
    let field = |text: &str, index: usize| -> u64 {
        text.split_whitespace().nth(index).and_then(|word| word.parse().ok()).unwrap_or(0)
    };
    let cpu: u64 = read("stat")
        .lines()
        .next()
        .map_or(0, |line| line.split_whitespace().filter_map(|w| w.parse::<u64>().ok()).sum());
    let memory =
        read("meminfo").lines().find(|line| line.starts_with("MemAvailable:")).map_or(0, |l| field(l, 1));
    let received: u64 = read("net/dev").lines().skip(2).map(|line| field(line, 1)).sum();
    let read_sectors: u64 = read("diskstats").lines().map(|line| field(line, 5)).sum();
    let load = read("loadavg").split_whitespace().next().unwrap_or("0").to_owned();
    let processes = fs::read_dir("/proc").map_or(0, |entries| {
        let is_process = |name: &std::ffi::OsStr| name.as_encoded_bytes().iter().all(u8::is_ascii_digit);
        entries.flatten().filter(|entry| is_process(&entry.file_name())).count()
    });
    format!(
        r#"{{"type":"pong","nonce":{cpu},"memory":{memory},"rx":{received},"read":{read_sectors},"load":{load},"processes":{processes}}}"#
    )
}
