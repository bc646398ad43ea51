//! The `code` of an error: the word that programs act on, and its status over HTTP.

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $text:literal, $status:literal;)*) => {
        /// What went wrong, as a word programs can act on.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Code { $($(#[$doc])* $name,)* }

        impl Code {
            /// All there are, in the order of their numbers.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// The `code` on the wire.
            pub fn as_str(self) -> &'static str {
                match self { $(Code::$name => $text,)* }
            }

            /// The HTTP status that goes with it.
            pub fn http_status(self) -> u16 {
                match self { $(Code::$name => $status,)* }
            }
        }
    };
}

codes! {
    /// A field is missing, mistyped or out of range; the sentence names it.
    BadRequest = "bad_request", 400;
    /// No session, or one that is no longer valid.
    Unauthorized = "unauthorized", 401;
    /// Wrong user name or password; the same for an unknown name.
    BadCredentials = "bad_credentials", 401;
    /// Signed in, but not allowed to do this.
    Forbidden = "forbidden", 403;
    /// The request comes from another site.
    BadOrigin = "bad_origin", 403;
    /// Not a member of that room.
    NotMember = "not_member", 403;
    /// No such thing, or none that the caller may see.
    NotFound = "not_found", 404;
    /// The path exists, the method does not.
    MethodNotAllowed = "method_not_allowed", 405;
    /// It exists already (a user name, a room name).
    Conflict = "conflict", 409;
    /// The `mid` was used for another message.
    MidExists = "mid_exists", 409;
    /// The message has moved on to another `rev`.
    RevConflict = "rev_conflict", 409;
    /// The encrypted message is under an older key of the room.
    EpochStale = "epoch_stale", 409;
    /// The encrypted room needs a new key first.
    RotationRequired = "rotation_required", 409;
    /// The log of the encrypted room has gone on.
    LogConflict = "log_conflict", 409;
    /// A batch brings keys for others than those who are entitled to one.
    MembersChanged = "members_changed", 409;
    /// Signed by an older generation of the author's keys.
    GenStale = "gen_stale", 409;
    /// The keys of the account were changed elsewhere.
    KeysConflict = "keys_conflict", 409;
    /// Two lists of everybody's keys differ.
    DirConflict = "dir_conflict", 409;
    /// An entry of a log or of the directory breaks a rule.
    BadEntry = "bad_entry", 400;
    /// A signature does not verify.
    BadSignature = "bad_signature", 400;
    /// The time of an entry is not now.
    BadTime = "bad_time", 400;
    /// The request names a host that this server is not.
    Misdirected = "misdirected", 421;
    /// It did not come in time.
    Timeout = "timeout", 408;
    /// Larger than the limit.
    TooLarge = "too_large", 413;
    /// More files than a person, a room or the server may keep.
    QuotaFull = "quota_full", 413;
    /// The bytes of an upload do not begin where the last ones ended; the detail has the right place.
    WrongOffset = "wrong_offset", 409;
    /// A message names a file that has not arrived whole.
    FileIncomplete = "file_incomplete", 409;
    /// A message names a file that is not there, is another's, or is in another message.
    FileGone = "file_gone", 409;
    /// An encrypted room takes no files that the server can read.
    FilesEncryptedRoom = "files_encrypted_room", 403;
    /// The disk for files is full.
    DiskFull = "disk_full", 507;
    /// The file has no bytes where a part of it was asked for.
    BadRange = "bad_range", 416;
    /// The body is not `application/json`.
    UnsupportedType = "unsupported_type", 415;
    /// Too many; try again after `retry_ms`.
    RateLimited = "rate_limited", 429;
    /// Registration is closed or needs an invitation.
    RegistrationClosed = "registration_closed", 403;
    /// Something broke on our side; the sentence carries the id of the log line.
    Internal = "internal", 500;
    /// The server cannot do it now (database away, overload); try again after `retry_ms`.
    Unavailable = "unavailable", 503;
}
