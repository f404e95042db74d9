//! Words to the system's service manager, which asked to be told: that the server is ready, and that it stops.

/// Where the service manager listens.
#[cfg(unix)]
const SOCKET: &str = "NOTIFY_SOCKET";

/// The server answers from now on.
pub(super) fn is_ready() {
    say("READY=1");
}

/// The server ends.
pub(super) fn is_stopping() {
    say("STOPPING=1");
}

/// Says it, if somebody wants to know; nobody else is kept waiting by it.
#[cfg(unix)]
fn say(word: &str) {
    use std::os::unix::net::UnixDatagram;
    let Some(path) = std::env::var_os(SOCKET) else { return };
    let send = || -> std::io::Result<()> {
        let socket = UnixDatagram::unbound()?;
        socket.set_nonblocking(true)?;
        match path.to_str().and_then(|path| path.strip_prefix('@')) {
            #[cfg(target_os = "linux")]
            Some(name) => {
                use std::os::{linux::net::SocketAddrExt as _, unix::net::SocketAddr};
                socket.send_to_addr(word.as_bytes(), &SocketAddr::from_abstract_name(name)?)?;
            }
            _ => drop(socket.send_to(word.as_bytes(), &path)?),
        }
        Ok(())
    };
    if let Err(error) = send() {
        tracing::warn!(%error, "the service manager was not told");
    }
}

/// Elsewhere nobody asks.
#[cfg(not(unix))]
fn say(_: &str) {}
