//! Who may do what with rollouts, and whose devices they see.

use super::world::{World, input, named, wave};
use crate::{
    Result, release, rollout,
    store::{
        Reach,
        tests::estate::{ENGINES, Engine},
    },
};
use entity::{
    id::AccessGrantId,
    platform::Os,
    problem::ProblemCode,
    release::Channel,
    rollout::{
        NoteInput, PreviewPart, PreviewQuestion, ResumeInput, RolloutInput, RolloutPolicy, RolloutQuery,
        RolloutState, RolloutTarget, UpdateQuery,
    },
    table::{access_grant, audit_entry, user},
    user::{Effect, Role},
};
use sea_orm::{ColumnTrait as _, EntityTrait as _, QueryFilter as _};

fn refused<T>(result: Result<T>) -> ProblemCode {
    result.err().expect("refused").problem().code
}

#[tokio::test]
async fn admins_manage_technicians_look_and_customers_see_nothing() {
    for engine in ENGINES {
        let world = World::on(engine).await;
        let machines = world.machines(2, Os::Linux).await;
        let release = world.release(2).await;
        let id = world.start(input(release, vec![wave(100)])).await.rollout.id;
        let (ours, theirs) = (world.estate.ours, world.estate.theirs);
        world.add_person("tech@msp.example", |row| user::Model { role: Role::Technician, ..row }).await;
        let owner = |row| user::Model { role: Role::BusinessOwner, business_id: Some(ours), ..row };
        world.add_person("owner@acme.example", owner).await;
        let tech_id = world.person("tech@msp.example").await.me().id;
        let change = world.estate.store.begin().await.expect("begins");
        let grant = access_grant::Model {
            id: AccessGrantId::generate(),
            user_id: tech_id,
            effect: Effect::Allow,
            business_id: Some(theirs),
            service_location_id: None,
        };
        access_grant::Entity::insert(access_grant::ActiveModel::from(grant))
            .exec_without_returning(&*change)
            .await
            .expect("granted");
        change.commit_unattended().await.expect("committed");
        let (tech, owner) =
            (world.person("tech@msp.example").await, world.person("owner@acme.example").await);
        // A technician looks, at the devices that they reach.
        let listed = rollout::list(&tech, &RolloutQuery::default()).await.expect("listed");
        assert_eq!(listed.items.len(), 1);
        let view = rollout::get(&tech, id).await.expect("seen");
        assert!(!view.may.pause && view.may.why_not.is_some());
        let seen = rollout::devices(&tech, id, &UpdateQuery::default()).await.expect("listed");
        assert!(seen.items.is_empty(), "{engine:?}: those are another business's");
        let device = machines[0].id();
        assert_eq!(
            refused(rollout::of_device(&tech, device, &UpdateQuery::default()).await),
            ProblemCode::NotFound
        );
        assert_eq!(refused(rollout::pause(&tech, id, NoteInput::default()).await), ProblemCode::Forbidden);
        assert_eq!(
            refused(rollout::create(&tech, input(release, vec![wave(100)])).await),
            ProblemCode::Forbidden
        );
        // A customer does not even look.
        assert_eq!(refused(rollout::list(&owner, &RolloutQuery::default()).await), ProblemCode::Forbidden);
        assert_eq!(refused(rollout::get(&owner, id).await), ProblemCode::Forbidden);
        assert_eq!(
            refused(rollout::of_device(&owner, device, &UpdateQuery::default()).await),
            ProblemCode::Forbidden
        );
        // Nor does anybody learn the name of a device by choosing it.
        assert_eq!(refused(rollout::ticked(&owner, &[device]).await), ProblemCode::Forbidden);
        assert!(rollout::ticked(&tech, &[device]).await.expect("looked").is_empty());
        // An admin sees all of them.
        let ada = world.ada().await;
        let ticked = rollout::ticked(&ada, &[device, device]).await.expect("looked");
        assert!(ticked.len() == 1 && ticked[0].1.starts_with("machine "), "{engine:?}: {ticked:?}");
        let seen = rollout::devices(&ada, id, &UpdateQuery::default()).await.expect("listed");
        assert_eq!(seen.items.len(), 2);
        assert!(rollout::get(&ada, id).await.expect("seen").may.pause);
    }
}

