//! Identifiers. Users and rooms are numbers in the database and **decimal strings** on the wire;
//! a message id is sixteen random bytes made by the author's client, base64url without padding.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de, ser};

/// The text is not an identifier of the wanted kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a valid id")]
pub struct BadId;

macro_rules! numeric_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(pub i64);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = BadId;

            /// Only the canonical form: digits, no sign, no leading zero, 1 to 2^63 - 1.
            fn from_str(text: &str) -> Result<Self, BadId> {
                let canonical = matches!(text.as_bytes(), [b'1'..=b'9', rest @ ..]
                    if rest.iter().all(u8::is_ascii_digit));
                if !canonical {
                    return Err(BadId);
                }
                text.parse().map($name).map_err(|_| BadId)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(itoa::Buffer::new().format(self.0))
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
                text.parse().map_err(de::Error::custom)
            }
        }
    };
}

numeric_id!(
    /// A user of this installation.
    Uid
);
numeric_id!(
    /// A room.
    RoomId
);
numeric_id!(
    /// One login: a browser session or a personal access token.
    SessionId
);
numeric_id!(
    /// An incoming hook of a room.
    HookId
);
numeric_id!(
    /// An invite link.
    InviteId
);

/// Characters of a random id.
const RANDOM_TEXT: usize = 22;

macro_rules! random_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(pub [u8; 16]);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&URL_SAFE_NO_PAD.encode(self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({self})", stringify!($name))
            }
        }

        impl FromStr for $name {
            type Err = BadId;

            /// Exactly 22 characters of base64url, no padding, canonical ending.
            fn from_str(text: &str) -> Result<Self, BadId> {
                let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| BadId)?;
                bytes.try_into().map($name).map_err(|_| BadId)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                let mut text = [0; RANDOM_TEXT];
                let written =
                    URL_SAFE_NO_PAD.encode_slice(self.0, &mut text).map_err(ser::Error::custom)?;
                let text = text.get(..written).unwrap_or_default();
                serializer.serialize_str(std::str::from_utf8(text).map_err(ser::Error::custom)?)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
                text.parse().map_err(de::Error::custom)
            }
        }
    };
}

random_id!(
    /// A message id: sixteen random bytes chosen by the author's client, unique within a room.
    Mid
);
random_id!(
    /// A file, chosen by the server: nobody can guess the id of another one.
    FileId
);
random_id!(
    /// Which history the rooms of this installation have: `seq` counts within it. A restore begins a new one.
    Epoch
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numeric_ids_have_one_spelling() {
        assert_eq!("42".parse(), Ok(Uid(42)));
        for wrong in ["", "0", "042", "-1", "+1", " 1", "1 ", "1.0", "9223372036854775808", "x"] {
            assert_eq!(wrong.parse::<Uid>(), Err(BadId), "{wrong:?}");
        }
    }

    #[test]
    fn a_mid_round_trips_and_refuses_every_other_length_and_alphabet() {
        let mid = Mid([0xfb; 16]);
        assert_eq!(mid.to_string().len(), 22);
        assert_eq!(mid.to_string().parse(), Ok(mid));
        for wrong in [
            "",
            "AAAA",
            "AAAAAAAAAAAAAAAAAAAAAA==",
            "+/AAAAAAAAAAAAAAAAAAAA",
            "AAAAAAAAAAAAAAAAAAAAAB",
        ] {
            assert_eq!(wrong.parse::<Mid>(), Err(BadId), "{wrong:?}");
        }
    }
}
