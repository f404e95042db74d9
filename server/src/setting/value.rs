//! What settings can hold: each type reads its text and says what an acceptable one looks like.

use crate::{
    artifacts::{ArtifactsAt, NoPlace},
    bus::BusConfig,
    config,
    limit::Rate,
};
use std::{
    fmt,
    net::{IpAddr, SocketAddr},
    path::PathBuf,
};
use tracing_subscriber::EnvFilter;

/// A setting's value, made of the texts that were said for it: none when nobody said anything.
pub(crate) trait Value: Sized {
    /// May it be said several times?
    const IS_LIST: bool = false;
    /// Is it on or off, and no more?
    const IS_SWITCH: bool = false;
    /// Does it have to stay out of sight?
    const IS_SECRET: bool = false;

    /// Reads the texts.
    ///
    /// # Errors
    /// Says what is expected, as the end of a sentence that begins with the setting's name.
    fn read(texts: &[String]) -> Result<Self, String>;
}

/// A value that is written as one text.
pub(crate) trait One: Sized {
    /// Is it on or off, and no more?
    const IS_SWITCH: bool = false;
    /// Does it have to stay out of sight?
    const IS_SECRET: bool = false;

    /// Reads it.
    ///
    /// # Errors
    /// Says what is expected.
    fn one(text: &str) -> Result<Self, String>;
}

impl<T: One> Value for T {
    const IS_SWITCH: bool = T::IS_SWITCH;
    const IS_SECRET: bool = T::IS_SECRET;

    fn read(texts: &[String]) -> Result<Self, String> {
        match texts {
            [] => Err("is needed".to_owned()),
            [text] => T::one(text),
            _ => Err("takes one value".to_owned()),
        }
    }
}

impl<T: One> Value for Option<T> {
    const IS_SECRET: bool = T::IS_SECRET;

    fn read(texts: &[String]) -> Result<Self, String> {
        if texts.is_empty() { Ok(None) } else { T::read(texts).map(Some) }
    }
}

impl<T: One> Value for Vec<T> {
    const IS_LIST: bool = true;

    fn read(texts: &[String]) -> Result<Self, String> {
        texts.iter().map(|text| T::one(text)).collect()
    }
}

impl One for PathBuf {
    fn one(text: &str) -> Result<Self, String> {
        if text.is_empty() { Err("must be a path".to_owned()) } else { Ok(text.into()) }
    }
}

impl One for String {
    fn one(text: &str) -> Result<Self, String> {
        if text.trim().is_empty() { Err("must not be empty".to_owned()) } else { Ok(text.to_owned()) }
    }
}

impl One for SocketAddr {
    fn one(text: &str) -> Result<Self, String> {
        text.parse()
            .map_err(|_| "must be an address and a port, such as 127.0.0.1:8080 or [::]:443".to_owned())
    }
}

impl One for IpAddr {
    fn one(text: &str) -> Result<Self, String> {
        text.parse().map_err(|_| "must be an IP address, such as 192.0.2.7".to_owned())
    }
}

impl One for bool {
    const IS_SWITCH: bool = true;

    fn one(text: &str) -> Result<Self, String> {
        match text {
            "true" | "1" | "yes" | "on" => Ok(true),
            "false" | "0" | "no" | "off" => Ok(false),
            _ => Err("must be true or false".to_owned()),
        }
    }
}

impl One for ArtifactsAt {
    fn one(text: &str) -> Result<Self, String> {
        text.parse().map_err(|error: NoPlace| error.to_string())
    }
}

/// A whole number within bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Bounded<const MIN: u64, const MAX: u64>(pub(crate) u64);

impl<const MIN: u64, const MAX: u64> One for Bounded<MIN, MAX> {
    fn one(text: &str) -> Result<Self, String> {
        let number = text.parse().ok().filter(|number| (MIN..=MAX).contains(number));
        number.map(Self).ok_or_else(|| format!("must be a whole number from {MIN} to {MAX}"))
    }
}

/// Where people and agents reach a server: scheme, host and perhaps a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PublicUrl(pub(crate) String);

impl One for PublicUrl {
    fn one(text: &str) -> Result<Self, String> {
        config::public_url(text).map(Self).map_err(|error| error.to_string())
    }
}

/// Which database; may hold a password.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct DatabaseUrl(pub(crate) String);

impl One for DatabaseUrl {
    fn one(text: &str) -> Result<Self, String> {
        let is_known = ["sqlite:", "postgres:", "postgresql:"].iter().any(|scheme| text.starts_with(scheme));
        // The text itself is not repeated: it may hold a password.
        if is_known {
            Ok(Self(text.to_owned()))
        } else {
            Err("must begin with sqlite: or postgres:".to_owned())
        }
    }
}

impl DatabaseUrl {
    /// Does it hold a password?
    pub(crate) fn has_password(&self) -> bool {
        self.shown() != self.0
    }

