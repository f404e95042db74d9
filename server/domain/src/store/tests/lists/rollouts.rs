//! The devices of a rollout over a large fleet, and the updates of one device.

use super::{admin_of_fleet, answered_from_indexes, number_id};
use crate::{
    rollout,
    store::{
        heard,
        tests::estate::{ENGINES, Estate, run},
    },
};
use entity::{
    id::{DeviceId, ReleaseId, RolloutId, UserId},
    platform::Os,
    rollout::UpdateQuery,
    update::UpdateState,
};

/// A rollout that has come to every device of the fleet.
async fn rolled_out(estate: &Estate, by: UserId) -> RolloutId {
    let (release, id) = (ReleaseId::generate(), RolloutId::generate());
    let db = estate.raw().await;
    let at = estate.store.now();
    let sql = "INSERT INTO releases (id, version, seq, channel, state, manifest, manifest_sha256, issued_at, expires_at, \
               notes, created_at) VALUES (?, '1.2.0', 2, 'stable', 'available', '', '', ?, ?, '', ?)";
    run(&db, sql, [release.into(), at.into(), at.into(), at.into()]).await.expect("a release");
    let sql = "INSERT INTO rollouts (id, name, name_key, kind, state, revision, release_id, seq, channel, target, halt, \
               max_in_flight, first_in_flight, in_flight, spread_seconds, salt, note, wave, waves, is_approval_needed, \
               created_by, created_at, changed_at) VALUES (?, 'All', 'all', 'agent_release', 'running', 0, ?, 2, 'stable', \
               '{\"scope\":\"all\"}', '{}', 50, 5, 0, 0, '', '', 1, 1, FALSE, ?, ?, ?)";
    run(&db, sql, [id.into(), release.into(), by.into(), at.into(), at.into()]).await.expect("a rollout");
    let sql = "INSERT INTO rollout_devices (id, rollout_id, business_id, device_id, wave, os, arch, state, step, attempts, \
               seq, artifact_sha256, build_id, size_bytes, from_version, changed_at, detail, log_lines) \
               SELECT id, ?, business_id, id, 1 + device_key % 3, os_type, 'x86_64', \
               CASE device_key % 2 WHEN 0 THEN 'confirmed' ELSE 'waiting' END, 0, 0, 2, '', '', 0, '', ?, '', '[]' \
               FROM agent_devices";
    run(&db, sql, [id.into(), at.into()]).await.expect("updates");
    run(&db, "ANALYZE", []).await.expect("looked at");
    id
}

#[tokio::test]
async fn lists_of_updates_read_what_they_show() {
    for engine in ENGINES {
        let (estate, cx) = admin_of_fleet(engine).await;
        let id = rolled_out(&estate, cx.me().id).await;
        heard::take();
        let any = UpdateQuery::default;
        for query in [
            any(),
            UpdateQuery { state: Some(UpdateState::Confirmed), ..any() },
            UpdateQuery { wave: Some(2), ..any() },
            UpdateQuery { os: Some(Os::Linux), state: Some(UpdateState::Waiting), ..any() },
        ] {
            let what = format!("{engine:?} updates, {query:?}");
            let first = rollout::devices(&cx, id, &query).await.expect("a page");
            assert!(!first.items.is_empty(), "{what}");
            let next = UpdateQuery { cursor: first.next_cursor, ..query };
            rollout::devices(&cx, id, &next).await.expect("a page");
            // A rollout has few waves.
            answered_from_indexes(&cx, &what, &["\"rollout_waves\""]).await;
        }
        let device = DeviceId(number_id(4, 7));
        let page = rollout::of_device(&cx, device, &any()).await.expect("a page");
        assert_eq!(page.items.len(), 1);
        answered_from_indexes(&cx, &format!("{engine:?} updates of a device"), &[]).await;
    }
}
