//! Listing: what is asked of a list, as it stands in the URL. Pure: a page, its links and its filters agree because
//! they all read and write the URL here.

use super::{pager::Pager, toast::encode};
use leptos::prelude::*;
use leptos_router::params::ParamsMap;
use std::str::FromStr;

/// Names the text that narrows the businesses which a form offers.
pub const BUSINESS_LIKE: &str = "business_like";

/// A question in the URL, of whatever list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listing {
    path: String,
    cursor_key: &'static str,
    pairs: Vec<(&'static str, Option<String>)>,
    cursor: Option<String>,
}

impl Listing {
    /// Reads those of the URL's words that the list understands; the others are left out, because URLs are edited by
    /// hand and kept for years.
    #[must_use]
    pub fn from_url(path: impl Into<String>, params: &ParamsMap, keys: &[&'static str]) -> Self {
        Self::beside(path, params, keys, "cursor")
    }

    /// The same for a list that shares its page with another, under a word of its own for the cursor.
    #[must_use]
    pub fn beside(
        path: impl Into<String>,
        params: &ParamsMap,
        keys: &[&'static str],
        cursor_key: &'static str,
    ) -> Self {
        let text =
            |key: &str| params.get(key).map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
        Self {
            path: path.into(),
            cursor_key,
            pairs: keys.iter().map(|key| (*key, text(key))).collect(),
            cursor: text(cursor_key),
        }
    }

    /// The list without any question.
    #[must_use]
    pub fn path(&self) -> String {
        self.path.clone()
    }

    /// What stands under a word.
    #[must_use]
    pub fn text(&self, key: &str) -> Option<String> {
        self.pairs.iter().find(|(name, _)| *name == key).and_then(|(_, value)| value.clone())
    }

    /// The same, as what it means; nothing when it means nothing.
    #[must_use]
    pub fn value<T: FromStr>(&self, key: &str) -> Option<T> {
        self.text(key).and_then(|text| text.parse().ok())
    }

    /// Does a word say yes?
    #[must_use]
    pub fn flag(&self, key: &str) -> bool {
        self.text(key).as_deref() == Some("true")
    }

    /// Which page.
    #[must_use]
    pub fn cursor(&self) -> Option<String> {
        self.cursor.clone()
    }

    /// True when something narrows the list down.
    #[must_use]
    pub fn is_filtered(&self) -> bool {
        self.pairs.iter().any(|(key, value)| value.is_some() && !matches!(*key, "sort" | "descending"))
    }

    /// Another page of the same list.
    #[must_use]
    pub fn page(&self, cursor: Option<&str>) -> String {
        let pairs = self.pairs.iter().map(|(key, value)| (*key, value.as_deref()));
        link(&self.path, pairs.chain([(self.cursor_key, cursor)]))
    }

    /// The same question with something else under one of its words, from its first page on.
    #[must_use]
    pub fn with(&self, key: &str, value: Option<&str>) -> String {
        let pairs =
            self.pairs.iter().map(|(name, kept)| (*name, if *name == key { value } else { kept.as_deref() }));
        link(&self.path, pairs)
    }

    /// The link of a column head: sorts by it, or turns the order when the list is sorted by it already. `first` is
    /// what it is sorted by when nothing is said.
    #[must_use]
    pub fn sorted_by(&self, word: &str, first: &str) -> String {
        let descending = (self.is_sorted_by(word, first) && !self.flag("descending")).then_some("true");
        let kept = self.pairs.iter().filter(|(key, _)| !matches!(*key, "sort" | "descending"));
        let kept = kept.map(|(key, value)| (*key, value.as_deref()));
        link(&self.path, kept.chain([("sort", Some(word)), ("descending", descending)]))
    }

    /// Is the list sorted by this?
    #[must_use]
    pub fn is_sorted_by(&self, word: &str, first: &str) -> bool {
        self.text("sort").as_deref().unwrap_or(first) == word
    }

    /// The way to the next page and back to the first; nothing when one page holds the list.
    #[must_use]
    pub fn pager(
        &self,
        shown: usize,
        total: Option<u64>,
        next_cursor: Option<&str>,
    ) -> impl IntoView + use<> {
        let first = self.cursor.is_some().then(|| self.page(None));
        let next = next_cursor.map(|cursor| self.page(Some(cursor)));
        view! { <Pager shown total first_href=first next_href=next/> }
    }
}

/// A path with those of the pairs that have a value.
pub fn link<'a>(path: &str, pairs: impl IntoIterator<Item = (&'a str, Option<&'a str>)>) -> String {
    let mut href = path.to_owned();
    let mut separator = '?';
    for (key, value) in pairs {
        let Some(value) = value else { continue };
        href.push(separator);
        href.push_str(key);
        href.push('=');
        href.push_str(&encode(value));
        separator = '&';
    }
    href
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEYS: [&str; 4] = ["search", "role", "sort", "descending"];

    fn asked(pairs: &[(&'static str, &str)]) -> Listing {
        let params: ParamsMap = pairs.iter().map(|(key, value)| (*key, (*value).to_owned())).collect();
        Listing::from_url("/users", &params, &KEYS)
    }

    #[test]
    fn the_url_holds_the_whole_question() {
        let listing = asked(&[("search", " web & db "), ("role", "contact"), ("x", "y"), ("cursor", "abc")]);
        assert_eq!(listing.page(Some("abc")), "/users?search=web%20%26%20db&role=contact&cursor=abc");
        assert_eq!(listing.page(None), "/users?search=web%20%26%20db&role=contact");
        assert_eq!(listing.with("role", None), "/users?search=web%20%26%20db");
        assert_eq!(
            listing.with("sort", Some("email")),
            "/users?search=web%20%26%20db&role=contact&sort=email"
        );
        assert_eq!(listing.text("search").as_deref(), Some("web & db"));
        assert!(listing.is_filtered() && !asked(&[("sort", "email"), ("role", " ")]).is_filtered());
        assert_eq!(asked(&[("role", "nobody")]).value::<u8>("role"), None);
    }

    #[test]
    fn a_head_turns_its_own_order_and_starts_a_new_one() {
        let by_name = asked(&[("search", "a"), ("cursor", "abc")]);
        assert_eq!(by_name.sorted_by("name", "name"), "/users?search=a&sort=name&descending=true");
        assert_eq!(by_name.sorted_by("email", "name"), "/users?search=a&sort=email");
        let turned = asked(&[("sort", "email"), ("descending", "true")]);
        assert_eq!(turned.sorted_by("email", "name"), "/users?sort=email");
    }
}
