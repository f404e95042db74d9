//! What the address of a page names, loaded; and loaded anew after something was done to it.

use crate::{error::PortalError, ui::step_up::is_asked_for};
use leptos::prelude::*;
use leptos_router::hooks::use_params_map;
use serde::{Serialize, de::DeserializeOwned};
use server_fn::ServerFn;
use std::{future::Future, str::FromStr};

/// The id in the page's address; nothing when what stands there is no id.
#[must_use]
pub fn named_id<I>(param: &'static str) -> Memo<Option<I>>
where
    I: FromStr + PartialEq + Send + Sync + 'static,
{
    let params = use_params_map();
    Memo::new(move |_| params.with(|params| params.get(param).and_then(|text| text.parse().ok())))
}

/// Loads what the id in the page's address names. A text that is no id names nothing.
pub fn load_named<I, T, Loading>(
    param: &'static str,
    load: impl Fn(I) -> Loading + Send + Sync + 'static,
) -> Resource<Result<T, PortalError>>
where
    I: FromStr + Clone + PartialEq + Send + Sync + 'static,
    T: Serialize + DeserializeOwned + Send + Sync + 'static,
    Loading: Future<Output = Result<T, PortalError>> + Send + 'static,
{
    let id = named_id::<I>(param);
    Resource::new(
        move || id.get(),
        move |id| {
            let loading = id.map(&load);
            async move {
                match loading {
                    Some(loading) => loading.await,
                    None => Err(PortalError::not_found()),
                }
            }
        },
    )
}

/// Loads the resource anew whenever the action has been answered; not while another proof is asked for, so that the
/// form stays as it is.
pub fn refetch_after<S, T>(action: ServerAction<S>, resource: Resource<T>)
where
    S: ServerFn<Error = PortalError> + Clone + Send + Sync + 'static,
    S::Output: Send + Sync + 'static,
    T: Serialize + DeserializeOwned + Send + Sync + 'static,
{
    let version = action.version();
    Effect::new(move |former: Option<usize>| {
        let version = version.get();
        let value = action.value();
        let is_asked =
            value.with_untracked(|value| matches!(value, Some(Err(error)) if is_asked_for(&error.0)));
        if former.is_some_and(|former| former != version) && !is_asked {
            resource.refetch();
        }
        version
    });
}
