//! Every change of factors is in the audit log, and no secret with it.

use super::{ADA, App, by_code, code, half, passkey, set_up, visitor_from};
use crate::support::world::{World, each_engine};
use chrono::Duration;
use domain::Cx;
use entity::audit::{ActorKind, AuditEntryView, AuditQuery};

/// What was done since the first `skip` entries, oldest first.
async fn since(cx: &Cx, skip: i64) -> Vec<AuditEntryView> {
    let query = AuditQuery { limit: Some(100), ..AuditQuery::default() };
    let mut entries = domain::audit::list(cx, &query).await.expect("listed").items;
    entries.retain(|entry| entry.seq > skip);
    entries.sort_by_key(|entry| entry.seq);
    entries
}

async fn newest(world: &World) -> i64 {
    since(&world.admin, 0).await.last().expect("an entry").seq
}

#[tokio::test]
async fn every_change_of_factors_is_recorded_without_its_secret() {
    each_engine(|world| async move {
        let (admin, start) = (&world.admin, newest(&world).await);
        let confirmed = admin.confirmed().expect("just now");
        let setup = domain::factor::begin_totp(admin).await.expect("begun");
        let app = App::with(&setup);
        let mut secrets = domain::factor::confirm_totp(admin, app.shows(&world, 0)).await.expect("set up");
        secrets.push(setup.secret.clone());
        set_up(&world, admin).await;
        let (mut browser, id) = passkey::added(&world, admin).await;
        domain::factor::rename_passkey(admin, id, "Old laptop".to_owned()).await.expect("renamed");
        secrets.extend(domain::factor::new_recovery_codes(&confirmed).await.expect("new"));
        let secret = passkey::alone(&world, &mut browser).await.expect("signed in");
        let (options, begun) = domain::factor::begin_passkey_confirm(admin).await.expect("asked");
        domain::factor::finish_passkey_confirm(admin, &begun, browser.get(&options))
            .await
            .expect("confirmed");
        browser.counter = 0;
        assert!(passkey::alone(&world, &mut browser).await.is_err());
        domain::factor::remove_passkey(&confirmed, id).await.expect("removed");
        domain::factor::remove_totp(&confirmed).await.expect("removed");
        domain::factor::reset(&world.job(), ADA).await.expect("reset");
        let entries = since(admin, start).await;
        let actions: Vec<_> = entries.iter().map(|entry| entry.action.as_str()).collect();
        assert_eq!(
            actions,
            [
                "account.add_totp",
                "account.add_totp",
                "account.add_passkey",
                "account.rename_passkey",
                "account.new_recovery_codes",
                "account.sign_in",
                "account.confirm",
                "account.passkey_copied",
                "account.remove_passkey",
                "account.remove_totp",
                "account.reset_access",
            ]
        );
        let by: Vec<_> = entries.iter().map(|entry| entry.actor_kind).collect();
        assert_eq!((by[7], by[10]), (ActorKind::Visitor, ActorKind::System));
        let text = serde_json::to_string(&entries).expect("text");
        secrets.push(secret.expose().to_owned());
        assert!(secrets.iter().all(|secret| !text.contains(secret.as_str())));
    })
    .await;
}

#[tokio::test]
async fn guessing_is_recorded_once() {
    each_engine(|world| async move {
        set_up(&world, &world.admin).await;
        let start = newest(&world).await;
        for _ in 0..12 {
            let waiting = half(&world, ADA).await;
            let visitor = visitor_from("198.51.100.1");
            let tried =
                domain::factor::sign_in_with_code(&world.store, &visitor, &waiting, code("000000")).await;
            assert!(tried.is_err());
        }
        let entries = since(&world.admin, start).await;
        assert_eq!(entries.len(), 1, "{entries:?}");
        assert_eq!(
            (entries[0].action.as_str(), entries[0].source_ip.as_str()),
            ("account.guessing", "198.51.100.1")
        );
        world.clock.advance(Duration::minutes(10));
        let waiting = half(&world, ADA).await;
        assert!(by_code(&world, &waiting, code("000000")).await.is_err());
        assert_eq!(since(&world.admin, start).await.len(), 1);
    })
    .await;
}
