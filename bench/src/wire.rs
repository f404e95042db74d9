//! The load's end of a connection: sockets from many addresses, TLS, and just enough HTTP/1.1 to be cheap.

use anyhow::{Context, Result, bail, ensure};
use rustls::{ClientConfig, RootCertStore, pki_types::ServerName};
use std::{
    fs,
    io::Write as _,
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    sync::Arc,
};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::TcpSocket,
};
use tokio_rustls::TlsConnector;

/// Whatever carries bytes both ways.
pub trait Pipe: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Pipe for T {}

/// A certificate for `localhost` of this run, and what trusts it alone.
#[derive(Clone)]
pub struct Tls {
    /// The certificate, as PEM.
    pub cert: PathBuf,
    /// Its key, as PEM.
    pub key: PathBuf,
    connector: TlsConnector,
}

impl Tls {
    /// Makes a certificate below a folder.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn new(folder: &Path) -> Result<Self> {
        // An error means that another part of this process was first, with the same provider.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()])?;
        let (cert, key) = (folder.join("cert.pem"), folder.join("key.pem"));
        fs::write(&cert, made.cert.pem())?;
        fs::write(&key, made.signing_key.serialize_pem())?;
        let mut roots = RootCertStore::empty();
        roots.add(made.cert.der().clone())?;
        let mut config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
        // Every connection is a whole handshake, as after an outage.
        config.resumption = rustls::client::Resumption::disabled();
        Ok(Self { cert, key, connector: TlsConnector::from(Arc::new(config)) })
    }
}

/// Where a server is, and how to talk to it.
#[derive(Clone)]
pub struct Place {
    pub address: SocketAddr,
    /// Present when the server speaks TLS.
    pub tls: Option<Tls>,
}

impl Place {
    /// The address for people and agents.
    pub fn url(&self) -> String {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        format!("{scheme}://localhost:{}", self.address.port())
    }

    /// Opens a connection from one of the addresses of the loopback network, as from another site.
    ///
    /// # Errors
    /// When the server does not take it.
    pub async fn dial(&self, from: Ipv4Addr) -> Result<Box<dyn Pipe>> {
        let socket = TcpSocket::new_v4()?;
        socket.set_nodelay(true)?;
        socket.bind((from, 0).into())?;
        let stream = socket.connect(self.address).await.context("cannot connect")?;
        Ok(match &self.tls {
            None => Box::new(stream),
            Some(tls) => {
                let name = ServerName::try_from("localhost")?;
                Box::new(tls.connector.connect(name, stream).await.context("no TLS")?)
            }
        })
    }
}

/// What came back.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: Vec<u8>,
}

impl Answer {
    /// The body of a good answer.
    ///
    /// # Errors
    /// With the refusal, when it was one.
    pub fn good(self) -> Result<Vec<u8>> {
        if (200..300).contains(&self.status) {
            return Ok(self.body);
        }
        let text = String::from_utf8_lossy(&self.body);
        bail!("status {}: {}", self.status, text.chars().take(300).collect::<String>())
    }
}

/// A kept-alive connection.
pub struct Line {
    pipe: Box<dyn Pipe>,
    port: u16,
    request: Vec<u8>,
    read: Vec<u8>,
}

impl Line {
    /// Opens one.
    ///
    /// # Errors
    /// When the server does not take it.
    pub async fn open(place: &Place, from: Ipv4Addr) -> Result<Self> {
        let pipe = place.dial(from).await?;
        Ok(Self {
            pipe,
            port: place.address.port(),
            request: Vec::new(),
            read: Vec::with_capacity(16 * 1024),
        })
    }

