//! `GET /api/docs`: the API document for people. One page without a script, so that the browser's own search finds
//! everything; each call and each type has its anchor.

use super::{document, html::Html};
use crate::{security, state::AppState};
use app::ui::theme::{self, Theme};
use axum::{
    extract::State,
    http::{HeaderMap, HeaderValue, header},
    response::{Html as Answer, IntoResponse, Response},
};
use serde_json::{Map, Value};
use std::sync::OnceLock;

/// Stands in the page where the theme goes.
const THEME_HERE: &str = "<html lang=\"en\"";

/// `GET /api/docs`: for anybody, because it holds no secret and says nothing of who is looked after here.
pub(crate) async fn show(State(state): State<AppState>, headers: HeaderMap) -> Response {
    static PAGE: OnceLock<String> = OnceLock::new();
    let page = PAGE.get_or_init(|| write(document(&state.config.public_url), &state.config.public_url));
    let head = head(&state.site.site_pkg_dir, theme(&headers));
    let policy = HeaderValue::from_static(security::CSP_READ_ONLY);
    ([(header::CONTENT_SECURITY_POLICY, policy)], Answer(format!("{head}{page}"))).into_response()
}

/// The theme that the person chose in the portal.
fn theme(headers: &HeaderMap) -> Theme {
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = cookies.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(name, _)| *name == theme::COOKIE).map(|(_, word)| Theme::from_word(word)).unwrap_or_default()
}

fn head(pkg: &str, theme: Theme) -> String {
    let mut html = Html::default();
    html.raw("<!DOCTYPE html>").raw(THEME_HERE);
    if let Some(theme) = theme.attribute() {
        html.raw(" data-theme=\"").text(theme).raw("\"");
    }
    html.raw(
        "><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <meta name=\"color-scheme\" content=\"light dark\"><meta name=\"robots\" content=\"noindex\">\
         <title>API · Reeve</title><link rel=\"icon\" href=\"/favicon.svg\" type=\"image/svg+xml\">\
         <link rel=\"stylesheet\" href=\"/",
    );
    html.text(pkg).raw("/reeve.css\"></head>");
    html.finish()
}

fn write(document: &Value, public_url: &str) -> String {
    let mut html = Html::default();
    let page = Page { document, public_url };
    html.raw("<body class=\"api\"><a class=\"api-skip\" href=\"#calls\">To the calls</a><header class=\"api-head\">");
    html.raw("<h1>API of Reeve <small>").text(text(&document["info"]["version"])).raw("</small></h1>");
    html.raw("<p><a href=\"/\">Portal</a> · <a href=\"/api/openapi.json\">OpenAPI document</a></p></header>");
    html.raw("<div class=\"api-columns\">");
    page.contents(&mut html);
    html.raw("<main id=\"calls\"><section class=\"api-about\">");
    html.prose(text(&document["info"]["description"])).raw("</section>");
    for tag in list(&document["tags"]) {
        let name = text(&tag["name"]);
        html.raw("<section><h2 id=\"").text(&anchor(name)).raw("\">").text(name).raw("</h2>");
        html.prose(text(&tag["description"]));
        page.calls_of(name).for_each(|(path, method, call)| page.call(&mut html, path, method, call));
        html.raw("</section>");
    }
    html.raw("<section><h2 id=\"types\">Types</h2>");
    for (name, schema) in fields(&document["components"]["schemas"]) {
        html.raw("<article class=\"api-type\" id=\"type-").text(name).raw("\"><h3>").text(name).raw("</h3>");
        html.prose(text(&schema["description"]));
        page.table(&mut html, schema);
        html.raw("</article>");
    }
    html.raw("</section></main></div></body></html>");
    html.finish()
}

struct Page<'a> {
    document: &'a Value,
    public_url: &'a str,
}

impl<'a> Page<'a> {
    /// The calls with this tag: path, method and what is said of each.
    fn calls_of(&self, tag: &str) -> impl Iterator<Item = (&'a str, &'a str, &'a Value)> {
        let calls = fields(&self.document["paths"])
            .flat_map(|(path, methods)| fields(methods).map(move |(method, call)| (path, method, call)));
        calls.filter(move |(_, _, call)| call["tags"][0] == tag)
    }

    fn contents(&self, html: &mut Html) {
        html.raw("<nav class=\"api-contents\" aria-label=\"Calls\"><ul>");
        for tag in list(&self.document["tags"]) {
            let name = text(&tag["name"]);
            html.raw("<li><a href=\"#").text(&anchor(name)).raw("\">").text(name).raw("</a><ul>");
            for (_, _, call) in self.calls_of(name) {
                html.raw("<li><a href=\"#").text(text(&call["operationId"])).raw("\">");
                html.text(text(&call["summary"])).raw("</a></li>");
            }
            html.raw("</ul></li>");
        }
        html.raw("<li><a href=\"#types\">Types</a></li></ul></nav>");
    }

    fn call(&self, html: &mut Html, path: &str, method: &str, call: &Value) {
        let id = text(&call["operationId"]);
        html.raw("<article class=\"api-call\" id=\"").text(id).raw("\"><h3><a href=\"#").text(id).raw("\">");
        html.text(text(&call["summary"])).raw("</a></h3><p class=\"api-address\"><b>");
        html.text(&method.to_uppercase()).raw("</b> <code>").text(path).raw("</code></p>");
        html.prose(text(&call["description"]));
        if let Some(parameters) = call["parameters"].as_array() {
            html.raw("<h4>Parameters</h4><div class=\"api-table\"><table><tbody>");
            for parameter in parameters {
                let about = parameter.get("description").or_else(|| parameter["schema"].get("description"));
                self.row(
                    html,
                    text(&parameter["name"]),
                    &parameter["schema"],
                    parameter["required"] == true,
                    about,
                );
            }
            html.raw("</tbody></table></div>");
        }
        let body = &call["requestBody"]["content"]["application/json"];
        if !body.is_null() {
            html.raw("<h4>Body</h4><p>");
            self.kind(html, &body["schema"]);
            html.raw("</p>");
        }
        html.raw("<h4>Answers</h4><ul class=\"api-answers\">");
        for (status, answer) in fields(&call["responses"]) {
            self.answer(html, status, answer);
        }
        html.raw("</ul><h4>Example</h4><pre tabindex=\"0\"><code>");
        html.text(&self.curl(path, method, call, &body["example"])).raw("</code></pre></article>");
    }

