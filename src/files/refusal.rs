//! What a bucket answers, besides bytes.

use crate::base::error::Error;

/// Why something in a bucket cannot be had.
#[derive(Debug)]
pub enum Refusal {
    /// It is not there.
    NotFound,
    /// It is there already.
    Exists,
    /// Nobody answers, or with something that makes no sense.
    Away(Error),
}

impl Refusal {
    /// The same in a sentence for operators.
    pub fn cause(&self) -> String {
        use std::error::Error as _;
        match self {
            Self::NotFound => "it is not there".to_owned(),
            Self::Exists => "it is there already".to_owned(),
            Self::Away(error) => match error.source() {
                Some(cause) => cause.to_string(),
                None => error.message().to_owned(),
            },
        }
    }
}