    /// The address without its password.
    pub(crate) fn shown(&self) -> String {
        let url = &self.0;
        let mut shown = url.clone();
        if let Some((scheme, rest)) = url.split_once("://") {
            let authority_ends = rest.find(['/', '?']).unwrap_or(rest.len());
            let (authority, tail) = rest.split_at(authority_ends);
            if let Some((login, host)) = authority.rsplit_once('@')
                && let Some((user, _)) = login.split_once(':')
            {
                shown = format!("{scheme}://{user}:(set)@{host}{tail}");
            }
        }
        if let Some((before, query)) = shown.split_once('?')
            && query.split('&').any(|pair| pair.starts_with("password="))
        {
            let pairs: Vec<_> = query
                .split('&')
                .map(|pair| if pair.starts_with("password=") { "password=(set)" } else { pair })
                .collect();
            shown = format!("{before}?{}", pairs.join("&"));
        }
        shown
    }
}

/// Where the bus is; may hold a password.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct BusUrl(pub(crate) String);

impl One for BusUrl {
    fn one(text: &str) -> Result<Self, String> {
        // The text itself is not repeated: it may hold a password.
        match BusConfig::new(text, None, None) {
            Ok(_) => Ok(Self(text.to_owned())),
            Err(_) => Err("must look like nats://host:4222 or tls://host:4222".to_owned()),
        }
    }
}

impl fmt::Debug for BusUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match BusConfig::new(&self.0, None, None) {
            Ok(config) => formatter.write_str(&config.shown()),
            Err(_) => formatter.write_str("(set)"),
        }
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.shown())
    }
}

/// Something that nobody but the program may see.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Secret(pub(crate) String);

impl One for Secret {
    const IS_SECRET: bool = true;

    fn one(text: &str) -> Result<Self, String> {
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("(set)")
    }
}

/// What is logged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LogLevel(pub(crate) String);

impl One for LogLevel {
    fn one(text: &str) -> Result<Self, String> {
        let expected =
            "must be error, warn, info, debug or trace, or such for single parts: info,domain=debug";
        // A lone word that is no level would be taken for the name of a part.
        let is_level = |word: &str| word.parse::<tracing::level_filters::LevelFilter>().is_ok();
        let words_are_good =
            text.split(',').map(str::trim).all(|part| part.contains(['=', '[']) || is_level(part));
        if words_are_good && !text.trim().is_empty() && EnvFilter::builder().parse(text).is_ok() {
            Ok(Self(text.to_owned()))
        } else {
            Err(expected.to_owned())
        }
    }
}

impl One for crate::log::Format {
    fn one(text: &str) -> Result<Self, String> {
        match text {
            "text" => Ok(Self::Text),
            "json" => Ok(Self::Json),
            _ => Err("must be text or json".to_owned()),
        }
    }
}

impl One for Rate {
    fn one(text: &str) -> Result<Self, String> {
        let number = |text: &str| text.trim().parse::<u32>().ok().filter(|number| *number > 0);
        let both = text.split_once('/').and_then(|(each, most)| Some((number(each)?, number(most)?)));
        let (each, most) =
            both.ok_or("must be two numbers from 1, such as 50/300: fifty a second, 300 at once")?;
        Ok(Self::new(each, most))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_database_is_shown_without_its_password() {
        let shown = |url: &str| DatabaseUrl(url.to_owned()).shown();
        assert_eq!(shown("postgres://reeve:p%40ss@db/reeve"), "postgres://reeve:(set)@db/reeve");
        assert_eq!(
            shown("postgres://db/reeve?user=a&password=p4ss"),
            "postgres://db/reeve?user=a&password=(set)"
        );
        for plain in ["postgres://reeve@db:5432/reeve", "sqlite:///var/lib/reeve/reeve.db?mode=rwc"] {
            assert_eq!(shown(plain), plain);
            assert!(!DatabaseUrl(plain.to_owned()).has_password());
        }
        assert!(DatabaseUrl("postgres://a:b@c/d".to_owned()).has_password());
        assert!(
            !format!("{:?} {:?}", DatabaseUrl("postgres://a:p4ss@c".into()), Secret("p4ss".into()))
                .contains("p4ss")
        );
    }

    #[test]
    fn a_level_is_a_word_that_is_known() {
        for good in ["info", "warn,domain=debug", "error", "off", "info,sqlx=warn,sea_orm_migration=warn"] {
            assert!(LogLevel::one(good).is_ok(), "{good}");
        }
        for bad in ["loud", "", "info,loud", "domain=loud"] {
            assert!(LogLevel::one(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_rate_is_two_numbers() {
        assert_eq!(Rate::one("50/300"), Ok(Rate::new(50, 300)));
        for bad in ["50", "0/3", "a/b", "1/2/3", "-1/2"] {
            assert!(Rate::one(bad).is_err(), "{bad}");
        }
        assert_eq!(Rate::new(50, 300).to_string(), "50/300");
    }
}
