//! What other pages need of the library: the scripts to choose from, and the text of one version.

use super::calls::{get_version, list_scripts};
use crate::{
    command::Script,
    error::PortalError,
    ui::{Fact, Facts, Load},
};
use entity::{
    id::ScriptVersionId,
    page::PAGE_SIZE_MAX,
    script::{ScriptQuery, ScriptVersionView, ScriptView},
};
use leptos::prelude::*;

/// The first of the library, by name; nothing is asked when nobody needs it.
///
/// # Errors
/// As the server says.
pub(crate) async fn load_scripts(is_needed: bool) -> Result<Vec<ScriptView>, PortalError> {
    if !is_needed {
        return Ok(Vec::new());
    }
    let query = ScriptQuery { limit: Some(PAGE_SIZE_MAX), ..ScriptQuery::default() };
    Ok(list_scripts(query).await?.items)
}

/// The version that is chosen, if one is.
///
/// # Errors
/// As the server says.
pub(crate) async fn load_script_text(
    id: Option<ScriptVersionId>,
) -> Result<Option<ScriptVersionView>, PortalError> {
    match id {
        Some(id) => Ok(Some(get_version(id).await?)),
        None => Ok(None),
    }
}

/// The text that would run.
#[component]
pub(crate) fn ScriptText(text: Resource<Result<Option<ScriptVersionView>, PortalError>>) -> impl IntoView {
    view! {
        <Load resource=text skeleton=0 let:found>
            {found.map(|found| {
                let names = found.version.parameters.join(", ");
                view! {
                    <div class="stack">
                        <Facts>
                            <Fact label="Script">
                                <a href=format!("/scripts/{}", found.script_id)>{found.script_name}</a>
                                {format!(", version {}", found.version.version)}
                            </Fact>
                            <Fact label="SHA-256"><span class="mono">{found.version.script_sha256}</span></Fact>
                            {(!names.is_empty()).then(|| view! { <Fact label="Takes">{names}</Fact> })}
                        </Facts>
                        <Script text=found.script/>
                    </div>
                }
            })}
        </Load>
    }
}
