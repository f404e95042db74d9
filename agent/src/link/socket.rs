//! A WebSocket to the server, from the connection to the first words; then typed messages both ways.

use crate::timing::Timing;
use entity::wire::{
    Hello, ToAgent, ToServer, Welcome,
    limits::{SOCKET_READ_BUFFER_BYTES, TO_AGENT_BYTES_MAX},
};
use futures::{FutureExt as _, SinkExt as _, StreamExt as _};
use rustls::ClientConfig;
use std::{sync::Arc, time::Duration};
use tokio::{
    net::{TcpStream, lookup_host},
    time::{Instant, timeout, timeout_at},
};
use tokio_tungstenite::{
    Connector, MaybeTlsStream, WebSocketStream, client_async_tls_with_config,
    tungstenite::{
        self, Message,
        client::IntoClientRequest as _,
        http::{
            HeaderValue, Request,
            header::{AUTHORIZATION, RETRY_AFTER},
        },
        protocol::{CloseFrame, WebSocketConfig, frame::coding::CloseCode},
    },
};

/// Why there is no socket.
#[derive(Debug, thiserror::Error)]
pub enum NotOpen {
    /// The token was refused.
    #[error("the server does not take the agent token")]
    Unauthorized,
    /// Not even a connection.
    #[error("{0}")]
    Unreachable(String),
    /// A connection, but no socket over it.
    #[error("{detail}")]
    Blocked {
        /// What came instead.
        detail: String,
        /// Seconds to wait, when the other side said so.
        retry_after_seconds: Option<u32>,
    },
}

impl NotOpen {
    fn blocked(detail: impl Into<String>) -> Self {
        Self::Blocked { detail: detail.into(), retry_after_seconds: None }
    }

    /// Seconds to wait, when the other side said so.
    pub const fn retry_after_seconds(&self) -> Option<u32> {
        match self {
            Self::Blocked { retry_after_seconds, .. } => *retry_after_seconds,
            Self::Unauthorized | Self::Unreachable(_) => None,
        }
    }
}

/// What came over the socket.
pub enum Heard {
    /// A message.
    Message(ToAgent),
    /// Something that this build cannot read, and why.
    Unreadable(String),
    /// A sign of life.
    Life,
    /// The end.
    Closed,
}

/// An open socket, greeted.
pub struct Socket {
    stream: WebSocketStream<MaybeTlsStream<TcpStream>>,
    send_timeout: Duration,
    /// The server's first words.
    pub welcome: Welcome,
}

impl Socket {
    /// Connects, says hello, waits for the welcome.
    pub async fn open(
        url: &str,
        token: &str,
        tls: &Arc<ClientConfig>,
        hello: &Hello,
        timing: &Timing,
    ) -> Result<Self, NotOpen> {
        let request = request(url, token)?;
        let deadline = Instant::now() + timing.connect;
        let tcp = timeout_at(deadline, connect(&request, timing.connect)).await;
        let tcp = tcp.unwrap_or_else(|_| Err(NotOpen::Unreachable("the connection timed out".to_owned())))?;
        let config = WebSocketConfig::default()
            .read_buffer_size(SOCKET_READ_BUFFER_BYTES)
            .write_buffer_size(0)
            .max_message_size(Some(TO_AGENT_BYTES_MAX))
            .max_frame_size(Some(TO_AGENT_BYTES_MAX));
        let connector = Connector::Rustls(Arc::clone(tls));
        // Boxed: the frames of both are large, and what was once used of a stack stays with the process for good.
        let upgrade = client_async_tls_with_config(request, tcp, Some(config), Some(connector)).boxed();
        let upgraded = timeout_at(deadline, upgrade)
            .await
            .map_err(|_| NotOpen::blocked("the connection was taken, but the upgrade was not answered"))?;
        let (mut stream, _) = upgraded.map_err(refused)?;
        let greeted = timeout_at(deadline, greet(&mut stream, hello).boxed()).await;
        let welcome = greeted.unwrap_or_else(|_| Err(NotOpen::blocked("the hello was not answered")))?;
        Ok(Self { stream, send_timeout: timing.request, welcome })
    }

    /// Waits for what comes next.
    pub async fn hear(&mut self) -> Heard {
        match self.stream.next().await {
            Some(Ok(Message::Text(text))) => read(&text),
            Some(Ok(Message::Binary(_))) => Heard::Unreadable("a binary frame".to_owned()),
            Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => Heard::Life,
            Some(Ok(Message::Close(_)) | Err(_)) | None => Heard::Closed,
        }
    }

    /// Sends a message; false when the socket does not take it.
    pub async fn say(&mut self, message: &ToServer) -> bool {
        let Ok(text) = serde_json::to_string(message) else { return false };
        self.say_text(text).await
    }

