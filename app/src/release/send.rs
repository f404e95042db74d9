//! Sends files to the server with how far it has come, which `fetch` does not tell: the browser's `XMLHttpRequest`.

use entity::{
    agent_release::UploadAnswer,
    problem::{Problem, ProblemCode},
};
use js_sys::Promise;
use leptos::prelude::*;
use send_wrapper::SendWrapper;
use wasm_bindgen::{JsCast, JsValue, closure::Closure};
use wasm_bindgen_futures::JsFuture;
use web_sys::{FormData, ProgressEvent, XmlHttpRequest};

/// The REST route that takes uploads.
const UPLOADS: &str = "/api/v1/agents/upload";

/// A request that is on its way, to be taken back.
#[derive(Clone, Copy)]
pub(super) struct OnItsWay(StoredValue<Option<SendWrapper<XmlHttpRequest>>>);

impl OnItsWay {
    /// Nothing yet.
    pub(super) fn new() -> Self {
        Self(StoredValue::new(None))
    }

    /// Takes it back.
    pub(super) fn cancel(self) {
        if let Some(Some(request)) = self.0.try_update_value(Option::take) {
            drop(request.abort());
        }
    }
}

/// How it came out.
pub(super) type Sent = Result<UploadAnswer, Problem>;

/// Sends a form; `told` hears how many bytes have gone, with all that is around the files.
pub(super) async fn send(form: &FormData, on_its_way: OnItsWay, told: impl Fn(u64) + 'static) -> Sent {
    let request = XmlHttpRequest::new().map_err(|_| failed())?;
    match begin(&request, form, told) {
        Ok((ended, _heard)) => {
            on_its_way.0.try_set_value(Some(SendWrapper::new(request.clone())));
            let _ = JsFuture::from(ended).await;
            on_its_way.0.try_set_value(None);
        }
        Err(_) => return Err(failed()),
    }
    answer(&request)
}

/// What the browser calls while bytes go.
type Heard = Closure<dyn FnMut(ProgressEvent)>;

/// Begins; gives what ends with it, and what has to live as long.
fn begin(
    request: &XmlHttpRequest,
    form: &FormData,
    told: impl Fn(u64) + 'static,
) -> Result<(Promise, Heard), JsValue> {
    request.open("POST", UPLOADS)?;
    request.set_request_header("accept", "application/json")?;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "bytes are whole")]
    let heard = Heard::new(move |event: ProgressEvent| told(event.loaded() as u64));
    request.upload()?.set_onprogress(Some(heard.as_ref().unchecked_ref()));
    // Whatever happens, this comes last.
    let ended = Promise::new(&mut |resolve, _| request.set_onloadend(Some(&resolve)));
    request.send_with_opt_form_data(Some(form))?;
    Ok((ended, heard))
}

fn answer(request: &XmlHttpRequest) -> Sent {
    let status = request.status().unwrap_or_default();
    let text = request.response_text().ok().flatten().unwrap_or_default();
    read(status, &text)
}

/// What the server said; nothing at all when it could not be reached or the request was taken back.
fn read(status: u16, text: &str) -> Sent {
    match status {
        0 => Err(Problem::new(
            ProblemCode::Unavailable,
            "The connection broke off before the server had everything. Check it and try again.",
        )),
        200..300 => serde_json::from_str(text).map_err(|_| failed()),
        _ => Err(serde_json::from_str(text).unwrap_or_else(|_| failed())),
    }
}

fn failed() -> Problem {
    Problem::new(
        ProblemCode::Internal,
        "The server answered something else than expected. Try again; if it fails again, look at the server's log.",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_is_answered_becomes_a_sentence() {
        let code = |status, text: &str| read(status, text).map_err(|problem| problem.code);
        assert_eq!(code(0, ""), Err(ProblemCode::Unavailable));
        assert_eq!(code(502, "<html>"), Err(ProblemCode::Internal));
        assert_eq!(code(200, "<html>"), Err(ProblemCode::Internal));
        let problem = Problem::invalid("file", "It has another size.");
        let text = serde_json::to_string(&problem).expect("a problem");
        assert_eq!(read(422, &text), Err(problem));
    }
}
