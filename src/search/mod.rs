//! What it means that a message is found: words of a text, their stems, the query language, and where a query
//! matches. Pure: no I/O, no database, no chat.
//!
//! The index and the matcher use the same analysis. The index only says which messages *may* match ([`keys`]);
//! whether one does, and where, is decided on its present text ([`matcher`]). So an index that is behind never
//! shows what is not there any more.

pub mod dates;
mod fold;
pub mod keys;
pub mod matcher;
pub mod query;
mod script;
pub mod stem;
pub mod words;