#[tokio::test]
async fn where_it_is_asked_for_somebody_else_says_yes() {
    for engine in ENGINES {
        let world = World::on(engine).await;
        world.machines(2, Os::Linux).await;
        let (ada, ben) = (world.ada().await, world.ben().await);
        let (ada_sure, ben_sure) = (ada.confirmed().expect("sure"), ben.confirmed().expect("sure"));
        rollout::set_policy(&ada_sure, RolloutPolicy { is_approval_needed: true }).await.expect("decided");
        let made =
            rollout::create(&ada, input(world.release(2).await, vec![wave(100)])).await.expect("drafted");
        let id = made.rollout.id;
        assert!(made.is_approval_needed && made.may.submit);
        assert_eq!(refused(rollout::start(&ada_sure, id).await), ProblemCode::Conflict, "{engine:?}");
        rollout::submit(&ada_sure, id).await.expect("handed in");
        assert_eq!(world.state(id).await, RolloutState::AwaitingApproval);
        let business = RolloutTarget::Businesses { business_ids: vec![world.estate.ours] };
        let narrow = RolloutInput { target: business, ..input(made.rollout.release_id, vec![wave(100)]) };
        let narrow = rollout::create(&ada, narrow).await.expect("drafted").rollout;
        let seen = rollout::get(&ben, narrow.id).await.expect("seen").rollout.target_label;
        assert!(seen != "1 business" && !seen.is_empty(), "whoever says yes reads which: {seen}");
        let waiting = async |cx: &crate::Cx| crate::overview::get(cx).await.expect("seen").rollouts_awaiting;
        assert_eq!((waiting(&ada).await, waiting(&ben).await), (0, 1), "{engine:?}: not for who made it");
        assert_eq!(refused(rollout::start(&ada_sure, id).await), ProblemCode::Conflict);
        assert_eq!(
            refused(rollout::approve(&ada_sure, id, NoteInput::default()).await),
            ProblemCode::Forbidden
        );
        rollout::approve(&ben_sure, id, NoteInput::default()).await.expect("somebody else's yes");
        rollout::start(&ada_sure, id).await.expect("started");
        assert_eq!(world.state(id).await, RolloutState::Running);
    }
}

/// What was halted goes on by somebody else's word, and another rollout of the same release is no way around that.
#[tokio::test]
async fn what_was_halted_is_not_started_again_by_the_same_person() {
    for engine in ENGINES {
        let world = World::on(engine).await;
        world.machines(2, Os::Linux).await;
        let (ada, ben) = (world.ada().await, world.ben().await);
        let (ada_sure, ben_sure) = (ada.confirmed().expect("sure"), ben.confirmed().expect("sure"));
        let release = world.release(2).await;
        let halted = world.start(input(release, vec![wave(100)])).await.rollout.id;
        let note = NoteInput { note: "It smells.".to_owned() };
        rollout::halt(&ada, halted, note).await.expect("halted");
        let overview = crate::overview::get(&ben).await.expect("seen");
        assert_eq!((overview.rollouts_halted, overview.rollouts_awaiting), (1, 0), "{engine:?}");
        let warned = async |cx: &crate::Cx| {
            let seen = rollout::preview(cx, input(release, vec![wave(100)])).await.expect("seen");
            seen.warnings.iter().any(|words| words.contains("was halted"))
        };
        assert!(warned(&ada).await && !warned(&ben).await, "{engine:?}: told before it is made");
        let made = rollout::create(&ada, input(release, vec![wave(100)])).await.expect("drafted");
        let again = made.rollout.id;
        rollout::submit(&ada_sure, again).await.expect("handed in");
        assert_eq!(refused(rollout::start(&ada_sure, again).await), ProblemCode::Forbidden, "{engine:?}");
        let seen = rollout::get(&ben, again).await.expect("seen");
        let waits = seen.waves[0].waiting_for.as_deref().unwrap_or_default();
        assert!(waits.starts_with("Try it brought the same release and was halted"), "{waits}");
        rollout::cancel(&ada, halted, NoteInput::default()).await.expect("taken back");
        let why = "taking it back changes nothing";
        assert_eq!(refused(rollout::start(&ada_sure, again).await), ProblemCode::Forbidden, "{why}");
        rollout::start(&ben_sure, again).await.expect("somebody else");
        assert_eq!(world.state(again).await, RolloutState::Running);
        // What somebody else let go on stands in nobody's way any more.
        rollout::halt(&ben, again, NoteInput::default()).await.expect("halted");
        assert!(world.row(again).await.halted_at.is_some());
        let reason = ResumeInput { reason: "It was the drains.".to_owned() };
        rollout::resume(&ada, again, reason).await.expect("not who started it");
        assert!(world.row(again).await.halted_at.is_none());
    }
}

