//! Pages that need no other file and no script: what a browser may load for them, and in which language they are.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

use super::head::Head;

/// The languages of people's texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    /// English, which stands in for what nobody has translated.
    En,
    /// Russian.
    Ru,
    /// Spanish.
    Es,
}

impl Language {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::En, Self::Ru, Self::Es];

    /// The first language that the reader's browser names and that we have.
    pub fn of(head: &Head) -> Self {
        let known = |tag: &str| {
            let tag = tag.get(..2)?;
            Self::ALL.into_iter().find(|language| tag.eq_ignore_ascii_case(language.tag()))
        };
        items(head, "accept-language").find_map(known).unwrap_or(Self::En)
    }

    /// As `lang` has it.
    pub fn tag(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::Ru => "ru",
            Self::Es => "es",
        }
    }
}

/// The items of a list in the head, without their parameters.
pub(super) fn items<'a>(head: &'a Head, name: &'static str) -> impl Iterator<Item = &'a str> {
    let lists = head.headers.all(name).flat_map(|list| list.split(','));
    lists.map(|item| item.split(';').next().unwrap_or_default().trim())
}

/// The policy for a page of which only the style in the page itself applies.
pub fn content_security_policy(page: &str) -> String {
    let style = page.split_once("<style>").and_then(|(_, rest)| rest.split_once("</style>"));
    let digest = STANDARD.encode(Sha256::digest(style.map_or("", |(style, _)| style)));
    format!(
        "default-src 'none'; style-src 'sha256-{digest}'; img-src 'self'; base-uri 'none'; form-action 'none'; \
         frame-ancestors 'none'"
    )
}
