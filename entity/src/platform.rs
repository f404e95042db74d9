//! What kind of machine a device is.

use serde::{Deserialize, Serialize};

/// Declares an enum stored and sent as one snake_case word.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $word:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[cfg_attr(feature = "orm", derive(sea_orm::EnumIter, sea_orm::DeriveActiveEnum))]
        #[cfg_attr(feature = "orm", sea_orm(rs_type = "String", db_type = "Text"))]
        #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
        #[serde(rename_all = "snake_case")]
        pub enum $name {
            $($(#[$vdoc])* #[cfg_attr(feature = "orm", sea_orm(string_value = $word))] #[serde(rename = $word)] $variant),+
        }

        impl $name {
            /// Every value, in order.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The word that SQL, JSON and URLs use.
            #[must_use]
            pub const fn word(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::platform::UnknownWord;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                match text {
                    $($word => Ok(Self::$variant),)+
                    _ => Err($crate::platform::UnknownWord { accepted: &[$($word),+] }),
                }
            }
        }
    };
}
pub(crate) use words;

/// A word that names no value of its enum.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be one of: {}", accepted.join(", "))]
pub struct UnknownWord {
    /// The words that would have been understood.
    pub accepted: &'static [&'static str],
}

words! {
    /// Operating system family.
    Os {
        /// Any Linux distribution.
        Linux = "linux",
        /// Apple macOS.
        Macos = "macos",
        /// Microsoft Windows.
        Windows = "windows",
    }
}

impl Os {
    /// The name people know.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Linux => "Linux",
            Self::Macos => "macOS",
            Self::Windows => "Windows",
        }
    }
}

words! {
    /// Processor architecture, by Rust's names.
    Arch {
        /// 64-bit x86.
        X86_64 = "x86_64",
        /// 64-bit ARM.
        Aarch64 = "aarch64",
    }
}

words! {
    /// What role a machine plays, as far as its hardware tells.
    DeviceType {
        /// A computer at a desk.
        Desktop = "desktop",
        /// A portable computer.
        Laptop = "laptop",
        /// A server.
        Server = "server",
        /// A virtual machine or container.
        Vm = "vm",
    }
}

impl DeviceType {
    /// The name people know.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Desktop => "Desktop",
            Self::Laptop => "Laptop",
            Self::Server => "Server",
            Self::Vm => "Virtual machine",
        }
    }
}
