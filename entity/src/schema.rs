//! What the API document says of texts and numbers that are parsed by hand: stand-ins for plain types, used with
//! `schemars(with = "…")`. Nothing but the document is made of them.

use crate::{
    input::{NAME_MAX, SEARCH_MAX},
    metric::{HISTORY_METRICS_MAX, Metric},
    page::PAGE_SIZE_MAX,
    policy::Action,
};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use std::borrow::Cow;

/// Something that a person can read stands in it, on one line.
const LINE: &str =
    r"^[^\u0000-\u001f\u007f-\u009f]*[^\s\u0000-\u001f\u007f-\u009f][^\u0000-\u001f\u007f-\u009f]*$";
/// On one line, perhaps empty.
const MAYBE_LINE: &str = r"^[^\u0000-\u001f\u007f-\u009f]*$";
/// On one line or several, perhaps empty.
const TEXT: &str = r"^[^\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]*$";
/// The same, with something that a person can read.
const SOME_TEXT: &str = r"^[^\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]*[^\s\u0000-\u001f\u007f-\u009f][^\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]*$";
/// The shape of an address: something, an at sign, a host with a dot inside.
const EMAIL: &str = r"^[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+$";

/// One to eight names of metrics.
fn metric_names() -> String {
    let names = Metric::ALL.iter().map(|metric| metric.word()).collect::<Vec<_>>().join("|");
    format!("^({names})(,({names})){{0,{}}}$", HISTORY_METRICS_MAX - 1)
}

/// The words of what a key may be allowed.
fn key_permissions() -> Vec<&'static str> {
    Action::ALL.iter().filter(|action| !action.needs_confirmation()).map(|action| action.word()).collect()
}

/// Declares stand-ins, each with its schema.
macro_rules! shapes {
    ($($(#[$doc:meta])* $name:ident = $schema:tt),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug)]
        pub struct $name;

        impl JsonSchema for $name {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!($schema)
            }
        }
    )+};
}

shapes! {
    /// A required name on one line.
    Line = { "type": "string", "minLength": 1, "maxLength": NAME_MAX, "pattern": LINE },
    /// What a person writes about how it ended; may be empty.
    Notes = { "type": "string", "maxLength": crate::alert::NOTES_MAX },
    /// What a person writes with a decision; may be empty.
    ApprovalNote = { "type": "string", "maxLength": crate::command::REASON_MAX, "pattern": TEXT },
    /// Why something is done.
    Reason = { "type": "string", "minLength": 1, "maxLength": crate::command::REASON_MAX, "pattern": SOME_TEXT },
    /// What is new in a release; may be empty.
    ReleaseNotes = { "type": "string", "maxLength": crate::agent_release::NOTES_MAX, "pattern": TEXT },
    /// A signed root.
    RootEnvelope = { "type": "string", "minLength": 1, "maxLength": crate::release::ROOT_BYTES_MAX },
    /// A script.
    ScriptText = { "type": "string", "minLength": 1, "maxLength": crate::command::SCRIPT_BYTES_MAX,
        "pattern": SOME_TEXT },
    /// An optional text on one line; may be empty.
    MaybeLine = { "type": "string", "maxLength": NAME_MAX, "pattern": MAYBE_LINE },
    /// An address for mail.
    Email = { "type": "string", "format": "email", "minLength": 5, "maxLength": NAME_MAX, "pattern": EMAIL },
    /// What is looked for.
    Search = { "type": "string", "maxLength": SEARCH_MAX, "pattern": MAYBE_LINE },
    /// Where the page before ended.
    Cursor = { "type": "string", "maxLength": 2_048 },
    /// What a key may be allowed: nothing that asks for a person who has just proved who they are.
    KeyPermission = { "type": "string", "enum": key_permissions() },
    /// What a service can be called.
    ServiceName = { "type": "string", "minLength": 1, "maxLength": crate::monitored_service::SERVICE_NAME_MAX,
        "pattern": r"^[A-Za-z0-9_]([A-Za-z0-9:_.@$\\ ()-]*[A-Za-z0-9:_.@$\\()-])?$" },
    /// What a machine calls itself.
    HostName = { "type": "string", "minLength": 1, "pattern": r"[^\u0000-\u001f\u007f-\u009f]" },
    /// Rows of a page.
    PageLimit = { "type": "integer", "minimum": 1, "maximum": PAGE_SIZE_MAX, "default": crate::page::PAGE_SIZE },
    /// A SHA-256 in hexadecimal digits.
    Sha256Hex = { "type": "string", "minLength": 64, "maxLength": 64, "pattern": "^[0-9a-fA-F]{64}$" },
    /// 32 bytes as base64url without padding.
    Bytes32 = { "type": "string", "minLength": 43, "maxLength": 43, "pattern": "^[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]$" },
    /// 64 bytes as base64url without padding.
    Bytes64 = { "type": "string", "minLength": 86, "maxLength": 86, "pattern": "^[A-Za-z0-9_-]{85}[AQgw]$" },
    /// A day of the calendar.
    Day = { "type": "string", "format": "date", "pattern": r"^(19[7-9][0-9]|[2-9][0-9]{3})-[0-9]{2}-[0-9]{2}$" },
    /// Names of metrics, separated by commas.
    MetricNames = { "type": "string", "pattern": metric_names() },
    /// Seconds, or a number with a unit.
    Interval = { "type": "string", "pattern": "^[1-9][0-9]{0,5}[smhd]?$" },
    /// A whole number of days until a key stops working.
    KeyDays = { "type": "integer", "minimum": 1, "maximum": crate::api_key::EXPIRES_IN_DAYS_MAX,
        "default": crate::api_key::EXPIRES_IN_DAYS_DEFAULT },
    /// A whole number of hours until a registration token stops working.
    TokenHours = { "type": "integer", "minimum": 1, "maximum": crate::registration::EXPIRES_IN_HOURS_MAX,
        "default": crate::registration::EXPIRES_IN_HOURS_DEFAULT },
}
