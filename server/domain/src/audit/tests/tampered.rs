//! The audit log edited behind the product's back, by somebody who took the locks off: the check names the link.

use super::{is_whole, report};
use crate::{
    audit::chain,
    store::tests::estate::{ENGINES, Engine, Estate, run},
};
use entity::{id::AuditEntryId, table::audit_entry};
use sea_orm::{
    ActiveModelTrait as _, ColumnTrait as _, DatabaseConnection, EntityTrait as _, IntoActiveModel as _,
    QueryFilter as _, QueryOrder as _,
};

/// Entries of each estate: two that made the businesses, four more.
const ENTRIES: u64 = 6;

/// Statements, the entry where the chain breaks, and words of what is said of it.
type Attack = (&'static [&'static str], i64, &'static str);
const ATTACKS: [Attack; 12] = [
    (&["UPDATE audit_entries SET summary = 'Nothing happened' WHERE seq = 3"], 3, "was changed"),
    (&["UPDATE audit_entries SET before_json = '{}' WHERE seq = 4"], 4, "was changed"),
    (&["UPDATE audit_entries SET actor_name = 'Somebody else' WHERE seq = 1"], 1, "was changed"),
    (&["UPDATE audit_entries SET actor_kind = 'nobody' WHERE seq = 2"], 2, "was changed"),
    (&["UPDATE audit_entries SET hash = NULL WHERE seq = 5"], 5, "has no hash"),
    (&["DELETE FROM audit_entries WHERE seq = 3"], 3, "removed from the middle"),
    (&["DELETE FROM audit_entries WHERE seq IN (3, 4)"], 3, "Entries 3 to 4 are missing"),
    (&["DELETE FROM audit_entries WHERE seq = 6"], 6, "cut off the end"),
    (
        &[
            "UPDATE audit_entries SET seq = 100 WHERE seq = 2",
            "UPDATE audit_entries SET seq = 2 WHERE seq = 3",
            "UPDATE audit_entries SET seq = 3 WHERE seq = 100",
        ],
        2,
        "was changed",
    ),
    (
        &["UPDATE audit_head SET seq = 5, hash = (SELECT hash FROM audit_entries WHERE seq = 5)"],
        6,
        "The head of the chain names entry 5",
    ),
    (&["UPDATE audit_head SET hash = 'ab'"], 6, "another hash"),
    (&["DELETE FROM audit_head"], 1, "head of the chain is missing"),
];

/// An estate whose locks are off, and the connection that took them off.
async fn unlocked(engine: Engine) -> (Estate, DatabaseConnection) {
    let estate = Estate::on(engine).await;
    for number in 0..4 {
        estate.note(number).await;
    }
    let db = estate.raw().await;
    let locks: &[&str] = if estate.is_postgres() {
        &["ALTER TABLE audit_entries DISABLE TRIGGER ALL", "ALTER TABLE audit_head DISABLE TRIGGER ALL"]
    } else {
        &[
            "DROP TRIGGER audit_entries_no_replace",
            "DROP TRIGGER audit_entries_no_update",
            "DROP TRIGGER audit_entries_no_delete",
            "DROP TRIGGER audit_head_no_delete",
            "DROP TRIGGER audit_head_no_replace",
            "DROP TRIGGER audit_head_goes_on",
        ]
    };
    for sql in locks {
        run(&db, sql, []).await.expect("unlocked");
    }
    (estate, db)
}

async fn entry(db: &DatabaseConnection, seq: i64) -> audit_entry::Model {
    let found = audit_entry::Entity::find().filter(audit_entry::Column::Seq.eq(seq));
    found.one(db).await.expect("asks").expect("an entry")
}

/// Computes hashes anew from an entry on, as somebody would who knows how; the head last.
async fn rewrite(db: &DatabaseConnection, from: i64) {
    let rows = audit_entry::Entity::find().filter(audit_entry::Column::Seq.gte(from));
    let rows = rows.order_by_asc(audit_entry::Column::Seq).all(db).await.expect("entries");
    let mut previous = if from == 1 { Some(String::new()) } else { entry(db, from - 1).await.hash };
    for mut row in rows {
        row.previous_hash = previous.take();
        row.hash = Some(chain::digest(&row).expect("a hash"));
        previous.clone_from(&row.hash);
        row.into_active_model().reset_all().update(db).await.expect("written anew");
    }
    run(db, "UPDATE audit_head SET seq = (SELECT max(seq) FROM audit_entries)", []).await.expect("a head");
    run(db, "UPDATE audit_head SET hash = ?", [previous.into()]).await.expect("a head");
}

