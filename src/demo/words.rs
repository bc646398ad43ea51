//! What the bot of the demo says.

use super::script::BUILDS_NAME;

/// A room, and what it says there by itself, one after the other.
pub const BY_ITSELF: [(&str, &str); 12] = [
    (BUILDS_NAME, "Build {n} is good: 1,318 tests in 2 min 49 s ✅"),
    ("Random", "The kettle is on. ☕"),
    (BUILDS_NAME, "Build {n} has become 2 % smaller. Somebody has deleted something. Thank you."),
    ("Random", "Number of the hour: **{n}**. It means nothing, and it is very round in base {n}."),
    (BUILDS_NAME, "Build {n} is good, and the backup of the night is where it belongs."),
    ("General", "I have counted the messages twice. None is missing. 💙"),
    (
        BUILDS_NAME,
        "Build {n} failed and has been repaired before I could tell you:\n\n```\nok, got 42, expected 42\n```",
    ),
    ("Random", "The fog is gone. The crows are not. 🐦‍⬛"),
    (BUILDS_NAME, "Build {n} is good: 1,321 tests in 2 min 51 s ✅"),
    ("General", "Four hearts beat here at the moment, and mine."),
    (BUILDS_NAME, "Build {n}: nobody has broken anything for three hours. A record. 🏆"),
    ("Random", "If nobody writes, I am silent after a while. I am a bot and not a fountain."),
];

/// The answer to what contains one of these words.
const ANSWERS: [(&[&str], &str); 6] = [
    (&["hello", "hi", "hey", "hallo", "привет", "hola"], "Hello! Good to see you. 👋"),
    (
        &["help", "can you", "who are you"],
        "I report builds, count heartbeats and answer when you talk to me. Nothing else.",
    ),
    (
        &["build", "builds", "test", "tests"],
        "The last build was good. They usually are after the third attempt.",
    ),
    (&["thank", "thanks", "спасибо", "gracias"], "With pleasure. 💙"),
    (
        &["cake", "lemon", "chocolate"],
        "Lemon, if you ask me. I cannot eat it, so I am impartial. 🍋",
    ),
    (&["how are you", "как дела"], "70 beats a minute, no arrhythmia."),
];

/// The answers to everything else, one after the other.
const OTHERWISE: [&str; 4] = [
    "I have read that with interest, and understood half of it. 🤖",
    "Noted. In order, and exactly once.",
    "Ada would know. I only count.",
    "That is `true` for suitable values of true.",
];

/// What it answers to `text`; `turn` counts its answers.
pub fn answer_to(text: &str, turn: usize) -> &'static str {
    let text = format!(" {} ", words(text));
    let holds = |word: &&str| text.contains(&format!(" {word} "));
    let found = ANSWERS.iter().find(|(asked, _)| asked.iter().any(holds));
    found.map_or(OTHERWISE[turn % OTHERWISE.len()], |(_, answer)| answer)
}

/// What it says by itself at this turn: where, and what.
pub fn by_itself(turn: usize, number: u32) -> (&'static str, String) {
    let (room, text) = BY_ITSELF[turn % BY_ITSELF.len()];
    (room, text.replace("{n}", &number.to_string()))
}

/// The words of a text in small letters, with one space between them.
fn words(text: &str) -> String {
    let words = text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join(" ").to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_words_are_answered_and_everything_else_in_turn() {
        assert_eq!(answer_to("@pulse How are you?", 0), "70 beats a minute, no arrhythmia.");
        assert_eq!(answer_to("Hi!", 0), ANSWERS[0].1);
        assert_eq!(answer_to("this", 0), OTHERWISE[0], "hi is only a part of it");
        assert_eq!(answer_to("", 5), OTHERWISE[1]);
    }
}