    /// Sends a message that is JSON already; false when the socket does not take it.
    pub async fn say_text(&mut self, text: String) -> bool {
        self.send(Message::text(text)).await
    }

    /// Asks for a sign of life below the messages.
    pub async fn ask_for_life(&mut self) -> bool {
        self.send(Message::Ping(Vec::new().into())).await
    }

    /// Ends the socket in order.
    pub async fn close(&mut self, reason: &'static str) {
        let frame = CloseFrame { code: CloseCode::Away, reason: reason.into() };
        if timeout(Duration::from_secs(1), self.stream.close(Some(frame))).await.is_err() {
            tracing::debug!("the socket did not take the close frame");
        }
    }

    async fn send(&mut self, message: Message) -> bool {
        matches!(timeout(self.send_timeout, self.stream.send(message)).await, Ok(Ok(())))
    }
}

fn request(url: &str, token: &str) -> Result<Request<()>, NotOpen> {
    let mut request = url.into_client_request().map_err(|error| NotOpen::blocked(error.to_string()))?;
    let mut bearer = HeaderValue::try_from(format!("Bearer {token}")).map_err(|_| NotOpen::Unauthorized)?;
    bearer.set_sensitive(true);
    request.headers_mut().insert(AUTHORIZATION, bearer);
    Ok(request)
}

/// Tries the server's addresses one after the other; one that leads nowhere must not use up all the time.
async fn connect(request: &Request<()>, patience: Duration) -> Result<TcpStream, NotOpen> {
    let uri = request.uri();
    let host = uri.host().unwrap_or_default().trim_matches(['[', ']']);
    let port = uri.port_u16().unwrap_or(if uri.scheme_str() == Some("wss") { 443 } else { 80 });
    let addresses =
        lookup_host((host, port)).await.map_err(|error| NotOpen::Unreachable(format!("{host}: {error}")))?;
    let mut failure = format!("{host} has no address");
    for address in addresses {
        match timeout(patience / 3, TcpStream::connect(address)).await {
            Ok(Ok(tcp)) => {
                // Messages are small and should leave at once; where that cannot be set, they leave a little later.
                let _ = tcp.set_nodelay(true);
                return Ok(tcp);
            }
            Ok(Err(error)) => failure = format!("{address}: {error}"),
            Err(_) => failure = format!("{address}: the connection timed out"),
        }
    }
    Err(NotOpen::Unreachable(failure))
}

fn refused(error: tungstenite::Error) -> NotOpen {
    let tungstenite::Error::Http(answer) = error else { return NotOpen::blocked(error.to_string()) };
    if answer.status().as_u16() == 401 {
        return NotOpen::Unauthorized;
    }
    let retry_after =
        answer.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.trim().parse().ok());
    NotOpen::Blocked {
        detail: format!("the upgrade was answered with {}", answer.status()),
        retry_after_seconds: retry_after,
    }
}

async fn greet(
    stream: &mut WebSocketStream<MaybeTlsStream<TcpStream>>,
    hello: &Hello,
) -> Result<Welcome, NotOpen> {
    let text = serde_json::to_string(&ToServer::Hello(hello.clone()))
        .map_err(|error| NotOpen::blocked(error.to_string()))?;
    stream.send(Message::text(text)).await.map_err(|error| NotOpen::blocked(error.to_string()))?;
    loop {
        match stream.next().await {
            Some(Ok(Message::Text(text))) => match read(&text) {
                Heard::Message(ToAgent::Welcome(welcome)) => return Ok(welcome),
                Heard::Message(
                    ToAgent::Busy { retry_after_seconds } | ToAgent::Goodbye { retry_after_seconds, .. },
                ) => {
                    return Err(NotOpen::Blocked {
                        detail: "the server has no time now".to_owned(),
                        retry_after_seconds: Some(retry_after_seconds),
                    });
                }
                Heard::Message(ToAgent::Unsupported { detail }) => return Err(NotOpen::blocked(detail)),
                _ => {}
            },
            Some(Ok(Message::Close(_))) | None => {
                return Err(NotOpen::blocked("it was closed before the welcome"));
            }
            Some(Ok(_)) => {}
            Some(Err(error)) => return Err(NotOpen::blocked(error.to_string())),
        }
    }
}

fn read(text: &str) -> Heard {
    match serde_json::from_str(text) {
        Ok(ToAgent::Unknown) => {
            Heard::Unreadable("a message of a type that this agent does not know".to_owned())
        }
        Ok(message) => Heard::Message(message),
        Err(error) => Heard::Unreadable(format!("a message that this agent cannot read: {error}")),
    }
}
