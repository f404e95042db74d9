//! Lists a page at a time: each row once whatever comes in between, cursors that belong elsewhere are refused by name,
//! and searches that know more than ASCII.

use crate::support::{
    server::TestServer,
    world::{World, each_engine, user_input},
};
use domain::Cx;
use entity::{
    api_key::ApiKeyQuery,
    business::{BusinessInput, BusinessQuery, BusinessSort},
    id::BusinessId,
    problem::Problem,
    registration::RegistrationTokenQuery,
    service_location::{ServiceLocationInput, ServiceLocationQuery},
    user::{Role, UserInput, UserQuery, UserSort},
};
use std::collections::BTreeSet;

async fn business(cx: &Cx, name: &str) -> BusinessId {
    let input = BusinessInput { business_name: name.to_owned() };
    domain::business::add(cx, input).await.expect("added").id
}

async fn page(cx: &Cx, query: &BusinessQuery) -> entity::page::Page<entity::business::BusinessView> {
    domain::business::list(cx, query).await.expect("a page")
}

#[tokio::test]
async fn what_was_there_is_shown_once_whatever_comes_in_between() {
    each_engine(|world| async move {
        for name in ["Mill", "mast", "Marten", "Zoo", "Aspen"] {
            business(&world.admin, name).await;
        }
        let mut number = 0;
        for sort in BusinessSort::ALL.iter().copied() {
            for descending in [false, true] {
                let query = BusinessQuery { limit: Some(200), ..BusinessQuery::default() };
                let all = page(&world.admin, &query).await;
                let there: BTreeSet<_> = all.items.iter().map(|row| row.id).collect();
                let (mut seen, mut cursor) = (Vec::new(), None);
                loop {
                    let query = BusinessQuery {
                        sort: Some(sort),
                        descending,
                        limit: Some(2),
                        cursor,
                        ..BusinessQuery::default()
                    };
                    let page = page(&world.admin, &query).await;
                    seen.extend(page.items.iter().map(|row| row.id));
                    // Before and behind where the page ended.
                    if seen.len() < 10 {
                        number += 1;
                        business(&world.admin, &format!("A new one {number}")).await;
                        business(&world.admin, &format!("Z new one {number}")).await;
                    }
                    cursor = page.next_cursor;
                    if cursor.is_none() {
                        break;
                    }
                }
                let unique: BTreeSet<_> = seen.iter().copied().collect();
                assert_eq!(unique.len(), seen.len(), "{sort:?} {descending}: repeated");
                assert!(there.is_subset(&unique), "{sort:?} {descending}: skipped");
            }
        }
    })
    .await;
}

