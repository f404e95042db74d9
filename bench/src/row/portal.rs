//! Row 11: what a browser that was never here fetches to show the device list, and to sign in.

use crate::{
    Bench,
    measure::kilobytes,
    report::Row,
    stand::Stand,
    wire::{Line, Place},
};
use anyhow::{Result, ensure};
use std::{collections::BTreeSet, net::Ipv4Addr};

/// What MeshCentral's and Tactical RMM's device lists weighed in our measurements, cold.
const PEERS: (f64, f64) = (1_449_000.0, 2_441_000.0);

/// How often a page is asked for what it links to.
const LOOKS: usize = 12;

/// Measures both pages.
///
/// # Errors
/// When a page or a file of it is missing.
pub async fn measure(bench: &mut Bench, stand: &mut Stand) -> Result<()> {
    let place = stand.serve(false).await?;
    let cookie = stand.estate.cookie();
    let list = Weight::of(&place, "/devices", &cookie).await?;
    let sign_in = Weight::of(&place, "/sign-in", "").await?;
    bench.report.add(
        Row::new("11", "portal, first load of the device list, cold", "")
            .found(
                format!("{} in {} requests ({})", kilobytes(list.bytes as f64), list.requests, list.parts()),
                "MeshCentral 1,449 kB, Tactical RMM 2,441 kB",
            )
            .at_most(list.bytes as f64 / PEERS.0, 0.167)
            .and("≤ 1/10 Tactical", list.bytes as f64 <= PEERS.1 / 10.0)
            .and("≤ 240 kB", list.bytes <= 240_000)
            .remark(
                "Bodies as sent to a browser that takes brotli, heads left out: the page, everything it links to, the WASM, and the \
                 fonts that its style names. The page reads and works without the WASM. The peers' figures are our measurements \
                 of 2026-11 with their device lists filled.",
            ),
    );
    bench.report.add(
        Row::new("11", "portal, sign-in page, cold", "")
            .found(
                format!(
                    "{} in {} requests ({})",
                    kilobytes(sign_in.bytes as f64),
                    sign_in.requests,
                    sign_in.parts()
                ),
                "MeshCentral 511 kB, Tactical RMM 434 kB",
            )
            .and("≤ 25 kB", sign_in.bytes <= 25_000)
            .and("no WASM", sign_in.wasm == 0),
    );
    Ok(())
}

/// What a page weighs.
#[derive(Default)]
struct Weight {
    bytes: usize,
    requests: usize,
    html: usize,
    wasm: usize,
    script: usize,
    style: usize,
    fonts: usize,
}

impl Weight {
    async fn of(place: &Place, path: &str, cookie: &str) -> Result<Self> {
        let mut line = Line::open(place, Ipv4Addr::LOCALHOST).await?;
        let headers = format!("{cookie}Accept-Encoding: br\r\nAccept: text/html\r\n");
        let mut weight = Self::default();
        // A page that was quick names its part of the bundle in its head, and now and then one is not: the browser fetches
        // the part all the same, a moment later.
        let mut plain = Vec::new();
        for _ in 0..LOOKS {
            let page = line.ask("GET", path, &format!("{cookie}Accept: text/html\r\n"), b"").await?.good()?;
            if page.len() > plain.len() {
                plain = page;
            }
        }
        weight.html = line.ask("GET", path, &headers, b"").await?.good()?.len();
        weight.requests = 1;
        let page = String::from_utf8_lossy(&plain).into_owned();
        let mut files = linked(&page);
        for style in files.clone().iter().filter(|file| file.ends_with(".css")) {
            let text = line.ask("GET", style, "", b"").await?.good()?;
            files.extend(fonts(&String::from_utf8_lossy(&text)));
        }
        for file in files {
            let answer = line.ask("GET", &file, "Accept-Encoding: br\r\n", b"").await?;
            ensure!(answer.status == 200, "{file}: status {}", answer.status);
            let bytes = answer.body.len();
            weight.requests += 1;
            match file.rsplit('.').next() {
                Some("wasm") => weight.wasm += bytes,
                Some("js") => weight.script += bytes,
                Some("css") => weight.style += bytes,
                Some("woff2") => weight.fonts += bytes,
                _ => weight.html += bytes,
            }
        }
        weight.bytes = weight.html + weight.wasm + weight.script + weight.style + weight.fonts;
        Ok(weight)
    }

    fn parts(&self) -> String {
        let part = |name: &str, bytes: usize| format!("{name} {:.1}", bytes as f64 / 1e3);
        [
            part("HTML and icons", self.html),
            part("WASM", self.wasm),
            part("script", self.script),
            part("style", self.style),
            part("fonts", self.fonts),
        ]
        .join(", ")
    }
}

/// Files of this server that a page names; an icon counts, another page does not.
fn linked(page: &str) -> BTreeSet<String> {
    let endings = [".css", ".js", ".wasm", ".woff2", ".svg", ".webmanifest", ".png", ".ico"];
    let quoted = page.split(['"', '\'']).filter(|text| text.starts_with('/'));
    quoted
        .map(|text| text.split(['?', '#']).next().unwrap_or(text).to_owned())
        .filter(|text| endings.iter().any(|ending| text.ends_with(ending)))
        .collect()
}

/// Fonts that a style sheet names.
fn fonts(style: &str) -> Vec<String> {
    let named = style.split("url(").skip(1).filter_map(|rest| rest.split(')').next());
    named
        .map(|name| name.trim_matches(['"', '\'']).to_owned())
        .filter(|name| name.ends_with(".woff2"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_told_from_pages() {
        let page = r#"<link href="/pkg/a/reeve.css"><a href="/devices"></a><script>import('/pkg/a/reeve.js')</script>"#;
        assert_eq!(linked(page).into_iter().collect::<Vec<_>>(), ["/pkg/a/reeve.css", "/pkg/a/reeve.js"]);
        assert_eq!(fonts("@font-face{src:url(\"/fonts/a.woff2\")}"), ["/fonts/a.woff2"]);
    }
}
