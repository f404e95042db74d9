//! Small files that are there twice: each copy has a generation and a checksum, the newest valid one counts, and a damaged
//! or missing copy does no harm. Both copies are written each time, so that no single copy is the only one to know.

mod copy;
pub mod heal;
pub mod journal;
pub mod memory;
pub mod own;
pub mod pointer;

use crate::fs::Fs;
use serde::{Serialize, de::DeserializeOwned};
use std::{
    io,
    marker::PhantomData,
    path::{Path, PathBuf},
};

/// Longest copy, in bytes.
pub const COPY_BYTES_MAX: u64 = 1024 * 1024;

/// The two files of one value.
#[derive(Debug)]
pub struct Record<T> {
    folder: PathBuf,
    name: &'static str,
    /// Of the newest valid copy.
    generation: u64,
    value: PhantomData<T>,
}

/// What was read.
#[derive(Debug)]
pub struct Read<T> {
    /// The newest valid copy; none when there is no valid one.
    pub value: Option<T>,
    /// True when a copy is there and cannot be used.
    pub is_damaged: bool,
}

impl<T: Serialize + DeserializeOwned> Record<T> {
    /// Reads `<name>.a` and `<name>.b`.
    pub fn open(fs: &impl Fs, folder: &Path, name: &'static str) -> (Self, Read<T>) {
        let mut record = Self { folder: folder.to_owned(), name, generation: 0, value: PhantomData };
        let mut read = Read { value: None, is_damaged: false };
        for copy in record.copies() {
            match fs.read(&copy, COPY_BYTES_MAX) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(_) => read.is_damaged = true,
                Ok(bytes) => match copy::open::<T>(&bytes) {
                    Some((generation, value)) if read.value.is_none() || generation > record.generation => {
                        record.generation = generation;
                        read.value = Some(value);
                    }
                    Some(_) => {}
                    None => read.is_damaged = true,
                },
            }
        }
        (record, read)
    }

    /// Writes both copies, one after the other; each is on the disk before the next is begun.
    ///
    /// # Errors
    /// Whatever the file system refuses. The value counts as written when one copy is, so an error may lie.
    pub fn write(&mut self, fs: &impl Fs, value: &T) -> io::Result<()> {
        let generation = self.generation + 1;
        let bytes = copy::seal(generation, value).map_err(io::Error::other)?;
        for (copy, is_first) in self.copies().iter().zip([true, false]) {
            let neighbour = copy.with_extension(if is_first { "a.new" } else { "b.new" });
            fs.write_synced(&neighbour, &bytes)?;
            fs.rename(&neighbour, copy)?;
            fs.sync_folder(&self.folder)?;
            self.generation = generation;
        }
        Ok(())
    }

    fn copies(&self) -> [PathBuf; 2] {
        [self.folder.join(format!("{}.a", self.name)), self.folder.join(format!("{}.b", self.name))]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fs::Disk;
    use serde_json::{Value, json};
    use std::fs;

    /// What a value of a later supervisor is to this one, which was put back.
    fn read_back<T: Serialize + DeserializeOwned>(mut later: Value) -> Option<T> {
        let folder = tempfile::tempdir().unwrap();
        later["of_a_later_version"] = json!({ "deep": [1, 2] });
        let (mut record, _) = Record::<Value>::open(&Disk, folder.path(), "r");
        record.write(&Disk, &later).unwrap();
        let (_, read) = Record::<T>::open(&Disk, folder.path(), "r");
        assert!(!read.is_damaged, "{later}");
        read.value
    }

    #[test]
    fn what_a_later_supervisor_added_is_passed_over() {
        let pointer = read_back::<pointer::Pointer>(json!({ "current": "installed", "highest_seq": 7 }));
        assert_eq!(pointer.unwrap().highest_seq, 7);
        let memory = read_back::<memory::Memory>(json!({ "root": "r", "highest_seq": 8, "min_secure": 3 }));
        let memory = memory.unwrap();
        assert_eq!((memory.root.as_deref(), memory.highest_seq, memory.min_secure), (Some("r"), 8, 3));
        let journal = read_back::<journal::Journal>(json!({ "update": null, "reports": [] }));
        assert_eq!(journal, Some(journal::Journal::default()));
        let build = json!({
            "seq": 9, "version": "9.9.0", "build_id": "b", "size_bytes": 1, "sha256": "ab".repeat(32),
            "config_schema": 3, "spool_schema": 2, "of_a_later_version": 1
        });
        let sha256 = "cd".repeat(32);
        let own = json!({ "stage": "placed", "to": build, "from": sha256, "tries": 1, "starts": 2 });
        let own = read_back::<own::Own>(own).unwrap();
        assert_eq!((own.to.seq, own.starts, own.stage), (9, 2, own::OwnStage::Placed));
    }

    #[test]
    fn one_good_copy_is_enough_and_the_newer_one_counts() {
        let folder = tempfile::tempdir().unwrap();
        let open = || Record::<String>::open(&Disk, folder.path(), "r");
        let (mut record, read) = open();
        assert!(read.value.is_none() && !read.is_damaged);
        for text in ["one", "two"] {
            record.write(&Disk, &text.to_owned()).unwrap();
            assert_eq!(open().1.value.as_deref(), Some(text));
        }
        let [a, b] = record.copies();
        let (old, whole) = (fs::read(&a).unwrap(), fs::read(&b).unwrap());
        assert_eq!(old, whole);
        record.write(&Disk, &"three".to_owned()).unwrap();
        for (file, other) in [(&a, &b), (&b, &a)] {
            let whole = fs::read(file).unwrap();
            for damage in [&b""[..], b"reeve-record-1 9 00000000 2\n{}", &whole[..whole.len() - 1]] {
                fs::write(file, damage).unwrap();
                let (_, read) = open();
                assert_eq!((read.value.as_deref(), read.is_damaged), (Some("three"), true));
            }
            // An older copy beside a newer one is no damage.
            fs::write(file, &old).unwrap();
            let (_, read) = open();
            assert_eq!((read.value.as_deref(), read.is_damaged), (Some("three"), false));
            fs::write(file, &whole).unwrap();
            assert_eq!(fs::read(other).unwrap(), whole);
        }
        fs::remove_file(&a).unwrap();
        fs::write(&b, "nonsense").unwrap();
        let (_, read) = open();
        assert!(read.value.is_none() && read.is_damaged);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left beside them");
    }
}
