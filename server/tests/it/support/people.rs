//! People with a browser's cookie and a script's habits.

use domain::SessionSecret;
use entity::problem::Problem;
use reqwest::{Client, Method, RequestBuilder, StatusCode, header};
use serde::de::DeserializeOwned;
use serde_json::Value;

/// Somebody who sends requests.
#[derive(Clone)]
pub struct Person {
    http: Client,
    url: String,
    cookie: Option<String>,
}

/// What came back.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: header::HeaderMap,
    pub body: String,
}

impl Answer {
    /// The body, when the status is the expected one.
    #[track_caller]
    pub fn expect<T: DeserializeOwned>(self, status: u16) -> T {
        assert_eq!(self.status.as_u16(), status, "{}", self.body);
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }

    /// The problem, when the status is the expected one.
    #[track_caller]
    pub fn problem(self, status: u16) -> Problem {
        let content_type = self.headers[header::CONTENT_TYPE].clone();
        assert_eq!(content_type, "application/problem+json", "{}", self.body);
        self.expect(status)
    }

    /// A header's text.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }
}

impl Person {
    /// Somebody without a session.
    pub fn stranger(url: &str) -> Self {
        let http = Client::builder().redirect(reqwest::redirect::Policy::none()).build().expect("a client");
        Self { http, url: url.to_owned(), cookie: None }
    }

    /// Somebody with a session.
    pub fn with_session(url: &str, secret: &SessionSecret) -> Self {
        Self { cookie: Some(format!("reeve={}", secret.expose())), ..Self::stranger(url) }
    }

    /// A request to any address of the server.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.http.request(method, format!("{}{path}", self.url));
        match &self.cookie {
            Some(cookie) => request.header(header::COOKIE, cookie),
            None => request,
        }
    }

    /// Sends a request to the REST API.
    pub async fn call(&self, method: &str, path: &str, body: Option<&Value>) -> Answer {
        let method = method.parse().expect("a method");
        let request = self.request(method, &format!("/api/v1{path}"));
        send(if let Some(body) = body { request.json(body) } else { request }).await
    }

    /// Reads from the REST API.
    pub async fn get(&self, path: &str) -> Answer {
        self.call("GET", path, None).await
    }

    /// Posts to the REST API.
    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        self.call("POST", path, Some(body)).await
    }
}

/// Sends a request and reads the whole answer.
pub async fn send(request: RequestBuilder) -> Answer {
    let response = request.send().await.expect("an answer");
    Answer {
        status: response.status(),
        headers: response.headers().clone(),
        body: response.text().await.expect("a body"),
    }
}
