//! Releases on the server: what is trusted, what is taken, who sees it, and what devices are told.

mod device;
mod serve;
mod store;
mod terminal;
mod upload;

use crate::support::{
    release::{Trust, built, upload, words},
    server::{TestServer, each_engine},
    world::noon,
};
use chrono::TimeDelta;
use entity::{
    agent_release::{ReleaseDetail, ReleaseState, ReleaseView, RootView, UploadAnswer},
    page::Page,
    platform::{Arch, Os},
    problem::ProblemCode,
    release::{Channel, Signer},
    user::Role,
};
use reqwest::multipart::Form;
use serde_json::{Value, json};

fn manifest(text: String) -> Form {
    Form::new().text("manifest", text)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_root_is_trusted_by_its_fingerprint_and_each_further_one_by_the_one_before() {
    each_engine(async |server| {
        let trust = Trust::of(&server);
        let one = trust.root(1);
        let add = async |body: Value| server.admin.post("/releases/roots", &body).await;
        let refused = add(json!({"root": one})).await.problem(422);
        assert_eq!(refused.field.as_deref(), Some("fingerprint"), "{}", refused.detail);
        let wrong = "0".repeat(64);
        let refused = add(json!({"root": one, "fingerprint": wrong})).await.problem(422);
        assert_eq!(refused.field.as_deref(), Some("fingerprint"));
        assert!(server.admin.get("/releases/roots").await.expect::<Vec<RootView>>(200).is_empty());

        let root = trust.begin(&server).await;
        assert!(root.is_current && root.has_freshness_key && root.version == 1, "{root:?}");
        assert_eq!(root.keys.len(), 5);
        // One that skips a version, one that is there already, and ones that are none; then one that is over.
        let other = Trust::in_folder(tempfile::tempdir().expect("a folder").path());
        let another = other.root_with(2, noon() + TimeDelta::days(9), &Signer::from_seed(&[8; 32]));
        let half = another.replace("signatures", "signature");
        for bad in [trust.root(3), trust.root(1), half, "{}".to_owned(), String::new()] {
            let refused = add(json!({"root": bad})).await.problem(422);
            assert_eq!(refused.field.as_deref(), Some("root"), "{}", refused.detail);
        }
        let over = trust.root_until(2, noon() - TimeDelta::hours(1));
        assert_eq!(add(json!({"root": over})).await.problem(422).field.as_deref(), Some("root"));
        let second: RootView = add(json!({"root": trust.root(2)})).await.expect(201);
        assert!(second.is_current && second.version == 2 && second.added_by.as_deref() == Some("Ada Admin"));
        let all: Vec<RootView> = server.admin.get("/releases/roots").await.expect(200);
        assert_eq!(
            all.iter().map(|root| (root.version, root.is_current)).collect::<Vec<_>>(),
            [(2, true), (1, false)]
        );
        let log: Value = server.admin.get("/audit?search=release+root").await.expect(200);
        assert_eq!(log["items"].as_array().map(Vec::len), Some(2), "{log}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_what_was_signed_for_now_and_is_above_the_rest_is_taken() {
    each_engine(async |server| {
        let trust = Trust::of(&server);
        let files = [built(Os::Linux, Arch::X86_64, 1, 9_000)];
        let refused = async |text: String| {
            let problem = upload(&server.admin, manifest(text)).await.problem(422);
            problem.field.unwrap_or_default()
        };
        assert_eq!(refused(trust.manifest(&words(1, "1.0.0"), &files)).await, "manifest", "no root yet");
        trust.begin(&server).await;
        let good = trust.manifest(&words(5, "1.4.0"), &files);
        let mut flipped = good.clone().into_bytes();
        flipped[20] ^= 1;
        assert_eq!(refused(String::from_utf8_lossy(&flipped).into_owned()).await, "manifest");
        let stranger = Signer::from_seed(&[7; 32]);
        let document = crate::support::release::document(&words(5, "1.4.0"), &files);
        assert_eq!(refused(stranger.sign(&document).expect("signed")).await, "manifest");
        let mut over = words(5, "1.4.0");
        over.expires = noon();
        assert_eq!(refused(trust.manifest(&over, &files)).await, "manifest", "out of date");

        let answer: UploadAnswer = upload(&server.admin, manifest(good.clone())).await.expect(200);
        let release = answer.release;
        assert_eq!((release.seq, release.state, answer.is_complete), (5, ReleaseState::Incomplete, false));
        let again: UploadAnswer = upload(&server.admin, manifest(good)).await.expect(200);
        assert_eq!(again.release, release, "the same again changes nothing");
        for (seq, version, field) in
            [(4, "2.0.0", "manifest"), (6, "1.4.0", "version"), (6, "1.3.9", "version")]
        {
            assert_eq!(refused(trust.manifest(&words(seq, version), &files)).await, field, "{seq} {version}");
        }
        // Another release of the same sequence, and the same one with other files.
        assert_eq!(refused(trust.manifest(&words(5, "1.5.0"), &files)).await, "manifest");
        let others = [built(Os::Linux, Arch::X86_64, 2, 9_000)];
        assert_eq!(refused(trust.manifest(&words(5, "1.4.0"), &others)).await, "manifest");

        // Signed again with a later end it is the same release.
        let mut longer = words(5, "1.4.0");
        longer.expires += TimeDelta::days(30);
        let renewed: UploadAnswer =
            upload(&server.admin, manifest(trust.manifest(&longer, &files))).await.expect(200);
        assert_eq!((renewed.release.id, renewed.release.expires_at), (release.id, longer.expires));
        assert_eq!(
            refused(trust.manifest(&words(5, "1.4.0"), &files)).await,
            "manifest",
            "not back to the earlier end"
        );

        // A beta may be ahead of what is stable, and what is stable below a beta.
        let mut beta = words(6, "1.6.0-beta.1");
        beta.channel = Channel::Beta;
        let _: UploadAnswer =
            upload(&server.admin, manifest(trust.manifest(&beta, &files))).await.expect(200);
        let _: UploadAnswer =
            upload(&server.admin, manifest(trust.manifest(&words(7, "1.5.0"), &files))).await.expect(200);
        let page: Page<ReleaseView> = server.admin.get("/releases").await.expect(200);
        assert_eq!(page.items.iter().map(|one| one.seq).collect::<Vec<_>>(), [7, 6, 5]);
        let page: Page<ReleaseView> =
            server.admin.get("/releases?channel=beta&search=beta").await.expect(200);
        assert_eq!(page.items.iter().map(|one| one.seq).collect::<Vec<_>>(), [6]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_was_taken_away_vouches_for_nothing_any_more() {
    let server = TestServer::start().await;
    let trust = Trust::of(&server);
    trust.begin(&server).await;
    let file = built(Os::Linux, Arch::X86_64, 1, 9_000);
    let id = trust.released(&server, &words(1, "1.0.0"), &[file]).await;
    let other = Signer::from_seed(&[8; 32]);
    let root = trust.root_with(2, noon() + TimeDelta::days(365), &other);
    let _: RootView = server.admin.post("/releases/roots", &json!({"root": root})).await.expect(201);
    let detail: ReleaseDetail = server.admin.get(&format!("/releases/{id}")).await.expect(200);
    assert!(detail.release.is_untrusted, "its key is none of the root any more");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_release_is_described_and_taken_back() {
    each_engine(async |server| {
        let trust = Trust::of(&server);
        trust.begin(&server).await;
        let files = [built(Os::Linux, Arch::X86_64, 1, 9_000), built(Os::Windows, Arch::X86_64, 2, 9_000)];
        let id = trust.released(&server, &words(1, "1.0.0"), &files).await;
        let path = format!("/releases/{id}");
        let detail: ReleaseDetail = server.admin.get(&path).await.expect(200);
        assert_eq!(detail.release.state, ReleaseState::Available);
        assert_eq!(detail.release.notes, "Fewer surprises.");
        assert_eq!(detail.artifacts[1].file_name, "agent-windows-x86_64-1.0.0.exe");
        assert!(detail.may_manage && detail.artifacts.iter().all(|file| file.stored_by.is_some()));
        let change = async |body: Value| server.admin.call("PATCH", &path, Some(&body)).await;
        let detail: ReleaseDetail = change(json!({"notes": "Other words."})).await.expect(200);
        assert_eq!(detail.release.notes, "Other words.");
        assert_eq!(
            change(json!({"withdraw_reason": " "})).await.problem(422).field.as_deref(),
            Some("withdraw_reason")
        );
        let detail: ReleaseDetail = change(json!({"withdraw_reason": "It crashes."})).await.expect(200);
        assert_eq!(detail.release.state, ReleaseState::Withdrawn);
        assert_eq!(detail.release.withdrawn_by.as_deref(), Some("Ada Admin"));
        assert_eq!(
            change(json!({"withdraw_reason": "Again."})).await.problem(409).code,
            ProblemCode::Conflict
        );
        let mut longer = words(1, "1.0.0");
        longer.expires += TimeDelta::days(1);
        let again = upload(&server.admin, manifest(trust.manifest(&longer, &files))).await;
        assert_eq!(again.problem(409).code, ProblemCode::Conflict, "what was taken back stays so");
        let file = crate::support::release::file_form("1.0.0", &files[0]);
        assert_eq!(upload(&server.admin, file).await.problem(409).code, ProblemCode::Conflict);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn releases_are_the_msps_alone() {
    let server = TestServer::start().await;
    let trust = Trust::of(&server);
    trust.begin(&server).await;
    let file = built(Os::Linux, Arch::X86_64, 1, 9_000);
    let id = trust.released(&server, &words(1, "1.0.0"), std::slice::from_ref(&file)).await;
    let reads = [
        "/releases".to_owned(),
        "/releases/roots".to_owned(),
        format!("/releases/{id}"),
        format!("/artifacts/sha256/{}", file.sha256()),
    ];
    for role in [Role::BusinessOwner, Role::Contact] {
        let customer = server.person(role, server.ours).await;
        for path in &reads {
            assert_eq!(customer.get(path).await.status, 403, "{role:?} {path}");
        }
    }
    for role in [Role::Technician, Role::Auditor] {
        let person = server.person(role, server.theirs).await;
        for path in &reads {
            assert_eq!(person.get(path).await.status, 200, "{role:?} {path}");
        }
        let form = manifest(trust.manifest(&words(2, "1.1.0"), std::slice::from_ref(&file)));
        assert_eq!(upload(&person, form).await.status, 403, "{role:?}");
        let change = json!({"notes": "Mine."});
        assert_eq!(person.call("PATCH", &format!("/releases/{id}"), Some(&change)).await.status, 403);
        let root = json!({"root": trust.root(2)});
        assert_eq!(person.post("/releases/roots", &root).await.status, 403);
    }
    // Somebody who proved who they are too long ago has to do it again.
    server.advance(10 * 60);
    let form = manifest(trust.manifest(&words(2, "1.1.0"), std::slice::from_ref(&file)));
    assert_eq!(upload(&server.admin, form).await.problem(403).code, ProblemCode::ConfirmIdentity);
}
