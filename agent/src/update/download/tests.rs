//! Downloads from a server that misbehaves.

use super::*;
use crate::{http::Api, identity::Identity, paths::Paths, timing::Timing, tls, token::DeviceApi};
use entity::id::DeviceId;
use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};
use uuid::Uuid;

const SIZE: usize = 10_000;

/// How the server answers one request for the file.
#[derive(Clone, Copy, Debug)]
enum Way {
    /// As it should.
    Well,
    /// So many bytes of what it announced.
    Cut(usize),
    /// Everything, whatever part was asked for.
    AllOfIt,
    /// A page of whatever stands between, with its own length.
    Page,
    /// The same without one.
    PageWithoutLength,
    /// Another part than was asked for.
    OtherPart,
    /// Somewhere else.
    Elsewhere,
    /// It has no time, for so many seconds.
    Busy(u32),
    /// It is not there.
    Missing,
    /// A byte now and then.
    Drip,
    /// It takes the request and says nothing.
    Silent,
    /// Bytes without end and without a length.
    Endless,
}

fn body() -> Vec<u8> {
    (0..SIZE).map(|at| u8::try_from(at * 7 % 251).unwrap()).collect()
}

struct Fake {
    ways: Mutex<VecDeque<Way>>,
    /// Where each request for the file began.
    from: Mutex<Vec<usize>>,
}

