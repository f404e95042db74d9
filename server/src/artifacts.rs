//! Where the files of releases lie: a folder, or a bucket of S3 or Azure Blob. Each file is written beside its place and
//! put there when it is whole.

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use domain::artifact_store::{ArtifactBytes, ArtifactStore, ArtifactWriter, StoreFault};
use entity::release::Sha256Hex;
use futures::{StreamExt as _, TryStreamExt as _};
use object_store::{
    GetOptions, GetRange, MultipartUpload, ObjectStore, ObjectStoreExt as _, aws::AmazonS3Builder,
    azure::MicrosoftAzureBuilder, local::LocalFileSystem, path::Path as ObjectPath,
};
use std::{
    fs, io,
    ops::Range,
    path::{Path, PathBuf},
    str::FromStr,
    sync::Arc,
    time::{Duration, SystemTime},
};

/// Bytes of one part: the least that S3 takes, and what a file on its way takes in memory.
const PART_BYTES: usize = 5 * 1024 * 1024;
/// Below this folder, so that whatever else is in a bucket stays apart.
const FOLDER: &str = "sha256";
/// A part of a file that nobody has written to for so long is of an upload that was killed.
const ABANDONED_AFTER: Duration = Duration::from_secs(24 * 60 * 60);

/// Where the files lie, as a setting says it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ArtifactsAt {
    /// A folder.
    Folder(PathBuf),
    /// `s3://bucket/prefix`; everything else comes from the environment (`AWS_…`).
    S3(String),
    /// `az://container/prefix`; everything else comes from the environment (`AZURE_…`).
    Azure(String),
}

/// A setting that names no place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be a folder, s3://bucket/prefix or az://container/prefix")]
pub struct NoPlace;

impl FromStr for ArtifactsAt {
    type Err = NoPlace;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let named = |rest: &str| !rest.split('/').next().unwrap_or_default().is_empty();
        match text.split_once("://") {
            None if !text.trim().is_empty() => Ok(Self::Folder(text.into())),
            Some(("s3", rest)) if named(rest) => Ok(Self::S3(text.to_owned())),
            Some(("az", rest)) if named(rest) => Ok(Self::Azure(text.to_owned())),
            _ => Err(NoPlace),
        }
    }
}

/// The store behind the setting.
pub struct Artifacts {
    store: Arc<dyn ObjectStore>,
    prefix: ObjectPath,
    place: String,
}

impl Artifacts {
    /// Opens the place; a folder is made when it is missing, and what killed uploads left in it is taken away.
    ///
    /// # Errors
    /// When it cannot be opened. A bucket is not asked anything yet.
    pub fn open(at: &ArtifactsAt, now: SystemTime) -> anyhow::Result<Self> {
        if let ArtifactsAt::Folder(folder) = at {
            let own = folder.join(FOLDER);
            make_private(&own)?;
            sweep(&own, now)?;
        }
        Self::open_for_reading(at)
    }

    /// Opens the place and changes nothing there. A folder that is not there holds no file.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub fn open_for_reading(at: &ArtifactsAt) -> anyhow::Result<Self> {
        Self::open_with(
            at,
            std::env::vars_os()
                .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?))),
        )
    }

    /// The same with the variables that say where a bucket is and who may use it, instead of those of the environment.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub fn open_with(
        at: &ArtifactsAt,
        variables: impl Iterator<Item = (String, String)>,
    ) -> anyhow::Result<Self> {
        crate::web::choose_tls();
        Ok(match at {
            ArtifactsAt::Folder(folder) => {
                let whole = std::path::absolute(folder)?;
                Self {
                    // What is finished survives a power cut.
                    store: Arc::new(LocalFileSystem::new().with_fsync(true)),
                    prefix: ObjectPath::from_absolute_path(whole.join(FOLDER))?,
                    place: folder.display().to_string(),
                }
            }
            ArtifactsAt::S3(url) => {
                let known = known(variables, "AWS_");
                let builder = known.fold(AmazonS3Builder::new().with_url(url), |builder, (key, value)| {
                    builder.with_config(key, value)
                });
                Self::bucket(Arc::new(builder.build()?), url)
            }
            ArtifactsAt::Azure(url) => {
                let known = known(variables, "AZURE_");
                let builder = known
                    .fold(MicrosoftAzureBuilder::new().with_url(url), |builder, (key, value)| {
                        builder.with_config(key, value)
                    });
                Self::bucket(Arc::new(builder.build()?), url)
            }
        })
    }

    fn bucket(store: Arc<dyn ObjectStore>, url: &str) -> Self {
        let rest = url.split_once("://").map_or("", |(_, rest)| rest);
        let prefix = rest.split_once('/').map_or("", |(_, prefix)| prefix);
        let parts = prefix.split('/').chain([FOLDER]).filter(|part| !part.is_empty());
        Self { store, prefix: parts.collect(), place: url.to_owned() }
    }

    fn path(&self, sha256: &Sha256Hex) -> ObjectPath {
        self.prefix.clone().join(sha256.as_str())
    }
}

