//! Where a server's data is, for the commands that work on it beside the server or before its first start.

use crate::{
    config,
    setting::{Data, DatabaseUrl, PublicUrl},
};
use anyhow::{Context, Result, ensure};
use domain::{Store, clock::SystemClock};
use std::{
    fs,
    io::Write as _,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    sync::Arc,
};

/// Where `reeve serve` listens when it is not told otherwise.
const LISTEN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8080);

impl Data {
    /// The file of the embedded database.
    pub(super) fn file(&self) -> PathBuf {
        self.data_dir.join("reeve.db")
    }

    /// The address of a database that is there or will be made.
    pub(super) fn url_to_make(&self) -> String {
        match &self.database_url {
            Some(DatabaseUrl(url)) => url.clone(),
            None => format!("sqlite://{}?mode=rwc", self.file().display()),
        }
    }

    /// The address of a database that is there already.
    ///
    /// # Errors
    /// When there is none in the data folder.
    pub(super) fn url_of_existing(&self) -> Result<String> {
        match &self.database_url {
            Some(DatabaseUrl(url)) => Ok(url.clone()),
            None => {
                let file = self.file();
                ensure!(
                    file.is_file(),
                    "there is no database at {}; say where it is with --data-dir or --database-url",
                    file.display()
                );
                Ok(format!("sqlite://{}?mode=rw", file.display()))
            }
        }
    }

    /// Where people reach the server; `listen` where nobody says.
    pub(super) fn public_url_or(&self, listen: Option<SocketAddr>, is_tls: bool) -> String {
        match &self.public_url {
            Some(PublicUrl(url)) => url.clone(),
            None => config::default_public_url(listen.unwrap_or(LISTEN), is_tls),
        }
    }

    /// Opens what is there already; makes nothing new.
    ///
    /// # Errors
    /// When it is not there or cannot be opened.
    pub(super) async fn open_existing(&self) -> Result<Store> {
        let folder = self.data_dir.display();
        ensure!(self.data_dir.is_dir(), "there is no data folder {folder}; say where it is with --data-dir");
        self.open(self.url_of_existing()?).await
    }

    /// Opens it, or makes it.
    ///
    /// # Errors
    /// When neither can be done.
    pub(super) async fn open_or_make(&self) -> Result<Store> {
        make_private_folder(&self.data_dir)?;
        self.open(self.url_to_make()).await
    }

    async fn open(&self, database_url: String) -> Result<Store> {
        let config = domain::Config {
            database_url,
            data_dir: self.data_dir.clone(),
            public_url: self.public_url_or(None, false),
            command_key_file: self.command_key_file.clone(),
        };
        Store::open(config, Arc::new(SystemClock)).await.context("cannot open the database")
    }
}

/// Makes a folder that only its owner may enter.
pub(super) fn make_private_folder(folder: &Path) -> Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder).with_context(|| format!("cannot make the data folder {}", folder.display()))
}

/// Writes a file that only its owner may read.
pub(super) fn write_private(file: &Path, text: &str) -> Result<()> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let write = || options.open(file)?.write_all(text.as_bytes());
    write().with_context(|| format!("cannot write {}", file.display()))
}