async fn serve(mut stream: TcpStream, fake: Arc<Fake>) -> Option<()> {
    let mut head = Vec::new();
    while !head.windows(4).any(|four| four == b"\r\n\r\n") {
        if stream.read_buf(&mut head).await.ok()? == 0 {
            return None;
        }
    }
    let head = String::from_utf8_lossy(&head).to_lowercase();
    let path = head.split(' ').nth(1)?.to_owned();
    let json = if path.ends_with("/challenge") {
        Some(r#"{"challenge":"c"}"#)
    } else if path.ends_with("/token") {
        Some(r#"{"agent_token":"t","expires_in_seconds":900}"#)
    } else {
        None
    };
    if let Some(json) = json {
        let answer =
            format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{json}", json.len());
        return stream.write_all(answer.as_bytes()).await.ok();
    }
    let from = head.split("range: bytes=").nth(1).and_then(|rest| rest.split('-').next()?.parse().ok());
    let from: usize = from.unwrap_or(0);
    fake.from.lock().unwrap().push(from);
    let way = fake.ways.lock().unwrap().pop_front().unwrap_or(Way::Well);
    answer(stream, way, from).await
}

async fn answer(mut stream: TcpStream, way: Way, from: usize) -> Option<()> {
    let body = body();
    let rest = &body[from..];
    let part = |from: usize, length: usize| {
        let status = if from == 0 { "200 OK" } else { "206 Partial Content" };
        let range = if from == 0 {
            String::new()
        } else {
            format!("content-range: bytes {from}-{}/{SIZE}\r\n", SIZE - 1)
        };
        format!("HTTP/1.1 {status}\r\n{range}content-length: {length}\r\nconnection: close\r\n\r\n")
    };
    let plain = |status: &str, more: &str| format!("HTTP/1.1 {status}\r\n{more}connection: close\r\n\r\n");
    match way {
        Way::Well => stream.write_all(&[part(from, rest.len()).as_bytes(), rest].concat()).await.ok(),
        Way::Cut(length) => {
            stream.write_all(&[part(from, rest.len()).as_bytes(), &rest[..length]].concat()).await.ok()
        }
        Way::AllOfIt => stream.write_all(&[part(0, SIZE).as_bytes(), &body].concat()).await.ok(),
        Way::Page => {
            let page = plain("200 OK", "content-type: text/html\r\ncontent-length: 13\r\n") + "<h1>Hello</h1";
            stream.write_all(page.as_bytes()).await.ok()
        }
        Way::PageWithoutLength => {
            stream.write_all((plain("200 OK", "") + "<h1>Sign in first</h1>").as_bytes()).await.ok()
        }
        Way::OtherPart => {
            let head = format!(
                "HTTP/1.1 206 Partial Content\r\ncontent-range: bytes 0-{}/{SIZE}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
                rest.len() - 1,
                rest.len()
            );
            stream.write_all(&[head.as_bytes(), &body[..rest.len()]].concat()).await.ok()
        }
        Way::Elsewhere => {
            let head = plain("302 Found", "location: http://127.0.0.1:1/\r\ncontent-length: 0\r\n");
            stream.write_all(head.as_bytes()).await.ok()
        }
        Way::Busy(seconds) => {
            let head = format!("retry-after: {seconds}\r\ncontent-length: 0\r\n");
            stream.write_all(plain("503 Service Unavailable", &head).as_bytes()).await.ok()
        }
        Way::Missing => {
            stream.write_all(plain("404 Not Found", "content-length: 0\r\n").as_bytes()).await.ok()
        }
        Way::Drip => {
            stream.write_all(part(from, rest.len()).as_bytes()).await.ok()?;
            for byte in rest {
                stream.write_all(&[*byte]).await.ok()?;
                sleep(Duration::from_millis(20)).await;
            }
            Some(())
        }
        Way::Silent => {
            sleep(Duration::from_secs(60)).await;
            Some(())
        }
        Way::Endless => {
            stream.write_all(plain("200 OK", "").as_bytes()).await.ok()?;
            loop {
                stream.write_all(&[b'x'; 4096]).await.ok()?;
            }
        }
    }
}

/// A device and a server that answers in these ways, one after the other, and well from then on.
struct Bench {
    folder: tempfile::TempDir,
    server: Server,
    fake: Arc<Fake>,
    wanted: Wanted,
    patience: Patience,
    told: Told,
    out: Out,
}

#[derive(Clone, Default)]
struct Told(Arc<Mutex<Vec<u8>>>);

impl io::Write for Told {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Bench {
    async fn new(ways: &[Way]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let ways = Mutex::new(ways.iter().copied().collect());
        let fake = Arc::new(Fake { ways, from: Mutex::default() });
        let serving = Arc::clone(&fake);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&serving)));
            }
        });
        let paths = Paths::under(folder.path());
        crate::identity::DeviceKey::make(&paths.key()).unwrap();
        let api = Api::new(&url, &tls::config(&paths, &url).unwrap(), &Timing::default()).unwrap();
        let device = DeviceApi::new(api, DeviceId(Uuid::from_u128(1)), Identity::load(&paths).unwrap());
        let patience = Patience {
            longest: Duration::from_secs(20),
            answer: Duration::from_millis(500),
            window: Duration::from_millis(300),
            window_bytes: 1000,
            tries: 4,
            waits: (Duration::from_millis(5), Duration::from_millis(20)),
        };
        let wanted = Wanted { sha256: "ab".repeat(32).parse().unwrap(), size_bytes: SIZE as u64 };
        let told = Told::default();
        let channel = super::super::Channel::over(io::empty(), told.clone()).unwrap();
        Self {
            folder,
            server: Arc::new(tokio::sync::Mutex::new(device)),
            fake,
            wanted,
            patience,
            told,
            out: channel.out(),
        }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join(format!("{}.part", self.wanted.sha256))
    }

    async fn fetch(&self) -> Result<(), NotFetched> {
        let fetching = fetch(&self.server, self.folder.path(), &self.wanted, &self.patience, &self.out);
        let fetched = fetching.await;
        let length = std::fs::metadata(self.path()).map_or(0, |file| file.len());
        assert!(length <= self.wanted.size_bytes, "never more than the release says");
        fetched
    }

    fn from(&self) -> Vec<usize> {
        self.fake.from.lock().unwrap().clone()
    }
}

#[tokio::test]
async fn what_was_cut_off_is_gone_on_with() {
    let bench = Bench::new(&[Way::Cut(3_000), Way::Busy(0), Way::Cut(500)]).await;
    bench.fetch().await.unwrap();
    assert_eq!(bench.from(), [0, 3_000, 3_000, 3_500]);
    assert_eq!(std::fs::read(bench.path()).unwrap(), body());
    bench.fetch().await.unwrap();
    assert_eq!(bench.from().len(), 4, "what is here is not asked for again");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(std::fs::metadata(bench.path()).unwrap().permissions().mode() & 0o777, 0o600);
    }
}