/// The variables of a kind that its keys know.
fn known<K: FromStr>(
    variables: impl Iterator<Item = (String, String)>,
    prefix: &str,
) -> impl Iterator<Item = (K, String)> {
    variables
        .filter(move |(name, _)| name.starts_with(prefix))
        .filter_map(|(name, value)| Some((name.to_ascii_lowercase().parse().ok()?, value)))
}

#[async_trait]
impl ArtifactStore for Artifacts {
    async fn put(&self, sha256: &Sha256Hex) -> Result<Box<dyn ArtifactWriter>, StoreFault> {
        let (store, path) = (Arc::clone(&self.store), self.path(sha256));
        let upload = store.put_multipart(&path).await.map_err(fault)?;
        Ok(Box::new(Writer { store, path, upload: Some(upload), part: BytesMut::new(), size: 0 }))
    }

    async fn get(&self, sha256: &Sha256Hex, range: Range<u64>) -> Result<ArtifactBytes, StoreFault> {
        if range.is_empty() {
            return Ok(futures::stream::empty().boxed());
        }
        let options = GetOptions { range: Some(GetRange::Bounded(range)), ..GetOptions::default() };
        let found = self.store.get_opts(&self.path(sha256), options).await.map_err(fault)?;
        Ok(found.into_stream().map_err(fault).boxed())
    }

    async fn size(&self, sha256: &Sha256Hex) -> Result<Option<u64>, StoreFault> {
        match self.store.head(&self.path(sha256)).await {
            Ok(about) => Ok(Some(about.size)),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(fault(error)),
        }
    }

    fn place(&self) -> String {
        self.place.clone()
    }
}

/// A file on its way, a part at a time.
struct Writer {
    store: Arc<dyn ObjectStore>,
    path: ObjectPath,
    upload: Option<Box<dyn MultipartUpload>>,
    part: BytesMut,
    /// Bytes that were written.
    size: u64,
}

impl Writer {
    async fn send(&mut self, part: Bytes) -> Result<(), StoreFault> {
        match &mut self.upload {
            Some(upload) => upload.put_part(part.into()).await.map_err(fault),
            None => Ok(()),
        }
    }
}

#[async_trait]
impl ArtifactWriter for Writer {
    async fn write(&mut self, bytes: Bytes) -> Result<(), StoreFault> {
        self.size += bytes.len() as u64;
        self.part.extend_from_slice(&bytes);
        while self.part.len() >= PART_BYTES {
            let part = self.part.split_to(PART_BYTES).freeze();
            self.send(part).await?;
        }
        Ok(())
    }

    async fn finish(mut self: Box<Self>) -> Result<(), StoreFault> {
        let last = self.part.split().freeze();
        if !last.is_empty() {
            self.send(last).await?;
        }
        if let Some(upload) = &mut self.upload {
            let completed = upload.complete().await.map_err(fault);
            // Azure forgets the parts of everybody else when one of two that bring the same file is done. The name is the
            // digest of what is in it, so that what is there now is this file.
            if let Err(error) = completed {
                let there = self.store.head(&self.path).await;
                if !there.is_ok_and(|about| about.size == self.size) {
                    return Err(error);
                }
            }
        }
        self.upload = None;
        Ok(())
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        if let Some(mut upload) = self.upload.take()
            && let Ok(runtime) = tokio::runtime::Handle::try_current()
        {
            // What cannot be taken away now is by the bucket's own rules, or at the next start.
            runtime.spawn(async move { upload.abort().await });
        }
    }
}

fn make_private(folder: &Path) -> anyhow::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder).map_err(|error| anyhow::anyhow!("{}: {error}", folder.display()))
}

/// Takes away what killed uploads left: `<digest>#<number>`, by the names that the store writes under.
fn sweep(folder: &Path, now: SystemTime) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let is_part = entry.file_name().to_string_lossy().contains('#');
        let age = entry
            .metadata()
            .and_then(|about| about.modified())
            .ok()
            .and_then(|at| now.duration_since(at).ok());
        if is_part && age.is_some_and(|age| age > ABANDONED_AFTER) {
            match fs::remove_file(entry.path()) {
                // Another server that shares the folder was faster.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                done => done?,
            }
        }
    }
    Ok(())
}

fn fault(error: object_store::Error) -> StoreFault {
    if matches!(error, object_store::Error::NotFound { .. }) {
        return StoreFault::Missing;
    }
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(&error);
    while let Some(inner) = cause {
        if let Some(error) = inner.downcast_ref::<io::Error>()
            && is_full(error)
        {
            return StoreFault::Full;
        }
        cause = inner.source();
    }
    StoreFault::Failed(error.to_string())
}

fn is_full(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_a_folder_or_a_bucket() {
        let read = |text: &str| text.parse::<ArtifactsAt>();
        assert_eq!(
            read("/var/lib/reeve/artifacts"),
            Ok(ArtifactsAt::Folder("/var/lib/reeve/artifacts".into()))
        );
        assert_eq!(read("s3://releases/reeve"), Ok(ArtifactsAt::S3("s3://releases/reeve".to_owned())));
        assert_eq!(read("az://releases"), Ok(ArtifactsAt::Azure("az://releases".to_owned())));
        for text in ["", " ", "s3://", "s3:///prefix", "gs://bucket", "https://bucket.example.com"] {
            assert_eq!(read(text), Err(NoPlace), "{text:?}");
        }
    }
}
