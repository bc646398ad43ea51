//! What a check found.

use serde::Serialize;

/// How it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Nothing to do.
    Ok,
    /// Something to do.
    Todo,
    /// It cannot be known from here, and that is no fault.
    Unknown,
}

/// One line: a check, what it found, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Row {
    /// Which check; a name that stays the same.
    pub check: &'static str,
    /// How it is.
    pub status: Status,
    /// What was found.
    pub found: String,
    /// What to do; `None` if there is nothing.
    #[serde(rename = "do")]
    pub advice: Option<String>,
}

impl Row {
    /// Nothing to do.
    pub fn ok(check: &'static str, found: impl Into<String>) -> Self {
        Self { check, status: Status::Ok, found: found.into(), advice: None }
    }

    /// Something to do.
    pub fn todo(check: &'static str, found: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { check, status: Status::Todo, found: found.into(), advice: Some(advice.into()) }
    }

    /// It cannot be known from here.
    pub fn unknown(check: &'static str, found: impl Into<String>) -> Self {
        Self { check, status: Status::Unknown, found: found.into(), advice: None }
    }

    /// For a terminal.
    pub fn line(&self) -> String {
        let mark = match self.status {
            Status::Ok => "ok",
            Status::Todo => "TO DO",
            Status::Unknown => "?",
        };
        let line = format!("{mark:<6} {:<16} {}", self.check, self.found);
        match &self.advice {
            Some(advice) => format!("{line}\n{:24}-> {advice}", ""),
            None => line,
        }
    }
}
