//! Files come in: each refusal names the field, nothing is left of what was refused, cut off or had no room, and two at
//! once make one.

use crate::support::{
    PATIENCE,
    people::Person,
    release::{Built, Trust, built, document, file_form, part, upload, words},
    server::{TestServer, each_engine},
};
use async_trait::async_trait;
use bytes::Bytes;
use domain::artifact_store::{ArtifactBytes, ArtifactStore, ArtifactWriter, StoreFault};
use entity::{
    agent_release::{ReleaseDetail, ReleasePlatform, ReleaseState, UploadAnswer},
    platform::{Arch, Os},
    problem::ProblemCode,
    release::{ArtifactKind, Sha256Hex},
};
use reqwest::{Method, multipart::Form};
use std::{fs, ops::Range, path::Path, sync::Arc};
use tokio::{io::AsyncWriteExt as _, net::TcpStream};

const LINUX: (Os, Arch) = (Os::Linux, Arch::X86_64);

/// Names of whatever lies where files are kept, whole or not.
fn left(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder.join("sha256")).expect("a folder");
    entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect()
}

/// A server that keeps files where the test can look, with a release of one agent and one updater that are not there yet.
struct Waiting {
    server: TestServer,
    folder: tempfile::TempDir,
    agent: Built,
    updater: Built,
}

