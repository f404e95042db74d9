//! What was there before and what is there now, field by field.

use crate::ui::Table;
use leptos::prelude::*;
use serde_json::{Map, Value};
use std::collections::BTreeSet;

/// A field of what was changed.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Line {
    field: String,
    before: Option<String>,
    after: Option<String>,
}

impl Line {
    fn is_changed(&self) -> bool {
        self.before != self.after
    }
}

/// Both sides as lines: one for each field of an object, one in all for anything else.
fn lines(before: Option<&Value>, after: Option<&Value>) -> Vec<Line> {
    let empty = Map::new();
    let fields = |value: Option<&Value>| match value {
        None => Some(None),
        Some(Value::Object(fields)) => Some(Some(fields.clone())),
        Some(_) => None,
    };
    match (fields(before), fields(after)) {
        (Some(None), Some(None)) => Vec::new(),
        (Some(before), Some(after)) => {
            let (before, after) = (before.as_ref().unwrap_or(&empty), after.as_ref().unwrap_or(&empty));
            let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
            let line = |field: &String| Line {
                field: field.replace('_', " "),
                before: before.get(field).and_then(written),
                after: after.get(field).and_then(written),
            };
            names.into_iter().map(line).filter(|line| line.before.is_some() || line.after.is_some()).collect()
        }
        _ => vec![Line {
            field: "value".to_owned(),
            before: before.and_then(written),
            after: after.and_then(written),
        }],
    }
}

/// A value as people read it; nothing for none.
fn written(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        Value::Bool(true) => Some("yes".to_owned()),
        Value::Bool(false) => Some("no".to_owned()),
        Value::Array(items) if items.is_empty() => Some("none".to_owned()),
        Value::Array(items) if items.iter().all(|item| !item.is_object() && !item.is_array()) => {
            Some(items.iter().filter_map(written).collect::<Vec<_>>().join(", "))
        }
        other => Some(serde_json::to_string_pretty(other).unwrap_or_else(|_| other.to_string())),
    }
}

/// The fields, those that changed standing out.
#[component]
pub(super) fn Diff(
    /// What was there.
    before: Option<Value>,
    /// What is there.
    after: Option<Value>,
) -> impl IntoView {
    let rows = lines(before.as_ref(), after.as_ref()).into_iter().map(|line| {
        let is_changed = line.is_changed();
        let side = |text: Option<String>| match text {
            Some(text) => view! { <span class="diff-text">{text}</span> }.into_any(),
            None => view! { <span class="absent">"–"</span> }.into_any(),
        };
        view! {
            <tr class="diff-line" class:is-changed=is_changed>
                <th scope="row" class="diff-field">{line.field.clone()}</th>
                <td class="diff-side"><span class="diff-label">"Before "</span>{side(line.before)}</td>
                <td class="diff-side">
                    <span class="diff-label">"After "</span>
                    {side(line.after)}
                    {is_changed.then(|| view! { <span class="visually-hidden">" (changed)"</span> })}
                </td>
            </tr>
        }
    });
    view! {
        <Table label="Before and after">
            <thead>
                <tr>
                    <th scope="col">"Field"</th>
                    <th scope="col">"Before"</th>
                    <th scope="col">"After"</th>
                </tr>
            </thead>
            <tbody>{rows.collect_view()}</tbody>
        </Table>
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(before: Option<Value>, after: Option<Value>) -> Vec<(String, String, String, bool)> {
        let text = |value: Option<String>| value.unwrap_or_else(|| "–".to_owned());
        lines(before.as_ref(), after.as_ref())
            .into_iter()
            .map(|line| {
                let is_changed = line.is_changed();
                (line.field, text(line.before), text(line.after), is_changed)
            })
            .collect()
    }

    fn line(field: &str, before: &str, after: &str, is_changed: bool) -> (String, String, String, bool) {
        (field.to_owned(), before.to_owned(), after.to_owned(), is_changed)
    }

    #[test]
    fn objects_are_compared_field_by_field() {
        let (before, after) =
            (json!({"name": "A", "roles": [], "note": null}), json!({"name": "B", "roles": []}));
        let expected = vec![line("name", "A", "B", true), line("roles", "none", "none", false)];
        assert_eq!(read(Some(before), Some(after)), expected);
    }

    #[test]
    fn what_was_made_has_no_before_and_text_is_one_line() {
        let made = read(None, Some(json!({"is_active": true})));
        assert_eq!(made, vec![line("is active", "–", "yes", true)]);
        assert_eq!(read(Some(json!("A")), Some(json!("B"))), vec![line("value", "A", "B", true)]);
        assert_eq!(read(Some(json!(true)), Some(json!({"a": 1}))).len(), 1);
        assert_eq!(read(None, None), vec![]);
    }
}
