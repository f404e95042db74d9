//! TLS at the server itself: who is let in how, what changes with it, and certificates that are exchanged under load.

use crate::support::{
    PATIENCE,
    certificate::{Authority, Named},
    process::{Place, Serving, complaint, set_mode},
    program::agent_program,
};
use reqwest::{Certificate, Client, tls::Version};
use rustls::{ClientConfig, RootCertStore, crypto::ring, pki_types::ServerName};
use std::{
    fs,
    process::{Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};
use tokio_rustls::{TlsConnector, client::TlsStream};

/// A folder with a certificate of an authority, and a server that has it.
struct Secured {
    place: Place,
    authority: Authority,
}

impl Secured {
    fn new() -> Self {
        let secured = Self { place: Place::new(), authority: Authority::new() };
        secured.install(&secured.authority.sign(&["localhost"], 90));
        secured.place.write("root.pem", &secured.authority.pem());
        secured
    }

    /// Puts another pair into the files, the one after the other.
    fn install(&self, named: &Named) {
        self.place.write("server.pem", &named.chain);
        self.place.write("server.key", &named.key);
        set_mode(&self.place.path("server.key"), 0o600);
    }

    fn path(&self, name: &str) -> String {
        self.place.path(name).display().to_string()
    }

    async fn start(&self, what: &str, more: &[&str]) -> Serving {
        let (cert, key) = (self.path("server.pem"), self.path("server.key"));
        let arguments = [what, "--listen", "127.0.0.1:0", "--tls-cert", &cert, "--tls-key", &key];
        self.place.start(&[&arguments[..], more].concat()).await
    }

    fn client(&self) -> reqwest::ClientBuilder {
        let root = Certificate::from_pem(self.authority.pem().as_bytes()).expect("a root");
        Client::builder().add_root_certificate(root).no_proxy().redirect(reqwest::redirect::Policy::none())
    }

    /// A connection of its own, and the certificate that it was shown.
    async fn connect(&self, url: &str) -> (TlsStream<TcpStream>, Vec<u8>) {
        let mut roots = RootCertStore::empty();
        let root =
            rustls::pki_types::pem::PemObject::from_pem_slice(self.authority.pem().as_bytes()).expect("PEM");
        roots.add(root).expect("a root");
        let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        let stream =
            TcpStream::connect(url.replace("https://localhost", "127.0.0.1")).await.expect("connected");
        let name = ServerName::try_from("localhost").expect("a name");
        let stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await.expect("secured");
        let session = stream.get_ref().1;
        assert_eq!(session.alpn_protocol(), Some(&b"http/1.1"[..]));
        let shown = session.peer_certificates().expect("a certificate")[0].to_vec();
        (stream, shown)
    }
}

async fn healthy(stream: &mut TlsStream<TcpStream>) {
    stream.write_all(b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n").await.expect("sent");
    let mut answer = Vec::new();
    while !answer.ends_with(b"ok\n") {
        let mut bytes = [0; 1024];
        let read = stream.read(&mut bytes).await.expect("an answer");
        assert!(read > 0, "{}", String::from_utf8_lossy(&answer));
        answer.extend_from_slice(&bytes[..read]);
    }
}

#[tokio::test]
async fn a_server_with_a_certificate_speaks_tls_and_nothing_else() {
    let secured = Secured::new();
    let who = ["setup", "--email", "ada@msp.example", "--full-name", "Ada Admin"];
    let made = secured.place.run_with_input(&who, crate::support::world::PASSWORD).await;
    assert!(made.status.success(), "{}", complaint(&made));
    let server = secured.start("serve", &["--head-within-seconds", "1"]).await;
    assert!(server.url.starts_with("https://localhost:"), "{}", server.url);
    for version in [Version::TLS_1_2, Version::TLS_1_3] {
        let client =
            secured.client().tls_version_min(version).tls_version_max(version).build().expect("a client");
        let answer = client.get(format!("{}/healthz", server.url)).send().await.expect("an answer");
        assert_eq!(answer.headers()["strict-transport-security"], "max-age=31536000");
    }
    assert!(
        Client::new().get(format!("{}/healthz", server.url)).send().await.is_err(),
        "not known to everybody"
    );
    let form = [
        ("input[email]", "ada@msp.example"),
        ("input[password]", crate::support::world::PASSWORD),
        ("next", "/"),
    ];
    let client = secured.client().build().expect("a client");
    let answer =
        client.post(format!("{}/portal/sign-in", server.url)).form(&form).send().await.expect("an answer");
    let cookies: Vec<_> =
        answer.headers().get_all("set-cookie").iter().map(|cookie| format!("{cookie:?}")).collect();
    assert!(
        !cookies.is_empty()
            && cookies.iter().all(|cookie| cookie.contains("__Host-") && cookie.contains("Secure")),
        "{cookies:?}"
    );

    let plain = Client::new().get(server.url.replace("https", "http")).send().await.expect("an answer");
    assert_eq!(plain.status(), 400);
    assert!(plain.text().await.expect("text").contains(&server.url));
    // Whoever says nothing is not waited for.
    let mut silent =
        TcpStream::connect(server.url.replace("https://localhost", "127.0.0.1")).await.expect("connected");
    let ended = tokio::time::timeout(PATIENCE, silent.read(&mut [0; 16])).await.expect("an end");
    assert!(matches!(ended, Ok(0) | Err(_)));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_is_exchanged_under_load_and_a_broken_one_is_refused() {
    let secured = Arc::new(Secured::new());
    let server = secured.start("serve", &[]).await;
    let (mut kept, first) = secured.connect(&server.url).await;
    healthy(&mut kept).await;
    let (done, stop) = (Arc::<AtomicUsize>::default(), Arc::<AtomicBool>::default());
    let load: Vec<_> = (0..4)
        .map(|_| {
            let (secured, url) = (Arc::clone(&secured), server.url.clone());
            let (done, stop) = (Arc::clone(&done), Arc::clone(&stop));
            tokio::spawn(async move {
                while !stop.load(Ordering::Relaxed) {
                    healthy(&mut secured.connect(&url).await.0).await;
                    done.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    // A key that is another's: the pair before stays.
    let second = secured.authority.sign(&["localhost"], 90);
    let key = fs::read_to_string(secured.place.path("server.key")).expect("a key");
    secured.install(&Named { chain: second.chain.clone(), key });
    server.logged("the new certificate is no good and the one before stays").await;
    assert_eq!(secured.connect(&server.url).await.1, first);
    secured.install(&second);
    server.logged("the certificate was read anew").await;
    let (mut fresh, shown) = secured.connect(&server.url).await;
    assert_ne!(shown, first);
    healthy(&mut fresh).await;
    healthy(&mut kept).await;
    let before = done.load(Ordering::Relaxed);
    let deadline = Instant::now() + PATIENCE;
    while done.load(Ordering::Relaxed) < before + 8 && Instant::now() < deadline {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    stop.store(true, Ordering::Relaxed);
    for task in load {
        task.await.expect("nobody was turned away");
    }
    assert!(done.load(Ordering::Relaxed) >= before + 8);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_real_agent_trusts_the_root_that_it_was_given_and_outlives_the_certificate() {
    let agent = tokio::task::spawn_blocking(agent_program).await.expect("built");
    let secured = Secured::new();
    let server = secured.start("demo", &["--log-level", "debug"]).await;
    let data = secured.path("agent");
    let register = |more: &[&str]| {
        let token = fs::File::open(secured.place.path("data/demo-token")).expect("a token");
        let mut command = Command::new(&agent);
        command
            .args(["register", "--data-dir", &data, "--server", &server.url, "--token-file", "-"])
            .args(more);
        command.env_remove("REEVE_TOKEN").stdin(Stdio::from(token)).output().expect("it runs")
    };
    assert!(!register(&[]).status.success(), "nobody vouches for the server");
    let registered = register(&["--ca-file", &secured.path("root.pem")]);
    assert!(registered.status.success(), "{}", String::from_utf8_lossy(&registered.stderr));
    let mut running = tokio::process::Command::new(&agent)
        .args(["run", "--data-dir", &data])
        .env_remove("REEVE_LOG")
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .expect("it runs");
    let connected = async || {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let status = Command::new(&agent)
                .args(["status", "--json", "--data-dir", &data])
                .output()
                .expect("it runs");
            let status = String::from_utf8_lossy(&status.stdout).into_owned();
            if status.contains("\"socket\"") {
                return;
            }
            assert!(Instant::now() < deadline, "{status}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    connected().await;
    secured.install(&secured.authority.sign(&["localhost"], 90));
    server.logged("the certificate was read anew").await;
    connected().await;
    assert!(running.try_wait().expect("asked").is_none());
    let log = server.stop().await;
    assert!(!log.contains("no good"), "{log}");
    running.kill().await.expect("ended");
}
