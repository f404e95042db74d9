//! The types of what is sent and of what is answered, as JSON Schema. A type that stands in both has two schemas where
//! they differ: what may be left out when it is sent is always there in an answer.

use schemars::{JsonSchema, SchemaGenerator, generate::SchemaSettings};
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

/// Where the finished document keeps schemas.
const PLACE: &str = "#/components/schemas/";
/// Where references to what is sent point until all are known.
const SENT_PLACE: &str = "#/components/sent/";
/// Stands behind the name of a type that is sent, where the one that is answered has the name already.
const SENT_SUFFIX: &str = "Input";

/// Gathers schemas.
pub(crate) struct Schemas {
    sent: SchemaGenerator,
    answered: SchemaGenerator,
}

impl Schemas {
    pub(super) fn new() -> Self {
        let at = |settings: SchemaSettings, place: &'static str| {
            settings.with(|settings| settings.definitions_path = place.trim_start_matches('#').into())
        };
        Self {
            sent: at(SchemaSettings::draft2020_12().for_deserialize(), SENT_PLACE).into_generator(),
            answered: at(SchemaSettings::draft2020_12().for_serialize(), PLACE).into_generator(),
        }
    }

    /// The schema of what is sent as `T`.
    pub(super) fn sent<T: JsonSchema>(&mut self) -> Value {
        tidied(self.sent.subschema_for::<T>().to_value())
    }

    /// The schema of what is answered as `T`.
    pub(crate) fn answered<T: JsonSchema>(&mut self) -> Value {
        tidied(self.answered.subschema_for::<T>().to_value())
    }

    /// The fields of `T` as parameters of a query string, where nothing can be null.
    pub(super) fn query<T: JsonSchema>(&mut self) -> Vec<Value> {
        let whole = tidied(T::json_schema(&mut self.sent).to_value());
        let required: BTreeSet<&str> =
            whole["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        let properties = whole["properties"].as_object().into_iter().flatten();
        properties
            .map(|(name, schema)| {
                let mut schema = without_null(schema.clone());
                let description = schema.as_object_mut().and_then(|schema| schema.remove("description"));
                let mut parameter = json!({
                    "name": name, "in": "query", "required": required.contains(name.as_str()), "schema": schema,
                });
                if let Some(description) = description {
                    parameter["description"] = description;
                }
                parameter
            })
            .collect()
    }

    /// All named schemas; and leads the references within `rest` to them.
    pub(super) fn finish(mut self, rest: &mut Value) -> Map<String, Value> {
        let tidy = |definitions: Map<String, Value>| -> Map<String, Value> {
            definitions.into_iter().map(|(name, schema)| (name, tidied(schema))).collect()
        };
        let sent = tidy(self.sent.take_definitions(true));
        let mut all = tidy(self.answered.take_definitions(true));
        let twofold = twofold(&sent, &all);
        lead(rest, &twofold);
        for (name, mut schema) in sent {
            lead(&mut schema, &twofold);
            all.insert(place_of(&name, &twofold), schema);
        }
        all
    }
}

/// The names that mean one thing when sent and another when answered, by themselves or by what they hold.
fn twofold(sent: &Map<String, Value>, answered: &Map<String, Value>) -> BTreeSet<String> {
    let mut twofold = BTreeSet::new();
    loop {
        let differs = |name: &str, schema: &Value| {
            let mut led = schema.clone();
            lead(&mut led, &twofold);
            answered.get(name).is_some_and(|other| *other != led)
        };
        let found: BTreeSet<_> = sent
            .iter()
            .filter(|(name, schema)| differs(name, schema))
            .map(|(name, _)| name.clone())
            .collect();
        if found.len() == twofold.len() {
            return found;
        }
        twofold = found;
    }
}

fn place_of(name: &str, twofold: &BTreeSet<String>) -> String {
    if twofold.contains(name) { format!("{name}{SENT_SUFFIX}") } else { name.to_owned() }
}

/// Leads references to what is sent to where it stands in the end.
fn lead(value: &mut Value, twofold: &BTreeSet<String>) {
    match value {
        Value::Object(fields) => fields.iter_mut().for_each(|(key, field)| match field {
            Value::String(text) if key == "$ref" => {
                if let Some(name) = text.strip_prefix(SENT_PLACE) {
                    *text = format!("{PLACE}{}", place_of(name, twofold));
                }
            }
            other => lead(other, twofold),
        }),
        Value::Array(items) => items.iter_mut().for_each(|item| lead(item, twofold)),
        _ => {}
    }
}

/// Brings what the generator says into the words of the document.
fn tidied(mut schema: Value) -> Value {
    tidy(&mut schema);
    schema
}

fn tidy(schema: &mut Value) {
    match schema {
        Value::Object(fields) => {
            fields.values_mut().for_each(tidy);
            if let Some(Value::String(text)) = fields.get_mut("description") {
                *text = plain(text);
            }
            choose(fields);
            bound(fields);
        }
        Value::Array(items) => items.iter_mut().for_each(tidy),
        _ => {}
    }
}

