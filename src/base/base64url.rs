//! Bytes as base64url without padding, the form of byte strings in JSON. Decoding refuses padding, other alphabets
//! and endings that are not canonical (`e2ee.md` 3.2), so bytes have one spelling.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// The text of some bytes.
pub fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The bytes of a text; nothing for any text that [`encode`] does not make.
pub fn decode(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}

/// The same for a text of exactly `N` bytes.
pub fn decode_array<const N: usize>(text: &str) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    let written = URL_SAFE_NO_PAD.decode_slice(text, &mut bytes).ok()?;
    (written == N).then_some(bytes)
}

/// Fields of `N` bytes: `#[serde(with = "base64url::array")]`.
pub mod array {
    use std::borrow::Cow;

    use serde::{Deserialize, Deserializer, Serializer, de};

    /// Writes the bytes as text.
    ///
    /// # Errors
    /// Those of the serializer.
    pub fn serialize<S: Serializer, const N: usize>(
        bytes: &[u8; N],
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&super::encode(bytes))
    }

    /// Reads them.
    ///
    /// # Errors
    /// Another length, or another spelling.
    pub fn deserialize<'de, D: Deserializer<'de>, const N: usize>(
        deserializer: D,
    ) -> Result<[u8; N], D::Error> {
        let text = <Cow<'de, str>>::deserialize(deserializer)?;
        super::decode_array(&text).ok_or_else(|| {
            de::Error::custom(format_args!("must be {N} bytes as base64url without padding"))
        })
    }
}

/// Fields of any number of bytes: `#[serde(with = "base64url::bytes")]`.
pub mod bytes {
    use std::borrow::Cow;

    use serde::{Deserialize, Deserializer, Serializer, de};

    /// Writes the bytes as text.
    ///
    /// # Errors
    /// Those of the serializer.
    pub fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&super::encode(bytes))
    }

    /// Reads them.
    ///
    /// # Errors
    /// Another spelling.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        let text = <Cow<'de, str>>::deserialize(deserializer)?;
        super::decode(&text).ok_or_else(|| de::Error::custom("must be base64url without padding"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_have_one_spelling() {
        assert_eq!(encode(&[0, 0xfb, 0xff]), "APv_");
        assert_eq!(decode("APv_"), Some(vec![0, 0xfb, 0xff]));
        assert_eq!(decode_array("APv_"), Some([0, 0xfb, 0xff]));
        for wrong in ["APv/", "AP+_", "AA==", "AB", "A", " AA", "AA\n"] {
            assert_eq!(decode(wrong), None, "{wrong:?}");
        }
        for wrong in ["", "APs", "APv_AA", "AP+_"] {
            assert_eq!(decode_array::<3>(wrong), None, "{wrong:?}");
        }
        assert_eq!(decode_array::<1>("AB"), None);
    }
}
