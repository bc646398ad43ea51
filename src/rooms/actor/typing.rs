//! Typing notices, published no more often than anybody can see.
//!
//! Each notice goes to every follower of the room, so its cost grows with the room and with the people who type.
//! A client shows one or two names and then "several people", and a notice lasts for five seconds: within a
//! second there is one notice of each person, and only of the first few persons. A message ends the notice of its
//! author everywhere, so the next one is published again.

use tokio::time::Instant;

use crate::base::ids::Uid;
use crate::base::limits::rooms as limits;

/// Whose notices have been published in this second.
#[derive(Debug, Default)]
pub struct Typing {
    since: Option<Instant>,
    published: Vec<Uid>,
}

impl Typing {
    /// Whether a notice of this user is to be published.
    pub fn should_publish(&mut self, uid: Uid, members: usize, now: Instant) -> bool {
        if self.since.is_none_or(|since| now.duration_since(since) >= limits::TYPING_TICK) {
            self.since = Some(now);
            self.published.clear();
        }
        let most = if members <= limits::PRESENCE_MEMBERS { limits::TYPING } else { 1 };
        let is_new = self.published.len() < most && !self.published.contains(&uid);
        if is_new {
            self.published.push(uid);
        }
        is_new
    }

    /// A message of this user was sent: nobody shows them typing any more.
    pub fn end(&mut self, uid: Uid) {
        self.published.retain(|published| *published != uid);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many notices are published of a hundred people who type three times in one second.
    fn published(typing: &mut Typing, members: usize, now: Instant) -> usize {
        let people = (1..=100).map(Uid).cycle().take(300);
        people.filter(|uid| typing.should_publish(*uid, members, now)).count()
    }

    #[test]
    fn in_a_second_there_is_one_notice_of_each_of_a_few_people_and_of_one_in_a_large_room() {
        let (mut typing, now) = (Typing::default(), Instant::now());
        assert_eq!(published(&mut typing, 100, now), limits::TYPING);
        assert_eq!(published(&mut typing, 100, now), 0);
        assert_eq!(published(&mut typing, 100, now + limits::TYPING_TICK), limits::TYPING);
        let later = now + limits::TYPING_TICK * 2;
        assert_eq!(published(&mut typing, limits::PRESENCE_MEMBERS + 1, later), 1);
        assert!(typing.published.len() <= limits::TYPING);
    }

    #[test]
    fn somebody_who_has_sent_a_message_and_types_again_is_shown_again() {
        let (mut typing, now) = (Typing::default(), Instant::now());
        assert!(typing.should_publish(Uid(1), 10, now) && typing.should_publish(Uid(2), 10, now));
        typing.end(Uid(1));
        assert!(typing.should_publish(Uid(1), 10, now));
        assert!(!typing.should_publish(Uid(2), 10, now));
    }
}
