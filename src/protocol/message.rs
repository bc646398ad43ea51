//! The current state of one message.
