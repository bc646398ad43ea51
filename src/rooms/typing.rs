//! Who is typing, told to a room no more often than anybody can see.
//!
//! Each notice goes to every follower of the room, so what a notice costs grows with the room and with the
//! people who type. A client shows one or two names and then "several people", and a notice lasts for five
//! seconds: within a second a person is told of once, and only the first few persons are. A message ends the
//! notice of its author everywhere, so the next one is news again.

use tokio::time::Instant;

use crate::base::ids::Uid;
use crate::base::limits::rooms as limits;

/// Who has been told of in this second.
#[derive(Debug, Default)]
pub(super) struct Typing {
    since: Option<Instant>,
    told: Vec<Uid>,
}

impl Typing {
    /// Whether the room is to be told that this user types.
    pub fn is_news(&mut self, uid: Uid, members: usize, now: Instant) -> bool {
        if self.since.is_none_or(|since| now.duration_since(since) >= limits::TYPING_TICK) {
            self.since = Some(now);
            self.told.clear();
        }
        let most = if members <= limits::PRESENCE_MEMBERS { limits::TYPING } else { 1 };
        let is_news = self.told.len() < most && !self.told.contains(&uid);
        if is_news {
            self.told.push(uid);
        }
        is_news
    }

    /// A message of this user is there: nobody shows him typing any more.
    pub fn end(&mut self, uid: Uid) {
        self.told.retain(|told| *told != uid);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many of a hundred people are told of who type three times in one second.
    fn told(typing: &mut Typing, members: usize, now: Instant) -> usize {
        let people = (1..=100).map(Uid).cycle().take(300);
        people.filter(|uid| typing.is_news(*uid, members, now)).count()
    }

    #[test]
    fn a_few_are_told_of_a_second_each_once_and_in_a_large_room_one() {
        let (mut typing, now) = (Typing::default(), Instant::now());
        assert_eq!(told(&mut typing, 100, now), limits::TYPING);
        assert_eq!(told(&mut typing, 100, now), 0);
        assert_eq!(told(&mut typing, 100, now + limits::TYPING_TICK), limits::TYPING);
        let later = now + limits::TYPING_TICK * 2;
        assert_eq!(told(&mut typing, limits::PRESENCE_MEMBERS + 1, later), 1);
        assert!(typing.told.len() <= limits::TYPING);
    }

    #[test]
    fn who_has_sent_a_message_and_goes_on_typing_is_told_of_again() {
        let (mut typing, now) = (Typing::default(), Instant::now());
        assert!(typing.is_news(Uid(1), 10, now) && typing.is_news(Uid(2), 10, now));
        typing.end(Uid(1));
        assert!(typing.is_news(Uid(1), 10, now));
        assert!(!typing.is_news(Uid(2), 10, now));
    }
}
