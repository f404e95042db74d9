//! Mounts the portal: its pages and server functions with one context for both, and its static files.

use crate::{authenticate, config::Config, security, state::AppState};
use anyhow::{Context, Result};
use app::{App, shell::shell};
use axum::{
    Router,
    extract::Request,
    http::{HeaderValue, StatusCode, header, request::Parts},
    response::{IntoResponse, Response},
};
use leptos::{
    WasmSplitManifest,
    config::LeptosOptions,
    nonce::use_nonce,
    prelude::{ArcStoredValue, provide_context, use_context},
};
use leptos_axum::{
    AxumRouteListing, LeptosRoutes, ResponseOptions, generate_route_list, render_app_async_with_context,
};
use sha2::{Digest, Sha256};
use std::{fs, path::Path, sync::OnceLock};
use tower_http::{
    services::{ServeDir, ServeFile},
    set_header::SetResponseHeaderLayer,
};

/// The names that cutting the bundle gives; Leptos knows them too.
const PARTS: &str = "__wasm_split_manifest.json";
const LOADER: &str = "__wasm_split.______________________.js";
/// What wasm-bindgen's output and the style sheet are called; `.cargo/config.toml` tells Leptos the same.
const OUTPUT_NAME: &str = "reeve";
/// For files whose address changes with their content.
const IMMUTABLE: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");
/// For files whose address stays: the browser asks each time whether they changed.
const REVALIDATED: HeaderValue = HeaderValue::from_static("no-cache");

/// Finds the portal's files. Their address carries a digest of their content, so that browsers may keep them for
/// good and never mix two versions.
///
/// # Errors
/// When they have not been built.
pub(crate) fn site(config: &Config) -> Result<LeptosOptions> {
    let pkg = config.site_root.join("pkg");
    let digest = digest(&pkg).with_context(|| {
        format!(
            "the portal's files are not in {}: build them with `cargo xtask build`, or name their folder with --site-root",
            config.site_root.display()
        )
    })?;
    Ok(LeptosOptions::builder()
        .output_name(OUTPUT_NAME)
        .site_root(config.site_root.to_string_lossy().into_owned())
        .site_pkg_dir(format!("pkg/{digest}"))
        .build())
}

/// Of every file, each under its name: the parts of the bundle too.
fn digest(pkg: &Path) -> Result<String> {
    let unreadable = |file: &Path| format!("cannot read {}", file.display());
    for extension in ["js", "wasm", "css"] {
        let file = pkg.join(format!("{OUTPUT_NAME}.{extension}"));
        fs::metadata(&file).with_context(|| unreadable(&file))?;
    }
    let mut files = fs::read_dir(pkg)?.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
    files.sort();
    let mut hash = Sha256::new();
    for file in files {
        let bytes = fs::read(&file).with_context(|| unreadable(&file))?;
        hash.update(file.file_name().unwrap_or_default().as_encoded_bytes());
        hash.update((bytes.len() as u64).to_be_bytes());
        hash.update(bytes);
    }
    Ok(hex::encode(&hash.finalize()[..8]))
}

/// Which parts of the bundle each page needs, so that the browser is told with the page and does not have to find out.
fn parts(state: &AppState) -> WasmSplitManifest {
    let file = state.config.site_root.join("pkg").join(PARTS);
    let needs = fs::read(file).ok().and_then(|text| serde_json::from_slice(&text).ok()).unwrap_or_default();
    let pkg = format!("/{}", state.site.site_pkg_dir);
    WasmSplitManifest(ArcStoredValue::new((pkg, needs, LOADER.to_owned())))
}

/// The pages and the server functions.
pub(crate) fn pages(state: &AppState) -> Router<AppState> {
    let options = state.site.clone();
    Router::new().leptos_routes_with_context(state, routes(), context(state), move || shell(options.clone()))
}

/// The routes of the portal, looked for once in a process. While they are looked for nothing is loaded anywhere in the
/// process, and what begins to load at that moment waits for ever (leptos-rs/leptos#4773): the page of another server in
/// this process would.
fn routes() -> Vec<AxumRouteListing> {
    static ROUTES: OnceLock<Vec<AxumRouteListing>> = OnceLock::new();
    ROUTES.get_or_init(|| generate_route_list(App)).clone()
}

/// What every page and every server function finds around it.
fn context(state: &AppState) -> impl Fn() + Clone + Send + Sync + 'static {
    let (store, config, parts) = (state.store.clone(), state.config.clone(), parts(state));
    move || {
        provide_context(parts.clone());
        provide_context(store.clone());
        if let Some(parts) = use_context::<Parts>() {
            provide_context(authenticate::visitor(&parts, &config));
        }
        // Server functions run without a nonce: they answer no page.
        if let (Some(nonce), Some(response)) = (use_nonce(), use_context::<ResponseOptions>())
            && let Ok(policy) = HeaderValue::from_str(&security::page_policy(&nonce))
        {
            response.insert_header(header::CONTENT_SECURITY_POLICY, policy);
        }
    }
}

/// The page for addresses that no route has, with the portal's frame around it and the status that says so.
pub(crate) fn not_found(state: &AppState) -> axum::routing::MethodRouter<AppState> {
    let options = state.site.clone();
    let render = render_app_async_with_context(context(state), move || shell(options.clone()));
    axum::routing::any(async move |request: Request| -> Response {
        let mut response = render(request).await.into_response();
        if response.status() == StatusCode::OK {
            *response.status_mut() = StatusCode::NOT_FOUND;
        }
        response
    })
}

/// The static files: those with a digest in their address, the fonts, and those at the root of the site.
pub(crate) fn files(state: &AppState) -> Router<AppState> {
    let root = &state.config.site_root;
    let kept = |path: &Path| {
        tower::ServiceBuilder::new()
            .layer(SetResponseHeaderLayer::if_not_present(header::CACHE_CONTROL, cached_if_found(IMMUTABLE)))
            .service(folder(path))
    };
    let mut router = Router::new()
        .nest_service(&format!("/{}", state.site.site_pkg_dir), kept(&root.join("pkg")))
        .nest_service("/fonts", kept(&root.join("fonts")));
    for name in root_files(root) {
        let service = tower::ServiceBuilder::new()
            .layer(SetResponseHeaderLayer::if_not_present(header::CACHE_CONTROL, REVALIDATED))
            .service(ServeFile::new(root.join(&name)).precompressed_br().precompressed_gzip());
        router = router.route_service(&format!("/{name}"), service);
    }
    router
}

fn folder(path: &Path) -> ServeDir {
    ServeDir::new(path).append_index_html_on_directories(false).precompressed_br().precompressed_gzip()
}

fn cached_if_found<B>(
    value: HeaderValue,
) -> impl Fn(&axum::http::Response<B>) -> Option<HeaderValue> + Clone {
    move |response| response.status().is_success().then(|| value.clone())
}

/// The names of the files that lie directly in the site's folder, such as the icon and the manifest.
fn root_files(root: &Path) -> Vec<String> {
    let entries = fs::read_dir(root).into_iter().flatten().flatten();
    let is_plain =
        |name: &str| name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_'));
    entries
        .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_file()))
        .filter_map(|entry| entry.file_name().into_string().ok())
        .filter(|name| is_plain(name) && !name.ends_with(".br") && !name.ends_with(".gz"))
        .collect()
}
