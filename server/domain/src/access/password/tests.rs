//! Password hashes as sign-ins use them.

use super::*;
use crate::{
    Config, SystemCx, Visitor,
    access::{SignIn, complete_setup, decide_factor_policy, new_setup_key, sign_in},
    clock::ManualClock,
};
use chrono::DateTime;
use entity::{
    factor::FactorPolicy,
    problem::{Problem, ProblemCode},
    session::{SetupInput, SignInInput},
};
use std::sync::Arc;
use tempfile::TempDir;

const EMAIL: &str = "ada@msp.example";
const PASSWORD: &str = "the tide is coming in";

fn weak(password: &str) -> String {
    let weak = argon2(8192, 1).expect("parameters");
    weak.hash_password(password.as_bytes()).expect("a hash").to_string()
}

fn visitor(n: usize) -> Visitor {
    let source_ip = format!("10.0.{}.{}", n / 250, n % 250);
    Visitor { source_ip, user_agent: "test".to_owned(), request_id: None }
}

/// A store with one admin.
async fn store() -> (Store, TempDir) {
    let folder = tempfile::tempdir().expect("a folder");
    let config = Config {
        database_url: format!("sqlite://{}?mode=rwc", folder.path().join("reeve.db").display()),
        data_dir: folder.path().to_owned(),
        public_url: "https://reeve.example".to_owned(),
        command_key_file: None,
    };
    let store = Store::open(config, Arc::new(ManualClock::new(DateTime::UNIX_EPOCH))).await.expect("opens");
    let setup = SetupInput {
        key: new_setup_key(&store).await.expect("asks").expect("nobody is there"),
        full_name: "Ada Admin".to_owned(),
        email: EMAIL.to_owned(),
        password: PASSWORD.to_owned(),
    };
    complete_setup(&store, &visitor(0), setup).await.expect("the first admin");
    let job = SystemCx::new(&store, "test");
    decide_factor_policy(&job, FactorPolicy::Nobody).await.expect("decided");
    (store, folder)
}

async fn stored(store: &Store) -> String {
    let user = user::Entity::find().one(store.db()).await.expect("asks").expect("the admin");
    user.password_hash
}

async fn put(store: &Store, hash: &str) {
    let change = store.begin().await.expect("begins");
    let update = user::Entity::update_many().col_expr(user::Column::PasswordHash, Expr::value(hash));
    update.exec(&*change).await.expect("written");
    change.commit_unattended().await.expect("written");
}

async fn enter(store: &Store, n: usize, email: &str, password: &str) -> Result<SignIn> {
    let input = SignInInput { email: email.to_owned(), password: password.to_owned() };
    sign_in(store, &visitor(n), input).await
}

#[test]
fn hashes_are_argon2id_at_owasps_parameters() {
    let hash = hash_now(PASSWORD).expect("a hash");
    assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
    assert!(!is_outdated(&hash));
    assert!(verify_now(PASSWORD, &hash).expect("checked"));
    assert!(!verify_now("another sentence", &hash).expect("checked"));
    assert!(!verify_now("", "").expect("nobody has no password"));
    let absurd = weak(PASSWORD).replace("m=8192,t=1", "m=4194304,t=1000");
    assert!(verify_now(PASSWORD, &absurd).is_err(), "nobody waits for ever");
}

#[tokio::test]
async fn a_weaker_hash_is_replaced_by_the_right_password_alone() {
    let (store, _folder) = store().await;
    let weak = weak(PASSWORD);
    put(&store, &weak).await;
    assert!(enter(&store, 1, EMAIL, "not the password").await.is_err());
    assert_eq!(stored(&store).await, weak);
    assert!(enter(&store, 1, EMAIL, PASSWORD).await.is_ok());
    let renewed = stored(&store).await;
    assert!(renewed.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{renewed}");
    assert!(enter(&store, 1, EMAIL, PASSWORD).await.is_ok());
    assert_eq!(stored(&store).await, renewed, "a hash of today stays");
}

/// Whoever is unknown, whoever has an old hash and whoever has a new one: a wrong password costs the same work.
#[test]
fn an_older_hash_cannot_be_told_by_the_time_it_takes() {
    let today = work(MEMORY_KIB, PASSES);
    for (memory_kib, passes) in [(8192, 1), (4096, 3), (15 * 1024, 2), (12 * 1024, 3), (19 * 1024, 1), (8, 1)]
    {
        let done = work(memory_kib, passes);
        let all = done + work(top_up(done), PASSES);
        assert!(all.abs_diff(today) <= 2, "{memory_kib} KiB, {passes} passes: {all} instead of {today}");
    }
    assert_eq!(top_up(today), 0);
    assert_eq!(top_up(today * 2), 0);
}

/// The memory of this process that is in use, in bytes.
fn resident_bytes() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    statm.split(' ').nth(1).and_then(|pages| pages.parse::<u64>().ok()).unwrap_or(0) * 4096
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_at_once_all_get_in_and_memory_stays_bounded() {
    let (store, _folder) = store().await;
    let before = resident_bytes();
    let tries: Vec<_> = (0..200)
        .map(|n| {
            let store = store.clone();
            tokio::spawn(async move { enter(&store, n + 1, EMAIL, PASSWORD).await.is_ok() })
        })
        .collect();
    let mut most = 0;
    for one in tries {
        assert!(one.await.expect("no panic"));
        most = most.max(resident_bytes());
    }
    // 200 hashes at once would take 3.8 GB; every other test of this process has its share in this too.
    let grown = most.saturating_sub(before) / 1_048_576;
    assert!(grown < 400, "{grown} MiB more than before");
}

#[tokio::test(flavor = "multi_thread")]
async fn beyond_the_queue_people_are_asked_to_come_back() {
    let (store, _folder) = store().await;
    let tries: Vec<_> = (0..500)
        .map(|n| {
            let store = store.clone();
            tokio::spawn(async move { enter(&store, n + 1, "nobody@msp.example", "no password").await })
        })
        .collect();
    let mut sent_away = 0;
    for one in tries {
        let problem = Problem::from(one.await.expect("no panic").err().expect("nobody gets in"));
        match problem.code {
            ProblemCode::Unavailable => {
                assert!(problem.retry_after_seconds.is_some());
                sent_away += 1;
            }
            code => assert_eq!(code, ProblemCode::SignedOut),
        }
    }
    assert!((1..=260).contains(&sent_away), "{sent_away} sent away");
}
