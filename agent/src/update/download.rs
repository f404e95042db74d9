//! Fetches an artifact into its staging file: from where it ends on, never more than the signed size, and not for ever.
//! Nothing of it is believed here; the supervisor looks at size, digest and signature.

use super::{channel::Out, server::Server};
use crate::{
    chance,
    http::{self, ApiError},
    link::Backoff,
    token::DeviceError,
};
use entity::release::{Reason, Sha256Hex};
use reqwest::{
    Response, StatusCode,
    header::{CONTENT_LENGTH, CONTENT_RANGE},
};
use std::{
    fs::{File, OpenOptions},
    io::{self, ErrorKind, Seek as _, SeekFrom, Write as _},
    path::{Path, PathBuf},
    time::Duration,
};
use tokio::{
    task::spawn_blocking,
    time::{Instant, sleep, timeout, timeout_at},
};
use updater::channel::ToSupervisor;

/// Progress is told every so many bytes.
const TELL_BYTES: u64 = 4 * 1024 * 1024;

/// How patient a download is.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// All of it may take so long.
    pub longest: Duration,
    /// From a request to the first words of its answer.
    pub answer: Duration,
    /// Within this time ...
    pub window: Duration,
    /// ... so many bytes have to come.
    pub window_bytes: u64,
    /// Tries in a row that bring nothing.
    pub tries: u32,
    /// The longest first wait between two of them, and the longest.
    pub waits: (Duration, Duration),
}

impl Patience {
    /// The usual: 1 KiB a second over a minute at least.
    pub const USUAL: Self = Self {
        longest: Duration::from_secs(6 * 3_600),
        answer: Duration::from_secs(30),
        window: Duration::from_secs(60),
        window_bytes: 60 * 1024,
        tries: 8,
        waits: (Duration::from_secs(2), Duration::from_secs(300)),
    };
}

/// What is to be fetched.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// Its digest, which is its name.
    pub sha256: Sha256Hex,
    /// Bytes in all.
    pub size_bytes: u64,
}

/// Why it could not be fetched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotFetched {
    /// In a word.
    pub reason: Reason,
    /// In words.
    pub detail: String,
}

impl NotFetched {
    fn new(reason: Reason, detail: impl Into<String>) -> Self {
        Self { reason, detail: detail.into() }
    }

    fn disk(error: &io::Error) -> Self {
        let is_full = matches!(
            error.kind(),
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge
        );
        Self::new(if is_full { Reason::DiskFull } else { Reason::FsFault }, error.to_string())
    }
}

/// How one try ended that did not bring all of it.
enum Trouble {
    /// It may be otherwise the next time.
    Again { detail: String },
    /// The server has no time; it may have said for how long.
    Later { seconds: Option<u32>, detail: String },
    /// That is the end.
    Over(NotFetched),
}

impl Trouble {
    fn again(detail: impl Into<String>) -> Self {
        Self::Again { detail: detail.into() }
    }
}

impl From<io::Error> for Trouble {
    fn from(error: io::Error) -> Self {
        Self::Over(NotFetched::disk(&error))
    }
}

impl From<DeviceError> for Trouble {
    fn from(error: DeviceError) -> Self {
        match error {
            DeviceError::Api(ApiError::Refused { status: 429 | 503, retry_after_seconds, .. }) => {
                Self::Later { seconds: retry_after_seconds, detail: "the server has no time".to_owned() }
            }
            other => Self::again(other.to_string()),
        }
    }
}