impl Waiting {
    async fn start() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let at = server::ArtifactsAt::Folder(folder.path().to_owned());
        let server =
            TestServer::configured(crate::support::world::Engine::Sqlite, |config| config.artifacts = at)
                .await;
        let agent = built(LINUX.0, LINUX.1, 1, 9_000);
        let updater = Built { kind: ArtifactKind::Supervisor, ..built(LINUX.0, LINUX.1, 2, 7_000) };
        let trust = Trust::of(&server);
        trust.begin(&server).await;
        let manifest = trust.manifest(&words(1, "1.0.0"), &[agent.clone(), updater.clone()]);
        let _: UploadAnswer = upload(&server.admin, Form::new().text("manifest", manifest)).await.expect(200);
        Self { server, folder, agent, updater }
    }

    async fn refused(&self, form: Form) -> String {
        let problem = upload(&self.server.admin, form).await.problem(422);
        problem.field.unwrap_or_default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_refusal_names_the_field_and_leaves_nothing() {
    let waiting = Waiting::start().await;
    let good = &waiting.agent.bytes;
    let sent = |bytes: Vec<u8>| {
        Form::new()
            .text("version", "1.0.0")
            .text("os", "linux")
            .text("arch", "x86_64")
            .part("file", part(bytes))
    };
    let said = |field: &'static str, text: &'static str| {
        Form::new().text("version", "1.0.0").text(field, text).part("file", part(good.clone()))
    };
    let mut flipped = good.clone();
    flipped[5_000] ^= 1;
    let longer = [good.as_slice(), b"+"].concat();
    let cases = [
        ("sha256", sent(flipped)),
        ("size", sent(longer)),
        ("size", sent(good[..8_999].to_vec())),
        ("file", sent(Vec::new())),
        ("file", sent(vec![1; 9_000])),
        ("file", sent([b"<html><script>alert(1)</script>".as_slice(), &good[31..]].concat())),
        ("file", sent([b"PK\x03\x04".as_slice(), &good[4..]].concat())),
        ("os", sent(built(Os::Windows, Arch::X86_64, 1, 9_000).bytes)),
        ("os", sent(built(Os::Macos, Arch::X86_64, 1, 9_000).bytes)),
        ("arch", sent(built(Os::Linux, Arch::Aarch64, 1, 9_000).bytes)),
        ("os", said("os", "windows")),
        ("os", said("os", "../../etc")),
        ("arch", said("arch", "aarch64")),
        ("libc", said("libc", "musl")),
        ("kind", said("kind", "other")),
        ("sha256", said("sha256", "abc")),
        ("sha256", said("sha256", "0000000000000000000000000000000000000000000000000000000000000000")),
        ("path", said("path", "/etc/passwd")),
        ("version", Form::new().text("version", "9.9.9").part("file", part(good.clone()))),
        ("version", Form::new().text("version", "../1.0.0").part("file", part(good.clone()))),
        ("version", Form::new().part("file", part(good.clone()))),
        ("version", Form::new().part("file", part(good.clone())).text("version", "1.0.0")),
        ("manifest", Form::new().text("manifest", "{}").part("file", part(good.clone()))),
        ("notes", Form::new().text("notes", "x".repeat(20_000))),
        ("file", Form::new().text("version", "1.0.0")),
    ];
    for (index, (field, form)) in cases.into_iter().enumerate() {
        let found = waiting.refused(form).await;
        assert_eq!(found, field, "case {index}");
    }
    let detail = waiting.detail().await;
    assert_eq!(detail.release.state, ReleaseState::Incomplete);
    assert_eq!(detail.signers, ["Rel"], "by whose key it is signed");
    assert_eq!(detail.release.platforms, [ReleasePlatform { os: LINUX.0, arch: LINUX.1 }]);
    assert_eq!(left(waiting.folder.path()), [""; 0], "nothing of what was refused is left");
}

impl Waiting {
    async fn detail(&self) -> ReleaseDetail {
        let page: serde_json::Value = self.server.admin.get("/releases").await.expect(200);
        let id = page["items"][0]["id"].as_str().expect("an id").to_owned();
        self.server.admin.get(&format!("/releases/{id}")).await.expect(200)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_named_by_what_it_is_whatever_it_was_called() {
    let waiting = Waiting::start().await;
    for name in ["../../../../etc/passwd", "con", &"x".repeat(300), "a:b", "\\\\host\\share", "a\0b"] {
        let file = part(waiting.agent.bytes.clone()).file_name(name.to_owned());
        let form = Form::new().text("version", "1.0.0").text("os", "linux").part("file", file);
        let answer = upload(&waiting.server.admin, form).await;
        // A name that no form can carry is no form; no other name says anything.
        let expected = if name.contains('\0') { 422 } else { 200 };
        assert_eq!(answer.status, expected, "{name:?}: {}", answer.body);
        assert_eq!(left(waiting.folder.path()), [waiting.agent.sha256().to_string()], "{name:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_file_makes_a_release_available_and_repeats_change_nothing() {
    each_engine(async |server| {
        let trust = Trust::of(&server);
        trust.begin(&server).await;
        let agent = built(Os::Linux, Arch::X86_64, 1, 9_000);
        let updater = Built { kind: ArtifactKind::Supervisor, ..built(Os::Linux, Arch::X86_64, 2, 7_000) };
        let manifest = trust.manifest(&words(1, "1.0.0"), &[agent.clone(), updater.clone()]);
        // All in one request, and processors as others name them.
        let form = Form::new()
            .text("manifest", manifest)
            .text("arch", "amd64")
            .text("notes", "By hand.")
            .part("file", part(agent.bytes.clone()));
        let answer: UploadAnswer = upload(&server.admin, form).await.expect(200);
        assert!(
            !answer.is_complete && answer.artifact.as_ref().is_some_and(|file| file.is_new),
            "{answer:?}"
        );
        assert_eq!(answer.release.notes, "By hand.");
        // The digest alone says which file it is.
        let form = Form::new()
            .text("version", "1.0.0")
            .text("sha256", updater.sha256().to_string())
            .part("file", part(updater.bytes.clone()));
        let answer: UploadAnswer = upload(&server.admin, form).await.expect(200);
        assert!(answer.is_complete && answer.release.state == ReleaseState::Available, "{answer:?}");
        let again: UploadAnswer = upload(&server.admin, file_form("1.0.0", &agent)).await.expect(200);
        assert!(again.artifact.is_some_and(|file| !file.is_new) && again.is_complete);
        // The same updater in the next release is there already.
        let next = built(Os::Linux, Arch::X86_64, 3, 9_000);
        let manifest = trust.manifest(&words(2, "1.1.0"), &[next.clone(), updater]);
        let form = Form::new().text("manifest", manifest).part("file", part(next.bytes));
        let answer: UploadAnswer = upload(&server.admin, form).await.expect(200);
        assert!(answer.is_complete && answer.release.artifacts_stored == 2, "{answer:?}");
    })
    .await;
}

/// Forms end lines in a way of their own: what the manifest says is not written anew because of that.
#[tokio::test(flavor = "multi_thread")]
async fn notes_of_several_lines_stay_those_of_the_manifest() {
    let server = TestServer::start().await;
    let trust = Trust::of(&server);
    trust.begin(&server).await;
    let agent = built(Os::Linux, Arch::X86_64, 1, 9_000);
    let mut manifest = document(&words(1, "1.0.0"), std::slice::from_ref(&agent));
    manifest.notes = "Faster.\nSafer.".to_owned();
    let signed = trust.sign(&manifest);
    let form = Form::new().text("manifest", signed.clone()).text("notes", "Faster.\r\nSafer.\r\n");
    let answer: UploadAnswer = upload(&server.admin, form).await.expect(200);
    assert_eq!(answer.release.notes, "Faster.\nSafer.");
    let log: serde_json::Value = server.admin.get("/audit?search=Changed+the+notes").await.expect(200);
    assert_eq!(log["items"].as_array().map(Vec::len), Some(0), "nobody changed them: {log}");
    // They are counted in characters, whatever these take.
    let long = "ä".repeat(entity::agent_release::NOTES_MAX);
    let form = Form::new().text("manifest", signed).text("notes", long.clone());
    let answer: UploadAnswer = upload(&server.admin, form).await.expect(200);
    assert_eq!(answer.release.notes, long);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_at_once_one_is_new_and_all_are_good() {
    each_engine(async |server| {
        let trust = Trust::of(&server);
        trust.begin(&server).await;
        let files = [built(Os::Linux, Arch::X86_64, 1, 6 << 20), built(Os::Windows, Arch::X86_64, 2, 9_000)];
        let manifest = trust.manifest(&words(1, "1.0.0"), &files);
        let sends = (0..8).map(|index: usize| {
            let form = Form::new().text("manifest", manifest.clone());
            let file = &files[index % 2];
            let form = form.text("os", file.os.word()).part("file", part(file.bytes.clone()));
            upload(&server.admin, form)
        });
        let answers = futures::future::join_all(sends).await;
        let answers: Vec<UploadAnswer> = answers.into_iter().map(|answer| answer.expect(200)).collect();
        let new = answers.iter().filter(|answer| answer.artifact.as_ref().is_some_and(|file| file.is_new));
        assert_eq!(new.count(), 2, "each file once: {answers:#?}");
        let id = answers[0].release.id;
        let detail: ReleaseDetail = server.admin.get(&format!("/releases/{id}")).await.expect(200);
        assert_eq!(detail.release.state, ReleaseState::Available);
        let log: serde_json::Value = server.admin.get("/audit?search=Stored+agent").await.expect(200);
        assert_eq!(log["items"].as_array().map(Vec::len), Some(2), "{log}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cut_connection_leaves_nothing() {
    let waiting = Waiting::start().await;
    let person: &Person = &waiting.server.admin;
    let whole = person
        .request(Method::POST, "/api/v1/agents/upload")
        .multipart(file_form("1.0.0", &waiting.agent))
        .build()
        .expect("a request");
    let header =
        |name: &str| whole.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let boundary = header("content-type").split("boundary=").nth(1).expect("a boundary").to_owned();
    let address = waiting.server.url.trim_start_matches("http://").to_owned();
    let mut stream = TcpStream::connect(&address).await.expect("a connection");
    let head = format!(
        "POST /api/v1/agents/upload HTTP/1.1\r\nhost: {address}\r\ncookie: {}\r\ncontent-type: multipart/form-data; \
         boundary={boundary}\r\ncontent-length: 60000\r\n\r\n--{boundary}\r\ncontent-disposition: form-data; \
         name=\"version\"\r\n\r\n1.0.0\r\n--{boundary}\r\ncontent-disposition: form-data; name=\"file\"; \
         filename=\"a\"\r\n\r\n",
        header("cookie")
    );
    stream.write_all(head.as_bytes()).await.expect("sent");
    stream.write_all(&waiting.agent.bytes[..8_000]).await.expect("sent");
    // It has begun to be written.
    let deadline = tokio::time::Instant::now() + PATIENCE;
    while left(waiting.folder.path()).is_empty() && tokio::time::Instant::now() < deadline {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    assert_eq!(left(waiting.folder.path()).len(), 1);
    drop(stream);
    while !left(waiting.folder.path()).is_empty() && tokio::time::Instant::now() < deadline {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    assert_eq!(left(waiting.folder.path()), [""; 0]);
    let _: UploadAnswer = upload(person, file_form("1.0.0", &waiting.updater)).await.expect(200);
}

/// A place that has room for so many bytes of each file.
struct Narrow(usize);

#[async_trait]
impl ArtifactStore for Narrow {
    async fn put(&self, _: &Sha256Hex) -> Result<Box<dyn ArtifactWriter>, StoreFault> {
        Ok(Box::new(Room(self.0)))
    }

    async fn get(&self, _: &Sha256Hex, _: Range<u64>) -> Result<ArtifactBytes, StoreFault> {
        Err(StoreFault::Missing)
    }

    async fn size(&self, _: &Sha256Hex) -> Result<Option<u64>, StoreFault> {
        Ok(None)
    }

    fn place(&self) -> String {
        "nowhere".to_owned()
    }
}

struct Room(usize);

#[async_trait]
impl ArtifactWriter for Room {
    async fn write(&mut self, bytes: Bytes) -> Result<(), StoreFault> {
        self.0 = self.0.checked_sub(bytes.len()).ok_or(StoreFault::Full)?;
        Ok(())
    }

    async fn finish(self: Box<Self>) -> Result<(), StoreFault> {
        Err(StoreFault::Full)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_is_said_and_nothing_is_noted() {
    for room in [0, 5_000, usize::MAX] {
        let world = async |url: String| {
            let world = crate::support::world::World::on(crate::support::world::Engine::Sqlite, &url).await;
            world.store.set_artifacts(Arc::new(Narrow(room)));
            world
        };
        let server = TestServer::upon(world, |_| {}).await;
        let trust = Trust::of(&server);
        trust.begin(&server).await;
        let agent = built(Os::Linux, Arch::X86_64, 1, 9_000);
        let manifest = trust.manifest(&words(1, "1.0.0"), std::slice::from_ref(&agent));
        let form = Form::new().text("manifest", manifest).part("file", part(agent.bytes.clone()));
        let problem = upload(&server.admin, form).await.problem(503);
        assert_eq!(problem.code, ProblemCode::Unavailable);
        assert!(problem.detail.contains("no room left"), "{}", problem.detail);
        let page: serde_json::Value = server.admin.get("/releases").await.expect(200);
        assert_eq!(page["items"][0]["artifacts_stored"], 0);
    }
}
