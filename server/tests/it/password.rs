//! Passwords: what is good enough for a new one, wherever it is chosen; and what the server's own command line does
//! for those who cannot get in any more.

use crate::support::{
    server::TestServer,
    world::{Engine, PASSWORD, World, each_engine, user_input, visitor},
};
use entity::{
    factor::FactorPolicy,
    problem::{Problem, ProblemCode},
    session::{LinkInput, PasswordInput, SetupInput},
    user::{Role, UserInput},
};
use std::process::{Command, Output};

/// Too short, too long, common, common with ornaments, a row of keys, and their own.
const BAD: [&str; 8] = [
    "eleven char",
    "1qaz2wsx3edc4rfv",
    "Password1234",
    "P@ssw0rd2026!",
    "qwertyuiopasdfghjkl",
    "aaaaaaaaaaaaaaaaaa",
    "reeve-reeve-2026",
    "mira@quay.example",
];

async fn invite(world: &World) -> String {
    let input = UserInput {
        email: "mira@quay.example".to_owned(),
        full_name: "Mira Sand".to_owned(),
        role: Role::BusinessOwner,
        business_id: Some(world.business),
        ..user_input()
    };
    let admin = world.admin_now().await;
    let added = domain::user::add(&admin.confirmed().expect("just now"), input).await.expect("added");
    added.link.url.and_then(|url| url.split('#').nth(1).map(str::to_owned)).expect("a link")
}

async fn accept(world: &World, key: &str, password: &str) -> Result<(), Problem> {
    let input = LinkInput { key: key.to_owned(), password: password.to_owned() };
    domain::user::accept_link(&world.store, &visitor(), input).await.map(drop).map_err(Problem::from)
}

#[track_caller]
fn names(field: &str, problem: &Problem, password: &str) {
    assert_eq!(
        (problem.code, problem.field.as_deref()),
        (ProblemCode::Invalid, Some(field)),
        "{password}: {problem}"
    );
}

#[tokio::test]
async fn a_guessable_password_is_refused_wherever_it_is_chosen() {
    each_engine(|world| async move {
        let key = invite(&world).await;
        let too_long = "x y".repeat(86);
        for password in BAD.into_iter().chain([too_long.as_str()]) {
            names("password", &accept(&world, &key, password).await.expect_err(password), password);
        }
        accept(&world, &key, PASSWORD).await.expect("the link still works");
        let cx = world.sign_in("mira@quay.example", PASSWORD).await.expect("signs in");
        for password in BAD.into_iter().chain(["Mira Sand 123456"]) {
            let input =
                PasswordInput { current_password: PASSWORD.to_owned(), new_password: password.to_owned() };
            let refused =
                Problem::from(domain::account::change_password(&cx, input).await.expect_err(password));
            if refused.code == ProblemCode::TooMany {
                continue;
            }
            names("new_password", &refused, password);
        }
    })
    .await;
}

#[tokio::test]
async fn the_first_admin_too_chooses_a_good_one() {
    let folder = tempfile::tempdir().expect("a folder");
    let config = domain::Config {
        database_url: format!("sqlite://{}?mode=rwc", folder.path().join("reeve.db").display()),
        data_dir: folder.path().to_owned(),
        public_url: "https://reeve.example".to_owned(),
        command_key_file: None,
    };
    let clock = std::sync::Arc::new(domain::clock::SystemClock);
    let store = domain::Store::open(config, clock).await.expect("opens");
    let key = domain::access::new_setup_key(&store).await.expect("asks").expect("nobody is there yet");
    let setup = |password: &str| SetupInput {
        key: key.clone(),
        full_name: "Grace Hopper".to_owned(),
        email: "grace@harbour.example".to_owned(),
        password: password.to_owned(),
    };
    for password in ["short", "Password1234", "grace.hopper.1906", "harbour-grace-12"] {
        let refused = domain::access::complete_setup(&store, &visitor(), setup(password)).await;
        names("password", &Problem::from(refused.err().expect("refused")), password);
    }
    domain::access::complete_setup(&store, &visitor(), setup("compilers are for people"))
        .await
        .expect("good");
}

#[tokio::test]
async fn an_operators_list_of_stolen_passwords_is_kept_to() {
    let world = World::on_sqlite().await;
    let key = invite(&world).await;
    let file = world.folder().join("pwned");
    // SHA-1 of `the tide is coming in` between two others, as the download of Pwned Passwords has it.
    let lines = "0000000CAEF405439D57847A8657218C618160B2:15\r\n\
                 C25134889F051889F3FB85FFD690C6B01DDED874:2\r\n\
                 FFFFFFFEE791CBAC0F6305CAF0CEE06BBE131160:3\r\n";
    std::fs::write(&file, lines).expect("written");
    world.store.set_breached_list(&file).expect("a list");
    names("password", &accept(&world, &key, "the tide is coming in").await.expect_err("stolen"), "stolen");
    accept(&world, &key, "the tide is going out").await.expect("not stolen");
    assert!(world.store.set_breached_list(&world.folder().join("nowhere")).is_err());
}

fn reeve(world: &World, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_reeve"));
    command.args(arguments).arg("--data-dir").arg(world.folder());
    command.args(["--public-url", "https://reeve.example"]).output().expect("it runs")
}

#[track_caller]
fn said(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_line_lets_people_in_again_beside_a_running_server() {
    let server = TestServer::on(Engine::Sqlite).await;
    let world = &server.world;
    accept(world, &invite(world).await, PASSWORD).await.expect("a password");
    let before = world.sign_in("mira@quay.example", PASSWORD).await;
    assert!(before.is_ok());
    let text = said(&reeve(world, &["reset-access", "Mira@quay.example"]));
    let key =
        text.split("https://reeve.example/welcome#").nth(1).and_then(|rest| rest.split_whitespace().next());
    accept(world, key.expect("a link"), "another sentence of mine")
        .await
        .expect("it works beside the server");
    assert!(world.sign_in("mira@quay.example", "another sentence of mine").await.is_ok());

    let unknown = reeve(world, &["reset-access", "nobody@quay.example"]);
    assert!(!unknown.status.success());
    assert!(String::from_utf8_lossy(&unknown.stderr).contains("no such person"), "{unknown:?}");

    said(&reeve(world, &["factor-policy", "everybody"]));
    let policy = domain::access::factor_policy(&world.store).await.expect("asks");
    assert_eq!(policy, FactorPolicy::Everybody);
    assert!(!reeve(world, &["factor-policy", "some"]).status.success());
    said(&reeve(world, &["factor-policy", "nobody"]));
    assert!(domain::access::factor_policy(&world.store).await.expect("asks") == FactorPolicy::Nobody);
}

#[test]
fn the_command_line_makes_no_new_database() {
    let folder = tempfile::tempdir().expect("a folder");
    for data in [folder.path().to_owned(), folder.path().join("nowhere")] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_reeve"));
        let done =
            command.args(["reset-access", "a@b.example", "--data-dir"]).arg(&data).output().expect("it runs");
        assert!(!done.status.success());
        assert!(String::from_utf8_lossy(&done.stderr).contains("--data-dir"), "{done:?}");
    }
    assert_eq!(std::fs::read_dir(folder.path()).expect("a folder").count(), 0);
}
