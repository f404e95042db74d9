//! The portal's files: WASM and its loader, the style sheet, what lies in `public/`.

use crate::{
    need,
    step::{cargo, root, run, step, target},
};
use anyhow::{Context, Result, anyhow};
use std::{
    collections::BTreeMap,
    fs,
    hash::{DefaultHasher, Hasher},
    io::Write as _,
    path::{Path, PathBuf},
};
use wasm_bindgen_cli_support::Bindgen;

/// What the bundle is called; `.cargo/config.toml` tells Leptos the same.
const NAME: &str = "reeve";
/// Changes when what is made of the same input does.
const FORMAT: u32 = 4;
/// What fetches the parts; Leptos knows it by this name.
const LOADER: &str = "__wasm_split.______________________.js";
/// Stands before it, and fetches for it: a part that does not come at once is asked for again.
const PATIENCE: &str = include_str!("part_loader.js");
/// Which parts each page needs; Leptos knows it by this name.
const MANIFEST: &str = "__wasm_split_manifest.json";
const TARGET: &str = "wasm32-unknown-unknown";

/// How the WASM is built.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Profile {
    /// Small and quick to load; takes minutes when cold.
    Release,
    /// Quick to build.
    Dev,
}

impl Profile {
    const fn name(self) -> &'static str {
        match self {
            Self::Release => "wasm-release",
            Self::Dev => "wasm-dev",
        }
    }
}

/// Where the files are put.
pub fn site() -> PathBuf {
    target().join("site")
}

/// Builds all files.
pub fn build(profile: Profile) -> Result<()> {
    need::wasm_target()?;
    step(&format!("building the portal for browsers ({})", profile.name()), || run(&mut compile(profile)))?;
    step("writing target/site", || {
        let pkg = site().join("pkg");
        fs::create_dir_all(&pkg)?;
        public(&root().join("public"), &site())?;
        let css = style(&root().join("style/main.css"))?;
        write(&pkg.join(format!("{NAME}.css")), css.as_bytes(), profile)?;
        bind(profile, &pkg)
    })?;
    sizes(&site().join("pkg"))
}

fn compile(profile: Profile) -> std::process::Command {
    let mut cargo = cargo();
    cargo.args(["build", "-p", "frontend", "--lib", "--target", TARGET, "--profile", profile.name()]);
    cargo
}

/// Makes what browsers load out of what cargo built, unless that has not changed.
fn bind(profile: Profile, pkg: &Path) -> Result<()> {
    let input = target().join(TARGET).join(profile.name()).join("frontend.wasm");
    let bytes = fs::read(&input).with_context(|| format!("cannot read {}", input.display()))?;
    let mut hash = DefaultHasher::new();
    hash.write(&bytes);
    let stamp = format!("{} {FORMAT} {:016x}", profile.name(), hash.finish());
    let stamp_file = target().join("site.stamp");
    let wasm = pkg.join(format!("{NAME}.wasm"));
    if wasm.exists() && fs::read_to_string(&stamp_file).is_ok_and(|former| former == stamp) {
        return Ok(());
    }
    let out = target().join("bindgen");
    fs::create_dir_all(&out)?;
    let parts = cut(&bytes, &out)?;
    let mut bindgen = Bindgen::new();
    bindgen.input_path(&parts.main).out_name(NAME).web(true)?.typescript(false);
    // The parts find what they need of the main module by these names.
    bindgen.keep_lld_exports(true).demangle(false);
    if profile == Profile::Release {
        bindgen.remove_name_section(true).remove_producers_section(true);
    }
    bindgen.generate(&out)?;
    // Parts of a former build would be served, and counted, for ever.
    for entry in fs::read_dir(pkg)? {
        let file = entry?.path();
        if file.extension().is_some_and(|extension| extension != "css")
            && !file.to_string_lossy().contains(".css.")
        {
            fs::remove_file(file)?;
        }
    }
    write(&pkg.join(format!("{NAME}.js")), &fs::read(out.join(format!("{NAME}.js")))?, profile)?;
    write(&wasm, &fs::read(out.join(format!("{NAME}_bg.wasm")))?, profile)?;
    for file in &parts.others {
        let bytes = fs::read(file)?;
        let is_wasm = file.extension().is_some_and(|extension| extension == "wasm");
        let bytes = if is_wasm && profile == Profile::Release { without_names(&bytes)? } else { bytes };
        write(&pkg.join(file.file_name().context("a part has a name")?), &bytes, profile)?;
    }
    Ok(fs::write(stamp_file, stamp)?)
}

/// The main module and the parts that are fetched when a page needs them.
struct Parts {
    main: PathBuf,
    /// The parts, what loads them, and the list of which page needs which.
    others: Vec<PathBuf>,
}

