//! The WASM entry point: hydrates the portal that the server rendered. Nothing else lives here.

/// Called by the page's module script once the bundle has loaded.
#[wasm_bindgen::prelude::wasm_bindgen]
pub fn hydrate() {
    console_error_panic_hook::set_once();
    wasm_bindgen_futures::spawn_local(app::carried::take_over());
}
