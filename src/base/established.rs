//! A connection on its way from HTTP to a delivery thread.

use std::net::TcpStream;

use rustls::ServerConnection;

/// A connection whose handshake, if it has one, is done. The socket does not block and sends at once (`TCP_NODELAY`).
pub enum Established {
    /// Plain TCP.
    Plain(TcpStream),
    /// TLS. The connection may hold bytes that came with the last bytes read, decrypted or not.
    Tls(TcpStream, Box<ServerConnection>),
}
