//! What the processes on one database have in common: its name, and the keys that lie beside it. A process with other
//! keys could read no sealed secret and would refuse every token, so it does not start.

use crate::{
    Clock, Error, Result,
    command::signer::{self, Signer, SignerPlace},
    keys::Keys,
    store::{Config, Seal, state},
};
use entity::table::server_state;
use sea_orm::{
    ColumnTrait as _, ConnectionTrait, EntityTrait as _, QueryFilter as _, Set, sea_query::OnConflict,
};
use std::{path::Path, sync::Arc};
use uuid::Uuid;

/// Where the name of the database is kept.
const NAME: &str = "cluster_id";
/// Where the print of a key is kept, followed by the name of its file.
const PRINT: &str = "key_print.";

/// The name and the keys.
pub(crate) struct Cluster {
    pub(crate) name: String,
    pub(crate) keys: Keys,
    pub(crate) seal: Seal,
    pub(crate) signer: Signer,
}

impl Cluster {
    /// Reads the keys below `data_dir`, or makes them for a database that has none yet.
    ///
    /// # Errors
    /// When the keys are not those of this database; says how to get them.
    pub(crate) async fn open(
        db: &impl ConnectionTrait,
        config: &Config,
        clock: Arc<dyn Clock>,
    ) -> Result<Self> {
        let data_dir = &config.data_dir;
        let name = first(db, NAME, &Uuid::new_v4().simple().to_string()).await?;
        for file in [Keys::FILE, Seal::FILE] {
            let known = find(db, &print_of(file)).await?;
            if known.is_some() && !crate::keys::exists(data_dir, file) {
                return Err(other_keys(data_dir, file, "is missing"));
            }
        }
        let place = SignerPlace::of(config);
        if find(db, &print_of(signer::ROOT_FILE)).await?.is_some() && !place.is_there() {
            return Err(other_keys(data_dir, signer::FILE, "is missing"));
        }
        let cluster = Self {
            name,
            keys: Keys::load_or_create(data_dir)?,
            seal: Seal::load_or_create(data_dir)?,
            signer: Signer::load_or_create(place, clock)?,
        };
        for (file, print) in cluster.prints() {
            // Of two that start on a new database at once, the keys of one are taken.
            if first(db, &print_of(file), &print).await? != print {
                return Err(other_keys(data_dir, file, "is not the one"));
            }
        }
        Ok(cluster)
    }

    fn prints(&self) -> [(&'static str, String); 3] {
        [
            (Keys::FILE, self.keys.id.clone()),
            (Seal::FILE, self.seal.print().to_owned()),
            (signer::ROOT_FILE, self.signer.print()),
        ]
    }
}

/// Takes the keys below `data_dir` for those of this database from now on, for when the former ones are lost. What was
/// sealed with them stays closed.
pub(crate) async fn accept_keys(
    db: &impl ConnectionTrait,
    config: &Config,
    clock: Arc<dyn Clock>,
) -> Result<()> {
    let data_dir = &config.data_dir;
    for (file, print) in [
        (Keys::FILE, Keys::load_or_create(data_dir)?.id),
        (Seal::FILE, Seal::load_or_create(data_dir)?.print().to_owned()),
        (signer::ROOT_FILE, Signer::load_or_create(SignerPlace::of(config), clock)?.print()),
    ] {
        state::keep(db, &print_of(file), &print).await?;
    }
    Ok(())
}

fn print_of(file: &str) -> String {
    format!("{PRINT}{file}")
}

/// What is kept under a name; `value` if nothing was.
async fn first(db: &impl ConnectionTrait, name: &str, value: &str) -> Result<String> {
    if let Some(kept) = find(db, name).await? {
        return Ok(kept);
    }
    let row = server_state::ActiveModel { name: Set(name.to_owned()), value: Set(value.to_owned()) };
    server_state::Entity::insert(row)
        .on_conflict(OnConflict::column(server_state::Column::Name).do_nothing().to_owned())
        .exec_without_returning(db)
        .await?;
    find(db, name).await?.ok_or_else(|| Error::Internal(format!("the server's state has no {name}")))
}

async fn find(db: &impl ConnectionTrait, name: &str) -> Result<Option<String>> {
    let row = server_state::Entity::find().filter(server_state::Column::Name.eq(name)).one(db).await?;
    Ok(row.map(|row| row.value))
}

fn other_keys(data_dir: &Path, file: &str, what: &str) -> Error {
    let folder = data_dir.join("keys");
    Error::Internal(format!(
        "the key {} {what} that this database was set up with. Every server on one database needs the same keys: copy \
         the folder keys from the data folder of a server that works, or from a backup, to {} and start again. The keys that \
         sign commands are in a backup only if it was taken with --with-command-keys; a copy of {} alone is enough. Where \
         the keys are lost for good, `reeve accept-keys` goes on with new ones: agents then sign in anew by themselves, \
         people add their authenticator apps again, and devices do what they are told once they are registered anew",
        folder.join(file).display(),
        folder.display(),
        signer::ROOT_FILE
    ))
}
