//! Releases of the agent over REST, and their files for people and devices.

use super::{ApiProblem, ApiResult, Asked, Created, Id, Input};
use crate::{
    authenticate::{Agent, Caller, Confirmed},
    download,
    openapi::{Answer, Part, Sketch},
    state::AppState,
};
use axum::{
    Json,
    extract::{FromRequest, FromRequestParts, Multipart, RawPathParams, Request, State, multipart::Field},
    http::{HeaderMap, Method, StatusCode, header, request::Parts},
    response::{IntoResponse, Response},
};
use domain::{
    AgentCx, Cx,
    release::{ArtifactInput, Upload},
};
use entity::{
    agent_release::{
        NOTES_MAX, ReleaseChange, ReleaseChannelInput, ReleaseChannelView, ReleaseDetail, ReleaseQuery,
        ReleaseView, RootInput, RootQuestion, RootView, StoredArtifact, UploadAnswer,
    },
    id::{DeviceId, ReleaseId},
    page::Page,
    platform::UnknownWord,
    problem::{Problem, ProblemCode},
    release::{MANIFEST_BYTES_MAX, Sha256Hex},
};
use serde_json::{Value, json};
use std::{str::FromStr, time::Duration};
use tokio::time::timeout;

/// How long the rest of a file is read that was refused: browsers show no answer before they have sent all of it.
const DRAIN_WITHIN: Duration = Duration::from_secs(20);

/// `GET /releases`
pub(crate) async fn list(caller: Caller, Asked(query): Asked<ReleaseQuery>) -> ApiResult<Page<ReleaseView>> {
    Ok(Json(domain::release::list(&caller.cx, &query).await?))
}

/// `GET /releases/{id}`
pub(crate) async fn get(caller: Caller, Id(id): Id<ReleaseId>) -> ApiResult<ReleaseDetail> {
    Ok(Json(domain::release::get(&caller.cx, id).await?))
}

/// `PATCH /releases/{id}`
pub(crate) async fn change(
    person: Confirmed,
    Id(id): Id<ReleaseId>,
    Input(input): Input<ReleaseChange>,
) -> ApiResult<ReleaseDetail> {
    Ok(Json(domain::release::change(&person.cx.confirmed()?, id, input).await?))
}

/// `GET /releases/roots`
pub(crate) async fn roots(caller: Caller) -> ApiResult<Vec<RootView>> {
    Ok(Json(domain::release::roots(&caller.cx).await?))
}

/// `POST /releases/roots/look`
pub(crate) async fn look_at_root(
    caller: Caller,
    Input(question): Input<RootQuestion>,
) -> ApiResult<RootView> {
    Ok(Json(domain::release::look_at_root(&caller.cx, &question.root).await?))
}

/// `POST /releases/roots`
pub(crate) async fn add_root(
    person: Confirmed,
    Input(input): Input<RootInput>,
) -> Result<Created<RootView>, ApiProblem> {
    Ok(Created(domain::release::add_root(&person.cx.confirmed()?, input).await?))
}

/// `GET /agents/{id}/release-channel`
pub(crate) async fn channel(caller: Caller, Id(id): Id<DeviceId>) -> ApiResult<ReleaseChannelView> {
    Ok(Json(domain::release::channel(&caller.cx, id).await?))
}

/// `PUT /agents/{id}/release-channel`
pub(crate) async fn set_channel(
    caller: Caller,
    Id(id): Id<DeviceId>,
    Input(input): Input<ReleaseChannelInput>,
) -> ApiResult<ReleaseChannelView> {
    Ok(Json(domain::release::set_channel(&caller.cx, id, input.channel).await?))
}

/// `POST /agents/upload`
pub(crate) async fn upload(caller: Caller, Form(parts): Form) -> ApiResult<UploadAnswer> {
    Ok(Json(take(&caller.cx, parts).await?))
}

/// `GET /artifacts/sha256/{sha256}`
pub(crate) async fn artifact(
    State(state): State<AppState>,
    who: Fetcher,
    Digest(sha256): Digest,
    Fetch(method, headers): Fetch,
) -> Result<File, ApiProblem> {
    let file = match who {
        Fetcher::Device(cx) => domain::release::for_device(&cx, &sha256).await?,
        Fetcher::Person(cx) => domain::release::for_person(&cx, &sha256).await?,
    };
    Ok(File(download::answer(&state, file, &method, &headers, download::FOR_EVER).await?))
}

/// Takes what a form brings: a manifest, a file, or both. What is refused is read to its end for a while.
pub(crate) async fn take(cx: &Cx, mut parts: Multipart) -> Result<UploadAnswer, Problem> {
    let taken = read(cx, &mut parts).await;
    if taken.is_err() {
        let rest = async {
            while let Ok(Some(mut part)) = parts.next_field().await {
                while let Ok(Some(_)) = part.chunk().await {}
            }
        };
        // Whoever sends more than this sees that the connection ends.
        let _ = timeout(DRAIN_WITHIN, rest).await;
    }
    taken
}

/// What the parts before the file say.
#[derive(Default)]
struct Said {
    manifest: Option<String>,
    notes: Option<String>,
    about: ArtifactInput,
}

