//! The frame of those who are signed in; everybody else is sent to where they can sign in.

use super::{calls, keys::Keys, rail::Rail, top_bar::TopBar};
use crate::{
    approval::provide_waiting,
    carried::is_taken_over,
    emergency_stop::{StopBanner, provide_stops},
    live,
    ui::ProblemPanel,
};
use entity::user::Me;
use leptos::{context::Provider, html, prelude::*};
use leptos_router::{
    components::{Outlet, Redirect},
    hooks::use_location,
};

/// The one who is looking. For pages inside the frame.
#[must_use]
pub fn use_me() -> Me {
    expect_context::<Me>()
}

/// Who is signed in, for as long as the browser takes over what the server rendered.
#[derive(Clone, Copy)]
struct Carried(StoredValue<Option<Me>>);

/// Starts with the one whom the page was rendered for; forgotten as soon as the browser has taken over, because
/// people sign in and out without loading a page anew.
pub fn provide_me(me: Option<Me>) {
    let carried = StoredValue::new(me);
    provide_context(Carried(carried));
    Effect::new(move |_| {
        if is_taken_over() {
            carried.set_value(None);
        }
    });
}

/// Rail, top bar and the page, once it is known who is looking.
#[component]
pub fn Frame() -> impl IntoView {
    // Not waited for if that can be: the server draws what stands in a suspense more than once, and what a page
    // loads would be loaded as often.
    if let Some(me) = use_context::<Carried>().and_then(|carried| carried.0.get_value()) {
        return view! { <Known me/> }.into_any();
    }
    let me = Resource::new(|| (), |()| calls::who_is_looking());
    view! {
        // A page that loads must not take the frame away, as a `Suspense` would.
        <Transition>
            {move || Suspend::new(async move {
                match me.await {
                    Ok(me) => view! { <Known me/> }.into_any(),
                    Err(error) => view! { <main class="bare"><ProblemPanel problem=error.0/></main> }.into_any(),
                }
            })}
        </Transition>
    }
    .into_any()
}

#[component]
fn Known(me: Me) -> impl IntoView {
    if me.must_change_password {
        view! { <Redirect path="/account/password"/> }.into_any()
    } else if me.must_add_factor {
        view! { <Redirect path="/account/factor"/> }.into_any()
    } else {
        view! { <Chrome me/> }.into_any()
    }
}

#[component]
fn Chrome(me: Me) -> impl IntoView {
    live::connect();
    super::idle::tell_idleness();
    provide_waiting(&me);
    provide_stops();
    let main = NodeRef::<html::Main>::new();
    let path = use_location().pathname;
    Effect::new(move |former: Option<String>| {
        let path = path.get();
        // Those who listen or use the keyboard start on the new page, not where they left the old one.
        if former.is_some_and(|former| former != path)
            && let Some(main) = main.get_untracked()
        {
            drop(main.focus());
        }
        path
    });
    view! {
        <Provider value=me.clone()>
            <a class="skip-link" href="#main" rel="external">"Skip to the page"</a>
            <div class="frame">
                <Rail me=me.clone()/>
                <div class="frame-column">
                    <TopBar me=me.clone()/>
                    <StopBanner/>
                    <main node_ref=main id="main" class="page" tabindex="-1">
                        <Outlet/>
                    </main>
                </div>
            </div>
            <Keys me/>
        </Provider>
    }
}
