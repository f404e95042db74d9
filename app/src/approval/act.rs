//! What can be done about each request of a page: made once for each, so that what went wrong with one is shown at that
//! one, and nothing is lost when the page is drawn anew meanwhile.

use super::calls::{BreakGlass, Decide, Review};
use crate::{error::PortalError, ui::step_up::is_asked_for};
use entity::id::CommandRequestId;
use leptos::prelude::*;
use server_fn::ServerFn;

/// What can be done about one request.
#[derive(Clone, Copy)]
pub(super) struct Acts {
    /// Yes, no, or a yes taken back.
    pub(super) decide: ServerAction<Decide>,
    /// One person alone lets it pass.
    pub(super) break_glass: ServerAction<BreakGlass>,
    /// Somebody looks at it afterwards.
    pub(super) review: ServerAction<Review>,
}

/// The acts of all requests of a page; belongs to the page, not to what it shows at the moment.
#[derive(Clone, Copy)]
pub(crate) struct Decisions {
    owner: StoredValue<Option<Owner>>,
    made: StoredValue<Vec<(CommandRequestId, Acts)>>,
    done: Callback<()>,
}

impl Decisions {
    /// For the page around it; `done` is called after each answer.
    pub(crate) fn new(done: Callback<()>) -> Self {
        Self { owner: StoredValue::new(Owner::current()), made: StoredValue::new(Vec::new()), done }
    }

    /// Those of one request.
    pub(super) fn of(self, id: CommandRequestId) -> Acts {
        let known =
            self.made.with_value(|made| made.iter().find(|(other, _)| *other == id).map(|(_, acts)| *acts));
        if let Some(acts) = known {
            return acts;
        }
        let make = || {
            let acts = Acts {
                decide: ServerAction::new(),
                break_glass: ServerAction::new(),
                review: ServerAction::new(),
            };
            tell(acts.decide, self.done);
            tell(acts.break_glass, self.done);
            tell(acts.review, self.done);
            acts
        };
        let acts = match self.owner.get_value() {
            Some(owner) => owner.with(make),
            None => make(),
        };
        self.made.update_value(|made| made.push((id, acts)));
        acts
    }
}

/// Tells of each answer, but for the one that asks for another proof.
fn tell<S>(action: ServerAction<S>, done: Callback<()>)
where
    S: ServerFn<Error = PortalError> + Clone + Send + Sync + 'static,
    S::Output: Send + Sync + 'static,
{
    let version = action.version();
    Effect::new(move |former: Option<usize>| {
        let version = version.get();
        let is_asked = action
            .value()
            .with_untracked(|value| matches!(value, Some(Err(error)) if is_asked_for(&error.0)));
        if former.is_some_and(|former| former != version) && !is_asked {
            done.run(());
        }
        version
    });
}
