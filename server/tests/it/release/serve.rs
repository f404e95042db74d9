//! Files go out: whole, in parts, by digest and by name, to those who may have them.

use crate::support::{
    agent::FakeAgent,
    people::{Answer, send},
    release::{Built, Trust, built, words},
    server::{TestServer, each_engine},
};
use entity::{
    platform::{Arch, Os},
    release::Sha256Hex,
};
use reqwest::{Method, header};
use serde_json::json;

async fn released(server: &TestServer) -> (Built, entity::id::ReleaseId) {
    let trust = Trust::of(server);
    trust.begin(server).await;
    let file = built(Os::Linux, Arch::X86_64, 1, 9_000);
    let id = trust.released(server, &words(1, "1.0.0"), std::slice::from_ref(&file)).await;
    (file, id)
}

/// A fetch with a device's token and some headers; the body as bytes.
async fn fetch(
    agent: &FakeAgent,
    method: Method,
    sha256: &Sha256Hex,
    headers: &[(header::HeaderName, &str)],
) -> (u16, header::HeaderMap, Vec<u8>) {
    let url = format!("{}/api/v1/artifacts/sha256/{sha256}", agent.url);
    let mut request = reqwest::Client::new().request(method, url).bearer_auth(&agent.token);
    for (name, value) in headers {
        request = request.header(name, *value);
    }
    let response = request.send().await.expect("an answer");
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    (status, headers, response.bytes().await.expect("a body").to_vec())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_fetches_a_file_whole_and_in_parts() {
    each_engine(async |server| {
        let (file, _) = released(&server).await;
        let agent = FakeAgent::of(&server, server.ours).await;
        let sha256 = file.sha256();
        let (status, headers, body) = fetch(&agent, Method::GET, &sha256, &[]).await;
        assert_eq!((status, body.as_slice()), (200, file.bytes.as_slice()));
        let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
        assert_eq!(header("content-type"), "application/octet-stream");
        assert_eq!(header("content-disposition"), "attachment; filename=\"agent-linux-x86_64-1.0.0\"");
        assert_eq!(header("content-length"), "9000");
        assert_eq!(header("accept-ranges"), "bytes");
        assert_eq!(header("x-content-type-options"), "nosniff");
        assert!(header("cache-control").contains("immutable"));
        let tag = header("etag").to_owned();
        assert_eq!(tag, format!("\"{sha256}\""));

        let (status, headers, body) = fetch(&agent, Method::HEAD, &sha256, &[]).await;
        assert_eq!(
            (status, body.len(), headers[header::CONTENT_LENGTH].to_str().ok()),
            (200, 0, Some("9000"))
        );
        let part = [(header::RANGE, "bytes=0-99")];
        let (status, headers, _) = fetch(&agent, Method::HEAD, &sha256, &part).await;
        assert_eq!(
            (status, headers[header::CONTENT_LENGTH].to_str().ok()),
            (200, Some("9000")),
            "a range is a part of what is sent"
        );
        for (range, part, said) in [
            ("bytes=0-99", 0..100, "bytes 0-99/9000"),
            ("bytes=8990-", 8_990..9_000, "bytes 8990-8999/9000"),
            ("bytes=-1", 8_999..9_000, "bytes 8999-8999/9000"),
        ] {
            let (status, headers, body) =
                fetch(&agent, Method::GET, &sha256, &[(header::RANGE, range)]).await;
            assert_eq!((status, body.as_slice()), (206, &file.bytes[part]), "{range}");
            assert_eq!(headers[header::CONTENT_RANGE], said);
        }
        let beyond = fetch(&agent, Method::GET, &sha256, &[(header::RANGE, "bytes=9000-")]).await;
        assert_eq!((beyond.0, beyond.1[header::CONTENT_RANGE].to_str().ok()), (416, Some("bytes */9000")));
        // Neither a part of another version nor a compressed one: what is counted are the file's own bytes.
        let other = [(header::RANGE, "bytes=0-9"), (header::IF_RANGE, "\"other\"")];
        assert_eq!(fetch(&agent, Method::GET, &sha256, &other).await.0, 200);
        let same = [(header::RANGE, "bytes=0-9"), (header::IF_RANGE, tag.as_str())];
        assert_eq!(fetch(&agent, Method::GET, &sha256, &same).await.0, 206);
        let packed = fetch(&agent, Method::GET, &sha256, &[(header::ACCEPT_ENCODING, "gzip, br")]).await;
        assert!(packed.1.get(header::CONTENT_ENCODING).is_none() && packed.2 == file.bytes);
        assert_eq!(
            fetch(&agent, Method::GET, &sha256, &[(header::IF_NONE_MATCH, tag.as_str())]).await.0,
            304
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_devices_and_people_of_the_msp_fetch_by_digest() {
    let server = TestServer::start().await;
    let (file, _) = released(&server).await;
    let path = format!("/api/v1/artifacts/sha256/{}", file.sha256());
    let status = async |person: &crate::support::people::Person, path: &str| {
        send(person.request(Method::GET, path)).await.status.as_u16()
    };
    assert_eq!(status(&server.stranger(), &path).await, 401);
    assert_eq!(status(&server.admin, &path).await, 200);
    let forged = server.stranger().request(Method::GET, &path).bearer_auth("not.a.token");
    assert_eq!(send(forged).await.status, 401);
    let agent = FakeAgent::of(&server, server.ours).await;
    let nothing = Sha256Hex::of(b"nothing");
    assert_eq!(fetch(&agent, Method::GET, &nothing, &[]).await.0, 404);
    for name in ["..%2f..%2fetc%2fpasswd", "x", "ABCDEF", "%00"] {
        let request = server.admin.request(Method::GET, &format!("/api/v1/artifacts/sha256/{name}"));
        assert!(matches!(send(request).await.status.as_u16(), 400 | 404), "{name}");
    }
    server.admin.call("DELETE", &format!("/agents/{}", agent.id), None).await;
    assert!(matches!(fetch(&agent, Method::GET, &file.sha256(), &[]).await.0, 401 | 410), "a revoked device");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_has_its_name_until_it_is_withdrawn() {
    let server = TestServer::start().await;
    let (file, id) = released(&server).await;
    let get = async |name: &str| -> Answer {
        send(server.stranger().request(Method::GET, &format!("/downloads/{name}"))).await
    };
    for name in ["agent-linux-x86_64-1.0.0", "agent-linux-amd64-1.0.0"] {
        let answer = get(name).await;
        assert_eq!(answer.status, 200, "{name}");
        assert_eq!(answer.header("content-disposition"), "attachment; filename=\"agent-linux-x86_64-1.0.0\"");
        assert_eq!(answer.header("content-type"), "application/octet-stream");
    }
    let digest = get("agent-linux-x86_64-1.0.0.sha256").await;
    assert_eq!(digest.body, format!("{}  agent-linux-x86_64-1.0.0\n", file.sha256()));
    for name in [
        "agent-linux-x86_64-1.0.1",
        "agent-linux-aarch64-1.0.0",
        "agent-windows-x86_64-1.0.0.exe",
        "updater-linux-x86_64-1.0.0",
        "agent-linux-x86_64-",
        "agent-linux-x86_64-1.0.0.exe",
        "agent-linux-x86_64-..%2f1.0.0",
    ] {
        assert!(matches!(get(name).await.status.as_u16(), 400 | 404), "{name}");
    }
    let reason = json!({"withdraw_reason": "It crashes."});
    assert_eq!(server.admin.call("PATCH", &format!("/releases/{id}"), Some(&reason)).await.status, 200);
    assert_eq!(get("agent-linux-x86_64-1.0.0").await.status, 404);
    let agent = FakeAgent::of(&server, server.ours).await;
    assert_eq!(
        fetch(&agent, Method::GET, &file.sha256(), &[]).await.0,
        200,
        "a device may still go back to it"
    );
}
