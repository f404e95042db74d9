//! `reeve-agent register`: turns a registration token into a device.

use crate::{
    arguments::RegisterInput,
    chance, command, facts,
    failure::Failure,
    http::{self, Api, ApiError},
    identity::DeviceKey,
    link::Backoff,
    lock::Lock,
    machine,
    paths::Paths,
    protect,
    registration::Registration,
    timing::Timing,
    tls,
};
use chrono::Utc;
use entity::{
    registration::{RegisterAnswer, RegisterRequest, TOKEN_PREFIX},
    wire,
};
use std::{
    fs,
    io::{self, IsTerminal as _, Read as _},
    path::Path,
    time::Duration,
};
use updater::{
    durable::{Mode, write_atomic},
    exit,
};

/// Tries of a registration that the server has no time for.
const TRIES_MAX: u32 = 6;
/// Longest wait between two of them that the server may ask for.
const BUSY_MAX: Duration = Duration::from_secs(60);
/// Longest token that is read.
const TOKEN_BYTES_MAX: u64 = 1024;

/// Registers this machine.
///
/// # Errors
/// Each with an exit code and a sentence that says what to do.
pub async fn register(paths: &Paths, input: &RegisterInput) -> Result<Registration, Failure> {
    let server_url = http::server_url(&input.server)?;
    protect::prepare(paths)?;
    // What is given up need not be readable; it is kept beside what takes its place.
    let present = if input.replace { None } else { Registration::find(paths)? };
    if let Some(present) = present {
        return Err(Failure::new(
            exit::ALREADY_REGISTERED,
            format!(
                "this machine is registered already, as “{}” ({}) at {}; add --replace to give that up",
                present.device_name, present.device_id, present.server_url
            ),
        ));
    }
    let token = token(input)?;
    let _lock = Lock::take(paths)?;
    if http::is_exposed(&server_url) {
        eprintln!("reeve-agent: {server_url} is not encrypted: everybody on the way can read what is sent");
    }
    keep_ca(paths, input)?;
    let key = key(paths, input.replace)?;
    let request = RegisterRequest {
        token,
        device_public_key: key.public(),
        hostname: machine::hostname(),
        os_type: machine::OS,
        os_architecture: machine::ARCH,
        agent_version: machine::version().to_owned(),
        facts: facts::gather(),
    };
    let api = Api::new(&server_url, &tls::config(paths, &server_url)?, &Timing::default())?;
    let answer = ask(&api, &request).await.map_err(|error| refused(&server_url, &error))?;
    let registration = Registration {
        websocket_url: websocket_url(&server_url, answer.websocket_url),
        server_url,
        device_id: answer.agent_id,
        device_name: answer.device_name,
        business_id: answer.business_id,
        service_location_id: answer.service_location_id,
        settings: answer.settings.bounded(),
        registered_at: Utc::now(),
        command_root: answer.command_root,
        release_root: answer.release_root,
    };
    registration.keep(paths)?;
    forget_former_device(paths);
    Ok(registration)
}

/// Asks the server, again when it has no time: machines that are set up together ask together.
async fn ask(api: &Api, request: &RegisterRequest) -> Result<RegisterAnswer, ApiError> {
    let mut backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(30));
    let mut tries = 1;
    loop {
        let answer = api.post("register", None, request).await;
        let asked = match &answer {
            Err(error) if matches!(error.status(), Some(429 | 503)) => {
                error.retry_after_seconds().unwrap_or(1)
            }
            _ => return answer,
        };
        if tries == TRIES_MAX {
            return answer;
        }
        tries += 1;
        let asked = Duration::from_secs(u64::from(asked)).min(BUSY_MAX);
        let wait = backoff.directed(asked, chance::fresh());
        eprintln!("reeve-agent: the server is busy; the next try is in {} s", wait.as_secs().max(1));
        tokio::time::sleep(wait).await;
    }
}

fn writing(path: &Path, error: &io::Error) -> Failure {
    let hint = if error.kind() == io::ErrorKind::PermissionDenied {
        "; run this as root, or choose another --data-dir"
    } else {
        ""
    };
    Failure::failed(format!("{} cannot be written: {error}{hint}", path.display()))
}

