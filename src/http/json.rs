//! JSON bodies: one content type, bounded depth, no NUL, and errors that name the field.

use serde::de::value::MapDeserializer;
use serde::de::{DeserializeOwned, Deserializer, Error as _, IntoDeserializer, Visitor};
use serde_json::Value;

use super::headers::Headers;
use crate::base::error::{Code, Error};
use crate::base::limits::http as limits;

/// Reads a body.
pub(super) fn read<T: DeserializeOwned>(headers: &Headers, body: &[u8]) -> Result<T, Error> {
    check_type(headers)?;
    check_depth(body)?;
    let value: Value = serde_json::from_slice(body).map_err(|error| {
        bad(format!("The body is not JSON (line {}, column {}).", error.line(), error.column()))
    })?;
    let Value::Object(fields) = value else {
        return Err(bad("The body must be a JSON object.".into()));
    };
    if let Some((name, _)) =
        fields.iter().find(|(name, value)| name.contains('\0') || has_nul(value))
    {
        return Err(Error::field(&name.replace('\0', ""), "contains a NUL character"));
    }
    let fields = fields.into_iter().map(|(name, value)| (name.clone(), Field { name, value }));
    T::deserialize(MapDeserializer::new(fields)).map_err(|error| bad(sentence(&error.to_string())))
}

/// Reads an empty body as `{}`.
pub(super) fn read_none<T: DeserializeOwned>() -> Result<T, Error> {
    let fields = std::iter::empty::<(String, Field)>();
    T::deserialize(MapDeserializer::new(fields)).map_err(|error| bad(sentence(&error.to_string())))
}

fn bad(sentence: String) -> Error {
    Error::new(Code::BadRequest, sentence)
}

/// Serde's message as one sentence, with the field in quotation marks.
fn sentence(message: &str) -> String {
    let message = message.replace('`', "\"");
    match message.strip_prefix("missing field ") {
        Some(field) => format!("Field {field} is missing."),
        None => format!("{}.", message.trim_end_matches('.')),
    }
}

fn check_type(headers: &Headers) -> Result<(), Error> {
    let kind = headers.get("content-type").unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default();
    if !kind.trim().eq_ignore_ascii_case("application/json")
        || headers.all("content-type").count() != 1
    {
        return refuse("The body must be application/json.");
    }
    check_form(headers)
}

fn refuse(sentence: &'static str) -> Result<(), Error> {
    Err(Error::new(Code::UnsupportedType, sentence))
}

/// Refuses a text body that is not UTF-8 or is compressed.
pub(super) fn check_form(headers: &Headers) -> Result<(), Error> {
    let kind = headers.get("content-type").unwrap_or_default();
    let charset = kind.split_once(';').map_or("", |(_, parameters)| parameters.trim());
    let charset = charset.to_ascii_lowercase();
    if !["", "charset=utf-8", "charset=\"utf-8\""].contains(&charset.as_str()) {
        return refuse("The body must be UTF-8.");
    }
    match headers.get("content-encoding") {
        None => Ok(()),
        Some(_) => refuse("The body must not be compressed."),
    }
}

/// Counts brackets outside strings before anything is built.
fn check_depth(body: &[u8]) -> Result<(), Error> {
    let (mut depth, mut in_string, mut escaped) = (0usize, false, false);
    for &byte in body {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'{' | b'[' if !in_string => depth += 1,
            b'}' | b']' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > limits::JSON_DEPTH {
            return Err(bad("The body is nested too deeply.".into()));
        }
    }
    Ok(())
}

fn has_nul(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains('\0'),
        Value::Array(items) => items.iter().any(has_nul),
        Value::Object(fields) => {
            fields.iter().any(|(name, value)| name.contains('\0') || has_nul(value))
        }
        _ => false,
    }
}

/// A value with the name of its field, so that an error can name it.
struct Field {
    name: String,
    value: Value,
}

impl IntoDeserializer<'_, serde_json::Error> for Field {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

