//! Servers that keep files as S3 and Azure Blob do: PyPI's `moto` and npm's `azurite`, in processes of their own.

use super::PATIENCE;
use domain::{Clock as _, clock::SystemClock};
use reqwest::Client;
use server::{Artifacts, ArtifactsAt};
use sha2::{Digest as _, Sha256};
use std::{
    net::{Ipv4Addr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};
use tempfile::TempDir;

/// The account and its key that every Azurite has.
const ACCOUNT: &str = "devstoreaccount1";
const KEY: &str = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";
const BUCKET: &str = "releases";

/// A bucket in a server of its own, which ends with this value.
pub struct Bucket {
    pub artifacts: Artifacts,
    pub url: String,
    child: Child,
    _folder: TempDir,
}

impl Bucket {
    /// A bucket of S3.
    pub async fn of_s3() -> Self {
        let port = free_port();
        let mut command = Command::new(installed("moto/bin/moto_server"));
        command.args(["-H", "127.0.0.1", "-p", &port.to_string()]);
        let (child, folder) = start(command, port).await;
        let url = format!("http://127.0.0.1:{port}");
        let made = Client::new().put(format!("{url}/{BUCKET}")).send().await.expect("an answer");
        assert!(made.status().is_success(), "{made:?}");
        let said = [
            ("AWS_ENDPOINT", url.as_str()),
            ("AWS_ALLOW_HTTP", "true"),
            ("AWS_REGION", "us-east-1"),
            ("AWS_ACCESS_KEY_ID", "test"),
            ("AWS_SECRET_ACCESS_KEY", "test"),
        ];
        let artifacts = open(&format!("s3://{BUCKET}/reeve"), &said);
        Self { artifacts, url, child, _folder: folder }
    }

    /// A container of Azure Blob.
    pub async fn of_azure() -> Self {
        let port = free_port();
        let mut command = Command::new(installed("azurite/node_modules/.bin/azurite-blob"));
        command.args(["--blobHost", "127.0.0.1", "--blobPort", &port.to_string()]);
        command.args(["--inMemoryPersistence", "--silent", "--skipApiVersionCheck", "--disableTelemetry"]);
        let (child, folder) = start(command, port).await;
        let url = format!("http://127.0.0.1:{port}/{ACCOUNT}");
        make_container(&url).await;
        let said = [
            ("AZURE_ENDPOINT", url.as_str()),
            ("AZURE_ALLOW_HTTP", "true"),
            ("AZURE_STORAGE_ACCOUNT_NAME", ACCOUNT),
            ("AZURE_STORAGE_ACCOUNT_KEY", KEY),
        ];
        let artifacts = open(&format!("az://{BUCKET}/reeve"), &said);
        Self { artifacts, url, child, _folder: folder }
    }

    /// Uploads of S3 that were begun and neither finished nor taken away.
    pub async fn unfinished(&self) -> usize {
        let answer =
            Client::new().get(format!("{}/{BUCKET}?uploads", self.url)).send().await.expect("an answer");
        answer.text().await.expect("a body").matches("<UploadId>").count()
    }
}

impl Drop for Bucket {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn open(url: &str, said: &[(&str, &str)]) -> Artifacts {
    let at: ArtifactsAt = url.parse().expect("a place");
    let said = said.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Artifacts::open_with(&at, said).expect("opens")
}

/// Where `cargo xtask test` puts a program, or wherever else the machine has it.
fn installed(program: &str) -> PathBuf {
    let ours = Path::new(env!("CARGO_TARGET_TMPDIR")).join(program);
    if ours.exists() { ours } else { ours.file_name().map(PathBuf::from).unwrap_or_default() }
}

fn free_port() -> u16 {
    let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    free.local_addr().expect("an address").port()
}

async fn start(mut command: Command, port: u16) -> (Child, TempDir) {
    let folder = tempfile::tempdir().expect("a folder");
    let log = folder.path().join("log");
    let out = std::fs::File::create(&log).expect("a log");
    let child = command
        .current_dir(folder.path())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(out)
        .spawn()
        .unwrap_or_else(|error| {
            panic!("{:?} does not start: {error}; `cargo xtask test` installs it", command.get_program())
        });
    // An interpreter with many packages takes its time on a busy machine.
    let deadline = Instant::now() + 4 * PATIENCE;
    while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
        let said = || std::fs::read_to_string(&log).unwrap_or_default();
        assert!(Instant::now() < deadline, "it did not start:\n{}", said());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    (child, folder)
}

/// Asks as the shared key of the account lets one.
async fn make_container(url: &str) {
    use base64::{Engine as _, prelude::BASE64_STANDARD};
    let date = SystemClock.now().format("%a, %d %b %Y %H:%M:%S GMT").to_string();
    let version = "2021-08-06";
    let message = format!(
        "PUT\n\n\n\n\n\n\n\n\n\n\n\nx-ms-date:{date}\nx-ms-version:{version}\n/{ACCOUNT}/{ACCOUNT}/{BUCKET}\nrestype:container"
    );
    let key = BASE64_STANDARD.decode(KEY).expect("a key");
    let signature = BASE64_STANDARD.encode(keyed(&key, message.as_bytes()));
    let made = Client::new()
        .put(format!("{url}/{BUCKET}?restype=container"))
        .header("x-ms-date", date)
        .header("x-ms-version", version)
        .header("authorization", format!("SharedKey {ACCOUNT}:{signature}"))
        .header("content-length", "0")
        .send()
        .await
        .expect("an answer");
    assert!(made.status().is_success(), "{made:?}: {}", made.status());
}

/// HMAC with SHA-256, for a key of at most 64 bytes.
fn keyed(key: &[u8], message: &[u8]) -> Vec<u8> {
    let pad =
        |byte: u8| -> Vec<u8> { (0..64).map(|at| key.get(at).copied().unwrap_or_default() ^ byte).collect() };
    let inner = Sha256::digest([pad(0x36).as_slice(), message].concat());
    Sha256::digest([pad(0x5c).as_slice(), inner.as_slice()].concat()).to_vec()
}
