//! A bare hub: sockets over TLS, the last sign of life of each in memory, and a message to all. Nobody is asked who they
//! are, and nothing is stored.

use anyhow::Result;
use axum::{
    Router,
    extract::{
        State,
        ws::{Message, Utf8Bytes, WebSocket, WebSocketUpgrade},
    },
    http::StatusCode,
    routing::{get, post},
};
use entity::wire::{ToServer, limits::SOCKET_READ_BUFFER_BYTES};
use hyper::server::conn::http1;
use hyper_util::{rt::TokioIo, service::TowerToHyperService};
use rustls::{
    ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
};
use std::{
    collections::HashMap,
    net::Ipv4Addr,
    path::PathBuf,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};
use tokio::{net::TcpSocket, sync::mpsc};
use tokio_rustls::TlsAcceptor;

/// What the hub is told.
#[derive(clap::Args)]
pub struct Options {
    #[arg(long)]
    port: u16,
    #[arg(long)]
    cert: PathBuf,
    #[arg(long)]
    key: PathBuf,
}

struct Peer {
    outbox: mpsc::Sender<Utf8Bytes>,
    seen_at: Instant,
}

#[derive(Default)]
struct Hub {
    next: AtomicU64,
    peers: Mutex<HashMap<u64, Peer>>,
}

impl Hub {
    fn peers(&self) -> MutexGuard<'_, HashMap<u64, Peer>> {
        self.peers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Serves until it is ended.
///
/// # Errors
/// When it cannot listen.
pub async fn serve(options: Options) -> Result<()> {
    // An error means that there is one already, which is the same.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let certificate = CertificateDer::from_pem_file(&options.cert)?;
    let key = PrivateKeyDer::from_pem_file(&options.key)?;
    let config = ServerConfig::builder().with_no_client_auth().with_single_cert(vec![certificate], key)?;
    let tls = TlsAcceptor::from(Arc::new(config));
    let hub = Arc::<Hub>::default();
    let app = Router::new().route("/ws", get(accept)).route("/goodbye", post(goodbye)).with_state(hub);
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    socket.bind((Ipv4Addr::LOCALHOST, options.port).into())?;
    let listener = socket.listen(4096)?;
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let (tls, app) = (tls.clone(), app.clone());
        tokio::spawn(async move {
            let Ok(stream) = tls.accept(stream).await else { return };
            let serving = http1::Builder::new()
                .serve_connection(TokioIo::new(stream), TowerToHyperService::new(app))
                .with_upgrades();
            // A peer that goes away is nothing to a ruler.
            let _ = serving.await;
        });
    }
}

async fn accept(State(hub): State<Arc<Hub>>, upgrade: WebSocketUpgrade) -> axum::response::Response {
    upgrade
        .read_buffer_size(SOCKET_READ_BUFFER_BYTES)
        .write_buffer_size(0)
        .on_upgrade(move |socket| talk(hub, socket))
}

async fn talk(hub: Arc<Hub>, mut socket: WebSocket) {
    let id = hub.next.fetch_add(1, Ordering::Relaxed);
    let (outbox, mut waiting) = mpsc::channel::<Utf8Bytes>(8);
    hub.peers().insert(id, Peer { outbox, seen_at: Instant::now() });
    loop {
        let sent = tokio::select! {
            message = waiting.recv() => match message {
                Some(text) => socket.send(Message::Text(text)).await,
                None => break,
            },
            frame = socket.recv() => match frame {
                Some(Ok(Message::Text(text))) => match serde_json::from_str(&text) {
                    Ok(ToServer::Hello(_)) => socket.send(Message::text(r#"{"type":"welcome"}"#)).await,
                    Ok(_) => {
                        if let Some(peer) = hub.peers().get_mut(&id) {
                            peer.seen_at = Instant::now();
                        }
                        Ok(())
                    }
                    Err(_) => break,
                },
                Some(Ok(_)) => Ok(()),
                Some(Err(_)) | None => break,
            },
        };
        if sent.is_err() {
            break;
        }
    }
    hub.peers().remove(&id);
}

/// Says goodbye to all.
async fn goodbye(State(hub): State<Arc<Hub>>) -> StatusCode {
    let text =
        Utf8Bytes::from_static(r#"{"type":"goodbye","reason":"server_stopped","retry_after_seconds":1}"#);
    for peer in hub.peers().values() {
        // Eight messages fit; a peer that has not taken them is as good as gone.
        let _ = peer.outbox.try_send(text.clone());
    }
    StatusCode::NO_CONTENT
}
