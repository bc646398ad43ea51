//! The one error a client ever sees: a `code`, one safe sentence, and sometimes a [`Detail`] for programs.
//! The cause is logged and never sent.

use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt;

use rand::rngs::SysError;
use serde::Serialize;

pub use super::code::Code;
use super::encryption::EncryptionDetail;
use super::file_detail::FileDetail;
use super::limits::rooms::RETRY_MS;
use super::random;

/// Result with the client-facing error.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why the server cannot do something now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outage {
    /// The database cannot be reached.
    Unreachable,
    /// The database does not answer in time, or all connections to it are in use.
    Slow,
    /// The disk of the database is full.
    DiskFull,
    /// The database takes no writes.
    ReadOnly,
    /// The database fails otherwise; its own message is in the log.
    Failing,
    /// This server has too much to do, or is stopping.
    Busy,
}

impl Outage {
    /// The sentence for clients and operators.
    pub fn sentence(self) -> &'static str {
        match self {
            Self::Unreachable => "The server cannot reach its database right now.",
            Self::Slow => "The database does not answer in time right now.",
            Self::DiskFull => "The database cannot store anything: its disk is full.",
            Self::ReadOnly => "The database takes no changes right now: it is read-only.",
            Self::Failing => "The database cannot do this right now.",
            Self::Busy => "The server cannot do this right now: it is busy or stopping.",
        }
    }
}

/// What an error means to programs besides its code. A field that is set is a field of the answer, on the socket and
/// over HTTP.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Detail {
    /// When to try again, in milliseconds. HTTP says it in a header instead.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_ms: Option<u32>,
    /// What exactly is wrong, where the code alone does not say it.
    #[serde(rename = "detail", skip_serializing_if = "Option::is_none")]
    pub exact: Option<Box<ExactDetail>>,
}

/// What exactly is wrong. Its code and its sentence follow from it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum ExactDetail {
    /// With a change of an encrypted room, of keys or of the directory.
    Encryption(EncryptionDetail),
    /// With a file.
    File(FileDetail),
}

impl From<EncryptionDetail> for ExactDetail {
    fn from(detail: EncryptionDetail) -> Self {
        Self::Encryption(detail)
    }
}

impl From<FileDetail> for ExactDetail {
    fn from(detail: FileDetail) -> Self {
        Self::File(detail)
    }
}

/// An error on its way to a client.
pub struct Error {
    code: Code,
    message: Cow<'static, str>,
    detail: Detail,
    outage: Option<Outage>,
    cause: Option<Box<dyn StdError + Send + Sync>>,
}

impl Error {
    /// An error with its sentence. The sentence is shown to people: no internals in it.
    pub fn new(code: Code, message: impl Into<Cow<'static, str>>) -> Self {
        Self { code, message: message.into(), detail: Detail::default(), outage: None, cause: None }
    }

    /// A refusal whose code and sentence follow from its detail.
    pub fn with_detail(detail: impl Into<ExactDetail>) -> Self {
        let detail = detail.into();
        let (code, sentence) = match &detail {
            ExactDetail::Encryption(detail) => (detail.code(), detail.sentence()),
            ExactDetail::File(detail) => (detail.code(), detail.sentence()),
        };
        let mut error = Self::new(code, sentence);
        error.detail.exact = Some(Box::new(detail));
        error
    }

    /// `bad_request` naming the field.
    pub fn field(field: &str, rule: &str) -> Self {
        Self::new(Code::BadRequest, format!("Field \"{field}\" {rule}."))
    }

    /// `unavailable` for this reason, to be tried again after [`RETRY_MS`].
    pub fn outage(outage: Outage, cause: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        let error = Self::new(Code::Unavailable, outage.sentence());
        Self { outage: Some(outage), ..error }.retry_after(RETRY_MS).because(cause)
    }

    /// `internal`: the cause is logged now, under the id the client is given.
    pub fn internal(cause: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        let cause = cause.into();
        let id = random::number();
        tracing::error!(error_id = format!("{id:08x}"), %cause, "internal error");
        Self::new(Code::Internal, format!("Something went wrong on the server (error {id:08x})."))
    }

    /// The same for somebody else whom it concerns. The cause stays with the first.
    #[must_use]
    pub fn again(&self) -> Self {
        let Self { code, message, detail, outage, .. } = self;
        Self {
            code: *code,
            message: message.clone(),
            detail: detail.clone(),
            outage: *outage,
            cause: None,
        }
    }

    /// When to try again, in milliseconds.
    pub fn retry_after(mut self, retry_ms: u32) -> Self {
        self.detail.retry_ms = Some(retry_ms);
        self
    }

    /// Attaches what really happened, for the log.
    pub fn because(mut self, cause: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.cause = Some(cause.into());
        self
    }

    /// The word programs act on.
    pub fn code(&self) -> Code {
        self.code
    }

    /// The sentence people read.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Why the server cannot do it now, if that is what is wrong.
    pub fn why_unavailable(&self) -> Option<Outage> {
        self.outage
    }

    /// The detail for programs.
    pub fn detail(&self) -> &Detail {
        &self.detail
    }

    /// When to try again, in milliseconds.
    pub fn retry_ms(&self) -> Option<u32> {
        self.detail.retry_ms
    }
}

/// Without randomness nothing secret can be made.
impl From<SysError> for Error {
    fn from(error: SysError) -> Self {
        Self::internal(error)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("code", &self.code.as_str())
            .field("message", &self.message)
            .field("cause", &self.cause)
            .finish()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code.as_str(), self.message)
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.cause.as_ref().map(|cause| cause.as_ref() as _)
    }
}
