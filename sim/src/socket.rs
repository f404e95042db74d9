//! A WebSocket to the server as an agent opens it: small buffers, typed messages both ways.

use crate::{Door, Trouble};
use entity::wire::{
    Hello, ToAgent, ToServer, Welcome,
    limits::{SOCKET_READ_BUFFER_BYTES, TO_AGENT_BYTES_MAX},
    websocket_url,
};
use futures::{SinkExt as _, StreamExt as _};
use std::time::Duration;
use tokio::{net::TcpStream, time::timeout};
use tokio_tungstenite::{
    Connector, MaybeTlsStream, WebSocketStream, client_async_tls_with_config,
    tungstenite::{
        Error, Message,
        client::IntoClientRequest as _,
        http::HeaderValue,
        protocol::{CloseFrame, WebSocketConfig},
    },
};

/// For the connection, the upgrade and the first words.
const OPEN_WITHIN: Duration = Duration::from_secs(30);
/// A frame that the network does not take within this time is lost.
const SEND_WITHIN: Duration = Duration::from_secs(30);

/// What a socket stands on, for those who want to send something else than frames.
pub type Wire = MaybeTlsStream<TcpStream>;

/// One end of a socket.
#[derive(Debug)]
pub struct Socket(Box<WebSocketStream<Wire>>);

impl Socket {
    /// Opens a socket and says nothing yet.
    ///
    /// # Errors
    /// With the status of a refusal, or why there is no connection.
    pub async fn open(door: &Door, token: Option<&str>) -> Result<Self, Box<Error>> {
        match timeout(OPEN_WITHIN, Box::pin(Self::dial(door, token))).await {
            Ok(opened) => opened,
            Err(_) => Err(Box::new(timed_out())),
        }
    }

    async fn dial(door: &Door, token: Option<&str>) -> Result<Self, Box<Error>> {
        let mut request = websocket_url(door.url()).into_client_request()?;
        if let Some(token) = token {
            let bearer = HeaderValue::try_from(format!("Bearer {token}")).map_err(Error::from)?;
            request.headers_mut().insert("authorization", bearer);
        }
        let uri = request.uri();
        let host = uri.host().unwrap_or_default().trim_matches(['[', ']']);
        let port = uri.port_u16().unwrap_or(if uri.scheme_str() == Some("wss") { 443 } else { 80 });
        let tcp = TcpStream::connect((host, port)).await.map_err(Error::from)?;
        tcp.set_nodelay(true).map_err(Error::from)?;
        let config = WebSocketConfig::default()
            .read_buffer_size(SOCKET_READ_BUFFER_BYTES / 4)
            .write_buffer_size(0)
            .max_message_size(Some(TO_AGENT_BYTES_MAX))
            .max_frame_size(Some(TO_AGENT_BYTES_MAX));
        let connector = Connector::Rustls(door.tls());
        let (stream, _) = client_async_tls_with_config(request, tcp, Some(config), Some(connector)).await?;
        Ok(Self(Box::new(stream)))
    }

    /// Says hello and waits for the welcome.
    ///
    /// # Errors
    /// When the server has no time, or no sense.
    pub async fn greet(&mut self, hello: Hello) -> Result<Welcome, Trouble> {
        self.send(&ToServer::Hello(hello)).await?;
        match timeout(OPEN_WITHIN, self.next()).await {
            Ok(Ok(ToAgent::Welcome(welcome))) => Ok(welcome),
            Ok(Ok(ToAgent::Busy { retry_after_seconds } | ToAgent::Goodbye { retry_after_seconds, .. })) => {
                Err(Trouble::Refused {
                    status: 503,
                    retry_after_seconds: Some(retry_after_seconds),
                    detail: "busy instead of welcome".to_owned(),
                })
            }
            Ok(Ok(message)) => Err(Trouble::Unreadable(format!("instead of the welcome: {message:?}"))),
            Ok(Err(_)) => Err(Trouble::Unreachable("closed before the welcome".to_owned())),
            Err(_) => Err(Trouble::Unreachable("no welcome in time".to_owned())),
        }
    }

    /// Sends a message.
    ///
    /// # Errors
    /// Lost, when the network does not take it.
    pub async fn send(&mut self, message: &ToServer) -> Result<(), Trouble> {
        let text = serde_json::to_string(message).map_err(|error| Trouble::Unreadable(error.to_string()))?;
        self.send_text(text).await
    }

    /// Sends any text.
    ///
    /// # Errors
    /// Lost, when the network does not take it.
    pub async fn send_text(&mut self, text: String) -> Result<(), Trouble> {
        self.send_frame(Message::text(text)).await
    }

    /// Sends any frame.
    ///
    /// # Errors
    /// Lost, when the network does not take it.
    pub async fn send_frame(&mut self, frame: Message) -> Result<(), Trouble> {
        match timeout(SEND_WITHIN, self.0.send(frame)).await {
            Ok(Ok(())) => Ok(()),
            _ => Err(Trouble::Lost),
        }
    }

    /// The next message of the server; or the frame that closed the socket, if there was one.
    ///
    /// # Errors
    /// The end of the socket.
    pub async fn next(&mut self) -> Result<ToAgent, Option<CloseFrame>> {
        loop {
            match self.0.next().await {
                Some(Ok(Message::Text(text))) => {
                    return Ok(serde_json::from_str(&text).unwrap_or(ToAgent::Unknown));
                }
                Some(Ok(Message::Close(frame))) => return Err(frame),
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return Err(None),
            }
        }
    }

    /// Closes in order, giving a reason, and waits for the other end to do the same.
    pub async fn close(mut self, reason: &str) {
        let frame = CloseFrame { code: 1000.into(), reason: reason.to_owned().into() };
        let closing = async {
            if WebSocketStream::close(&mut self.0, Some(frame)).await.is_ok() {
                while self.0.next().await.is_some_and(|frame| frame.is_ok()) {}
            }
        };
        // An end that does not answer has ended too.
        let _ = timeout(Duration::from_secs(2), closing).await;
    }

    /// The connection below the frames.
    pub fn wire(&mut self) -> &mut Wire {
        self.0.get_mut()
    }
}

fn timed_out() -> Error {
    Error::Io(std::io::Error::new(std::io::ErrorKind::TimedOut, "no socket in time"))
}
