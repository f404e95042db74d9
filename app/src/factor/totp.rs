//! Setting an authenticator app up: a picture to scan, and a code that shows that it worked.

use super::calls::ConfirmTotp;
use crate::ui::{CopyField, Field, Form, Submit};
use entity::factor::{CODE_DIGITS, TotpSetup};
use leptos::prelude::*;

/// The picture, the same as text, and the field for a code.
#[component]
pub(super) fn TotpForm(setup: TotpSetup, confirm: ServerAction<ConfirmTotp>) -> impl IntoView {
    view! {
        <ol class="steps">
            <li>
                <p>"Scan this with the authenticator app on your phone."</p>
                <div class="qr" role="img" aria-label="QR code for the authenticator app" inner_html=setup.qr_svg></div>
                <p class="quiet">
                    "On the phone itself, "
                    <a href=setup.uri rel="external">"open it in the app"</a>
                    ", or type the secret there:"
                </p>
                <CopyField label="Secret" value=setup.secret/>
            </li>
            <li>
                <p>"Write the code that the app shows."</p>
                <Form action=confirm>
                    <Field
                        name="input[code]"
                        label="Code"
                        hint=format!("{CODE_DIGITS} digits. A new one every half minute.")
                        autocomplete="one-time-code"
                        input_mode="numeric"
                        max_length=CODE_LENGTH_MAX
                        required=true
                        mono=true
                    />
                    <Submit>"Set up the app"</Submit>
                </Form>
            </li>
        </ol>
    }
}

/// Characters of a code at most, with the spaces that people write into it.
pub(crate) const CODE_LENGTH_MAX: usize = 40;
