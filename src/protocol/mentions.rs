//! Whom a message mentions: `["all","2"]`.

use std::collections::HashSet;
use std::fmt;

use serde::de::{Deserializer, SeqAccess, Visitor};
use serde::ser::{SerializeSeq as _, Serializer};
use serde::{Deserialize, Serialize, de};

use crate::base::ids::Uid;

/// How a mention of everybody is written. No user has this id.
const ALL: &str = "all";

/// Whom a message mentions.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Mentions {
    /// Whether it mentions every member of the room.
    pub all: bool,
    /// Users, each once.
    pub users: Box<[Uid]>,
}

impl Mentions {
    /// As they are written; `None` if one is neither a user nor `all`.
    pub fn parse<'a>(written: impl IntoIterator<Item = Option<&'a str>>) -> Option<Self> {
        let (mut all, mut users, mut known) = (false, Vec::new(), HashSet::new());
        for text in written {
            match text? {
                ALL => all = true,
                text => {
                    let uid = text.parse().ok()?;
                    if known.insert(uid) {
                        users.push(uid);
                    }
                }
            }
        }
        Some(Self { all, users: users.into() })
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        usize::from(self.all) + self.users.len()
    }

    /// Whether nobody is mentioned.
    pub fn is_empty(&self) -> bool {
        !self.all && self.users.is_empty()
    }

    /// Whether a reader is mentioned, by name or with all.
    pub fn contains(&self, uid: Uid) -> bool {
        self.all || self.users.contains(&uid)
    }
}

impl From<Vec<Uid>> for Mentions {
    fn from(users: Vec<Uid>) -> Self {
        Self { all: false, users: users.into() }
    }
}

impl Serialize for Mentions {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_seq(Some(self.len()))?;
        if self.all {
            list.serialize_element(ALL)?;
        }
        for uid in &self.users {
            list.serialize_element(uid)?;
        }
        list.end()
    }
}

impl<'de> Deserialize<'de> for Mentions {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct List;

        impl<'de> Visitor<'de> for List {
            type Value = Mentions;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of user ids")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Mentions, A::Error> {
                let mut written = Vec::new();
                while let Some(text) = list.next_element::<String>()? {
                    written.push(text);
                }
                let mentions = Mentions::parse(written.iter().map(|text| Some(text.as_str())));
                mentions.ok_or_else(|| de::Error::custom("not a user id"))
            }
        }

        deserializer.deserialize_seq(List)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everybody_is_written_beside_users_and_comes_first() {
        let read = |json: &str| serde_json::from_str::<Mentions>(json).ok();
        let mentions = read(r#"["7","all","2","7","all"]"#).unwrap();
        assert_eq!(serde_json::to_string(&mentions).unwrap(), r#"["all","7","2"]"#);
        assert_eq!((mentions.len(), mentions.contains(Uid(9))), (3, true));
        let some = read(r#"["7"]"#).unwrap();
        assert!(some.contains(Uid(7)) && !some.contains(Uid(9)) && !some.is_empty());
        assert!(Mentions::default().is_empty());
        for wrong in [r#"["here"]"#, r#"["All"]"#, r#"["0"]"#, "[7]", r#""all""#, "{}"] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }
}
