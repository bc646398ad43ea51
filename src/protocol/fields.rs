//! The fields of a JSON object, each read as the type it must have.

use serde_json::{Map, Value};

use crate::base::error::{Code, Error, Result};
use crate::base::ids::{Epoch, Mid, RoomId};
use crate::base::limits::chat as limits;

/// Typed access to a JSON object; each refusal names the field. `null` counts as absent.
pub(super) struct Fields<'a>(pub &'a Map<String, Value>);

impl<'a> Fields<'a> {
    fn get(&self, name: &str) -> Option<&'a Value> {
        self.0.get(name).filter(|value| !value.is_null())
    }

    pub fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    fn need(&self, name: &str) -> Result<&'a Value> {
        self.get(name).ok_or_else(|| Error::field(name, "is missing"))
    }

    pub fn text(&self, name: &str) -> Result<&'a str> {
        self.need(name)?.as_str().ok_or_else(|| Error::field(name, "is a string"))
    }

    /// A text of bounded length without NUL, which PostgreSQL cannot store.
    pub fn clean_text(&self, name: &str, bytes_max: usize) -> Result<&'a str> {
        let text = self.text(name)?;
        if text.len() > bytes_max {
            let sentence = format!("Field \"{name}\" is longer than {bytes_max} bytes.");
            return Err(Error::new(Code::TooLarge, sentence));
        }
        if text.contains('\0') {
            return Err(Error::field(name, "must not contain NUL"));
        }
        Ok(text)
    }

    /// A whole number that JavaScript can represent exactly.
    pub fn number(&self, name: &str) -> Result<u64> {
        let number = self.need(name)?.as_u64().filter(|number| *number <= limits::NUMBER);
        number.ok_or_else(|| Error::field(name, "is a whole number"))
    }

    pub fn room(&self) -> Result<RoomId> {
        self.text("room")?.parse().map_err(|_| Error::field("room", "is a room id"))
    }

    pub fn mid(&self, name: &str) -> Result<Mid> {
        let rule = "is a message id (22 characters of base64url)";
        self.text(name)?.parse().map_err(|_| Error::field(name, rule))
    }

    pub fn epoch(&self) -> Result<Option<Epoch>> {
        if !self.has("epoch") {
            return Ok(None);
        }
        let epoch = self.text("epoch")?.parse();
        epoch.map(Some).map_err(|_| Error::field("epoch", "is the epoch of a \"hello\""))
    }

    pub fn object(&self, name: &str) -> Result<Fields<'a>> {
        self.need(name)?.as_object().map(Fields).ok_or_else(|| Error::field(name, "is an object"))
    }

    pub fn array(&self, name: &str, items_max: usize) -> Result<&'a [Value]> {
        let Some(value) = self.get(name) else { return Ok(&[]) };
        let items = value.as_array().ok_or_else(|| Error::field(name, "is a list"))?;
        if items.len() > items_max {
            return Err(Error::field(name, &format!("has at most {items_max} items")));
        }
        Ok(items)
    }

    pub fn command_id(&self) -> Result<Option<String>> {
        if !self.has("id") {
            return Ok(None);
        }
        let id = self.text("id")?;
        if id.chars().count() > limits::COMMAND_ID {
            return Err(Error::field("id", "is longer than 32 characters"));
        }
        if id.chars().any(char::is_control) {
            return Err(Error::field("id", "must not contain control characters"));
        }
        Ok(Some(id.to_owned()))
    }
}
