//! Getting the agent onto a machine: scripts made for this server, programs with their digests.

use crate::support::{
    people::{Answer, send},
    server::TestServer,
};
use entity::{package::PackageFormat, platform::Arch};
use reqwest::Method;
use sha2::{Digest, Sha256};

async fn fetch(server: &TestServer, path: &str) -> Answer {
    send(server.stranger().request(Method::GET, path)).await
}

#[tokio::test]
async fn the_scripts_name_this_server_and_its_programs() {
    let server = TestServer::start().await;
    for path in ["/install.sh", "/install.ps1"] {
        let script = fetch(&server, path).await;
        assert_eq!(script.status, 200);
        assert!(script.body.contains(&server.url), "{path} names its server");
        let left = script.body.contains("@PUBLIC_URL@") || script.body.contains("@ARTIFACTS@");
        assert!(!left, "{path} is filled in");
    }
    let digest = |text: &str| hex::encode(Sha256::digest(text));
    let line = format!("linux x86_64 {} {}", digest("reeve-agent"), digest("reeve-updater"));
    assert!(fetch(&server, "/install.sh").await.body.contains(&line));
}

#[tokio::test]
async fn programs_come_whole_in_part_and_with_their_digest() {
    let server = TestServer::start().await;
    let path = "/downloads/reeve-agent-linux-x86_64";
    let program = fetch(&server, path).await;
    assert_eq!((program.status.as_u16(), program.body.as_str()), (200, "reeve-agent"));
    assert_eq!(program.header("content-type"), "application/octet-stream");
    assert_eq!(program.header("content-disposition"), "attachment; filename=\"reeve-agent-linux-x86_64\"");
    let part = send(server.stranger().request(Method::GET, path).header("range", "bytes=6-")).await;
    assert_eq!((part.status.as_u16(), part.body.as_str()), (206, "agent"));
    let digest = fetch(&server, &format!("{path}.sha256")).await.body;
    assert_eq!(digest, format!("{}  reeve-agent-linux-x86_64\n", hex::encode(Sha256::digest("reeve-agent"))));
}

#[tokio::test]
async fn a_package_that_is_there_is_served_and_has_a_line_and_one_that_is_not_says_so() {
    let server = TestServer::start().await;
    let package = fetch(&server, "/downloads/reeve-agent_amd64.deb").await;
    assert_eq!((package.status.as_u16(), package.body.as_str()), (200, "a package"));
    assert_eq!(fetch(&server, "/downloads/reeve-agent.x86_64.rpm").await.status, 404);

    let token = server.token(server.ours).await;
    assert_eq!(token.packages.len(), PackageFormat::ALL.len());
    for offered in &token.packages {
        let is_there = offered.format == PackageFormat::Deb;
        assert_eq!(offered.architectures, if is_there { vec![Arch::X86_64] } else { vec![] });
        assert_eq!(offered.command.is_some(), is_there, "{offered:?}");
    }
    let line = token.packages[0].command.as_deref().expect("a line");
    assert!(line.contains(&format!("{}/downloads/reeve-agent_", server.url)), "{line}");
    // Among the variables of the environment, not among the arguments.
    assert!(
        line.contains(&format!(" REEVE_TOKEN={} sudo --preserve-env=REEVE_TOKEN ", token.token)),
        "{line}"
    );
}

#[tokio::test]
async fn only_known_names_can_be_downloaded() {
    let server = TestServer::start().await;
    for name in ["reeve-agent-linux-aarch64", "reeve-agent", "..%2Freeve.db", "%2Fetc%2Fpasswd", "x.sha256"] {
        assert_eq!(fetch(&server, &format!("/downloads/{name}")).await.status, 404, "{name}");
    }
}