/// Fetches it.
///
/// # Errors
/// Says why it gave up.
pub async fn fetch(
    server: &Server,
    staging: &Path,
    wanted: &Wanted,
    patience: &Patience,
    out: &Out,
) -> Result<(), NotFetched> {
    let until = Instant::now() + patience.longest;
    let mut waits = Backoff::new(patience.waits.0, patience.waits.1);
    let mut tries = 0;
    let mut reached = 0;
    loop {
        let mut part = Part::open(staging, wanted)?;
        let trouble = match part.go_on(server, wanted, patience, out).await {
            Ok(()) => return part.settle().await,
            Err(trouble) => trouble,
        };
        let (wait, detail) = match trouble {
            Trouble::Over(given_up) => return Err(given_up),
            Trouble::Later { seconds, detail } => {
                let asked = Duration::from_secs(u64::from(seconds.unwrap_or_default()));
                (waits.directed(asked, chance::fresh()), detail)
            }
            Trouble::Again { detail } => {
                if part.bytes > reached {
                    (reached, tries) = (part.bytes, 0);
                    waits.reset();
                }
                tries += 1;
                if tries >= patience.tries {
                    return Err(NotFetched::new(Reason::DownloadFailed, detail));
                }
                (waits.next(chance::fresh()), detail)
            }
        };
        if Instant::now() + wait >= until {
            return Err(NotFetched::new(
                Reason::DownloadFailed,
                format!("it took too long; at last: {detail}"),
            ));
        }
        tracing::debug!(detail, bytes = part.bytes, "a download goes on in {} s", wait.as_secs());
        sleep(wait).await;
    }
}

/// The staging file.
struct Part {
    file: File,
    path: PathBuf,
    bytes: u64,
}

