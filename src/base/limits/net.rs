//! Networks whose addresses count as one client (`net`).

/// How many times the bound of one client an IPv6 /56 may have.
pub const SHARE_OF_56: usize = 2;
/// The same of a /48.
pub const SHARE_OF_48: usize = 4;
