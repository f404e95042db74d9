//! The library of scripts on both engines: versions that stay, names that are taken once, and whose they are.

use crate::support::world::each_engine;
use entity::{
    command::Shell,
    id::BusinessId,
    problem::ProblemCode,
    script::{ScriptChange, ScriptInput, ScriptQuery, ScriptVersionInput},
    user::Role,
};

fn version(text: &str) -> ScriptVersionInput {
    ScriptVersionInput { shell: Shell::Sh, script: text.to_owned(), parameters: vec!["path".to_owned()] }
}

fn script(business_id: Option<BusinessId>, name: &str) -> ScriptInput {
    ScriptInput {
        business_id,
        script_name: name.to_owned(),
        description: String::new(),
        version: version("echo one"),
    }
}

#[track_caller]
fn refused<T>(result: domain::Result<T>) -> (ProblemCode, Option<String>) {
    let problem = result.err().expect("refused").problem();
    (problem.code, problem.field)
}

#[tokio::test(flavor = "multi_thread")]
async fn versions_stay_and_scripts_are_put_away() {
    each_engine(|world| async move {
        let admin = &world.admin;
        let made = domain::script::add(admin, script(None, "Clean")).await.expect("added");
        let first = domain::script::get_version(admin, made.latest.id).await.expect("a version");
        assert_eq!((first.script.as_str(), first.version.version), ("echo one", 1));
        let digest = entity::seal::sha256(b"echo one");
        assert_eq!(made.latest.script_sha256, digest);
        let same = domain::script::add_version(admin, made.id, version("echo one")).await;
        assert_eq!(refused(same).0, ProblemCode::Conflict);
        let second =
            domain::script::add_version(admin, made.id, version("echo two\r\n")).await.expect("added");
        assert_eq!(second.latest.version, 2);
        let text = domain::script::get_version(admin, second.latest.id).await.expect("a version").script;
        assert_eq!(text, "echo two\n", "line ends as a shell takes them");
        let first = domain::script::get_version(admin, made.latest.id).await.expect("still there");
        assert_eq!(first.script, "echo one");
        let all = domain::script::versions(admin, made.id).await.expect("all");
        assert_eq!(all.iter().map(|one| one.version).collect::<Vec<_>>(), [2, 1]);
        let taken = domain::script::add(admin, script(None, "CLEAN")).await;
        assert_eq!(refused(taken), (ProblemCode::Conflict, Some("script_name".to_owned())));
        let renamed = ScriptChange { script_name: "Tidy".to_owned(), description: "Tidies.".to_owned() };
        let view = domain::script::change(admin, made.id, renamed.clone()).await.expect("renamed");
        assert_eq!((view.script_name.as_str(), view.description.as_str()), ("Tidy", "Tidies."));
        domain::script::archive(admin, made.id).await.expect("put away");
        assert_eq!(refused(domain::script::archive(admin, made.id).await).0, ProblemCode::Conflict);
        assert_eq!(refused(domain::script::change(admin, made.id, renamed).await).0, ProblemCode::Conflict);
        let page = domain::script::list(admin, &ScriptQuery::default()).await.expect("a page");
        assert!(page.items.is_empty());
        domain::script::add(admin, script(None, "Tidy")).await.expect("the name is free again");
        for (field, bad) in [
            ("script", version(" ")),
            ("script", version(&"x".repeat(entity::command::SCRIPT_BYTES_MAX + 1))),
            ("parameters", ScriptVersionInput { parameters: vec!["a".into(), "a".into()], ..version("x") }),
        ] {
            let input = ScriptInput { version: bad, ..script(None, "Bad") };
            assert_eq!(refused(domain::script::add(admin, input).await).1.as_deref(), Some(field));
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn shared_ones_are_everybodys_and_a_businesss_its_own() {
    each_engine(|world| async move {
        let shared = domain::script::add(&world.admin, script(None, "Shared")).await.expect("added");
        let ours =
            domain::script::add(&world.admin, script(Some(world.business), "Ours")).await.expect("added");
        let owner = world.person(Role::BusinessOwner, Some(world.business), &[]).await;
        let other = world.person(Role::BusinessOwner, Some(world.neighbour), &[]).await;
        let names = async |cx| {
            let page = domain::script::list(cx, &ScriptQuery::default()).await.expect("a page");
            page.items.into_iter().map(|one| one.script_name).collect::<Vec<_>>()
        };
        assert_eq!(names(&owner).await, ["Ours", "Shared"]);
        assert_eq!(names(&other).await, ["Shared"]);
        assert_eq!(refused(domain::script::get(&other, ours.id).await).0, ProblemCode::NotFound);
        let text = domain::script::get_version(&other, ours.latest.id).await;
        assert_eq!(refused(text).0, ProblemCode::NotFound);
        domain::script::get_version(&other, shared.latest.id).await.expect("shared");
        let technician = world.person(Role::Technician, None, &[world.business]).await;
        let changed = domain::script::add_version(&technician, shared.id, version("echo evil")).await;
        assert_eq!(refused(changed).0, ProblemCode::Forbidden, "shared ones are the MSP's");
        domain::script::add_version(&technician, ours.id, version("echo two")).await.expect("theirs");
        let made = domain::script::add(&owner, script(Some(world.business), "Own")).await;
        assert_eq!(refused(made).0, ProblemCode::Forbidden);
        let contact = world.person(Role::Contact, Some(world.business), &[]).await;
        let page = domain::script::list(&contact, &ScriptQuery::default()).await;
        assert_eq!(refused(page).0, ProblemCode::Forbidden);
    })
    .await;
}
