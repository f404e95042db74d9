//! Examples of what is sent, made from the schemas: the fields that have to be there, and what the field says of itself.

use serde_json::{Map, Value, json};

/// The id that examples name things by.
pub(super) const ID: &str = "01936b5c-7d2e-7c31-9f4a-2b6d8e0f1a35";
/// How deep an example goes.
const DEPTH_MAX: u8 = 8;

/// Puts an example into every body of the document.
pub(super) fn fill(document: &mut Value) {
    let schemas = document["components"]["schemas"].clone();
    let operations = document["paths"].as_object_mut().into_iter().flat_map(Map::values_mut);
    for operation in operations.filter_map(Value::as_object_mut).flat_map(Map::values_mut) {
        if let Some(body) = operation.pointer_mut("/requestBody/content/application~1json") {
            body["example"] = of(&body["schema"], &schemas, DEPTH_MAX);
        }
    }
}

/// A value that the schema accepts.
pub(super) fn of(schema: &Value, schemas: &Value, depth: u8) -> Value {
    if depth == 0 {
        return Value::Null;
    }
    if let Some(example) =
        schema["examples"].get(0).or_else(|| schema.get("default").filter(|value| !value.is_null()))
    {
        return example.clone();
    }
    if let Some(name) = schema["$ref"].as_str().and_then(|place| place.rsplit('/').next()) {
        return of(&schemas[name], schemas, depth - 1);
    }
    if let Some(choice) = schema["enum"].get(0).or_else(|| schema.get("const")) {
        return choice.clone();
    }
    if let Some(choice) = schema["anyOf"].get(0).or_else(|| schema["oneOf"].get(0)) {
        return of(choice, schemas, depth - 1);
    }
    let kind = schema["type"].as_str().or_else(|| schema["type"][0].as_str()).unwrap_or("object");
    match (kind, schema["format"].as_str()) {
        ("string", Some("uuid")) => ID.into(),
        ("string", Some("date-time")) => "2026-11-20T12:00:00Z".into(),
        ("string", Some("date")) => "2026-11-20".into(),
        ("string", _) => text(schema).into(),
        ("integer" | "number", _) => schema.get("minimum").cloned().unwrap_or_else(|| 0.into()),
        ("boolean", _) => true.into(),
        ("array", _) => json!([]),
        ("null", _) => Value::Null,
        _ => {
            let required = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
            required
                .map(|name| (name.to_owned(), of(&schema["properties"][name], schemas, depth - 1)))
                .collect()
        }
    }
}

/// A text as long as it has to be.
fn text(schema: &Value) -> String {
    let length = schema["minLength"].as_u64().and_then(|length| usize::try_from(length).ok()).unwrap_or(0);
    if length > 1 { "A".repeat(length) } else { "text".to_owned() }
}
