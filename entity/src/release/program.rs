//! What a program is for, read from its first bytes: the same on the release workstation, in the browser, on the server
//! and on the device. It decides nothing that a digest does not decide; it tells people early that they took another file.

use super::Libc;
use crate::platform::{Arch, Os};

/// As many first bytes are enough for every format.
pub const HEAD_BYTES: usize = 4096;

/// The system and processor that a program is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Platform {
    /// For which system.
    pub os: Os,
    /// For which processor.
    pub arch: Arch,
    /// For which C library, as far as the file tells; Linux only. A program that brings its own says musl.
    pub libc: Option<Libc>,
}

/// The platform of a program of 64 bits for one processor: ELF, PE or Mach-O. Nothing when it is none that we know.
#[must_use]
pub fn platform(head: &[u8]) -> Option<Platform> {
    match head.get(..4)? {
        [0x7f, b'E', b'L', b'F'] => elf(head),
        [b'M', b'Z', ..] => pe(head),
        [0xcf, 0xfa, 0xed, 0xfe] => mach_o(head),
        _ => None,
    }
}

fn elf(head: &[u8]) -> Option<Platform> {
    /// 64 bits, least significant byte first, made for no system in particular or for Linux.
    const IDENTITY: [u8; 3] = [2, 1, 1];
    let is_ours = head.get(4..7)? == IDENTITY && matches!(head.get(7)?, 0 | 3);
    // A program, or one that can lie anywhere in memory.
    if !is_ours || !matches!(u16_at(head, 16)?, 2 | 3) {
        return None;
    }
    let arch = match u16_at(head, 18)? {
        0x3e => Arch::X86_64,
        0xb7 => Arch::Aarch64,
        _ => return None,
    };
    Some(Platform { os: Os::Linux, arch, libc: Some(libc(head)) })
}

/// What the program asks the system to load it with says which C library it needs.
fn libc(head: &[u8]) -> Libc {
    /// The segment that names the loader.
    const LOADER: u32 = 3;
    let name = || {
        let (table, size, count) = (usize_at(head, 32)?, u16_at(head, 54)?, u16_at(head, 56)?);
        let segment = (0..usize::from(count))
            .filter_map(|index| table.checked_add(index.checked_mul(usize::from(size))?))
            .find(|at| u32_at(head, *at) == Some(LOADER))?;
        let (from, bytes) =
            (usize_at(head, segment.checked_add(8)?)?, usize_at(head, segment.checked_add(32)?)?);
        head.get(from..from.checked_add(bytes)?)
    };
    match name() {
        Some(loader) if !loader.windows(7).any(|part| part == b"ld-musl") => Libc::Gnu,
        _ => Libc::Musl,
    }
}

fn pe(head: &[u8]) -> Option<Platform> {
    let start = usize::try_from(u32_at(head, 0x3c)?).ok()?;
    if head.get(start..start.checked_add(4)?)? != b"PE\0\0" {
        return None;
    }
    let arch = match u16_at(head, start + 4)? {
        0x8664 => Arch::X86_64,
        0xaa64 => Arch::Aarch64,
        _ => return None,
    };
    // An image that runs and is no library, of 64 bits.
    let (flags, magic) = (u16_at(head, start + 22)?, u16_at(head, start + 24)?);
    let is_program = flags & 0x0002 != 0 && flags & 0x2000 == 0 && magic == 0x20b;
    is_program.then_some(Platform { os: Os::Windows, arch, libc: None })
}

fn mach_o(head: &[u8]) -> Option<Platform> {
    let arch = match u32_at(head, 4)? {
        0x0100_0007 => Arch::X86_64,
        0x0100_000c => Arch::Aarch64,
        _ => return None,
    };
    (u32_at(head, 12)? == 2).then_some(Platform { os: Os::Macos, arch, libc: None })
}

fn bytes_at<const N: usize>(head: &[u8], at: usize) -> Option<[u8; N]> {
    head.get(at..at.checked_add(N)?)?.try_into().ok()
}

fn u16_at(head: &[u8], at: usize) -> Option<u16> {
    bytes_at(head, at).map(u16::from_le_bytes)
}

