//! The messages of a load test. Each contains its number, and is the same when it is sent again.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::seal;
use super::server_frame::number_after;
use super::target::{Dialect, Room};
use crate::base::ids::Mid;
use crate::base::random;
use crate::ws::client;

/// Writes them.
pub struct Author {
    dialect: Dialect,
    size: usize,
    /// Tells the messages of this run from all others.
    tag: u64,
    /// What precedes the number in a text of this run.
    prefix: Vec<u8>,
    mask: u32,
}

impl Author {
    /// An author of texts (or, for a plain peer, of whole payloads) of `size` bytes.
    ///
    /// # Errors
    /// The system has no randomness.
    pub fn new(dialect: Dialect, size: usize) -> Result<Self, String> {
        let tag = u64::from_be_bytes(random::bytes().map_err(|error| error.to_string())?);
        let prefix = format!("\"t\":\"{tag:016x}.").into_bytes();
        Ok(Self { dialect, size, tag, prefix, mask: tag as u32 | 1 })
    }

    /// A new masking key.
    pub fn mask(&mut self) -> [u8; 4] {
        // xorshift32: a key need not be secret here, only different each time.
        self.mask ^= self.mask << 13;
        self.mask ^= self.mask >> 17;
        self.mask ^= self.mask << 5;
        self.mask.to_be_bytes()
    }

    /// The whole frame of message `number` of a room.
    pub fn frame(&mut self, room: usize, target: &Room, number: u64) -> Vec<u8> {
        let room_id = &target.id;
        let payload = if self.dialect == Dialect::Plain {
            let text = format!("{{\"n\":{},\"t\":\"", number + 1);
            format!("{text:x<width$}\"}}", width = self.size.saturating_sub(2))
        } else {
            let mut mid = [0; 16];
            mid[..8].copy_from_slice(&self.tag.to_be_bytes());
            mid[8..12].copy_from_slice(&(room as u32).to_be_bytes());
            mid[12..].copy_from_slice(&(number as u32).to_be_bytes());
            if let Some(seal) = &target.seal {
                let envelope = seal.envelope(Mid(mid), self.size);
                return self.masked(&format!(
                    "{{\"op\":\"msg.send\",\"id\":\"{number}\",\"room\":\"{room_id}\",\"env\":{envelope}}}"
                ));
            }
            let mid = URL_SAFE_NO_PAD.encode(mid);
            let text = format!("{:016x}.{number} ", self.tag);
            format!(
                "{{\"op\":\"msg.send\",\"id\":\"{number}\",\"room\":\"{room_id}\",\"msg\":{{\
                 \"mid\":\"{mid}\",\"rev\":0,\"kind\":\"msg\",\"t\":\"{text:x<width$}\"}}}}",
                width = self.size
            )
        };
        self.masked(&payload)
    }

    fn masked(&mut self, payload: &str) -> Vec<u8> {
        let mask = self.mask();
        let mut frame = Vec::with_capacity(payload.len() + 14);
        client::text(payload.as_bytes(), mask, &mut frame);
        frame
    }

    /// The number of a delivered message, if it is of this run.
    pub fn number(&self, payload: &[u8]) -> Option<u64> {
        if self.dialect == Dialect::Plain {
            return number_after(payload, br#""n":"#)?.checked_sub(1);
        }
        number_after(payload, &self.prefix).or_else(|| self.sealed_number(payload))
    }

    /// An encrypted message has its number in its `mid`.
    fn sealed_number(&self, payload: &[u8]) -> Option<u64> {
        let mid = seal::mid_in(payload)?;
        let (tag, rest) = mid.split_first_chunk::<8>()?;
        let (_, number) = rest.split_last_chunk::<4>()?;
        (*tag == self.tag.to_be_bytes()).then_some(u64::from(u32::from_be_bytes(*number)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::command::Request;
    use crate::ws::{Codec, Limits, Message};

    fn payload(author: &mut Author, number: u64) -> String {
        let room = Room { id: "12".to_owned(), ..Room::default() };
        let mut frame = author.frame(3, &room, number);
        let mut input = frame.as_mut_slice();
        let limits = Limits { message: 10_000, fragments: 1 };
        match Codec::default().next(limits, &mut input) {
            Ok(Some(Message::Text(text))) => text.into_owned(),
            other => unreachable!("{other:?}"),
        }
    }

    #[test]
    fn a_message_is_a_command_of_the_asked_size_that_knows_its_number() {
        let mut author = Author::new(Dialect::Impulse, 128).unwrap();
        let text = payload(&mut author, 77);
        let command = Request::parse(&text).unwrap();
        assert_eq!(command.id.as_deref(), Some("77"));
        let value: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(value["msg"]["t"].as_str().unwrap().len(), 128);
        assert_eq!(author.number(text.as_bytes()), Some(77));
        assert_eq!(payload(&mut author, 77), text, "the same when it is sent again");
        let mut other = Author::new(Dialect::Impulse, 128).unwrap();
        assert_eq!(author.number(payload(&mut other, 77).as_bytes()), None);
    }

    #[test]
    fn a_plain_one_is_a_payload_of_the_asked_size() {
        let mut author = Author::new(Dialect::Plain, 128).unwrap();
        let text = payload(&mut author, 9);
        assert_eq!(text.len(), 128);
        assert!(serde_json::from_str::<serde_json::Value>(&text).is_ok());
        assert_eq!(author.number(text.as_bytes()), Some(9));
    }
}
