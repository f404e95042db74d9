//! Writing a build stamp into a copy of a program, so that a build can be named after it was made.

use crate::{
    arguments::StampFile,
    file::{self, Readers},
    say,
};
use anyhow::{Context as _, Result, bail};
use entity::release::{BUILD_ID_MAX, Sha256Hex, is_build_id, stamp::Stamp};

/// `stamp`.
pub fn stamp(given: &StampFile) -> Result<()> {
    if !is_build_id(&given.build_id) {
        bail!("--build-id: must be 1 to {BUILD_ID_MAX} printable characters without spaces");
    }
    let shown = given.file.display();
    let mut program = file::program(&given.file)?;
    let stamp = Stamp {
        version: given.version.to_string(),
        seq: given.seq,
        build_id: given.build_id.clone(),
        build_time: given.build_time,
    };
    stamp.write(&mut program).with_context(|| format!("{shown}"))?;
    file::create(&given.out, &program, Readers::Program)?;
    say(&format!("{}  {}", Sha256Hex::of(&program), given.out.display()))
}
