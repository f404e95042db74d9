//! How the library of OpenID Connect reaches other servers: over the store's [`Web`].

use crate::{Error, Result, Store, Web, WebAnswer, WebRequest};
use openidconnect::{HttpRequest, HttpResponse, http};
use std::{pin::Pin, sync::Arc};

/// An answer on its way.
type Answering = Pin<Box<dyn Future<Output = Result<HttpResponse>> + Send>>;

/// Sends what the library asks.
///
/// # Errors
/// When this server cannot reach others at all.
pub(super) fn asking(store: &Store) -> Result<impl Fn(HttpRequest) -> Answering + Send + Sync + 'static> {
    let web = Arc::clone(store.web().ok_or_else(|| failed("this server reaches no others"))?);
    Ok(move |request: HttpRequest| -> Answering { Box::pin(ask(Arc::clone(&web), request)) })
}

async fn ask(web: Arc<dyn Web>, request: HttpRequest) -> Result<HttpResponse> {
    let (parts, body) = request.into_parts();
    let text = |value: &http::HeaderValue| value.to_str().map(str::to_owned);
    let headers = parts.headers.iter().map(|(name, value)| Ok((name.to_string(), text(value)?)));
    let headers = headers.collect::<std::result::Result<Vec<_>, http::header::ToStrError>>();
    let request = WebRequest {
        method: parts.method.to_string(),
        url: parts.uri.to_string(),
        headers: headers.map_err(|_| failed("a header is not text"))?,
        body,
    };
    let WebAnswer { status, headers, body } = web.fetch(request).await?;
    let mut response = http::Response::builder().status(status);
    for (name, value) in headers {
        response = response.header(name, value);
    }
    response.body(body).map_err(|error| failed(&error.to_string()))
}

fn failed(why: &str) -> Error {
    Error::Internal(format!("a provider of sign-in could not be asked: {why}"))
}