async fn read(cx: &Cx, parts: &mut Multipart) -> Result<UploadAnswer, Problem> {
    let confirmed = cx.confirmed()?;
    let (mut said, mut release, mut stored) = (Said::default(), None, None::<StoredArtifact>);
    while let Some(part) = parts.next_field().await.map_err(|error| broken("file", &error))? {
        let name = part.name().unwrap_or_default().to_owned();
        if stored.is_some() {
            return Err(Problem::invalid(&name, "The file comes last, and one at a time."));
        }
        if name != "file" {
            said.hear(&name, part).await?;
            continue;
        }
        // A form in which no file was chosen sends one without a name.
        if part.file_name() == Some("") {
            continue;
        }
        if let Some(manifest) = said.manifest.take() {
            release = Some(domain::release::bring(&confirmed, &manifest).await?);
        }
        let upload = Upload::begin(&confirmed, release, &said.about).await?;
        let (id, file) = write(upload, part).await?;
        (release, stored) = (Some(id), Some(file));
    }
    if let Some(manifest) = said.manifest.take() {
        release = Some(domain::release::bring(&confirmed, &manifest).await?);
    }
    let Some(id) = release else {
        return Err(Problem::invalid("file", "Send a manifest, a file, or both."));
    };
    let mut detail = domain::release::get(cx, id).await?;
    if said.notes.as_ref().is_some_and(|notes| notes.trim() != lines(&detail.release.notes).trim()) {
        let change = ReleaseChange { notes: said.notes, withdraw_reason: None };
        detail = domain::release::change(&confirmed, id, change).await?;
    }
    let release = detail.release;
    let is_complete = release.artifacts == release.artifacts_stored;
    Ok(UploadAnswer { release, artifact: stored, is_complete })
}

async fn write(mut upload: Upload<'_>, mut part: Field<'_>) -> Result<(ReleaseId, StoredArtifact), Problem> {
    while let Some(bytes) = part.chunk().await.map_err(|error| broken("file", &error))? {
        upload.write(bytes).await?;
    }
    Ok(upload.finish().await?)
}

impl Said {
    async fn hear(&mut self, name: &str, part: Field<'_>) -> Result<(), Problem> {
        let most = match name {
            "manifest" => MANIFEST_BYTES_MAX,
            // Counted in characters below, without what forms add to the ends of lines.
            "notes" => NOTES_MAX * 5,
            "version" | "os" | "arch" | "libc" | "kind" | "sha256" => 1024,
            _ => return Err(Problem::invalid(name, "This call takes no such field.")),
        };
        let text = text(name, part, most).await?;
        if text.trim().is_empty() {
            return Ok(());
        }
        match name {
            "manifest" => self.manifest = Some(text),
            "notes" => {
                let text = lines(&text);
                if text.chars().count() > NOTES_MAX {
                    return Err(Problem::invalid(name, format!("At most {NOTES_MAX} characters.")));
                }
                self.notes = Some(text);
            }
            "version" => self.about.version = Some(text.trim().to_owned()),
            "os" => self.about.os = Some(word(name, &text)?),
            "arch" => {
                // As others name processors, too.
                let known = match text.trim() {
                    "amd64" => "x86_64",
                    "arm64" => "aarch64",
                    other => other,
                };
                self.about.arch = Some(word(name, known)?);
            }
            "libc" => self.about.libc = Some(word(name, &text)?),
            "kind" => self.about.kind = Some(word(name, &text)?),
            _ => {
                let digest = Sha256Hex::try_from(text.trim().to_lowercase());
                let wrong = |expected| Problem::invalid(name, format!("It {expected}."));
                self.about.sha256 = Some(digest.map_err(wrong)?);
            }
        }
        Ok(())
    }
}

/// Text as it was written: forms end lines in a way of their own.
fn lines(text: &str) -> String {
    text.replace("\r\n", "\n")
}

fn word<T: FromStr<Err = UnknownWord>>(field: &str, text: &str) -> Result<T, Problem> {
    text.trim().parse().map_err(|error: UnknownWord| Problem::invalid(field, format!("It {error}.")))
}

async fn text(name: &str, mut part: Field<'_>, most: usize) -> Result<String, Problem> {
    let mut bytes = Vec::new();
    while let Some(piece) = part.chunk().await.map_err(|error| broken(name, &error))? {
        if bytes.len() + piece.len() > most {
            return Err(Problem::invalid(name, format!("At most {most} bytes.")));
        }
        bytes.extend_from_slice(&piece);
    }
    String::from_utf8(bytes).map_err(|_| Problem::invalid(name, "This is not text."))
}

fn broken(field: &str, error: &axum::extract::multipart::MultipartError) -> Problem {
    if error.status() == StatusCode::PAYLOAD_TOO_LARGE {
        let problem = Problem::new(ProblemCode::TooLarge, "The file is larger than any release may be.");
        return Problem { field: Some(field.to_owned()), ..problem };
    }
    Problem::invalid(field, "The upload did not arrive whole.")
}