macro_rules! named {
    ($($method:ident ( $($arg:ident : $kind:ty),* );)*) => {
        $(
            fn $method<V: Visitor<'de>>(self $(, $arg: $kind)*, visitor: V) -> Result<V::Value, Self::Error> {
                let Field { name, value } = self;
                value.$method($($arg,)* visitor).map_err(|error| {
                    let error = error.to_string().replace('`', "\"");
                    serde_json::Error::custom(format_args!("Field \"{name}\": {error}"))
                })
            }
        )*
    };
}

impl<'de> Deserializer<'de> for Field {
    type Error = serde_json::Error;

    named! {
        deserialize_any(); deserialize_bool(); deserialize_i8(); deserialize_i16();
        deserialize_i32(); deserialize_i64(); deserialize_u8(); deserialize_u16();
        deserialize_u32(); deserialize_u64(); deserialize_f32(); deserialize_f64();
        deserialize_char(); deserialize_str(); deserialize_string(); deserialize_bytes();
        deserialize_byte_buf(); deserialize_option(); deserialize_unit();
        deserialize_unit_struct(name_: &'static str); deserialize_newtype_struct(name_: &'static str);
        deserialize_seq(); deserialize_tuple(len: usize);
        deserialize_tuple_struct(name_: &'static str, len: usize); deserialize_map();
        deserialize_struct(name_: &'static str, fields: &'static [&'static str]);
        deserialize_enum(name_: &'static str, variants: &'static [&'static str]);
        deserialize_identifier(); deserialize_ignored_any();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, serde::Deserialize, PartialEq)]
    struct Sample {
        name: String,
        #[serde(default)]
        count: Option<u32>,
    }

    fn json(body: &str) -> Result<Sample, Error> {
        let headers = [("content-type".to_owned(), "application/json".to_owned())];
        read(&headers.into_iter().collect(), body.as_bytes())
    }

    #[test]
    fn unknown_fields_are_ignored_and_known_ones_read() {
        let sample = json(r#"{"name":"x","other":[{}]}"#).unwrap();
        assert_eq!(sample, Sample { name: "x".into(), count: None });
        assert_eq!(json(r#"{"name":"x","count":3}"#).unwrap().count, Some(3));
    }

    #[test]
    fn an_error_names_the_field_that_is_wrong() {
        for (body, word) in [
            (r#"{}"#, "\"name\""),
            (r#"{"name":7}"#, "\"name\""),
            (r#"{"name":"x","count":"y"}"#, "\"count\""),
            (r#"{"name":"x","count":-1}"#, "\"count\""),
            (r#"{"name":"a\u0000"}"#, "NUL"),
            (r#"{"name":"x","deep":{"a":["\u0000"]}}"#, "\"deep\""),
            ("[]", "object"),
            ("", "JSON"),
            (r#"{"name":"x"} x"#, "JSON"),
        ] {
            let error = json(body).unwrap_err();
            assert_eq!(error.code(), Code::BadRequest);
            assert!(error.message().contains(word), "{body}: {}", error.message());
        }
        assert!(json(&"[".repeat(100_000)).unwrap_err().message().contains("deep"));
        let nested = |depth: usize| {
            let (open, close) = ("[".repeat(depth - 1), "]".repeat(depth - 1));
            json(&format!(r#"{{"name":"x","deep":{open}{close}}}"#))
        };
        assert!(nested(limits::JSON_DEPTH).is_ok());
        assert!(nested(limits::JSON_DEPTH + 1).unwrap_err().message().contains("deep"));
    }

    #[test]
    fn only_plain_application_json_is_read() {
        for kind in ["text/plain", "", "application/jsonx", "application/json; charset=latin1"] {
            let headers: Headers =
                [("Content-Type".to_owned(), kind.to_owned())].into_iter().collect();
            let error = read::<Sample>(&headers, br#"{"name":"x"}"#).unwrap_err();
            assert_eq!(error.code(), Code::UnsupportedType, "{kind}");
        }
        let fields =
            [("content-type", "application/json; charset=UTF-8"), ("content-encoding", "gzip")];
        let headers: Headers =
            fields.map(|(k, v)| (k.to_owned(), v.to_owned())).into_iter().collect();
        assert_eq!(read::<Sample>(&headers, b"{}").unwrap_err().code(), Code::UnsupportedType);
    }
}