#[tokio::test]
async fn people_are_sorted_filtered_and_found() {
    each_engine(|world| async move {
        let admin = world.admin.confirmed().expect("just now");
        for (name, email, role) in [
            ("Örjan Åkerlund", "o@acme.example", Role::Contact),
            ("bea", "b@acme.example", Role::BusinessOwner),
            ("Carl", "c@acme.example", Role::Contact),
        ] {
            let input = UserInput {
                email: email.to_owned(),
                full_name: name.to_owned(),
                role,
                business_id: Some(world.business),
                ..user_input()
            };
            domain::user::add(&admin, input).await.expect("added");
        }
        let names = async |query: UserQuery| {
            let page = domain::user::list(&world.admin, &query).await.expect("a page");
            assert_eq!(page.total, Some(page.items.len() as u64));
            page.items.into_iter().map(|user| user.full_name).collect::<Vec<_>>()
        };
        let of = || UserQuery { business_id: Some(world.business), ..UserQuery::default() };
        assert_eq!(names(of()).await, ["bea", "Carl", "Örjan Åkerlund"], "by name, whatever the case");
        let turned = UserQuery { descending: true, ..of() };
        assert_eq!(names(turned).await, ["Örjan Åkerlund", "Carl", "bea"]);
        let contacts = UserQuery { role: Some(Role::Contact), sort: Some(UserSort::Email), ..of() };
        assert_eq!(names(contacts).await.len(), 2);
        let found = UserQuery { search: Some("ÅKER".to_owned()), ..of() };
        assert_eq!(names(found).await, ["Örjan Åkerlund"], "what is not ASCII is folded too");
        let literal = UserQuery { search: Some("%".to_owned()), ..of() };
        assert!(names(literal).await.is_empty());
        for sort in UserSort::ALL.iter().copied() {
            let (mut seen, mut cursor) = (0, None);
            loop {
                let query = UserQuery { sort: Some(sort), limit: Some(1), cursor, ..of() };
                let page = domain::user::list(&world.admin, &query).await.expect("a page");
                seen += page.items.len();
                cursor = page.next_cursor;
                if cursor.is_none() {
                    break;
                }
            }
            assert_eq!(seen, 3, "{sort:?}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_choice_offers_the_first_and_the_chosen() {
    each_engine(|world| async move {
        for n in 0..60 {
            business(&world.admin, &format!("Choice {n:02}")).await;
        }
        let last = business(&world.admin, "Zzz Überall").await;
        let place =
            ServiceLocationInput { location_name: "Dach".to_owned(), ..ServiceLocationInput::default() };
        domain::service_location::add(&world.admin, last, place).await.expect("added");
        let offered = domain::business::choices(&world.admin, None, &[last]).await.expect("choices");
        assert!(offered.next_cursor.is_some(), "there are more");
        assert!(offered.items.iter().any(|choice| choice.id == last));
        let found = domain::business::choices(&world.admin, Some("ÜBER"), &[]).await.expect("choices");
        assert_eq!((found.items.len(), found.next_cursor), (1, None));
        let places =
            domain::service_location::choices(&world.admin, None, Some("über"), &[]).await.expect("choices");
        assert_eq!(places.items[0].location_name, "Dach", "by the name of the business too");
        let owner = world.person(Role::BusinessOwner, Some(world.business), &[]).await;
        let offered = domain::business::choices(&owner, None, &[last]).await.expect("choices");
        assert!(offered.items.iter().all(|choice| choice.id == world.business), "chosen is not reached");
    })
    .await;
}

#[tokio::test]
async fn a_cursor_from_elsewhere_is_refused_by_name() {
    each_engine(|world: World| async move {
        business(&world.admin, "Third").await;
        let first = page(&world.admin, &BusinessQuery { limit: Some(1), ..BusinessQuery::default() }).await;
        let cursor = first.next_cursor;
        assert!(cursor.is_some());
        let refused = |problem: Problem| assert_eq!(problem.field.as_deref(), Some("cursor"));
        let turned = BusinessQuery { descending: true, cursor: cursor.clone(), ..BusinessQuery::default() };
        refused(domain::business::list(&world.admin, &turned).await.expect_err("refused").into());
        let users = UserQuery { cursor: cursor.clone(), ..UserQuery::default() };
        refused(domain::user::list(&world.admin, &users).await.expect_err("refused").into());
        let places = ServiceLocationQuery { cursor: cursor.clone(), ..ServiceLocationQuery::default() };
        refused(domain::service_location::list(&world.admin, &places).await.expect_err("refused").into());
        let keys = ApiKeyQuery { cursor: cursor.clone(), ..ApiKeyQuery::default() };
        refused(domain::api_key::list(&world.admin, &keys).await.expect_err("refused").into());
        let tokens = RegistrationTokenQuery { cursor: cursor.clone(), ..RegistrationTokenQuery::default() };
        refused(domain::registration::list(&world.admin, &tokens).await.expect_err("refused").into());
        let devices = entity::device::DeviceQuery { cursor, ..entity::device::DeviceQuery::default() };
        refused(domain::device::list(&world.admin, &devices).await.expect_err("refused").into());
    })
    .await;
}

/// Over REST: pages, what they are narrowed by, and words that a list does not know.
#[tokio::test]
async fn lists_over_rest_are_paged() {
    let server = TestServer::start().await;
    let (mut seen, mut cursor) = (BTreeSet::new(), None::<String>);
    for _ in 0..10 {
        let behind = cursor.as_deref().map_or_else(String::new, |cursor| format!("&cursor={cursor}"));
        let page: serde_json::Value =
            server.admin.get(&format!("/businesses?limit=1{behind}")).await.expect(200);
        seen.extend(page["items"].as_array().expect("a list").iter().map(|row| row["id"].to_string()));
        assert_eq!(page["items"].as_array().map(Vec::len), Some(1));
        cursor = page["next_cursor"].as_str().map(str::to_owned);
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(seen.len(), 2, "ours and theirs");
    for (path, field) in [
        ("/businesses?cursor=x", "cursor"),
        ("/users?limit=0", "limit"),
        ("/users?limit=201", "limit"),
        ("/service-locations?search=%00", "search"),
        ("/api-keys?nothing=1", "nothing"),
        ("/roles?cursor=bm9uc2Vuc2U", "cursor"),
        ("/service-accounts?cursor=W10", "cursor"),
        ("/agents/registration-tokens?cursor=W10", "cursor"),
        ("/oidc-providers?cursor=W10", "cursor"),
    ] {
        // What no page ever gave is not there.
        let status = if field == "cursor" { 404 } else { 422 };
        let problem = server.admin.get(path).await.problem(status);
        assert_eq!(problem.field.as_deref(), Some(field), "{path}: {}", problem.detail);
    }
}
