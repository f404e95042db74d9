//! The real `reeve-release`, run as people run it: what it makes, and what it refuses in which words.

mod ceremony;
mod record;
mod signing;
mod stamping;

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};
use tempfile::TempDir;

/// When everything in these tests is signed, unless they say otherwise.
const AT: &str = "2026-11-21T10:00:00Z";

/// A folder on a release workstation.
struct Desk {
    folder: TempDir,
}

/// What a run said and how it ended.
#[derive(Debug)]
struct Said {
    code: i32,
    out: String,
    error: String,
}

impl Said {
    /// It worked; answers what it said.
    #[track_caller]
    fn good(self) -> String {
        assert_eq!(self.code, 0, "{}{}", self.out, self.error);
        assert_eq!(self.error, "");
        self.out
    }

    /// It was refused, with every one of these words.
    #[track_caller]
    fn refused(self, words: &[&str]) {
        assert_eq!(self.code, 1, "{}{}", self.out, self.error);
        assert!(self.error.starts_with("reeve-release: "), "{}", self.error);
        for word in words {
            assert!(self.error.contains(word), "{word:?} in {}", self.error);
        }
    }
}

impl Desk {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().expect("a folder") }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).expect(name)
    }

    fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        fs::write(self.path(name), bytes).expect(name);
    }

    /// Runs the words of a line in the folder.
    fn run(&self, line: &str) -> Said {
        let output = Command::new(env!("CARGO_BIN_EXE_reeve-release"))
            .args(line.split_whitespace())
            .current_dir(self.folder.path())
            .output()
            .expect("the tool starts");
        Said {
            code: output.status.code().expect("no signal"),
            out: String::from_utf8(output.stdout).expect("text"),
            error: String::from_utf8(output.stderr).expect("text"),
        }
    }

    /// A desk with keys: `a b c` of the root, `r s` of releases, `f` of the server, `x` of nobody.
    fn with_keys() -> Self {
        let desk = Self::new();
        for name in ["a", "b", "c", "r", "s", "f", "x"] {
            desk.run(&format!("keygen --out {name} --holder {name}")).good();
        }
        desk
    }

    /// A desk with a root `1.json` that two have signed.
    fn with_root() -> Self {
        let desk = Self::with_keys();
        desk.run(&format!("{MAKE} --key a --key b --out 1.json --at {AT}")).good();
        desk
    }

    /// Writes programs `<seq>-gnu`, `<seq>-musl` and `<seq>.exe` with their stamps.
    fn programs(&self, version: &str, seq: u64) {
        for (name, program) in [("gnu", elf(true)), ("musl", elf(false)), ("exe", pe())] {
            self.write(&format!("{seq}-{name}.raw"), program);
            let to =
                format!("--version {version} --seq {seq} --build-id {version}-{name} --out {seq}-{name}");
            self.run(&format!("stamp {seq}-{name}.raw {to}")).good();
        }
    }
}

/// The root that these tests make, without who signs it.
const MAKE: &str =
    "root make --root-key a.pub --root-key b.pub --root-key c.pub --release-key r.pub --freshness-key f.pub";

/// A release of three programs, without the release before, the version, the sequence and the output.
fn sign(seq: u64, version: &str) -> String {
    format!(
        "sign --root 1.json --version {version} --seq {seq} --agent {seq}-gnu --agent {seq}-musl --agent {seq}-exe \
         --log releases.log --key r --at {AT}"
    )
}

/// What every program of these tests has: an unwritten stamp among other bytes.
fn body(mut head: Vec<u8>, byte: u8) -> Vec<u8> {
    head.resize(5_000, byte);
    let mut stamp = b"REEVE-STAMP-V1:{\"version\":\"0.1.0\",\"seq\":0,\"build_id\":\"unreleased\"}".to_vec();
    stamp.resize(512, b' ');
    head.extend(stamp);
    head.extend([byte; 300]);
    head
}

fn elf(is_gnu: bool) -> Vec<u8> {
    let mut head = vec![0; 256];
    head[..8].copy_from_slice(&[0x7f, b'E', b'L', b'F', 2, 1, 1, 0]);
    head[16] = 3;
    head[18] = 0x3e;
    if is_gnu {
        let loader = b"/lib64/ld-linux-x86-64.so.2\0";
        head[32] = 64;
        head[54] = 56;
        head[56] = 1;
        head[64] = 3;
        head[72] = 128;
        head[96] = u8::try_from(loader.len()).expect("short");
        head[128..128 + loader.len()].copy_from_slice(loader);
    }
    body(head, 1)
}

fn pe() -> Vec<u8> {
    let mut head = vec![0; 256];
    head[..2].copy_from_slice(b"MZ");
    head[0x3c] = 128;
    head[128..132].copy_from_slice(b"PE\0\0");
    head[132..134].copy_from_slice(&0x8664_u16.to_le_bytes());
    head[150] = 0x22;
    head[152..154].copy_from_slice(&0x20b_u16.to_le_bytes());
    body(head, 2)
}

/// Every name in a folder.
fn names(folder: &Path) -> Vec<String> {
    let name = |entry: std::io::Result<fs::DirEntry>| {
        entry.expect("readable").file_name().into_string().expect("text")
    };
    let mut names: Vec<String> = fs::read_dir(folder).expect("a folder").map(name).collect();
    names.sort();
    names
}

#[test]
fn the_command_line_explains_itself_and_ends_with_two_when_it_is_wrong() {
    let desk = Desk::new();
    for line in
        ["--help", "keygen --help", "root make --help", "root rotate --help", "sign --help", "stamp --help"]
    {
        let said = desk.run(line).good();
        assert!(said.contains("Usage: reeve-release"), "{said}");
    }
    for line in
        ["", "sing", "sign", "keygen", "stamp x --version one", "root make --expires-days 0", "verify"]
    {
        let said = desk.run(line);
        assert_eq!(said.code, 2, "{line}: {}", said.error);
        assert_eq!(said.out, "", "{line}");
    }
    assert!(desk.run("stamp x --version 1.0").error.contains("must be a version such as 1.4.0"));
    assert!(names(desk.folder.path()).is_empty());
}
