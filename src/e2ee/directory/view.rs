//! What rules about rooms ask of the directory.

use crate::base::ids::Uid;
use crate::e2ee::pack::Hash;

/// The directory as of a position.
pub trait DirectoryView {
    /// The hash at position `n`; nothing if the directory does not reach it.
    fn hash_at(&self, n: u64) -> Option<Hash>;

    /// The person's identity among the positions up to `n`: the leaf of their latest `create` or `reset`.
    fn root(&self, uid: Uid, n: u64) -> Option<Hash>;

    /// The person's generation among the positions up to `n`.
    fn generation(&self, uid: Uid, n: u64) -> Option<u64>;

    /// The signing key of one of a person's generations.
    fn ed_key(&self, uid: Uid, generation: u64) -> Option<[u8; 32]>;

    /// Whether the person has a `rotate` or `reset` at a position p with `after` < p ≤ `n`.
    fn keys_changed(&self, uid: Uid, after: u64, n: u64) -> bool;
}
