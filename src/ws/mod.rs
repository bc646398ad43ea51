//! RFC 6455 by hand over tungstenite's frame code: handshake, codec, close.