impl Part {
    /// Makes it, or opens what an earlier try left, when that is a file of ours alone.
    fn open(staging: &Path, wanted: &Wanted) -> Result<Self, NotFetched> {
        let path = staging.join(format!("{}.part", wanted.sha256));
        let file = match open(&path, true) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => open(&path, false),
            other => other,
        };
        let file = file.map_err(|error| {
            let is_no_file = path.symlink_metadata().is_ok_and(|found| !found.is_file());
            if is_no_file || matches!(error.kind(), ErrorKind::PermissionDenied | ErrorKind::NotFound) {
                NotFetched::new(Reason::UnsafeDirectory, format!("{}: {error}", path.display()))
            } else {
                NotFetched::disk(&error)
            }
        })?;
        let found = file.metadata().map_err(|error| NotFetched::disk(&error))?;
        if !is_ours_alone(&found) {
            let detail = format!("{} is not a file of the agent's alone", path.display());
            return Err(NotFetched::new(Reason::UnsafeDirectory, detail));
        }
        let mut part = Self { file, path, bytes: found.len() };
        if part.bytes > wanted.size_bytes {
            part.begin_anew().map_err(|error| NotFetched::disk(&error))?;
        }
        Ok(part)
    }

    fn begin_anew(&mut self) -> io::Result<()> {
        self.file.set_len(0)?;
        self.bytes = 0;
        Ok(())
    }

    /// One request: everything that is missing, as far as it comes.
    async fn go_on(
        &mut self,
        server: &Server,
        wanted: &Wanted,
        patience: &Patience,
        out: &Out,
    ) -> Result<(), Trouble> {
        if self.bytes == wanted.size_bytes {
            return Ok(());
        }
        let path = format!("artifacts/sha256/{}", wanted.sha256);
        let opening = async { server.lock().await.open(&path, self.bytes, patience.longest).await };
        let opened = timeout(patience.answer, opening).await;
        let answer = match opened.map_err(|_| Trouble::again("the server did not answer in time"))? {
            Err(DeviceError::Api(error)) if error.status() == Some(416) => {
                self.begin_anew()?;
                return Err(Trouble::again("the server has less than is here: begun anew"));
            }
            other => other?,
        };
        self.begins_here(&answer, wanted)?;
        self.take(answer, wanted, patience, out).await
    }

    /// Is this the rest of the file? Whatever stands between can answer something of its own; its length gives it away.
    fn begins_here(&mut self, answer: &Response, wanted: &Wanted) -> Result<(), Trouble> {
        let header = |name| answer.headers().get(name).and_then(|value| value.to_str().ok());
        let expected = match answer.status() {
            // A server without parts.
            StatusCode::OK => wanted.size_bytes,
            StatusCode::PARTIAL_CONTENT => {
                let size = wanted.size_bytes;
                let expected = format!("bytes {}-{}/{size}", self.bytes, size.saturating_sub(1));
                if header(CONTENT_RANGE) != Some(expected.as_str()) {
                    return Err(Trouble::again(format!(
                        "the server answered another part ({})",
                        header(CONTENT_RANGE).unwrap_or("without a range")
                    )));
                }
                size - self.bytes
            }
            other => return Err(Trouble::again(format!("the server answered {other}"))),
        };
        let length = header(CONTENT_LENGTH).and_then(|length| length.parse::<u64>().ok());
        if length != Some(expected) {
            let seen = length.map_or_else(|| "no length".to_owned(), |length| format!("{length} bytes"));
            return Err(Trouble::again(format!("what was answered is not the file ({seen})")));
        }
        if expected == wanted.size_bytes {
            self.begin_anew()?;
        }
        Ok(())
    }

    async fn take(
        &mut self,
        mut answer: Response,
        wanted: &Wanted,
        patience: &Patience,
        out: &Out,
    ) -> Result<(), Trouble> {
        self.file.seek(SeekFrom::Start(self.bytes))?;
        let (mut window_ends, mut window_from) = (Instant::now() + patience.window, self.bytes);
        let mut told = self.bytes;
        while self.bytes < wanted.size_bytes {
            let chunk = match timeout_at(window_ends, answer.chunk()).await {
                Ok(Ok(Some(chunk))) => chunk,
                Ok(Ok(None)) => return Err(Trouble::again("the file ended too early")),
                Ok(Err(error)) => return Err(Trouble::again(http::reason(&error))),
                Err(_) => {
                    if self.bytes - window_from < patience.window_bytes {
                        return Err(Trouble::again("the server sends too slowly"));
                    }
                    (window_ends, window_from) = (Instant::now() + patience.window, self.bytes);
                    continue;
                }
            };
            if chunk.len() as u64 > wanted.size_bytes - self.bytes {
                return Err(Trouble::Over(NotFetched::new(
                    Reason::SizeMismatch,
                    "the server sends more than the release says",
                )));
            }
            self.file.write_all(&chunk)?;
            self.bytes += chunk.len() as u64;
            if self.bytes - told >= TELL_BYTES {
                told = self.bytes;
                tracing::info!(bytes = told, of = wanted.size_bytes, "the new version is being downloaded");
                out.say(&ToSupervisor::Progress { sha256: wanted.sha256.clone(), bytes: told });
            }
        }
        Ok(())
    }

    /// All of it is here: it stays, whatever happens to the machine.
    async fn settle(self) -> Result<(), NotFetched> {
        let Self { file, path, .. } = self;
        let synced = spawn_blocking(move || {
            file.sync_all()?;
            updater::durable::sync_folder_of(&path)
        });
        match synced.await {
            Ok(Err(error)) => Err(NotFetched::disk(&error)),
            // It fails only when the agent is ending.
            Ok(Ok(())) | Err(_) => Ok(()),
        }
    }
}

fn open(path: &Path, is_new: bool) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(is_new);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
        options.mode(0o600).custom_flags(i32::try_from(flags.bits()).unwrap_or_default());
    }
    #[cfg(windows)]
    {
        use std::os::windows::fs::OpenOptionsExt as _;
        /// `FILE_FLAG_OPEN_REPARSE_POINT`: a link is opened itself, and is then no file of ours.
        const NO_FOLLOW: u32 = 0x0020_0000;
        options.custom_flags(NO_FOLLOW);
    }
    options.open(path)
}

/// A file, of this user, that nobody else can enter by its rights or by another name.
fn is_ours_alone(found: &std::fs::Metadata) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt as _;
        found.is_file()
            && found.nlink() == 1
            && found.mode() & 0o077 == 0
            && found.uid() == rustix::process::geteuid().as_raw()
    }
    // Who may enter the folder is looked at there.
    #[cfg(not(unix))]
    found.is_file()
}

#[cfg(test)]
mod tests;
