//! Reads what dpkg and rpm write; pure.
#![cfg_attr(not(any(test, target_os = "linux")), expect(dead_code, reason = "only Linux has these tools"))]

use entity::software_item::SoftwareItem;

/// Status, name, version, maintainer, architecture.
pub const DPKG_FORMAT: &str = "${db:Status-Abbrev}\t${Package}\t${Version}\t${Maintainer}\t${Architecture}\n";
/// Name, version with epoch and release, vendor, architecture.
pub const RPM_FORMAT: &str = "%{NAME}\t%|EPOCH?{%{EPOCH}:}:{}|%{VERSION}-%{RELEASE}\t%{VENDOR}\t%{ARCH}\n";

/// Reads the output of `dpkg-query -W` in [`DPKG_FORMAT`]: what is installed, not what left its configuration behind.
pub fn dpkg(text: &str) -> Vec<SoftwareItem> {
    let item = |line: &str| {
        let [status, name, version, maintainer, architecture] = columns(line)?;
        (status.as_bytes().get(1) == Some(&b'i')).then(|| SoftwareItem {
            software_name: name.to_owned(),
            software_version: version.to_owned(),
            // The address is of no use here.
            vendor: given(maintainer.split('<').next().unwrap_or_default()),
            architecture: given(architecture),
            source: "dpkg".to_owned(),
        })
    };
    text.lines().filter_map(item).collect()
}

/// Reads the output of `rpm -qa` in [`RPM_FORMAT`]; the keys that rpm keeps among its packages are left out.
pub fn rpm(text: &str) -> Vec<SoftwareItem> {
    let item = |line: &str| {
        let [name, version, vendor, architecture] = columns(line)?;
        (name != "gpg-pubkey").then(|| SoftwareItem {
            software_name: name.to_owned(),
            software_version: version.to_owned(),
            vendor: given(vendor),
            architecture: given(architecture),
            source: "rpm".to_owned(),
        })
    };
    text.lines().filter_map(item).collect()
}

fn columns<const N: usize>(line: &str) -> Option<[&str; N]> {
    line.split('\t').collect::<Vec<_>>().try_into().ok()
}

fn given(text: &str) -> Option<String> {
    let text = text.trim();
    (!text.is_empty() && text != "(none)").then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dpkg_lists_what_is_installed() {
        let text = "ii \tadduser\t3.134\tDebian Adduser Developers <adduser@packages.debian.org>\tall\n\
                    hi \tlinux-image-amd64\t6.1.158-1\tDebian Kernel Team <debian-kernel@lists.debian.org>\tamd64\n\
                    rc \tapache2-bin\t2.4.62-1~deb12u1\tDebian Apache Maintainers <x@y>\tamd64\n\
                    iU \thalf\t1\t\tamd64\n\
                    un \tgone\t\t\t\n\
                    broken line\n";
        let items = dpkg(text);
        let names: Vec<_> = items.iter().map(|item| item.software_name.as_str()).collect();
        assert_eq!(names, ["adduser", "linux-image-amd64"]);
        assert_eq!(items[0].vendor.as_deref(), Some("Debian Adduser Developers"));
        assert_eq!(items[1].architecture.as_deref(), Some("amd64"));
    }

    #[test]
    fn rpm_lists_packages_and_no_keys() {
        let text = "bash\t5.1.8-9.el9\tRocky Enterprise Software Foundation\tx86_64\n\
                    bind-utils\t32:9.16.23-24.el9_5\tRocky Enterprise Software Foundation\tx86_64\n\
                    gpg-pubkey\t350d275d-6279464b\t(none)\t(none)\n\
                    own-tool\t1-1\t(none)\tnoarch\n";
        let items = rpm(text);
        let versions: Vec<_> = items.iter().map(|item| item.software_version.as_str()).collect();
        assert_eq!(versions, ["5.1.8-9.el9", "32:9.16.23-24.el9_5", "1-1"]);
        assert_eq!(items[2].vendor, None);
    }
}
