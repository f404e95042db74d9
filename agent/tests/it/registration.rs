//! Becoming a device: where the token may come from, what is kept, what is refused and how.

use crate::support::{Device, FakeServer};
use std::{fs, os::unix::fs::PermissionsExt as _, path::Path, process::Output};
use updater::exit;

fn code(output: &Output) -> u8 {
    u8::try_from(output.status.code().expect("it exits")).unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[tokio::test]
async fn a_machine_becomes_a_device_once() {
    let server = FakeServer::start().await;
    let device = Device::registered(&server).await;
    assert_eq!(mode(device.data()), 0o700);
    assert_eq!(mode(&device.data().join("device.key")), 0o600);
    let key = fs::read(device.data().join("device.key")).unwrap();
    let kept = fs::read_to_string(device.data().join("config.json")).unwrap();
    assert!(!kept.contains("AGT-"), "the registration token is not kept");

    let again = device.register(&server, "AGT-good", &[]).await;
    assert_eq!(code(&again), exit::ALREADY_REGISTERED);
    assert!(said(&again).contains("--replace"), "{}", said(&again));
    assert_eq!(fs::read(device.data().join("device.key")).unwrap(), key);

    let replaced = device.register(&server, "AGT-good", &["--replace"]).await;
    assert_eq!(code(&replaced), exit::CLEAN, "{}", said(&replaced));
    assert_ne!(fs::read(device.data().join("device.key")).unwrap(), key);
    assert_eq!(server.world().devices.len(), 2);
}

#[tokio::test]
async fn the_token_may_come_from_a_file_the_environment_or_the_command_line() {
    let server = FakeServer::start().await;
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(&file, "AGT-good\n").unwrap();
    let path = file.path().to_str().unwrap();
    let (from_file, from_environment, from_argument) = (Device::new(), Device::new(), Device::new());
    assert_eq!(
        code(&from_file.output(&["register", "--server", &server.url, "--token-file", path]).await),
        0
    );
    let mut command = from_environment.agent(&["register", "--server", &server.url]);
    assert_eq!(code(&command.env("REEVE_TOKEN", "AGT-good").output().await.unwrap()), 0);
    assert_eq!(code(&from_argument.output(&["register", "--server", &server.url, "AGT-good"]).await), 0);
    assert_eq!(server.world().devices.len(), 3);
}

#[tokio::test]
async fn what_goes_wrong_has_a_code_and_a_sentence() {
    let mut server = FakeServer::start().await;
    let device = Device::new();
    let used = device.register(&server, "AGT-used", &[]).await;
    assert_eq!(code(&used), exit::TOKEN_REFUSED);
    assert!(said(&used).contains("This registration token was used already."), "{}", said(&used));
    assert!(!said(&used).contains("AGT-used"), "the token is not repeated");
    assert!(!device.data().join("config.json").exists());

    assert_eq!(code(&device.register(&server, "nonsense", &[]).await), exit::TOKEN_REFUSED);
    assert_eq!(code(&device.register(&server, "", &[]).await), exit::USAGE);
    assert_eq!(code(&device.output(&["register", "--server", "reeve.example", "AGT-x"]).await), exit::USAGE);
    let elsewhere = format!("{}/elsewhere", server.url);
    let other = device.output(&["register", "--server", &elsewhere, "AGT-x"]).await;
    assert_eq!(code(&other), exit::SERVER_REFUSED);
    assert!(said(&other).contains("check the address"), "{}", said(&other));

    server.vanish().await;
    let gone = device.register(&server, "AGT-good", &[]).await;
    assert_eq!(code(&gone), exit::UNREACHABLE);
    assert!(said(&gone).contains("cannot be reached"), "{}", said(&gone));

    for verb in ["run", "status"] {
        let output = device.output(&[verb]).await;
        assert_eq!(code(&output), exit::NOT_REGISTERED);
        assert!(said(&output).contains("reeve-agent register"), "{}", said(&output));
    }
}

#[tokio::test]
async fn a_registration_whose_answer_was_lost_keeps_its_key_for_the_next_try() {
    let server = FakeServer::start().await;
    let device = Device::new();
    assert_eq!(code(&device.register(&server, "AGT-used", &[]).await), exit::TOKEN_REFUSED);
    let key = fs::read(device.data().join("device.key")).unwrap();
    assert_eq!(code(&device.register(&server, "AGT-good", &[]).await), exit::CLEAN);
    assert_eq!(fs::read(device.data().join("device.key")).unwrap(), key);
}
