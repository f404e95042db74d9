//! A real provider of OpenID Connect, npm's `oidc-provider` in a process of its own, and a browser that keeps cookies.

use super::{
    PATIENCE,
    people::{Answer, send},
    server::TestServer,
    workspace::root,
};
use entity::id::OidcProviderId;
use reqwest::{Client, Url, header, redirect::Policy};
use serde_json::{Value, json};
use std::{collections::BTreeMap, process::Stdio};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader},
    process::{Child, ChildStdin, Command},
    time::timeout,
};

/// What this server is called at the provider, and the secret that goes with it.
pub const CLIENT_ID: &str = "reeve";
pub const CLIENT_SECRET: &str = "a secret of 32 bytes: + / & = % ?";

/// A provider that runs; ends with this value.
pub struct RealProvider {
    pub issuer: String,
    _input: ChildStdin,
    _process: Child,
}

impl RealProvider {
    /// A provider that knows this server, and these accounts: subject, address, whether it is verified.
    pub async fn start(server: &TestServer, in_id_token: bool, accounts: &[(&str, &str, bool)]) -> Self {
        let folder = root().join("end2end");
        let installed = folder.join("node_modules/oidc-provider");
        assert!(installed.is_dir(), "install the provider first: npm ci, in the folder end2end");
        let mut process = Command::new("node")
            .arg(folder.join("support/oidc_provider.mjs"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .expect("node");
        let settings = json!({
            "clients": [{
                "client_id": CLIENT_ID,
                "client_secret": CLIENT_SECRET,
                "redirect_uris": [format!("{}/sign-in/oidc/callback", server.url)],
            }],
            "accounts": accounts.iter().map(account).collect::<Vec<_>>(),
            "inIdToken": in_id_token,
            "endsWithInput": true,
        });
        let mut input = process.stdin.take().expect("its input");
        input.write_all(format!("{settings}\n").as_bytes()).await.expect("told");
        let mut lines = BufReader::new(process.stdout.take().expect("its output")).lines();
        let line = timeout(PATIENCE, lines.next_line()).await.expect("in time").expect("a line");
        let started: Value = serde_json::from_str(&line.expect("it serves")).expect("JSON");
        let issuer = started["issuer"].as_str().expect("an issuer").to_owned();
        Self { issuer, _input: input, _process: process }
    }

    /// Gives an account another address there.
    pub async fn change(&self, changed: (&str, &str, bool)) {
        let request = Client::new().put(format!("{}/account", self.issuer)).json(&account(&changed));
        assert_eq!(request.send().await.expect("an answer").status(), 204);
    }
}

fn account((sub, email, verified): &(&str, &str, bool)) -> Value {
    json!({"sub": sub, "email": email, "email_verified": verified})
}

/// A browser: keeps cookies, follows nothing by itself.
#[derive(Clone)]
pub struct Browser {
    http: Client,
    url: String,
    pub cookies: BTreeMap<String, String>,
}

impl Browser {
    /// A new one, for this server.
    pub fn of(server: &TestServer) -> Self {
        let http = Client::builder().redirect(Policy::none()).build().expect("a client");
        Self { http, url: server.url.clone(), cookies: BTreeMap::new() }
    }

    /// Opens an address, of the server when it is a path.
    pub async fn open(&mut self, address: &str) -> Answer {
        let request = self.http.get(self.whole(address));
        self.send(request).await
    }

    async fn send(&mut self, request: reqwest::RequestBuilder) -> Answer {
        let cookies = self.cookies.iter().map(|(name, value)| format!("{name}={value}"));
        let cookies = cookies.collect::<Vec<_>>().join("; ");
        let answer = send(request.header(header::COOKIE, cookies)).await;
        for line in answer.headers.get_all(header::SET_COOKIE) {
            let (name, rest) = line.to_str().expect("text").split_once('=').expect("a cookie");
            let value = rest.split(';').next().unwrap_or_default();
            if value.is_empty() {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        answer
    }

    fn whole(&self, address: &str) -> String {
        if address.starts_with('/') { format!("{}{address}", self.url) } else { address.to_owned() }
    }

    /// Presses the button of a provider; answers where that leads.
    pub async fn begin(&mut self, id: OidcProviderId, next: &str) -> String {
        let next: String = reqwest::Url::parse_with_params("http://x/", [("next", next)])
            .expect("an address")
            .query()
            .expect("a query")
            .to_owned();
        let answer = self.open(&format!("/sign-in/oidc/{id}?{next}")).await;
        assert_eq!(answer.status, 303, "{}", answer.body);
        answer.header("location").to_owned()
    }

    /// Goes through the provider with an account, or gives up there; answers the address that it leads back to.
    pub async fn at_provider(&mut self, address: &str, account: Option<&str>) -> String {
        let mut address = Url::parse(address).expect("an address");
        let home = Url::parse(&self.url).expect("an address");
        for _ in 0..8 {
            let request = if address.path().starts_with("/interaction/") {
                let form = account.map_or(("cancel", "1"), |account| ("account", account));
                self.http.post(address.clone()).form(&[form])
            } else {
                self.http.get(address.clone())
            };
            let answer = self.send(request).await;
            assert_eq!(answer.status, 303, "{address}: {}", answer.body);
            address = address.join(answer.header("location")).expect("an address");
            if address.origin() == home.origin() {
                return address.to_string();
            }
        }
        panic!("the provider goes round in circles");
    }

    /// From the button to where the person lands.
    pub async fn sign_in(&mut self, id: OidcProviderId, account: &str, next: &str) -> Answer {
        let out = self.begin(id, next).await;
        // Nobody is signed in there yet.
        self.cookies.retain(|name, _| !name.starts_with("_session"));
        let home = self.at_provider(&out, Some(account)).await;
        self.open(&home).await
    }

    /// Who is signed in here.
    pub async fn me(&mut self) -> Option<Value> {
        let answer = self.open("/api/v1/me").await;
        (answer.status == 200).then(|| answer.expect(200))
    }
}

/// The parameters of an address.
pub fn parameters(address: &str) -> BTreeMap<String, String> {
    Url::parse(address).expect("an address").query_pairs().into_owned().collect()
}
