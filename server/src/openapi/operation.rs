//! What the signature of a handler says: every extractor describes what it takes, every answer what it gives.

use super::schemas::Schemas;
use crate::{
    api::{ApiProblem, Asked, CommandOf, Created, Id, Input, OnceKey},
    authenticate::{Agent, Caller, Confirmed, Reporter, Visit},
};
use axum::{Json, extract::State, response::NoContent};
use entity::{
    id::{CommandId, DeviceId},
    problem::ProblemCode,
};
use schemars::JsonSchema;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// One operation while its handler is read.
pub(crate) struct Sketch<'a> {
    pub(crate) schemas: &'a mut Schemas,
    pub(super) parameters: Vec<Value>,
    pub(super) body: Option<Value>,
    pub(super) answers: BTreeMap<u16, Value>,
    pub(super) problems: BTreeSet<ProblemCode>,
    /// True when an API key cannot do it.
    pub(super) is_for_people_alone: bool,
    /// True when people do it, too, where agents do.
    pub(super) is_for_people_too: bool,
}

impl<'a> Sketch<'a> {
    pub(super) fn new(schemas: &'a mut Schemas) -> Self {
        use ProblemCode::{Internal, TooMany, Unavailable};
        Self {
            schemas,
            parameters: Vec::new(),
            body: None,
            answers: BTreeMap::new(),
            // The limits, the database and our own mistakes stand behind every call.
            problems: BTreeSet::from([TooMany, Internal, Unavailable]),
            is_for_people_alone: false,
            is_for_people_too: false,
        }
    }

    /// An answer with this body, by content type.
    pub(crate) fn answers(&mut self, status: u16, description: &str, content: Value) {
        let headers = json!({ "x-request-id": { "$ref": "#/components/headers/RequestId" } });
        let mut answer = json!({ "description": description, "headers": headers });
        if !content.is_null() {
            answer["content"] = content;
        }
        self.answers.insert(status, answer);
    }

    /// A body with this content, by content type.
    pub(crate) fn takes(&mut self, content: Value) {
        self.body = Some(json!({ "required": true, "content": content }));
    }

    /// A parameter of the path, the query or the head.
    pub(crate) fn asks(&mut self, parameter: Value) {
        self.parameters.push(parameter);
    }

    /// How it may refuse.
    pub(crate) fn refuses(&mut self, codes: &[ProblemCode]) {
        self.problems.extend(codes);
    }

    /// No API key can do it.
    pub(crate) fn is_for_people_alone(&mut self) {
        self.is_for_people_alone = true;
    }

    /// What agents do, people do as well.
    pub(crate) fn is_for_people_too(&mut self) {
        self.is_for_people_too = true;
    }

    fn answers_json<T: JsonSchema>(&mut self, status: u16, description: &str) {
        let schema = self.schemas.answered::<T>();
        self.answers(status, description, json!({ "application/json": { "schema": schema } }));
    }
}

