//! The server's frames, as far as the load test needs them.

use serde::Deserialize;

/// A text frame of Impulse.
#[derive(Debug, PartialEq, Eq)]
pub enum ServerFrame {
    /// A change of the room.
    Message {
        /// Its sequence number.
        seq: u64,
    },
    /// The first frame.
    Hello,
    /// A command was carried out.
    Ok {
        /// The id of the command.
        id: String,
        /// The replay was cut short.
        truncated: bool,
    },
    /// A command was refused.
    Err {
        /// The id of the command.
        id: String,
        /// Code and message.
        sentence: String,
    },
    /// Anything else.
    Other,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Answer {
    id: String,
    truncated: bool,
    code: String,
    message: String,
}

/// Parses a text frame. A `msg`, which nearly all frames are, is only searched for its number.
pub fn parse(payload: &[u8]) -> ServerFrame {
    if payload.starts_with(br#"{"op":"msg""#) {
        return number_after(payload, br#""seq":"#)
            .map_or(ServerFrame::Other, |seq| ServerFrame::Message { seq });
    }
    let answer = || serde_json::from_slice::<Answer>(payload).unwrap_or_default();
    if payload.starts_with(br#"{"op":"ok""#) {
        let Answer { id, truncated, .. } = answer();
        return ServerFrame::Ok { id, truncated };
    }
    if payload.starts_with(br#"{"op":"err""#) {
        let Answer { id, code, message, .. } = answer();
        return ServerFrame::Err { id, sentence: format!("{code}: {message}") };
    }
    if payload.starts_with(br#"{"op":"hello""#) { ServerFrame::Hello } else { ServerFrame::Other }
}

/// The decimal number that follows the first `key`.
pub fn number_after(bytes: &[u8], key: &[u8]) -> Option<u64> {
    let at = bytes.windows(key.len()).position(|window| window == key)? + key.len();
    let digits = bytes.get(at..)?.iter().take_while(|byte| byte.is_ascii_digit());
    let mut number = None;
    for digit in digits {
        let so_far: u64 = number.unwrap_or(0);
        number = Some(so_far.checked_mul(10)?.checked_add(u64::from(digit - b'0'))?);
    }
    number
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_frames_of_the_server_are_parsed() {
        let msg = br#"{"op":"msg","room":"1","seq":42,"at":1,"msg":{"t":"\"seq\":9"}}"#;
        assert_eq!(parse(msg), ServerFrame::Message { seq: 42 });
        let ok = br#"{"op":"ok","id":"7","seq":3,"at":5}"#;
        assert_eq!(parse(ok), ServerFrame::Ok { id: "7".into(), truncated: false });
        let err = br#"{"op":"err","id":"7","code":"c","message":"m","retry_ms":5}"#;
        let sentence = "c: m".to_owned();
        assert_eq!(parse(err), ServerFrame::Err { id: "7".into(), sentence });
        assert_eq!(parse(br#"{"op":"hello","uid":"1"}"#), ServerFrame::Hello);
        assert_eq!(parse(b"nonsense"), ServerFrame::Other);
        assert_eq!(number_after(br#"{"n":99999999999999999999}"#, br#""n":"#), None);
    }
}
