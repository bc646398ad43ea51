//! The connection to the authority: the requests of `instant-acme` over the one HTTP client of the house. Every answer
//! is bounded in size and time, and what is no answer of an ACME server ends the attempt here.

use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::{Method, Request, Response, Uri};
use instant_acme::{BodyWrapper, BytesResponse, Error, HttpClient, Problem};
use serde_json::Value;

use crate::base::limits::acme as limits;
use crate::base::lock::MutexExt as _;
use crate::config::AcmeSettings;
use crate::http::client::{Call, Client, Origin, Reply, Scheme, Trust};

/// How the authority is reached. Cheap to clone.
#[derive(Clone)]
pub struct Transport {
    trust: Trust,
    seen: Arc<Mutex<Seen>>,
    timeout: Duration,
}

/// What answers say apart from their body.
#[derive(Debug, Default)]
struct Seen {
    retry_after: Option<SystemTime>,
    terms: Option<String>,
}

/// Why there is no answer of an ACME server.
#[derive(Debug)]
pub enum Trouble {
    /// It cannot be reached, or does not answer.
    Away(String),
    /// Something answers, but not as an ACME server does.
    Nonsense(String),
    /// It does not even show its directory.
    Refusal(Problem),
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Away(reason) | Self::Nonsense(reason) => f.write_str(reason),
            Self::Refusal(problem) => problem.fmt(f),
        }
    }
}

impl std::error::Error for Trouble {}

impl Transport {
    /// Trusts the authority's own root, if the settings name one.
    ///
    /// # Errors
    /// One sentence if it cannot be read.
    pub fn new(settings: &AcmeSettings) -> Result<Self, String> {
        let trust = match &settings.root {
            Some(file) => Trust::in_file(file)?,
            None => Trust::public(),
        };
        Ok(Self { trust, seen: Arc::default(), timeout: limits::REQUEST })
    }

    /// When the last answer that refused something wants to be asked again.
    pub fn retry_after(&self) -> Option<SystemTime> {
        self.seen.lock_unpoisoned().retry_after
    }

    /// Where the terms of the authority are, as its directory says.
    pub fn terms(&self) -> Option<String> {
        self.seen.lock_unpoisoned().terms.clone()
    }

    /// Reads the directory, which costs the authority nothing.
    ///
    /// # Errors
    /// There is none.
    pub async fn read_directory(&self, url: &str) -> Result<(), Error> {
        let request = Request::builder().uri(url).body(BodyWrapper::default())?;
        self.request(request).await.map(|_| ())
    }

    async fn exchange(
        &self,
        request: Request<BodyWrapper<Bytes>>,
    ) -> Result<BytesResponse, Trouble> {
        let url = request.uri().to_string();
        let (origin, path) = Origin::parse(&url).map_err(Trouble::Nonsense)?;
        if origin.scheme != Scheme::Https {
            return Err(Trouble::Nonsense(format!("it names an address without https: {url}")));
        }
        let (parts, body) = request.into_parts();
        let headers = parts.headers.iter();
        let headers =
            headers.filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)));
        let headers: Vec<_> = headers.collect();
        // The way to a body that needs no further crate.
        let mut body = BytesResponse::from(Response::new(body)).body;
        let body = body.into_bytes().await.unwrap_or_default();
        let path = if path.is_empty() { "/" } else { path };
        let call = Call { method: parts.method.as_str(), path, headers: &headers, body: &body };
        let client = Client::of(&origin, &self.trust).with_timeout(self.timeout);
        let reply =
            client.request(call).await.map_err(|failure| Trouble::Away(failure.to_string()))?;
        if reply.body.len() > limits::ANSWER {
            return Err(Trouble::Nonsense("its answer is too long".to_owned()));
        }
        self.check(&parts.method, &reply)?;
        response(reply)
    }

    /// Refuses what no ACME server answers, and notes when it wants to be asked again.
    fn check(&self, method: &Method, reply: &Reply) -> Result<(), Trouble> {
        let is_error = reply.status >= 400;
        let mut seen = self.seen.lock_unpoisoned();
        if is_error {
            seen.retry_after = reply.header("retry-after").and_then(moment);
        }
        if method == Method::HEAD && !is_error {
            return Ok(());
        }
        let json = serde_json::from_slice::<Value>(&reply.body).ok().filter(Value::is_object);
        match json {
            _ if (300..400).contains(&reply.status) => {
                Err(Trouble::Nonsense(format!("it answers with a redirect ({})", reply.status)))
            }
            None if is_error => {
                let Reply { status, reason, .. } = reply;
                Err(Trouble::Nonsense(
                    format!("it answers {status} {reason}").trim_end().to_owned(),
                ))
            }
            Some(json) if method == Method::GET && is_error => {
                let problem = serde_json::from_value(json);
                let nonsense = |_| Trouble::Nonsense(format!("it answers {}", reply.status));
                Err(problem.map_or_else(nonsense, Trouble::Refusal))
            }
            Some(json) if method == Method::GET && json.get("suggestedWindow").is_none() => {
                seen.terms = json["meta"]["termsOfService"].as_str().map(str::to_owned);
                check_directory(&json)
            }
            None if method == Method::GET => {
                Err(Trouble::Nonsense("its answer is no ACME directory".to_owned()))
            }
            _ => Ok(()),
        }
    }
}