/// A business says for its devices which releases they are for, and a device may say otherwise for itself.
#[tokio::test]
async fn a_channel_is_that_of_the_business_unless_the_device_has_its_own() {
    for engine in ENGINES {
        let world = World::on(engine).await;
        let machines = world.machines(2, Os::Linux).await;
        let ada = world.ada().await;
        let asked = input(world.release(2).await, vec![wave(100)]);
        world.start(RolloutInput { channel: Some(Channel::Beta), ..asked }).await;
        assert!(machines[0].ask().await.is_none(), "{engine:?}: it follows stable");
        let ours = world.estate.ours;
        let business = release::set_channel_of_business(&ada, ours, Channel::Beta).await.expect("on beta");
        assert_eq!(business.release_channel, Channel::Beta);
        assert!(machines[0].ask().await.is_some());
        let device = machines[1].id();
        let own = release::set_channel(&ada, device, Some(Channel::Stable)).await.expect("its own");
        assert_eq!((own.channel, own.business_channel), (Channel::Stable, Channel::Beta));
        assert!(machines[1].ask().await.is_none());
        let back = release::set_channel(&ada, device, None).await.expect("that of its business");
        assert_eq!((back.channel, back.own_channel), (Channel::Beta, None));
        assert!(machines[1].ask().await.is_some());
        let noted = Reach::everything()
            .select::<audit_entry::Entity>()
            .filter(audit_entry::Column::Action.eq("business.release_channel"))
            .all(world.estate.store.db())
            .await
            .expect("read");
        assert_eq!(noted.len(), 1);
    }
}

/// A business reads in its own log what became of its devices, and not what the MSP calls the rollout.
#[tokio::test]
async fn the_log_of_a_business_does_not_name_the_rollout() {
    let world = World::on(Engine::Sqlite).await;
    let mut machines = world.machines(2, Os::Linux).await;
    let asked = input(world.release(2).await, vec![wave(100)]);
    world.start(RolloutInput { name: "Acme before Bolt".to_owned(), ..asked }).await;
    assert!(machines[0].update(2, 2).await && machines[1].fail().await);
    let entries = Reach::everything()
        .select::<audit_entry::Entity>()
        .filter(audit_entry::Column::BusinessId.is_not_null())
        .filter(audit_entry::Column::Action.starts_with("update."))
        .all(world.estate.store.db())
        .await
        .expect("read");
    assert!(entries.len() >= 6, "offered, let go on and ended, twice: {entries:?}");
    assert!(entries.iter().all(|entry| !format!("{entry:?}").contains("Bolt")), "{entries:?}");
}

