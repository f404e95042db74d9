//! Theme: light, dark, or as the system has it; remembered in a cookie, so that the server draws the right one.

use leptos::prelude::*;
use serde::{Deserialize, Serialize};

/// Name of the cookie.
pub const COOKIE: &str = "reeve-theme";

/// How light the portal is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Theme {
    /// As the system has it.
    #[default]
    System,
    /// Ink on paper.
    Light,
    /// Paper on ink.
    Dark,
}

impl Theme {
    /// Every theme, in the order of the switch.
    pub const ALL: [Self; 3] = [Self::System, Self::Light, Self::Dark];

    /// The word in forms and in the cookie.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }

    /// The theme of a word; what is not understood follows the system.
    #[must_use]
    pub fn from_word(word: &str) -> Self {
        Self::ALL.into_iter().find(|theme| theme.word() == word).unwrap_or_default()
    }

    /// The name people read.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::System => "System",
            Self::Light => "Light",
            Self::Dark => "Dark",
        }
    }

    /// Value of `data-theme` on the document; absent to follow the system.
    #[must_use]
    pub const fn attribute(self) -> Option<&'static str> {
        match self {
            Self::System => None,
            Self::Light => Some("light"),
            Self::Dark => Some("dark"),
        }
    }
}

/// Starts with the theme that the page was rendered with.
pub fn provide_theme(theme: Theme) {
    provide_context(RwSignal::new(theme));
}

/// The theme in use; [`show_theme`] changes it.
#[must_use]
pub fn use_theme() -> RwSignal<Theme> {
    expect_context::<RwSignal<Theme>>()
}

/// Changes the page at once; who calls this also has the server remember it.
pub fn show_theme(current: RwSignal<Theme>, theme: Theme) {
    current.set(theme);
    let Some(root) = document().document_element() else { return };
    drop(match theme.attribute() {
        Some(word) => root.set_attribute("data-theme", word),
        None => root.remove_attribute("data-theme"),
    });
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    const TOKENS: &str = include_str!("../../../style/tokens.css");

    /// The colours of the block that begins with `head`.
    fn colours(head: &str) -> HashMap<&'static str, &'static str> {
        let start = TOKENS.find(head).expect("the block is there");
        let block = TOKENS[start..].split('}').next().expect("it ends");
        let pairs = block.lines().filter_map(|line| line.trim().strip_suffix(';')?.split_once(": "));
        pairs.filter(|(name, value)| name.starts_with("--") && value.starts_with('#')).collect()
    }

    fn luminance(colour: &str) -> f64 {
        let channel = |from: usize| {
            let value = u8::from_str_radix(&colour[from..from + 2], 16).expect("hexadecimal");
            let value = f64::from(value) / 255.0;
            if value <= 0.039_28 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * channel(1) + 0.7152 * channel(3) + 0.0722 * channel(5)
    }

    fn contrast(one: &str, other: &str) -> f64 {
        let (one, other) = (luminance(one), luminance(other));
        (one.max(other) + 0.05) / (one.min(other) + 0.05)
    }

    #[test]
    fn every_text_can_be_read_on_every_ground() {
        let texts = ["--ink", "--ink-2", "--ink-3", "--accent", "--accent-hover"];
        let statuses = ["--ok", "--warn", "--bad", "--info", "--off"];
        for head in ["[data-theme=\"light\"] {", "[data-theme=\"dark\"] {"] {
            let colours = colours(head);
            for ground in ["--paper", "--panel", "--sunk", "--tint"] {
                for text in texts.iter().chain(&statuses) {
                    let ratio = contrast(colours[text], colours[ground]);
                    assert!(ratio >= 4.5, "{text} on {ground} in {head} is {ratio:.2}");
                }
                let ratio = contrast(colours["--line-strong"], colours[ground]);
                assert!(ratio >= 2.9, "the frame of controls on {ground} in {head} is {ratio:.2}");
            }
            for ground in ["--accent", "--accent-hover"] {
                assert!(contrast(colours["--on-accent"], colours[ground]) >= 4.5);
            }
        }
    }

    #[test]
    fn the_system_theme_is_the_dark_theme() {
        assert_eq!(colours("[data-theme=\"dark\"] {"), colours(":not([data-theme]) {"));
    }
}
