//! The frames of the socket (`docs/protocol.md`): commands in, events and answers out. No I/O.

pub mod answer;
pub mod command;
mod encode;
pub mod encryption;
pub mod envelope;
pub mod event;
mod fields;
pub mod file;
pub mod mentions;
pub mod message;
pub mod presence;
pub mod room;
pub mod script;

/// Both ways between a choice and its name on the wire and in the database.
macro_rules! names {
    ($kind:ident { $($name:ident = $text:literal),* }) => {
        impl $kind {
            /// Its name on the wire and in the database.
            pub fn as_str(self) -> &'static str {
                match self { $($kind::$name => $text,)* }
            }

            /// The one with this name.
            pub fn from_name(name: &str) -> Option<Self> {
                match name { $($text => Some($kind::$name),)* _ => None }
            }
        }
    };
}

pub(crate) use names;