/// A body of `multipart/form-data`.
pub(crate) struct Form(pub(crate) Multipart);

impl FromRequest<AppState> for Form {
    type Rejection = ApiProblem;

    async fn from_request(request: Request, state: &AppState) -> Result<Self, Self::Rejection> {
        match Multipart::from_request(request, state).await {
            Ok(parts) => Ok(Self(parts)),
            Err(_) => {
                let detail = "Send a form with the header `Content-Type: multipart/form-data; boundary=…`.";
                Err(Problem::new(ProblemCode::Invalid, detail).into())
            }
        }
    }
}

impl Part for Form {
    fn describe(sketch: &mut Sketch<'_>) {
        let words =
            |all: &[&str], about: &str| json!({ "type": "string", "enum": all, "description": about });
        let text = |about: &str| json!({ "type": "string", "description": about });
        let schema = json!({
            "type": "object",
            "additionalProperties": false,
            "properties": {
                "manifest": text("The signed manifest, as `reeve-release sign` wrote it. Needed the first time."),
                "version": text("Of which release the file is; may be left out beside a manifest."),
                "os": words(&["linux", "macos", "windows"], "For which system the file is."),
                "arch": words(&["x86_64", "aarch64"], "For which processor; amd64 and arm64 are understood too."),
                "libc": words(&["gnu", "musl"], "For which C library; Linux only."),
                "kind": words(&["agent", "supervisor"], "What it is; the agent when absent."),
                "sha256": text("What the sender took for its SHA-256; names the file by itself."),
                "notes": text("What is new, for people; those of the manifest when absent."),
                "file": {
                    "type": "string", "format": "binary",
                    "description": "The program itself; the last part. Checked against the manifest as it comes."
                },
            },
        });
        sketch.takes(json!({ "multipart/form-data": { "schema": schema } }));
        sketch.refuses(&[
            ProblemCode::ConfirmIdentity,
            ProblemCode::Invalid,
            ProblemCode::TooLarge,
            ProblemCode::Conflict,
        ]);
        sketch.is_for_people_alone();
    }
}

/// Who fetches a file: a device, or somebody of the MSP.
pub(crate) enum Fetcher {
    Device(AgentCx),
    Person(Box<Cx>),
}

impl FromRequestParts<AppState> for Fetcher {
    type Rejection = ApiProblem;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Self::Rejection> {
        match Caller::from_request_parts(parts, state).await {
            Ok(caller) => Ok(Self::Person(Box::new(caller.cx))),
            Err(_) => Ok(Self::Device(Agent::from_request_parts(parts, state).await?.0)),
        }
    }
}

impl Part for Fetcher {
    fn describe(sketch: &mut Sketch<'_>) {
        sketch.refuses(&[ProblemCode::SignedOut, ProblemCode::Forbidden]);
        sketch.is_for_people_too();
    }
}

/// The `{sha256}` of the path. What cannot be one names nothing: 404.
pub(crate) struct Digest(Sha256Hex);

impl<S: Sync> FromRequestParts<S> for Digest {
    type Rejection = ApiProblem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        let nothing = || Problem::new(ProblemCode::NotFound, "There is no such file.");
        let params = RawPathParams::from_request_parts(parts, &()).await.map_err(|_| nothing())?;
        let named = params.iter().find(|(name, _)| *name == "sha256");
        let sha256 = named.and_then(|(_, text)| text.parse().ok()).ok_or_else(nothing)?;
        Ok(Self(sha256))
    }
}

impl Part for Digest {
    fn describe(sketch: &mut Sketch<'_>) {
        let schema = json!({ "type": "string", "pattern": "^[0-9a-f]{64}$" });
        sketch.asks(json!({ "name": "sha256", "in": "path", "required": true, "schema": schema }));
        sketch.refuses(&[ProblemCode::NotFound]);
    }
}

/// What of a file is wanted, as headers say it.
pub(crate) struct Fetch(Method, HeaderMap);

impl<S: Sync> FromRequestParts<S> for Fetch {
    type Rejection = ApiProblem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        Ok(Self(parts.method.clone(), parts.headers.clone()))
    }
}

impl Part for Fetch {
    fn describe(sketch: &mut Sketch<'_>) {
        for (name, description) in [
            (header::RANGE, "One range of bytes, such as `bytes=1000-`."),
            (header::IF_RANGE, "The `ETag` that the range belongs to."),
        ] {
            sketch.asks(json!({
                "name": name.as_str(), "in": "header", "required": false, "description": description,
                "schema": { "type": "string" },
            }));
        }
    }
}

/// A file.
pub(crate) struct File(Response);

impl IntoResponse for File {
    fn into_response(self) -> Response {
        self.0
    }
}

impl Answer for File {
    fn describe(sketch: &mut Sketch<'_>) {
        let content =
            || json!({ "application/octet-stream": { "schema": { "type": "string", "format": "binary" } } });
        sketch.answers(200, "The file.", content());
        sketch.answers(206, "The part that was asked for.", content());
        sketch.answers(304, "It is the one that is known already.", Value::Null);
        sketch.answers(416, "There is no such part.", Value::Null);
    }
}