#[tokio::test]
async fn nothing_but_the_file_is_taken_for_it() {
    for way in [Way::Page, Way::PageWithoutLength, Way::Elsewhere, Way::Endless, Way::Missing, Way::Silent] {
        let bench = Bench::new(&[way; 4]).await;
        let refused = bench.fetch().await.unwrap_err();
        assert_eq!(refused.reason, Reason::DownloadFailed, "{way:?}");
        assert_eq!(bench.from().len(), 4, "{way:?}: {refused:?}");
        assert_eq!(std::fs::metadata(bench.path()).unwrap().len(), 0, "{way:?}");
    }
    let bench = Bench::new(&[Way::Cut(4_000), Way::OtherPart, Way::Page]).await;
    bench.fetch().await.unwrap();
    assert_eq!(bench.from(), [0, 4_000, 4_000, 4_000], "what came before stays good");
    assert_eq!(std::fs::read(bench.path()).unwrap(), body());
    let bench = Bench::new(&[Way::Cut(4_000), Way::AllOfIt]).await;
    bench.fetch().await.unwrap();
    assert_eq!(std::fs::read(bench.path()).unwrap(), body(), "a server without parts is begun anew with");
}

#[tokio::test]
async fn a_server_that_drips_is_given_up() {
    let bench = Bench::new(&[Way::Drip; 50]).await;
    let patience = Patience { longest: Duration::from_secs(2), ..bench.patience };
    let fetching = fetch(&bench.server, bench.folder.path(), &bench.wanted, &patience, &bench.out);
    let refused = timeout(Duration::from_secs(10), fetching).await.unwrap().unwrap_err();
    assert_eq!(refused.reason, Reason::DownloadFailed);
    assert!(refused.detail.contains("too slowly"), "{}", refused.detail);
}

#[tokio::test]
async fn a_server_without_time_is_waited_for_and_not_for_ever() {
    let bench = Bench::new(&[Way::Busy(0); 6]).await;
    bench.fetch().await.unwrap();
    assert_eq!(bench.from().len(), 7, "that it has no time is no failure");
    let bench = Bench::new(&[Way::Busy(3_600)]).await;
    let refused = bench.fetch().await.unwrap_err();
    assert!(refused.detail.contains("took too long"), "{}", refused.detail);
    assert_eq!(bench.from().len(), 1);
}

#[cfg(unix)]
#[tokio::test]
async fn what_others_put_there_is_not_written_into() {
    use std::os::unix::fs::{PermissionsExt as _, symlink};
    let bench = Bench::new(&[]).await;
    let elsewhere = bench.folder.path().join("elsewhere");
    std::fs::write(&elsewhere, "precious").unwrap();
    symlink(&elsewhere, bench.path()).unwrap();
    assert_eq!(bench.fetch().await.unwrap_err().reason, Reason::UnsafeDirectory);
    std::fs::remove_file(bench.path()).unwrap();
    std::fs::set_permissions(&elsewhere, std::fs::Permissions::from_mode(0o600)).unwrap();
    std::fs::hard_link(&elsewhere, bench.path()).unwrap();
    assert_eq!(bench.fetch().await.unwrap_err().reason, Reason::UnsafeDirectory);
    assert_eq!(std::fs::read(&elsewhere).unwrap(), b"precious");
    std::fs::remove_file(bench.path()).unwrap();
    std::fs::write(bench.path(), vec![1; SIZE + 1]).unwrap();
    std::fs::set_permissions(bench.path(), std::fs::Permissions::from_mode(0o600)).unwrap();
    bench.fetch().await.unwrap();
    assert_eq!(std::fs::read(bench.path()).unwrap(), body(), "what is longer than the release is begun anew");
    assert!(bench.told.0.lock().unwrap().starts_with(b"{\"type\":\"hello\""));
}