fn u32_at(head: &[u8], at: usize) -> Option<u32> {
    bytes_at(head, at).map(u32::from_le_bytes)
}

fn usize_at(head: &[u8], at: usize) -> Option<usize> {
    bytes_at(head, at).map(u64::from_le_bytes).and_then(|number| number.try_into().ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn elf_of(machine: u16, loader: &[u8]) -> Vec<u8> {
        let mut head = vec![0; 256];
        head[..8].copy_from_slice(&[0x7f, b'E', b'L', b'F', 2, 1, 1, 0]);
        head[16..18].copy_from_slice(&3_u16.to_le_bytes());
        head[18..20].copy_from_slice(&machine.to_le_bytes());
        head[32..40].copy_from_slice(&64_u64.to_le_bytes());
        head[54..56].copy_from_slice(&56_u16.to_le_bytes());
        head[56..58].copy_from_slice(&u16::from(!loader.is_empty()).to_le_bytes());
        head[64..68].copy_from_slice(&3_u32.to_le_bytes());
        head[72..80].copy_from_slice(&128_u64.to_le_bytes());
        head[96..104].copy_from_slice(&(loader.len() as u64).to_le_bytes());
        head[128..128 + loader.len()].copy_from_slice(loader);
        head
    }

    fn pe_of(machine: u16, flags: u16) -> Vec<u8> {
        let mut head = vec![0; 256];
        head[..2].copy_from_slice(b"MZ");
        head[0x3c] = 128;
        head[128..132].copy_from_slice(b"PE\0\0");
        head[132..134].copy_from_slice(&machine.to_le_bytes());
        head[150..152].copy_from_slice(&flags.to_le_bytes());
        head[152..154].copy_from_slice(&0x20b_u16.to_le_bytes());
        head
    }

    fn mach_o_of(cpu: u32, kind: u32) -> Vec<u8> {
        let mut head = vec![0xcf, 0xfa, 0xed, 0xfe];
        head.extend(cpu.to_le_bytes());
        head.extend(0_u32.to_le_bytes());
        head.extend(kind.to_le_bytes());
        head
    }

    #[test]
    fn programs_are_told_apart() {
        let known = |head: &[u8]| platform(head).map(|found| (found.os, found.arch, found.libc));
        let gnu = b"/lib64/ld-linux-x86-64.so.2\0";
        assert_eq!(known(&elf_of(0x3e, gnu)), Some((Os::Linux, Arch::X86_64, Some(Libc::Gnu))));
        let musl = b"/lib/ld-musl-aarch64.so.1\0";
        assert_eq!(known(&elf_of(0xb7, musl)), Some((Os::Linux, Arch::Aarch64, Some(Libc::Musl))));
        assert_eq!(known(&elf_of(0x3e, b"")), Some((Os::Linux, Arch::X86_64, Some(Libc::Musl))));
        assert_eq!(known(&pe_of(0x8664, 0x22)), Some((Os::Windows, Arch::X86_64, None)));
        assert_eq!(known(&mach_o_of(0x0100_000c, 2)), Some((Os::Macos, Arch::Aarch64, None)));
    }

    #[test]
    fn what_is_no_program_of_ours_has_no_platform() {
        assert_eq!(platform(&elf_of(0x03, b"")), None, "32 bits");
        assert_eq!(platform(&pe_of(0x8664, 0x2022)), None, "a library");
        assert_eq!(platform(&mach_o_of(0x0100_0007, 6)), None, "a library");
        for head in
            [&b""[..], b"MZ", b"#!/bin/sh\n", b"PK\x03\x04", b"{\"payload\":\"\"}", b"\xca\xfe\xba\xbe"]
        {
            assert_eq!(platform(head), None);
        }
    }

    proptest! {
        #[test]
        fn no_bytes_are_too_strange(kind in 0..3_usize, rest in prop::collection::vec(any::<u8>(), 0..600)) {
            let start: &[u8] = [b"\x7fELF\x02\x01\x01\0", b"MZ".as_slice(), b"\xcf\xfa\xed\xfe"][kind];
            let _ = platform(&[start, &rest].concat());
        }
    }
}
