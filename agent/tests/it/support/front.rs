//! TLS in front of a server. Where its name leads can change, as when a name or a host falls into other hands.

use super::FakeServer;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rustls::{
    ServerConfig,
    crypto::ring,
    pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
};
use std::{net::SocketAddr, sync::Arc};
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    task::JoinSet,
};
use tokio_rustls::TlsAcceptor;

/// Signs certificates.
pub struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl Authority {
    pub fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, "A root of the tests");
        let key = KeyPair::generate().unwrap();
        Self { issuer: CertifiedIssuer::self_signed(params, key).unwrap() }
    }

    /// The root itself, in PEM.
    pub fn pem(&self) -> String {
        self.issuer.pem()
    }

    /// Whoever shows a certificate for this machine, under a key of its own.
    fn acceptor(&self) -> TlsAcceptor {
        let params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)
            .unwrap();
        TlsAcceptor::from(Arc::new(config))
    }
}

/// A name, and where it leads.
pub struct Front {
    pub url: String,
    address: SocketAddr,
    tasks: JoinSet<()>,
}

impl Front {
    /// Leads to a server, under a certificate of this authority.
    pub async fn of(server: &FakeServer, authority: &Authority) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let url = format!("https://localhost:{}", address.port());
        let mut front = Self { url, address, tasks: JoinSet::new() };
        front.listen(listener, server, authority);
        front
    }

    /// From now on it leads to another one, and every connection ends.
    pub async fn leads_to(&mut self, server: &FakeServer, authority: &Authority) {
        self.tasks.shutdown().await;
        let listener = TcpListener::bind(self.address).await.unwrap();
        self.listen(listener, server, authority);
    }

    fn listen(&mut self, listener: TcpListener, server: &FakeServer, authority: &Authority) {
        let (acceptor, behind) = (authority.acceptor(), server.address());
        self.tasks.spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                let Ok((stream, _)) = listener.accept().await else { return };
                connections.spawn(carry(acceptor.clone(), stream, behind));
            }
        });
    }
}

async fn carry(acceptor: TlsAcceptor, stream: TcpStream, behind: SocketAddr) {
    let Ok(mut secured) = acceptor.accept(stream).await else { return };
    let Ok(mut plain) = TcpStream::connect(behind).await else { return };
    let _ = copy_bidirectional(&mut secured, &mut plain).await;
}
