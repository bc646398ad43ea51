//! Whether a WebSocket can be opened through everything that is in between: a real handshake.
//!
//! Without a session the server answers 401, but only after it has found everything else right, so that is a good
//! answer. With a token of a user the handshake is carried to its end.

use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::super::row::Row;
use super::super::site::Target;
use super::seen::{client, short};
use crate::base::limits::doctor as limits;
use crate::ws::client as websocket;

const CHECK: &str = "upgrade";
const PASS_ON: &str = "let the proxy pass upgrades on (nginx: proxy_http_version 1.1, and the headers Upgrade $http_upgrade \
                       and Connection \"upgrade\"; Apache: ProxyPass … upgrade=websocket)";

pub async fn check(target: &Target) -> Vec<Row> {
    let exchanged = tokio::time::timeout(limits::REQUEST, exchange(target)).await;
    vec![match exchanged {
        Err(_) => Row::todo(CHECK, "nothing answers a WebSocket's handshake", PASS_ON),
        Ok(Err(sentence)) => Row::todo(CHECK, sentence, PASS_ON),
        Ok(Ok(bytes)) => judge(&bytes, target.token.is_some()),
    }]
}

/// Sends the handshake and reads what comes: a whole answer, or the start of a WebSocket.
async fn exchange(target: &Target) -> Result<Vec<u8>, String> {
    let mut stream = client(target).connect().await.map_err(|failure| failure.to_string())?;
    let host = target.origin.authority();
    let mut request = websocket::request(&host, "/ws", target.token.as_deref(), "impulse.v1");
    // Before the empty line that ends it.
    request.truncate(request.len().saturating_sub(2));
    request.extend_from_slice(format!("Origin: {}\r\n\r\n", target.browser_origin()).as_bytes());
    let broken = |error: std::io::Error| {
        format!("the connection broke during a WebSocket's handshake: {error}")
    };
    stream.write_all(&request).await.map_err(broken)?;
    stream.flush().await.map_err(broken)?;
    let mut bytes = Vec::new();
    loop {
        let mut part = [0; 4_096];
        let count = match stream.read(&mut part).await {
            Ok(count) => count,
            // A proxy may end TLS without saying so.
            Err(_) if !bytes.is_empty() => 0,
            Err(error) => return Err(broken(error)),
        };
        bytes.extend_from_slice(part.get(..count).unwrap_or_default());
        if count == 0 || is_whole(&bytes) || bytes.len() > limits::HEAD {
            return Ok(bytes);
        }
    }
}

/// Whether the answer is there: of an upgrade also the first frame, `hello`.
fn is_whole(bytes: &[u8]) -> bool {
    let Some((head, length)) = parse(bytes) else { return false };
    let rest = bytes.get(length..).unwrap_or_default();
    match head.status {
        101 => rest.len() > 4,
        _ => head.length.is_some_and(|length| rest.len() >= length),
    }
}

struct Head {
    status: u16,
    reason: String,
    length: Option<usize>,
}

fn parse(bytes: &[u8]) -> Option<(Head, usize)> {
    let mut fields = [httparse::EMPTY_HEADER; 100];
    let mut head = httparse::Response::new(&mut fields);
    let httparse::Status::Complete(end) = head.parse(bytes).ok()? else { return None };
    let length =
        head.headers.iter().find(|field| field.name.eq_ignore_ascii_case("content-length"));
    let length =
        length.and_then(|field| std::str::from_utf8(field.value).ok()?.trim().parse().ok());
    Some((Head { status: head.code?, reason: short(head.reason.unwrap_or_default()), length }, end))
}

fn judge(bytes: &[u8], has_token: bool) -> Row {
    let Some((head, end)) = parse(bytes) else {
        return Row::todo(CHECK, "what answers a WebSocket's handshake is no HTTP", PASS_ON);
    };
    let body = bytes.get(end..).unwrap_or_default();
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    let code = body["error"]["code"].as_str().unwrap_or_default();
    match (head.status, code) {
        (101, _) => match websocket::parse_answer(bytes) {
            Ok(Some(_)) => Row::ok(CHECK, "a WebSocket opens (101), and the first frame arrives"),
            _ => Row::todo(CHECK, "what answers with 101 is not the server", PASS_ON),
        },
        (401, "unauthorized") if has_token => Row::todo(
            CHECK,
            "the server does not know the token",
            "make one: impulse admin token USER",
        ),
        (401, "unauthorized") => Row::ok(
            CHECK,
            "a handshake reaches the server (401 without a session; --token opens one)",
        ),
        (403, "bad_origin") => Row::todo(
            CHECK,
            "the server takes its own page for another site's, and refuses it",
            "let the proxy pass on Host, and X-Forwarded-Proto, and name it in IMPULSE_TRUSTED_PROXIES; or name the \
             origin in IMPULSE_ORIGINS",
        ),
        (421, _) => {
            Row::todo(CHECK, "the server does not go by that name", "add it to IMPULSE_HOSTS")
        }
        (426, _) | (400, "bad_request") => Row::todo(
            CHECK,
            format!("the headers of a WebSocket do not arrive ({})", head.status),
            PASS_ON,
        ),
        (status, code) => {
            let code = if code.is_empty() { head.reason } else { short(code) };
            Row::todo(
                CHECK,
                format!("a WebSocket's handshake is answered {status} {code}"),
                PASS_ON,
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::row::Status;
    use super::*;

    fn of(status: &str, code: &str, has_token: bool) -> Row {
        let body = format!(r#"{{"error":{{"code":"{code}"}}}}"#);
        let text = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        assert!(is_whole(text.as_bytes()) && !is_whole(&text.as_bytes()[..text.len() - 1]));
        judge(text.as_bytes(), has_token)
    }

    #[test]
    fn only_an_answer_of_the_server_itself_shows_that_upgrades_pass() {
        assert_eq!(of("401 Unauthorized", "unauthorized", false).status, Status::Ok);
        for (status, code, part) in [
            ("401 Unauthorized", "", "answered 401"),
            ("403 Forbidden", "bad_origin", "another site"),
            ("403 Forbidden", "", "answered 403"),
            ("400 Bad Request", "bad_request", "do not arrive"),
            ("426 Upgrade Required", "", "do not arrive"),
            ("421 Misdirected Request", "misdirected", "that name"),
            ("502 Bad Gateway", "", "502 Bad Gateway"),
        ] {
            let row = of(status, code, false);
            assert!(row.status == Status::Todo && row.found.contains(part), "{row:?}");
        }
        assert!(of("401 Unauthorized", "unauthorized", true).found.contains("token"));
        let foreign = b"HTTP/1.1 101 Switching\r\nSec-WebSocket-Accept: x\r\n\r\nhello";
        assert_eq!(judge(foreign, true).status, Status::Todo);
        assert_eq!(judge(b"SSH-2.0", false).status, Status::Todo);
    }
}
