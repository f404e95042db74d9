//! Reads `os-release`, the distribution's description of itself; pure.
#![cfg_attr(not(any(test, target_os = "linux")), expect(dead_code, reason = "only Linux has this file"))]

/// Name and version, such as `Debian GNU/Linux` and `12 (bookworm)`.
pub fn name_and_version(text: &str) -> (Option<String>, Option<String>) {
    let value = |key: &str| {
        let line = text.lines().find_map(|line| line.trim().strip_prefix(key)?.strip_prefix('='))?;
        let bare = line.trim_matches(['"', '\'']).replace("\\\"", "\"");
        (!bare.is_empty()).then_some(bare)
    };
    (
        value("NAME").or_else(|| value("PRETTY_NAME")),
        value("VERSION").or_else(|| value("VERSION_ID")).or_else(|| value("BUILD_ID")),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distributions_name_themselves() {
        let read = |text| {
            let (name, version) = name_and_version(text);
            (name.unwrap_or_default(), version.unwrap_or_default())
        };
        let debian = "PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\nNAME=\"Debian GNU/Linux\"\nVERSION_ID=\"12\"\nVERSION=\"12 (bookworm)\"\nID=debian\n";
        assert_eq!(read(debian), ("Debian GNU/Linux".to_owned(), "12 (bookworm)".to_owned()));
        let alpine =
            "NAME=\"Alpine Linux\"\nID=alpine\nVERSION_ID=3.22.1\nPRETTY_NAME=\"Alpine Linux v3.22\"\n";
        assert_eq!(read(alpine), ("Alpine Linux".to_owned(), "3.22.1".to_owned()));
        let arch = "NAME=\"Arch Linux\"\nPRETTY_NAME=\"Arch Linux\"\nID=arch\nBUILD_ID=rolling\n";
        assert_eq!(read(arch), ("Arch Linux".to_owned(), "rolling".to_owned()));
        assert_eq!(name_and_version(""), (None, None));
    }
}
