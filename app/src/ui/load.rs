//! Load: what a page shows while it waits, when it has what it waited for, and when that failed.

use super::{button::Button, skeleton::Skeleton, step_up::confirm_path};
use crate::error::PortalError;
use entity::problem::{Problem, ProblemCode};
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::{components::Redirect, hooks::use_location};
use serde::{Serialize, de::DeserializeOwned};
use std::{pin::Pin, sync::Arc};

/// Shows what the resource holds; `let:value` names it. What is shown stays while it is loaded anew.
#[component]
pub fn Load<T, F, V>(
    /// What is waited for.
    resource: Resource<Result<T, PortalError>>,
    /// Rows of the skeleton.
    #[prop(default = 6)]
    skeleton: usize,
    /// Shows it.
    children: F,
) -> impl IntoView
where
    T: Clone + Serialize + DeserializeOwned + Send + Sync + 'static,
    F: Fn(T) -> V + Clone + Send + Sync + 'static,
    V: IntoView + 'static,
{
    let content: Content = Arc::new(move || {
        let children = children.clone();
        Box::pin(async move { resource.await.map(|value| children(value).into_any()) })
    });
    let again = Callback::new(move |()| resource.refetch());
    view! { <Waiting content again skeleton/> }
}

/// What is waited for and how it looks, without its type: the machinery of waiting is then in the bundle once.
type Content =
    Arc<dyn Fn() -> Pin<Box<dyn Future<Output = Result<AnyView, PortalError>> + Send>> + Send + Sync>;

#[component]
fn Waiting(content: Content, again: Callback<()>, skeleton: usize) -> impl IntoView {
    view! {
        <Transition fallback=move || view! { <Skeleton rows=skeleton/> }>
            {move || {
                let content = content();
                Suspend::new(async move {
                    match content.await {
                        Ok(view) => view,
                        Err(error) => view! { <ProblemPanel problem=error.0 again/> }.into_any(),
                    }
                })
            }}
        </Transition>
    }
}

/// Stands where a page or a part of it would, when it could not be shown.
#[component]
pub fn ProblemPanel(
    /// What went wrong.
    problem: Problem,
    /// Tries again.
    #[prop(optional, into)]
    again: Option<Callback<()>>,
) -> impl IntoView {
    // Those who are signed out are sent elsewhere, which has a status of its own.
    #[cfg(feature = "ssr")]
    if !matches!(problem.code, ProblemCode::SignedOut | ProblemCode::ConfirmIdentity) {
        crate::context::set_status(problem.code);
    }
    match problem.code {
        ProblemCode::SignedOut => view! { <Redirect path=sign_in_path()/> }.into_any(),
        ProblemCode::ConfirmIdentity => view! { <Redirect path=confirm_path()/> }.into_any(),
        ProblemCode::NotFound | ProblemCode::Gone => view! {
            <Title text="Nothing here"/>
            <div class="empty-state">
                <h1 class="empty-state-title">"Nothing here"</h1>
                <p class="empty-state-text">{problem.detail}</p>
                <div class="empty-state-action"><a class="button" href="/">"Go to the overview"</a></div>
            </div>
        }
        .into_any(),
        _ => view! {
            <div class="empty-state" role="alert">
                <h1 class="empty-state-title">"This could not be shown"</h1>
                <p class="empty-state-text">{problem.detail}</p>
                <div class="empty-state-action">
                    {again.map(|again| {
                        view! { <Button attr:class="button needs-js" on:click=move |_| again.run(())>"Try again"</Button> }
                    })}
                </div>
            </div>
        }
        .into_any(),
    }
}

/// The sign-in page that leads back to where the person is.
#[must_use]
pub fn sign_in_path() -> String {
    let location = use_location();
    let path = location.pathname.get_untracked();
    let search = location.search.get_untracked();
    let here = if search.is_empty() { path } else { format!("{path}?{search}") };
    if here == "/" { "/sign-in".to_owned() } else { format!("/sign-in?next={}", super::toast::encode(&here)) }
}
