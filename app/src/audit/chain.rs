//! The check of the chain: a button, how it goes, and what was found.

use super::calls::VerifyChain;
use crate::ui::{Field, Form, Notice, Panel, StatusKind, Submit};
use entity::audit::ChainReport;
use leptos::prelude::*;

/// Checks the chain; for those who see all of it.
#[component]
pub(super) fn ChainPanel() -> impl IntoView {
    let verify = ServerAction::<VerifyChain>::new();
    let pending = verify.pending();
    let found = move || verify.value().get().and_then(Result::ok);
    view! {
        <Panel title="Chain">
            <p>
                "Each entry holds the hash of the one before it. The check computes every hash anew and names the first \
                 entry that was changed, removed or put in behind the product's back."
            </p>
            <Form action=verify class="form chain-form">
                <details class="chain-expected">
                    <summary>"Compare with a head that was kept elsewhere"</summary>
                    <Field
                        name="expected_head"
                        label="Head of an earlier check"
                        hint="Shows whether the whole chain was written anew since then."
                        max_length=80
                        mono=true
                        autocomplete="off"
                    />
                </details>
                <Submit>{move || if pending.get() { "Checking" } else { "Check the chain" }}</Submit>
            </Form>
            <div class="chain-outcome" aria-live="polite">
                {move || match (pending.get(), found()) {
                    (true, _) => view! {
                        <p class="chain-progress"><progress aria-label="Checking the chain"></progress> "Reading every entry."</p>
                    }
                    .into_any(),
                    (false, Some(report)) => view! { <Outcome report/> }.into_any(),
                    (false, None) => ().into_any(),
                }}
            </div>
        </Panel>
    }
}

#[component]
fn Outcome(report: ChainReport) -> impl IntoView {
    let kind = if report.broken.is_some() { StatusKind::Bad } else { StatusKind::Ok };
    let sentence = report.sentence();
    let broken_at = report.broken.map(|link| link.seq);
    let head = (broken_at.is_none() && !report.head.is_empty()).then_some(report.head);
    view! {
        <Notice kind>
            {sentence}
            {report.expected_at.map(|seq| format!(" The head that you kept is entry {seq}."))}
            {broken_at.filter(|seq| *seq > 0).map(|seq| view! {
                " " <a href=format!("/audit/{seq}")>"Open this entry"</a>
            })}
        </Notice>
        {head.map(|head| view! {
            <p class="chain-head">
                "Head: " <code class="mono">{head}</code> <br/>
                <span class="quiet">"Keep it outside of this server, to compare a later check with."</span>
            </p>
        })}
    }
}
