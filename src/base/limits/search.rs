//! Search (`search`, `service/search`).

use std::time::Duration;

/// Characters of a query; what is behind them does not count.
pub const QUERY_CHARS: usize = 1_000;
/// Words and operators of a query; what is behind them does not count.
pub const TERMS: usize = 16;
/// Marks of one message.
pub const MARKS: usize = 50;
/// Characters of a key of the index; a longer stem is filed under its first ones.
pub const KEY_CHARS: usize = 8;
/// Bytes of the keys of one message; what a longer one says at its end is not in the index.
pub const KEY_BYTES: usize = 65_536;
/// Characters of the beginning of a word from which on the index is asked for it first.
pub const PREFIX_CHARS: usize = 3;
/// Searches at once, each with a connection of its own, if there are as many cores; one more waits.
pub const AT_ONCE: usize = 4;
/// Searches of one person at once; one more waits.
pub const OF_ONE: usize = 2;
/// Searches of one person that wait; one more is refused.
pub const WAITING: usize = 6;
/// How long one waits.
pub const WAIT: Duration = Duration::from_secs(2);
/// One statement of a search.
pub const STATEMENT: Duration = Duration::from_millis(1_000);
/// How long a search looks further back before it says that it has not looked at everything.
pub const TIME: Duration = Duration::from_millis(400);
/// How long it takes for the ordinary price.
pub const PAID: Duration = Duration::from_millis(50);
/// Each such time beyond that costs as much as one more read: a person keeps half a connection busy for long, and no more.
pub const TIME_OF_READ: Duration = Duration::from_millis(5);
/// Messages whose text is looked at before that.
pub const LOOKED_AT: usize = 20_000;
/// Blocks of the index that are passed by before that.
pub const WALKED: usize = 60_000;
/// Messages, and blocks, that are read at a time.
pub const STEP: usize = 1_280;
/// Messages that are not filed yet and are read at a time, if their rooms are few.
pub const UNFILED_STEP: usize = 128;
/// Bytes of texts that are looked at in a row before others of the thread have their turn.
pub const IN_A_ROW: usize = 65_536;
/// Rooms that are read at a time.
pub const ROOMS: usize = 1_000;
/// Blocks up to which all that may match are fetched; of more the newest are looked for one by one.
pub const BLOCKS: usize = 4_096;
/// Blocks that were changed and not filed again up to which they are looked through one by one.
pub const UNFILED: usize = 256;
/// Rooms up to which the index is asked for each of them.
pub const ROOM_KEYS: usize = 16;
/// Results of a page.
pub const PAGE: usize = 50;
/// Results of a page, if the caller does not say.
pub const PAGE_DEFAULT: usize = 20;
/// People of one name that are looked at to find the one who is meant.
pub const NAMESAKES: usize = 50;
/// How often it is seen whether there is something to be filed.
pub const TICK: Duration = Duration::from_millis(250);
/// How often it is seen what others have changed in the list of what is filed.
pub const REFRESH: Duration = Duration::from_secs(5);
/// How often it is seen whether messages were changed without the journal.
pub const CHANGED: Duration = Duration::from_secs(2);
/// A room in which nothing has happened for so long has its newest messages filed before their block is full.
pub const QUIET: Duration = Duration::from_secs(60);
/// Blocks that are filed at a time.
pub const FILED_AT_ONCE: usize = 64;
/// Blocks of one room that are filed at a time.
pub const FILED_OF_ROOM: usize = 32;
/// How long the filing waits for a row that somebody else changes.
pub const LOCK: Duration = Duration::from_millis(50);
/// After filing, how many times as long it rests when there is more.
pub const REST: u32 = 3;
/// After a failure, how long it waits at least and at most.
pub const RETRY: Duration = Duration::from_secs(1);
/// See [`RETRY`].
pub const RETRY_MAX: Duration = Duration::from_secs(30);