/// Cuts the bundle where the portal says (`app/src/part.rs`).
fn cut(bytes: &[u8], out: &Path) -> Result<Parts> {
    let main = out.join("main.wasm");
    let link = format!("./{LOADER}");
    let main_module = format!("./{NAME}.js");
    let mut options = wasm_split_cli_support::Options::new(bytes);
    options.output_dir = out;
    options.main_out_path = &main;
    options.main_module = &main_module;
    options.link_name = &link;
    let split = wasm_split_cli_support::transform(options)
        .map_err(|error| anyhow!("cannot cut the bundle: {error:?}"))?;
    let loader = out.join(LOADER);
    let text = fs::read_to_string(&loader)?;
    fs::write(&loader, format!("{PATIENCE}{text}"))?;
    let manifest = out.join(MANIFEST);
    fs::write(&manifest, serde_json::to_vec(&split.prefetch_map)?)?;
    let mut others = split.split_modules;
    others.push(loader);
    others.push(manifest);
    Ok(Parts { main, others })
}

/// A module without its custom sections: the names of its functions are half of it.
fn without_names(module: &[u8]) -> Result<Vec<u8>> {
    const CUSTOM: u8 = 0;
    const HEADER: usize = 8;
    let mut rest = module.get(HEADER..).context("no module")?;
    let mut kept = module[..HEADER].to_vec();
    while let [kind, after @ ..] = rest {
        // The length is a LEB128 number.
        let digits =
            after.iter().take(5).position(|byte| byte & 0x80 == 0).context("a section has a length")? + 1;
        let length =
            after[..digits].iter().rev().fold(0_usize, |sum, byte| sum << 7 | usize::from(byte & 0x7f));
        let whole = rest.get(..1 + digits + length).context("a section ends early")?;
        if *kind != CUSTOM {
            kept.extend_from_slice(whole);
        }
        rest = &rest[whole.len()..];
    }
    Ok(kept)
}

/// Writes a file, and for release beside it what the server sends to browsers that take compressed files.
fn write(file: &Path, bytes: &[u8], profile: Profile) -> Result<()> {
    fs::write(file, bytes)?;
    let beside = |suffix: &str| PathBuf::from(format!("{}.{suffix}", file.display()));
    if profile == Profile::Dev {
        for suffix in ["br", "gz"] {
            // A compressed file of an older build would be served in place of this one.
            match fs::remove_file(beside(suffix)) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error.into()),
                _ => {}
            }
        }
        return Ok(());
    }
    let mut brotli = brotli::CompressorWriter::new(fs::File::create(beside("br"))?, 1 << 16, 11, 22);
    brotli.write_all(bytes)?;
    brotli.flush()?;
    let mut gzip =
        flate2::write::GzEncoder::new(fs::File::create(beside("gz"))?, flate2::Compression::best());
    gzip.write_all(bytes)?;
    gzip.finish()?;
    Ok(())
}

/// The style sheet with everything that it imports in place.
fn style(file: &Path) -> Result<String> {
    let text = fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    let mut whole = String::with_capacity(text.len());
    for line in text.lines() {
        match imported(line) {
            Some(name) => whole.push_str(&style(&file.with_file_name(name))?),
            None => {
                whole.push_str(line);
                whole.push('\n');
            }
        }
    }
    Ok(whole)
}

fn imported(line: &str) -> Option<&str> {
    let name = line.trim().strip_prefix("@import")?.trim().strip_suffix(';')?.trim();
    let name = name.strip_prefix("url(").and_then(|name| name.strip_suffix(')')).unwrap_or(name);
    Some(name.trim_matches(['"', '\'']))
}

/// Copies a folder with all that is in it.
fn public(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from).with_context(|| format!("cannot read {}", from.display()))? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            public(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}

fn sizes(pkg: &Path) -> Result<()> {
    for extension in ["wasm", "js", "css"] {
        let file = pkg.join(format!("{NAME}.{extension}"));
        let kilobytes = |length: u64| length.div_ceil(1000);
        let raw = fs::metadata(&file)?.len();
        let brotli = fs::metadata(pkg.join(format!("{NAME}.{extension}.br"))).ok();
        let brotli =
            brotli.map_or_else(String::new, |file| format!(", {} kB as brotli", kilobytes(file.len())));
        eprintln!("xtask:   {NAME}.{extension}: {} kB{brotli}", kilobytes(raw));
    }
    let manifest: BTreeMap<String, Vec<String>> = serde_json::from_slice(&fs::read(pkg.join(MANIFEST))?)?;
    for (part, files) in manifest {
        let lengths = files.iter().map(|file| {
            let compressed = fs::metadata(pkg.join(format!("{file}.wasm.br")));
            compressed.or_else(|_| fs::metadata(pkg.join(format!("{file}.wasm")))).map(|file| file.len())
        });
        let total = lengths.sum::<std::io::Result<u64>>()?;
        eprintln!("xtask:   {part}: {} files, {} kB", files.len(), total.div_ceil(1000));
    }
    Ok(())
}