#[tokio::test]
async fn the_first_broken_link_is_named() {
    for engine in ENGINES {
        for (attack, seq, words) in ATTACKS {
            let (estate, db) = unlocked(engine).await;
            is_whole(&report(&estate.url, None).await, ENTRIES);
            for sql in attack {
                run(&db, sql, []).await.expect("an attack");
            }
            let found = report(&estate.url, None).await.broken.expect("something is found");
            assert!(
                found.seq == seq && found.reason.contains(words),
                "{engine:?}: {attack:?}: {found:?}, not {seq}: {words}"
            );
        }
    }
}

#[tokio::test]
async fn an_entry_that_was_put_in_is_found_wherever_it_is() {
    for engine in ENGINES {
        // Behind the end, with a hash that fits.
        let (estate, db) = unlocked(engine).await;
        let mut forged = entry(&db, 6).await;
        forged.id = AuditEntryId::generate();
        forged.seq = Some(7);
        forged.previous_hash = forged.hash.take();
        forged.hash = Some(chain::digest(&forged).expect("a hash"));
        forged.into_active_model().reset_all().insert(&db).await.expect("put in");
        let found = report(&estate.url, None).await.broken.expect("found");
        assert!(found.seq == 7 && found.reason.contains("put in"), "{found:?}");

        // In the middle, the others moved up: the first of those is what does not fit.
        let (estate, db) = unlocked(engine).await;
        for (from, to) in [(6, 7), (5, 6), (4, 5)] {
            let sql = "UPDATE audit_entries SET seq = ? WHERE seq = ?";
            run(&db, sql, [to.into(), from.into()]).await.expect("moved");
        }
        let mut forged = entry(&db, 3).await;
        forged.id = AuditEntryId::generate();
        forged.seq = Some(4);
        forged.previous_hash = forged.hash.take();
        forged.hash = Some(chain::digest(&forged).expect("a hash"));
        forged.into_active_model().reset_all().insert(&db).await.expect("put in");
        let found = report(&estate.url, None).await.broken.expect("found");
        assert_eq!(found.seq, 5, "{found:?}");

        // Outside of the chain.
        let (estate, db) = unlocked(engine).await;
        let mut forged = entry(&db, 3).await;
        forged.id = AuditEntryId::generate();
        (forged.seq, forged.hash) = (None, None);
        forged.into_active_model().reset_all().insert(&db).await.expect("put in");
        let found = report(&estate.url, None).await.broken.expect("found");
        assert!(found.reason.contains("outside of the chain"), "{found:?}");
    }
}

#[tokio::test]
async fn an_entry_with_a_hash_of_its_own_breaks_at_the_next() {
    for engine in ENGINES {
        let (estate, db) = unlocked(engine).await;
        run(&db, "UPDATE audit_entries SET summary = 'Nothing happened' WHERE seq = 3", [])
            .await
            .expect("changed");
        let hash = chain::digest(&entry(&db, 3).await).expect("a hash");
        run(&db, "UPDATE audit_entries SET hash = ? WHERE seq = 3", [hash.into()]).await.expect("changed");
        let found = report(&estate.url, None).await.broken.expect("found");
        assert!(found.seq == 4 && found.reason.contains("stands at place 3 now"), "{found:?}");
    }
}

/// Whoever owns the database can write the whole chain anew. Whoever kept a head can tell.
#[tokio::test]
async fn a_chain_that_was_written_anew_does_not_have_the_head_that_was_kept() {
    for engine in ENGINES {
        let (estate, db) = unlocked(engine).await;
        let kept = report(&estate.url, None).await.head;
        estate.note(9).await;
        let later = report(&estate.url, Some(&kept)).await;
        is_whole(&later, ENTRIES + 1);
        assert_eq!(later.expected_at, Some(6));

        run(&db, "UPDATE audit_entries SET summary = 'Nothing happened' WHERE seq = 3", [])
            .await
            .expect("changed");
        rewrite(&db, 3).await;
        is_whole(&report(&estate.url, None).await, ENTRIES + 1);
        let found = report(&estate.url, Some(&kept)).await.broken.expect("found");
        assert!(found.reason.contains("written anew"), "{found:?}");

        // The same when the end was cut off and the head set back to match.
        let (estate, db) = unlocked(engine).await;
        let kept = report(&estate.url, None).await.head;
        run(&db, "DELETE FROM audit_entries WHERE seq > 4", []).await.expect("cut off");
        rewrite(&db, 4).await;
        is_whole(&report(&estate.url, None).await, 4);
        assert!(report(&estate.url, Some(&kept)).await.broken.is_some());
    }
}
