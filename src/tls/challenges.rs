//! What the certificate authority fetches by plain HTTP to see that a name is ours (RFC 8555, 8.3).

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use crate::base::limits::acme as limits;
use crate::base::lock::MutexExt as _;

/// The path of every challenge, before its token.
pub const PREFIX: &str = "/.well-known/acme-challenge/";

/// The challenges that are open now. Cheap to clone; the plain address reads what an order writes.
#[derive(Debug, Clone, Default)]
pub struct Challenges {
    open: Arc<Mutex<HashMap<String, String>>>,
}

/// A challenge that is answered until this is dropped.
#[derive(Debug)]
pub struct OpenChallenge {
    challenges: Challenges,
    token: String,
}

impl Challenges {
    /// The answer to a request for that path, if it is an open challenge.
    pub fn answer(&self, path: &str) -> Option<String> {
        self.open.lock_unpoisoned().get(path.strip_prefix(PREFIX)?).cloned()
    }

    /// Answers the challenge with that token from now on. `None` if the token is not one (RFC 8555 knows only
    /// base64url), or if too many are open.
    pub fn open(&self, token: &str, answer: &str) -> Option<OpenChallenge> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
        let is_token = (1..=limits::TOKEN).contains(&token.len()) && token.bytes().all(plain);
        let mut open = self.open.lock_unpoisoned();
        if !is_token || open.len() >= limits::CHALLENGES {
            return None;
        }
        open.insert(token.to_owned(), answer.to_owned());
        Some(OpenChallenge { challenges: self.clone(), token: token.to_owned() })
    }
}

impl Drop for OpenChallenge {
    fn drop(&mut self) {
        self.challenges.open.lock_unpoisoned().remove(&self.token);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_challenge_is_answered_while_it_is_open_and_nothing_else_is() {
        let challenges = Challenges::default();
        let open = challenges.open("abc-_9", "abc-_9.thumb").unwrap();
        let path = format!("{PREFIX}abc-_9");
        assert_eq!(challenges.answer(&path).as_deref(), Some("abc-_9.thumb"));
        for other in ["/abc-_9", "abc-_9", PREFIX, &format!("{path}/"), &format!("{path}?")] {
            assert_eq!(challenges.answer(other), None, "{other}");
        }
        drop(open);
        assert_eq!(challenges.answer(&path), None);
    }

    #[test]
    fn a_token_is_plain_and_bounded_and_so_is_their_number() {
        let challenges = Challenges::default();
        for wrong in ["", "../x", "a/b", "a b", "ä", &"a".repeat(limits::TOKEN + 1)] {
            assert!(challenges.open(wrong, "x").is_none(), "{wrong}");
        }
        let open = |n: usize| challenges.open(&format!("{n:0>width$}", width = limits::TOKEN), "x");
        let all: Vec<_> = (0..limits::CHALLENGES).map(open).collect();
        assert!(all.iter().all(Option::is_some));
        assert!(open(limits::CHALLENGES).is_none());
    }
}