    /// Sends a request and reads the whole answer. `extra` are header lines, each with its end of line.
    ///
    /// # Errors
    /// When the connection breaks.
    pub async fn ask(&mut self, method: &str, path: &str, extra: &str, body: &[u8]) -> Result<Answer> {
        self.send(method, path, extra, body).await?;
        let head_end = loop {
            if let Some(at) = find(&self.read, b"\r\n\r\n") {
                break at + 4;
            }
            self.more().await?;
        };
        let head = String::from_utf8_lossy(&self.read[..head_end]).into_owned();
        let status: u16 = head.get(9..12).and_then(|digits| digits.parse().ok()).context("no status")?;
        let is_chunked = header(&head, "transfer-encoding").is_some_and(|value| value.contains("chunked"));
        let (body, end) = if status == 204 || status == 304 {
            (Vec::new(), head_end)
        } else if is_chunked {
            self.chunks(head_end).await?
        } else {
            let length: usize = header(&head, "content-length").and_then(|v| v.parse().ok()).unwrap_or(0);
            while self.read.len() < head_end + length {
                self.more().await?;
            }
            (self.read[head_end..head_end + length].to_vec(), head_end + length)
        };
        self.read.drain(..end);
        Ok(Answer { status, head, body })
    }

    /// Sends a request whose answer goes on: what comes is read with [`Line::next_bytes`].
    ///
    /// # Errors
    /// When the connection breaks.
    pub async fn send(&mut self, method: &str, path: &str, extra: &str, body: &[u8]) -> Result<()> {
        self.request.clear();
        write!(
            self.request,
            "{method} {path} HTTP/1.1\r\nHost: localhost:{}\r\nContent-Length: {}\r\n{extra}\r\n",
            self.port,
            body.len()
        )?;
        self.request.extend_from_slice(body);
        self.pipe.write_all(&self.request).await?;
        Ok(self.pipe.flush().await?)
    }

    /// What has come since the last time; waits for something.
    ///
    /// # Errors
    /// When the connection ends.
    pub async fn next_bytes(&mut self) -> Result<Vec<u8>> {
        if self.read.is_empty() {
            self.more().await?;
        }
        Ok(std::mem::take(&mut self.read))
    }

    async fn more(&mut self) -> Result<()> {
        let count = self.pipe.read_buf(&mut self.read).await?;
        ensure!(count > 0, "the server closed the connection");
        Ok(())
    }

    async fn chunks(&mut self, mut at: usize) -> Result<(Vec<u8>, usize)> {
        let mut body = Vec::new();
        loop {
            let line_end = loop {
                match find(&self.read[at..], b"\r\n") {
                    Some(end) => break at + end,
                    None => self.more().await?,
                }
            };
            let digits = String::from_utf8_lossy(&self.read[at..line_end]).into_owned();
            let size = usize::from_str_radix(digits.trim(), 16).context("a chunk without a size")?;
            let start = line_end + 2;
            while self.read.len() < start + size + 2 {
                self.more().await?;
            }
            body.extend_from_slice(&self.read[start..start + size]);
            at = start + size + 2;
            if size == 0 {
                return Ok((body, at));
            }
        }
    }
}

/// The value of a header, whatever the case of its name.
pub fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines().find_map(|line| {
        let (found, value) = line.split_once(':')?;
        found.eq_ignore_ascii_case(name).then(|| value.trim())
    })
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}

/// An address of the loopback network for a number: a hundred devices share one, as those of a site do.
pub fn site_address(device: usize) -> Ipv4Addr {
    let site = device / 100;
    Ipv4Addr::new(
        127,
        1,
        u8::try_from(site / 250 % 250).unwrap_or(0),
        1 + u8::try_from(site % 250).unwrap_or(0),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sites_have_addresses_of_their_own() {
        assert_eq!(site_address(0), site_address(99));
        assert_ne!(site_address(99), site_address(100));
        assert!(site_address(99_999).is_loopback());
    }

    #[test]
    fn headers_are_found_by_name() {
        let head = "HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n";
        assert_eq!(header(head, "content-length"), Some("12"));
        assert_eq!(header(head, "etag"), None);
    }
}