/// Finds the token where it was given: argument, file, environment, standard input.
fn token(input: &RegisterInput) -> Result<String, Failure> {
    let text = match (&input.token, &input.token_file, std::env::var("REEVE_TOKEN")) {
        (Some(token), _, _) => token.clone(),
        (None, Some(path), _) if path.as_os_str() == "-" => read_token(io::stdin().lock())?,
        (None, Some(path), _) => {
            let file = fs::File::open(path);
            read_token(
                file.map_err(|error| Failure::new(exit::USAGE, format!("{}: {error}", path.display())))?,
            )?
        }
        (None, None, Ok(token)) => token,
        (None, None, Err(_)) if !io::stdin().is_terminal() => read_token(io::stdin().lock())?,
        (None, None, Err(_)) => String::new(),
    };
    let text = text.trim();
    if text.is_empty() {
        return Err(Failure::new(
            exit::USAGE,
            "a registration token is needed: give it on standard input, with --token-file or in REEVE_TOKEN",
        ));
    }
    if !text.starts_with(TOKEN_PREFIX) {
        return Err(Failure::new(
            exit::TOKEN_REFUSED,
            format!("a registration token starts with {TOKEN_PREFIX}"),
        ));
    }
    Ok(text.to_owned())
}

fn read_token(from: impl io::Read) -> Result<String, Failure> {
    let mut text = String::new();
    from.take(TOKEN_BYTES_MAX).read_to_string(&mut text).map_err(|error| {
        Failure::new(exit::USAGE, format!("the registration token cannot be read: {error}"))
    })?;
    Ok(text)
}

fn keep_ca(paths: &Paths, input: &RegisterInput) -> Result<(), Failure> {
    let Some(source) = &input.ca_file else {
        return match fs::remove_file(paths.ca()) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(writing(&paths.ca(), &error)),
            _ => Ok(()),
        };
    };
    let pem = fs::read(source)
        .map_err(|error| Failure::new(exit::USAGE, format!("{}: {error}", source.display())))?;
    tls::check(&pem)?;
    write_atomic(&paths.ca(), &pem, Mode::Private).map_err(|error| writing(&paths.ca(), &error))
}

/// A key left by a registration whose answer was lost is used again: the server may already know it.
fn key(paths: &Paths, replace: bool) -> Result<DeviceKey, Failure> {
    let path = paths.key();
    if !replace && path.exists() {
        return DeviceKey::load(&path).map_err(|error| {
            Failure::failed(format!("{}: {error}; remove it and try again", path.display()))
        });
    }
    DeviceKey::make(&path).map_err(|error| writing(&path, &error))
}

fn refused(server_url: &str, error: &ApiError) -> Failure {
    match error {
        ApiError::Unreachable(why) => {
            Failure::new(exit::UNREACHABLE, format!("{server_url} cannot be reached: {why}"))
        }
        ApiError::Refused { status, problem: Some(problem), .. } => {
            let about_the_token =
                matches!(status, 401 | 403 | 404 | 410) || problem.field.as_deref() == Some("token");
            let code = if about_the_token { exit::TOKEN_REFUSED } else { exit::SERVER_REFUSED };
            Failure::new(code, format!("the server refused the registration: {}", problem.detail))
        }
        ApiError::Refused { .. } | ApiError::Unreadable(_) => Failure::new(
            exit::SERVER_REFUSED,
            format!("{server_url} does not answer like a Reeve server ({error}); check the address"),
        ),
    }
}

/// The server's word for its socket is taken only where it does not lower the protection.
fn websocket_url(server_url: &str, answered: String) -> String {
    let encrypted = server_url.starts_with("https:");
    if answered.starts_with("wss://") || (!encrypted && answered.starts_with("ws://")) {
        answered
    } else {
        wire::websocket_url(server_url)
    }
}

/// State and samples belong to the device that this machine was before.
fn forget_former_device(paths: &Paths) {
    let _ = fs::remove_file(paths.state());
    let _ = fs::remove_dir_all(paths.spool());
    command::forget_all(paths);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_socket_is_never_less_protected_than_the_server() {
        let of = |server: &str, answered: &str| websocket_url(server, answered.to_owned());
        assert_eq!(of("https://a", "wss://b/ws"), "wss://b/ws");
        assert_eq!(of("https://a", "ws://b/ws"), "wss://a/ws");
        assert_eq!(of("http://a", "ws://b/ws"), "ws://b/ws");
        assert_eq!(of("http://a", "gopher://b"), "ws://a/ws");
    }
}
