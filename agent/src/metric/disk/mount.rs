//! Reads the kernel's list of mounts and picks the disks out of it; pure.
#![cfg_attr(not(any(test, target_os = "linux")), expect(dead_code, reason = "only Linux has this list"))]

use std::collections::BTreeMap;

/// File systems on a block device that only show what is packed in a file or on a disc.
const PACKED: &[&str] = &["squashfs", "iso9660", "udf", "erofs", "cramfs"];
/// Local file systems that name a pool or dataset instead of a block device.
const POOLED: &[&str] = &["btrfs", "zfs", "bcachefs"];

/// One mount.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mount {
    /// Where.
    pub point: String,
    /// Kind of file system.
    pub file_system: String,
    /// Device or pool behind it.
    pub source: String,
}

/// The mounts that are local disks: each file system once, at its shortest mount point.
pub fn real_ones(mountinfo: &str, is_folder: impl Fn(&str) -> bool) -> Vec<Mount> {
    let mut by_device: BTreeMap<String, Mount> = BTreeMap::new();
    for (device, mount) in mountinfo.lines().filter_map(parse) {
        if !is_real(&mount) || !is_folder(&mount.point) {
            continue;
        }
        by_device
            .entry(device)
            .and_modify(|present| {
                if (mount.point.len(), &mount.point) < (present.point.len(), &present.point) {
                    *present = mount.clone();
                }
            })
            .or_insert(mount);
    }
    by_device.into_values().collect()
}

fn is_real(mount: &Mount) -> bool {
    let kind = mount.file_system.as_str();
    let on_a_device = mount.source.starts_with("/dev/") && !PACKED.contains(&kind);
    // Whatever carries the root is the machine's disk, an overlay in a container included; the exception is a system
    // that runs from memory.
    let root = mount.point == "/" && !matches!(kind, "tmpfs" | "ramfs" | "rootfs");
    on_a_device || POOLED.contains(&kind) || root
}

/// `36 35 98:0 /root /point options [tags…] - kind source options`: the device number and the mount.
fn parse(line: &str) -> Option<(String, Mount)> {
    let (left, right) = line.split_once(" - ")?;
    let mut left = left.split(' ').skip(2);
    let device = left.next()?.to_owned();
    let point = plain(left.nth(1)?);
    let mut right = right.split(' ');
    let file_system = right.next()?.to_owned();
    let source = plain(right.next()?);
    Some((device, Mount { point, file_system, source }))
}

/// Undoes the kernel's octal escapes, such as `\040` for a space.
fn plain(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let code = after
            .get(..3)
            .filter(|_| *first == b'\\')
            .and_then(|digits| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 8).ok());
        match code {
            Some(code) => {
                bytes.push(code);
                rest = &after[3..];
            }
            None => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn points(mountinfo: &str) -> Vec<String> {
        let is_folder = |point: &str| !point.starts_with("/etc/");
        let mut points: Vec<_> =
            real_ones(mountinfo, is_folder).into_iter().map(|mount| mount.point).collect();
        points.sort();
        points
    }

    #[test]
    fn a_server_with_many_disks() {
        let text = include_str!("fixture/server.mountinfo");
        assert_eq!(
            points(text),
            ["/", "/boot", "/boot/efi", "/data/my disk", "/home", "/srv/pool", "/srv/pool/vm"]
        );
    }

    #[test]
    fn a_container_has_one_disk() {
        assert_eq!(points(include_str!("fixture/container.mountinfo")), ["/"]);
    }

    #[test]
    fn broken_lines_are_passed_by() {
        assert_eq!(points("x\n1 2 3\n - \n1 2 8:1 / / rw - ext4\n"), Vec::<String>::new());
        assert_eq!(plain(r"a\040b\134c\9"), r"a b\c\9");
    }
}