/// One enum instead of one constant for each word.
fn choose(fields: &mut Map<String, Value>) {
    let words: Option<Vec<(Value, String)>> = fields.get("oneOf").and_then(Value::as_array).map(|choices| {
        let word = |choice: &Value| {
            let meaning = choice["description"].as_str().unwrap_or_default().trim_end_matches('.').to_owned();
            choice.get("const").map(|word| (word.clone(), meaning))
        };
        choices.iter().map_while(word).collect()
    });
    let Some(words) = words.filter(|words| Some(words.len()) == fields["oneOf"].as_array().map(Vec::len))
    else {
        return;
    };
    let mut lines: Vec<String> = vec![];
    lines.extend(fields.get("description").and_then(Value::as_str).map(str::to_owned));
    let meanings =
        words.iter().filter_map(|(word, meaning)| Some(format!("- `{}`: {meaning}", word.as_str()?)));
    lines.push(meanings.collect::<Vec<_>>().join("\n"));
    fields.remove("oneOf");
    fields.insert("type".to_owned(), "string".into());
    fields.insert("enum".to_owned(), words.into_iter().map(|(word, _)| word).collect());
    fields.insert("description".to_owned(), lines.join("\n\n").into());
}

/// Says how large a number may be, where its type alone does.
fn bound(fields: &mut Map<String, Value>) {
    let bounds = match fields.get("format").and_then(Value::as_str) {
        Some("uint16") => json!([0, u16::MAX]),
        Some("uint32") => json!([0, u32::MAX]),
        Some("uint64") => json!([0, u64::MAX]),
        Some("int64") => json!([i64::MIN, i64::MAX]),
        _ => return,
    };
    for (name, bound) in ["minimum", "maximum"].into_iter().zip(bounds.as_array().into_iter().flatten()) {
        fields.entry(name).or_insert_with(|| bound.clone());
    }
}

/// A comment of the source without the links that rustdoc makes of it: ``[`PAGE_SIZE`]`` is `PAGE_SIZE`.
fn plain(text: &str) -> String {
    let mut words = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, link)) = rest.split_once("[`") {
        let Some((name, after)) = link.split_once("`]") else { break };
        words.push_str(before);
        words.push('`');
        words.push_str(name.rsplit("::").next().unwrap_or(name));
        words.push('`');
        rest = after;
    }
    words.push_str(rest);
    words
}

/// The same without null: a query string leaves out what is absent.
fn without_null(mut schema: Value) -> Value {
    let is_null = |choice: &Value| *choice == json!("null") || *choice == json!({ "type": "null" });
    let Some(fields) = schema.as_object_mut() else { return schema };
    if let Some(Value::Array(kinds)) = fields.get_mut("type") {
        kinds.retain(|kind| !is_null(kind));
        if let [only] = kinds.as_slice() {
            let only = only.clone();
            fields.insert("type".to_owned(), only);
        }
    }
    if fields.get("default").is_some_and(Value::is_null) {
        fields.remove("default");
    }
    if let Some(Value::Array(mut choices)) = fields.remove("anyOf") {
        choices.retain(|choice| !is_null(choice));
        match <[Value; 1]>::try_from(choices) {
            Ok([Value::Object(only)]) => {
                for (key, value) in only {
                    fields.entry(key).or_insert(value);
                }
            }
            Ok([other]) => drop(fields.insert("anyOf".to_owned(), json!([other]))),
            Err(choices) => drop(fields.insert("anyOf".to_owned(), choices.into())),
        }
    }
    schema
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::{Deserialize, Serialize};

    #[derive(Serialize, Deserialize, JsonSchema)]
    struct Inner {
        #[serde(default)]
        count: u32,
    }

    #[derive(Serialize, Deserialize, JsonSchema)]
    struct Outer {
        inner: Inner,
    }

    #[derive(Deserialize, JsonSchema)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only its schema is looked at")]
    struct Query {
        /// See [`crate::page::PAGE`].
        limit: Option<u32>,
        word: String,
    }

    #[test]
    fn what_differs_has_two_schemas_and_so_has_what_holds_it() {
        let mut schemas = Schemas::new();
        let mut rest = json!([schemas.sent::<Outer>(), schemas.answered::<Outer>()]);
        let all = schemas.finish(&mut rest);
        let names: Vec<_> = all.keys().map(String::as_str).collect();
        assert_eq!(names, ["Inner", "InnerInput", "Outer", "OuterInput"]);
        assert_eq!(
            rest,
            json!([
                { "$ref": "#/components/schemas/OuterInput" }, { "$ref": "#/components/schemas/Outer" }
            ])
        );
        assert_eq!(all["OuterInput"]["properties"]["inner"]["$ref"], "#/components/schemas/InnerInput");
        assert_eq!(all["Inner"]["required"], json!(["count"]));
        assert_eq!(all["InnerInput"]["required"], Value::Null);
        assert_eq!(all["Inner"]["properties"]["count"]["maximum"], json!(u32::MAX));
    }

    #[test]
    fn a_query_has_no_null_and_no_links_of_the_source() {
        let parameters = Schemas::new().query::<Query>();
        assert_eq!(parameters[0]["schema"]["type"], "integer");
        assert_eq!(parameters[0]["description"], "See `PAGE`.");
        assert_eq!((&parameters[0]["required"], &parameters[1]["required"]), (&json!(false), &json!(true)));
    }
}