/// An argument of a handler.
pub(crate) trait Part {
    /// Says what it takes from the request, and how it may refuse.
    fn describe(sketch: &mut Sketch<'_>);
}

/// What a handler answers when all is well.
pub(crate) trait Answer {
    /// Says with what.
    fn describe(sketch: &mut Sketch<'_>);
}

/// A handler that can be described; `T` are its arguments.
pub(crate) trait Described<T> {
    /// Describes it.
    fn describe(sketch: &mut Sketch<'_>);
}

macro_rules! described {
    ($(($($part:ident),+))+) => {$(
        impl<F, Fut, A, $($part),+> Described<($($part,)+)> for F
        where
            F: Fn($($part),+) -> Fut,
            Fut: Future<Output = Result<A, ApiProblem>>,
            A: Answer,
            $($part: Part),+
        {
            fn describe(sketch: &mut Sketch<'_>) {
                $($part::describe(sketch);)+
                A::describe(sketch);
            }
        }
    )+};
}

described! { (P1) (P1, P2) (P1, P2, P3) (P1, P2, P3, P4) (P1, P2, P3, P4, P5) }

impl<T> Part for State<T> {
    fn describe(_: &mut Sketch<'_>) {}
}

impl Part for Visit {
    fn describe(_: &mut Sketch<'_>) {}
}

impl Part for Caller {
    fn describe(sketch: &mut Sketch<'_>) {
        sketch.problems.extend([ProblemCode::SignedOut, ProblemCode::Forbidden]);
    }
}

impl Part for Confirmed {
    fn describe(sketch: &mut Sketch<'_>) {
        sketch.problems.extend([
            ProblemCode::SignedOut,
            ProblemCode::Forbidden,
            ProblemCode::ConfirmIdentity,
        ]);
        sketch.is_for_people_alone = true;
    }
}

impl Part for Agent {
    fn describe(sketch: &mut Sketch<'_>) {
        sketch.problems.extend([ProblemCode::SignedOut, ProblemCode::Forbidden]);
        // It looks for itself whether the path names the device of the token.
        <Id<DeviceId> as Part>::describe(sketch);
    }
}

impl Part for Reporter {
    fn describe(sketch: &mut Sketch<'_>) {
        sketch.problems.extend([ProblemCode::SignedOut, ProblemCode::Forbidden]);
    }
}

impl<T: JsonSchema> Part for Id<T> {
    fn describe(sketch: &mut Sketch<'_>) {
        let schema = sketch.schemas.sent::<T>();
        sketch.parameters.push(json!({ "name": "id", "in": "path", "required": true, "schema": schema }));
        sketch.problems.insert(ProblemCode::NotFound);
    }
}

impl Part for CommandOf {
    fn describe(sketch: &mut Sketch<'_>) {
        let schema = sketch.schemas.sent::<CommandId>();
        let parameter = json!({ "name": "command_id", "in": "path", "required": true, "schema": schema });
        sketch.parameters.push(parameter);
        sketch.problems.insert(ProblemCode::NotFound);
    }
}

impl Part for OnceKey {
    fn describe(sketch: &mut Sketch<'_>) {
        sketch.parameters.push(json!({
            "name": domain::command::KEY_HEADER,
            "in": "header",
            "required": false,
            "description": "A word of your own for this question, such as a UUID. Asked again with it after an answer \
                            was lost, the same is answered and nothing is asked twice; with another body it is refused.",
            "schema": { "type": "string", "minLength": 1, "maxLength": OnceKey::LENGTH_MAX },
        }));
        sketch.problems.extend([ProblemCode::Invalid, ProblemCode::Conflict]);
    }
}

impl<T: JsonSchema> Part for Asked<T> {
    fn describe(sketch: &mut Sketch<'_>) {
        let parameters = sketch.schemas.query::<T>();
        if parameters.iter().any(|parameter| parameter["name"] == "cursor") {
            // A cursor names a page.
            sketch.problems.insert(ProblemCode::NotFound);
        }
        sketch.parameters.extend(parameters);
        sketch.problems.insert(ProblemCode::Invalid);
    }
}

impl<T: JsonSchema> Part for Input<T> {
    fn describe(sketch: &mut Sketch<'_>) {
        let schema = sketch.schemas.sent::<T>();
        sketch.body =
            Some(json!({ "required": true, "content": { "application/json": { "schema": schema } } }));
        sketch.problems.extend([ProblemCode::Invalid, ProblemCode::TooLarge]);
    }
}

impl<T: JsonSchema> Answer for Json<T> {
    fn describe(sketch: &mut Sketch<'_>) {
        sketch.answers_json::<T>(200, "As asked.");
    }
}

impl<T: JsonSchema> Answer for Created<T> {
    fn describe(sketch: &mut Sketch<'_>) {
        sketch.answers_json::<T>(201, "Made.");
    }
}

impl Answer for NoContent {
    fn describe(sketch: &mut Sketch<'_>) {
        sketch.answers(204, "Stored.", Value::Null);
    }
}