impl HttpClient for Transport {
    fn request(
        &self,
        request: Request<BodyWrapper<Bytes>>,
    ) -> Pin<Box<dyn Future<Output = Result<BytesResponse, Error>> + Send>> {
        let this = self.clone();
        Box::pin(async move {
            this.exchange(request).await.map_err(|trouble| Error::Other(Box::new(trouble)))
        })
    }
}

/// `instant-acme` would panic over a directory whose addresses are none.
fn check_directory(directory: &Value) -> Result<(), Trouble> {
    for name in ["newNonce", "newAccount", "newOrder"] {
        let address = directory[name].as_str().filter(|text| text.starts_with("https://"));
        if address.and_then(|text| text.parse::<Uri>().ok()).is_none() {
            return Err(Trouble::Nonsense("its answer is no ACME directory".to_owned()));
        }
    }
    Ok(())
}

fn response(reply: Reply) -> Result<BytesResponse, Trouble> {
    let mut builder = Response::builder().status(reply.status);
    for (name, value) in &reply.headers {
        builder = builder.header(name.as_str(), value.as_slice());
    }
    let response = builder.body(());
    let (parts, ()) = response
        .map_err(|_| Trouble::Nonsense("the head of its answer cannot be read".to_owned()))?
        .into_parts();
    Ok(BytesResponse { parts, body: Box::new(Bytes::from(reply.body)) })
}

/// `Retry-After`: seconds, or a date.
fn moment(text: &str) -> Option<SystemTime> {
    let now = SystemTime::now();
    let until = match text.trim().parse::<u64>() {
        Ok(seconds) => now + Duration::from_secs(seconds).min(limits::RETRY_AFTER_MAX),
        Err(_) => httpdate::parse_http_date(text.trim()).ok()?,
    };
    Some(until.min(now + limits::RETRY_AFTER_MAX))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn transport() -> Transport {
        let settings = AcmeSettings::default();
        Transport::new(&settings).unwrap()
    }

    fn reply(status: u16, body: &str) -> Reply {
        let headers = vec![("retry-after".to_owned(), b"120".to_vec())];
        Reply { status, reason: String::new(), headers, body: body.as_bytes().to_vec() }
    }

    #[test]
    fn what_no_acme_server_answers_is_refused_before_anything_reads_it() {
        let transport = transport();
        let check = |method, status, body: &str| transport.check(&method, &reply(status, body));
        let directory = |nonce: &str| {
            json!({"newNonce": nonce, "newAccount": "https://a/b", "newOrder": "https://a/c",
                   "meta": {"termsOfService": "https://a/terms"}})
            .to_string()
        };
        check(Method::GET, 200, &directory("https://a/n")).unwrap();
        assert_eq!(transport.terms().as_deref(), Some("https://a/terms"));
        for nonsense in [
            "",
            "[]",
            "<html>",
            "{}",
            &directory("https://a b"),
            &directory("http://a/n"),
            &directory(""),
        ] {
            assert!(check(Method::GET, 200, nonsense).is_err(), "{nonsense}");
        }
        check(Method::POST, 200, "-----BEGIN").unwrap();
        check(Method::POST, 403, r#"{"type":"x"}"#).unwrap();
        for (status, body) in [(502, "<html>bad gateway"), (500, ""), (302, ""), (404, "[1]")] {
            assert!(check(Method::POST, status, body).is_err(), "{status}");
        }
        check(Method::HEAD, 200, "").unwrap();
        assert!(check(Method::HEAD, 503, "").is_err());
    }

    #[test]
    fn when_to_ask_again_is_read_as_seconds_or_as_a_date_and_is_bounded() {
        let transport = transport();
        let _ = transport.check(&Method::POST, &reply(429, "{}"));
        let wait = transport.retry_after().unwrap().duration_since(SystemTime::now()).unwrap();
        assert!((110..=120).contains(&wait.as_secs()), "{wait:?}");
        let date = httpdate::fmt_http_date(SystemTime::now() + Duration::from_secs(600));
        assert!(moment(&date).unwrap() > SystemTime::now());
        let late = httpdate::fmt_http_date(SystemTime::now() + limits::RETRY_AFTER_MAX * 1_000);
        for far in ["99999999999999999", &late] {
            assert!(moment(far).unwrap() <= SystemTime::now() + limits::RETRY_AFTER_MAX, "{far}");
        }
        assert_eq!(moment("soon"), None);
    }

    #[tokio::test]
    async fn an_authority_that_does_not_answer_is_given_up() {
        // It accepts, as every listener does, and says nothing.
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("https://{}/", listener.local_addr().unwrap());
        let transport = transport();
        assert_eq!(transport.timeout, limits::REQUEST);
        let transport = Transport { timeout: Duration::from_millis(50), ..transport };
        let error = transport.read_directory(&url).await.unwrap_err();
        assert!(error.to_string().contains("does not answer"), "{error}");
    }
}