#[tokio::test]
async fn a_draft_is_written_anew_by_who_made_it_alone() {
    for engine in ENGINES {
        let world = World::on(engine).await;
        let machines = world.machines(3, Os::Linux).await;
        let (ada, ben) = (world.ada().await, world.ben().await);
        let made =
            rollout::create(&ada, input(world.release(2).await, vec![wave(100)])).await.expect("drafted");
        let id = made.rollout.id;
        assert!(made.may.change, "{engine:?}");
        let anew = RolloutInput {
            note: "With care.".to_owned(),
            waves: vec![named(&[machines[0].id()]), wave(50), wave(100)],
            ..made.draft.expect("hers to change")
        };
        // Or else whoever says yes could have written it.
        assert_eq!(refused(rollout::redraft(&ben, id, anew.clone()).await), ProblemCode::Forbidden);
        let seen = rollout::get(&ben, id).await.expect("seen");
        assert!(!seen.may.change && seen.draft.is_none());
        let written = rollout::redraft(&ada, id, anew.clone()).await.expect("written");
        assert!(written.waves[0].named_label.as_deref().is_some_and(|names| names.starts_with("machine ")));
        assert!(written.waves[1].named_label.is_none());
        assert_eq!((written.rollout.id, written.waves.len()), (id, 3));
        assert_eq!(written.draft, Some(anew.clone()));
        let renamed = RolloutInput { name: "By another name".to_owned(), ..anew.clone() };
        rollout::redraft(&ada, id, renamed).await.expect("renamed");
        let trail = rollout::trail(&ben, id).await.expect("seen");
        let actions: Vec<&str> = trail.iter().map(|entry| entry.action.as_str()).collect();
        assert_eq!(actions, ["rollout.change", "rollout.change", "rollout.create"], "{engine:?}: by its id");
        rollout::submit(&ada.confirmed().expect("sure"), id).await.expect("handed in");
        assert_eq!(refused(rollout::redraft(&ada, id, anew).await), ProblemCode::Conflict);
    }
}

#[tokio::test]
async fn a_preview_tells_who_gets_it_and_who_does_not_and_why() {
    for engine in ENGINES {
        let world = World::on(engine).await;
        let linux = world.machines(12, Os::Linux).await;
        world.machines(2, Os::Windows).await;
        world.machines(1, Os::Macos).await;
        let ada = world.ada().await;
        let waves = vec![named(&[linux[0].id()]), wave(100)];
        let asked = input(world.release(2).await, waves);
        let seen = rollout::preview(&ada, asked.clone()).await.expect("seen");
        assert_eq!((seen.devices, seen.online), (14, 14), "{engine:?}");
        assert_eq!(seen.waves.iter().map(|wave| wave.devices).collect::<Vec<_>>(), [1, 13]);
        let excluded: Vec<_> = seen.excluded.iter().map(|one| (one.why.word(), one.devices)).collect();
        // The two devices of the estate never said what they run.
        assert_eq!(excluded, [("not_supervised", 2), ("no_artifact", 1)]);
        assert_eq!(
            seen.warnings,
            [
                "The first wave has 1 device; fewer than 5 say little.",
                "The first wave has no device with Windows x86_64."
            ]
        );
        // All of them, a page at a time.
        let page = async |part: PreviewPart| {
            rollout::preview_devices(&ada, PreviewQuestion { rollout: asked.clone(), part }).await
        };
        let second = PreviewPart { wave: Some(2), ..PreviewPart::default() };
        let all = page(second).await.expect("listed");
        assert_eq!((all.items.len(), all.total, all.next_cursor), (13, Some(13), None));
        let rest = PreviewPart { cursor: Some(all.items[4].device_id), ..second };
        assert_eq!(page(rest).await.expect("listed").items, all.items[5..]);
        assert_eq!(refused(page(PreviewPart::default()).await), ProblemCode::Invalid);
    }
}

#[tokio::test]
async fn a_rollout_starts_by_itself_when_its_time_has_come() {
    for engine in ENGINES {
        let world = World::on(engine).await;
        world.machines(2, Os::Linux).await;
        let ada = world.ada().await;
        let mut input = input(world.release(2).await, vec![wave(100)]);
        input.start_at = Some(world.now() + chrono::TimeDelta::minutes(10));
        let id = rollout::create(&ada, input).await.expect("drafted").rollout.id;
        rollout::submit(&ada.confirmed().expect("sure"), id).await.expect("handed in");
        world.pass(9).await;
        assert_eq!(world.state(id).await, RolloutState::Scheduled, "{engine:?}");
        world.pass(1).await;
        assert_eq!(world.state(id).await, RolloutState::Running);
    }
}