    fn answer(&self, html: &mut Html, status: &str, answer: &Value) {
        let answer = answer["$ref"]
            .as_str()
            .and_then(|place| self.document.pointer(place.trim_start_matches('#')))
            .unwrap_or(answer);
        html.raw("<li><b>").text(status).raw("</b> ").element("span", text(&answer["description"]));
        for (kind, content) in
            fields(&answer["content"]).filter(|(kind, _)| !kind.starts_with("application/problem"))
        {
            html.raw(" ");
            if kind == "application/json" {
                self.kind(html, &content["schema"]);
            } else {
                html.raw("<code>").text(kind).raw("</code>");
            }
        }
        html.raw("</li>");
    }

    /// The fields of a type, or what it is.
    fn table(&self, html: &mut Html, schema: &Value) {
        if schema["properties"].is_null() {
            html.raw("<p>");
            self.kind(html, schema);
            html.raw("</p>");
            return;
        }
        let required: Vec<_> = list(&schema["required"]).filter_map(Value::as_str).collect();
        html.raw("<div class=\"api-table\"><table><tbody>");
        for (name, field) in fields(&schema["properties"]) {
            self.row(html, name, field, required.contains(&name), field.get("description"));
        }
        html.raw("</tbody></table></div>");
    }

    fn row(&self, html: &mut Html, name: &str, schema: &Value, is_required: bool, about: Option<&Value>) {
        html.raw("<tr><th scope=\"row\"><code>").text(name).raw("</code>");
        html.raw(if is_required { "" } else { " <small>optional</small>" }).raw("</th><td>");
        self.kind(html, schema);
        html.raw("</td><td>").prose(about.and_then(Value::as_str).unwrap_or_default()).raw("</td></tr>");
    }

    /// What kind of value it is, with its bounds, and a link where it has a name.
    fn kind(&self, html: &mut Html, schema: &Value) {
        if let Some(name) = schema["$ref"].as_str().and_then(|place| place.rsplit('/').next()) {
            html.raw("<a href=\"#type-").text(name).raw("\">").text(name).raw("</a>");
            return;
        }
        if let Some(choices) = schema["anyOf"].as_array().or_else(|| schema["oneOf"].as_array()) {
            for (index, choice) in choices.iter().enumerate() {
                html.raw(if index == 0 { "" } else { " or " });
                self.kind(html, choice);
            }
            return;
        }
        let kinds: Vec<&str> = match &schema["type"] {
            Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).collect(),
            kind => kind.as_str().into_iter().collect(),
        };
        html.text(&if kinds.is_empty() { "any value".to_owned() } else { kinds.join(" or ") });
        if let Some(format) = schema["format"].as_str() {
            html.text(", ").text(format);
        }
        if kinds.contains(&"array") && schema.get("items").is_some() {
            html.text(" of ");
            self.kind(html, &schema["items"]);
        }
        let bounds = [
            ("minLength", "at least", "characters"),
            ("maxLength", "at most", "characters"),
            ("maxItems", "at most", "items"),
            ("minimum", "from", ""),
            ("maximum", "to", ""),
            ("default", "otherwise", ""),
        ];
        for (key, words, unit) in bounds {
            if let Some(bound) = schema.get(key).filter(|bound| bound.is_number()) {
                html.text(format!(", {words} {bound} {unit}").trim_end());
            }
        }
    }

    fn curl(&self, path: &str, method: &str, call: &Value, body: &Value) -> String {
        let asked: Vec<String> = list(&call["parameters"])
            .filter(|parameter| parameter["in"] == "query" && parameter["required"] == true)
            .map(|parameter| {
                format!("{}={}", text(&parameter["name"]), text(&parameter["schema"]["examples"][0]))
            })
            .collect();
        let query = if asked.is_empty() { String::new() } else { format!("?{}", asked.join("&")) };
        let mut line = format!("curl -X {} \"{}{path}{query}\"", method.to_uppercase(), self.public_url);
        let credential = match call["security"][0].as_object().and_then(|schemes| schemes.keys().next()) {
            Some(scheme) if scheme == "session" => " \\\n  -H \"Cookie: $SESSION\"",
            Some(scheme) if scheme == "agent_token" => " \\\n  -H \"Authorization: Bearer $AGENT_TOKEN\"",
            Some(_) => " \\\n  -H \"Authorization: Bearer $REEVE_KEY\"",
            None => "",
        };
        line.push_str(credential);
        if !body.is_null() {
            line.push_str(" \\\n  -H \"Content-Type: application/json\" \\\n  -d '");
            line.push_str(&body.to_string().replace('\'', "'\\''"));
            line.push('\'');
        }
        line
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn fields(value: &Value) -> impl Iterator<Item = (&str, &Value)> {
    value.as_object().into_iter().flat_map(Map::iter).map(|(name, value)| (name.as_str(), value))
}

fn anchor(name: &str) -> String {
    name.to_lowercase().replace(' ', "-")
}
