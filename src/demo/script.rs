//! What was said in the rooms of the demo before anybody looks: a few days of a small team.

use super::cast::{ADA, DEMO, GRACE, HEDY, KATHERINE, LINUS, PULSE};
use super::lines::{Place, Scene, Talk, say};
use crate::protocol::room::RoomKind;

const HOUR: i64 = 60;
const DAY: i64 = 24 * HOUR;

const EVERYBODY: &[usize] = &[DEMO, ADA, GRACE, LINUS, KATHERINE, HEDY, PULSE];

/// All rooms, those that every server has first.
pub const SCENES: [Scene; 10] =
    [GENERAL, RANDOM, HELP, LAUNCH, DESIGN, BUILDS, RUNNING, WITH_ADA, WITH_GRACE, WITH_PULSE];

/// The room in which the bot speaks by itself.
pub const BUILDS_NAME: &str = "Builds";

const GENERAL: Scene = Scene {
    place: Place::ReadyMade("General"),
    members: EVERYBODY,
    unread: 4,
    is_favourite: false,
    talks: &[
        Talk {
            ago: 3 * DAY + 2 * HOUR,
            lines: &[
                say(ADA, "Good morning, and welcome to our own chat. No telephone number, no cloud, one program.")
                    .with(&[(GRACE, "🎉"), (LINUS, "🎉"), (KATHERINE, "🎉"), (HEDY, "❤️")]),
                say(LINUS, "Where does it run?"),
                say(GRACE, "On the small machine below my desk. It idles."),
                say(KATHERINE, "I have moved the notes of last week here. Search me if a number is missing."),
            ],
        },
        Talk {
            ago: DAY + 5 * HOUR,
            lines: &[
                say(LINUS, "I pulled the plug of the server twice, on purpose 😄"),
                say(ADA, "And?").replying(1),
                say(LINUS, "Every message is still there. In order. Once.").with(&[(ADA, "👏"), (GRACE, "👏")]),
                say(GRACE, "That is what `ok` means: it is on disk before you hear of it."),
                say(ADA, "What happens to what I write in a tunnel?"),
                say(LINUS, "It waits in the browser and goes out when the line is back."),
                say(
                    GRACE,
                    "Try it:\n\n1. switch off the network\n2. write something\n3. reload the page\n4. switch it on \
                     again",
                ),
                say(ADA, "It arrived once. I am impressed.").replying(1).with(&[(LINUS, "😎")]),
            ],
        },
        Talk {
            ago: 3 * HOUR,
            lines: &[
                say(KATHERINE, "The figures of the load test: 2,000 people in a room, everybody gets everything."),
                say(HEDY, "How long does it take until the last one has it?").replying(1),
                say(KATHERINE, "At the 99th percentile **38 ms**. I checked twice.")
                    .edited_from("At the 99th percentile **83 ms**. I checked twice.")
                    .with(&[(GRACE, "🚀"), (ADA, "🚀"), (HEDY, "🚀"), (LINUS, "👀")]),
                say(GRACE, "Then the announcement can go out on Thursday."),
            ],
        },
        Talk {
            ago: 32,
            lines: &[
                say(LINUS, "Shall we meet at three to look at the announcement?"),
                say(ADA, "Fine. I bring the cake.").with(&[(HEDY, "🍰"), (KATHERINE, "🍰"), (LINUS, "🍰")]),
                say(GRACE, "**Cake** it is."),
                say(LINUS, "@demo, you are welcome to join. Say hello!").with(&[(ADA, "👍")]),
                say(ADA, "Arrow-up edits your last message, Ctrl+K jumps to any room, Ctrl+/ shows the rest."),
            ],
        },
    ],
};

const RANDOM: Scene = Scene {
    place: Place::ReadyMade("Random"),
    members: EVERYBODY,
    unread: 0,
    is_favourite: false,
    talks: &[
        Talk {
            ago: 2 * DAY,
            lines: &[
                say(HEDY, "Who has left half a lemon in the fridge, and why is it labelled?"),
                say(KATHERINE, "So that nobody takes it for a whole one.").with(&[(HEDY, "😂"), (ADA, "😂")]),
                say(ADA, "> Everything should be labelled.\n\nThat was you, @hedy, in March."),
                say(HEDY, "I meant the cables!"),
            ],
        },
        Talk {
            ago: 5 * HOUR,
            lines: &[
                say(LINUS, "Grüße aus der Bibliothek. Здесь тихо. 這裡很安靜。 هنا هادئ."),
                say(ADA, "It shows all of them, in the right direction. ✨").replying(1),
                say(LINUS, "A picture of the day would be nice. I have only words: *fog, two crows, a red bicycle.*")
                    .with(&[(KATHERINE, "🚲"), (ADA, "🌫️")]),
            ],
        },
    ],
};

const HELP: Scene = Scene {
    place: Place::ReadyMade("Help"),
    members: EVERYBODY,
    unread: 0,
    is_favourite: false,
    talks: &[
        Talk {
            ago: 2 * DAY + 3 * HOUR,
            lines: &[
                say(HEDY, "How do I get a second server going, only to try something?"),
                say(
                    GRACE,
                    "Everything is one program:\n\n```sh\ngit clone <this repository> && cd impulse\n./run --listen \
                     127.0.0.1:8081\n```\n\nIt brings its own database and prints its address.",
                )
                .replying(1)
                .with(&[(HEDY, "🙏"), (LINUS, "👍")]),
                say(HEDY, "That was quick. I had planned the afternoon for it."),
            ],
        },
        Talk {
            ago: 9 * HOUR,
            lines: &[
                say(KATHERINE, "Can a script write here? I want the numbers of the night in the morning."),
                say(
                    LINUS,
                    "Yes, with a token from your settings:\n\n```python\nimport json, websockets.sync.client as \
                     ws\n\nwith ws.connect(\"ws://127.0.0.1:8080/ws\",\n                additional_headers={\
                     \"Authorization\": f\"Bearer {token}\"}) as line:\n    hello = \
                     json.loads(line.recv())\n    print(len(hello[\"rooms\"]), \"rooms\")\n```",
                )
                .replying(1),
                say(KATHERINE, "Beautiful. It told me *seven rooms* before I had finished my tea.")
                    .with(&[(LINUS, "☕")]),
            ],
        },
    ],
};

const LAUNCH: Scene = Scene {
    place: Place::Room {
        name: "Launch",
        topic: "What is left until Thursday. Owners in bold.",
        kind: RoomKind::Open,
    },
    members: &[ADA, DEMO, GRACE, KATHERINE, HEDY],
    unread: 2,
    is_favourite: true,
    talks: &[
        Talk {
            ago: DAY + 2 * HOUR,
            lines: &[
                say(
                    ADA,
                    "What is left:\n\n- announcement: **Hedy**\n- backup tried out once: **Grace**\n- second pair of \
                     eyes on the numbers: **Katherine**\n- cake: **me**",
                )
                .with(&[(GRACE, "✅"), (KATHERINE, "✅")]),
                say(GRACE, "Backup is tried out: `pg_dump`, new machine, restored, all there. 11 minutes."),
                say(KATHERINE, "Numbers are right. One axis had no unit; it has one now."),
            ],
        },
        Talk {
            ago: 50,
            lines: &[
                say(HEDY, "The draft is short: *Your own chat. One program. Nothing gets lost.*"),
                say(ADA, "I would read on. Keep it.").replying(1).with(&[(GRACE, "👍"), (HEDY, "❤️")]),
                say(KATHERINE, "Thursday at ten, then. I have set the clock, and a second clock."),
            ],
        },
    ],
};

const DESIGN: Scene = Scene {
    place: Place::Room {
        name: "Design review",
        topic: "Drafts and honest opinions. By invitation.",
        kind: RoomKind::Closed,
    },
    members: &[HEDY, DEMO, ADA, LINUS],
    unread: 0,
    is_favourite: false,
    talks: &[Talk {
        ago: DAY + 7 * HOUR,
        lines: &[
            say(HEDY, "Two blues for the unread badge: `#5b5bd6` or `#3e63dd`. Opinions, please."),
            say(LINUS, "The first. The second looks like a link.").replying(1),
            say(ADA, "The first, and a little rounder.").with(&[(HEDY, "💜")]),
            say(HEDY, "Decided. The file is `--badge: #5b5bd6;` and nothing else."),
        ],
    }],
};

const BUILDS: Scene = Scene {
    place: Place::Room {
        name: BUILDS_NAME,
        topic: "Pulse reports here. Mention @pulse and it answers.",
        kind: RoomKind::Open,
    },
    members: &[GRACE, DEMO, ADA, LINUS, PULSE],
    unread: 0,
    is_favourite: false,
    talks: &[
        Talk {
            ago: 20 * HOUR,
            lines: &[
                say(PULSE, "Build 1204 has failed in `tests/order.rs`:\n\n```\nexpected seq 41, got 42\n```")
                    .with(&[(GRACE, "👀")]),
                say(GRACE, "That is mine. I counted from one."),
                say(PULSE, "Build 1205 is good: 1,312 tests in 2 min 51 s ✅").with(&[(LINUS, "🎉")]),
            ],
        },
        Talk {
            ago: 70,
            lines: &[
                say(LINUS, "@pulse how are you?"),
                say(PULSE, "70 beats a minute, no arrhythmia. Thank you for asking.").replying(1),
            ],
        },
    ],
};

/// One that `demo` may find and join.
const RUNNING: Scene = Scene {
    place: Place::Room {
        name: "Running club",
        topic: "Tuesdays at seven, along the river, at the pace of the slowest",
        kind: RoomKind::Open,
    },
    members: &[KATHERINE, LINUS, GRACE],
    unread: 0,
    is_favourite: false,
    talks: &[Talk {
        ago: 2 * DAY + 8 * HOUR,
        lines: &[
            say(KATHERINE, "8.4 km, 47 minutes, one dog."),
            say(LINUS, "The dog was faster.").replying(1).with(&[(KATHERINE, "🐕"), (GRACE, "😂")]),
        ],
    }],
};

const WITH_ADA: Scene = Scene {
    place: Place::Direct,
    members: &[ADA, DEMO],
    unread: 1,
    is_favourite: false,
    talks: &[
        Talk {
            ago: DAY + 4 * HOUR,
            lines: &[
                say(
                    ADA,
                    "Hello! If you want to see what is behind all this: the shield below the rooms is yours.",
                ),
                say(DEMO, "Thank you. I will have a look.").with(&[(ADA, "👍")]),
            ],
        },
        Talk {
            ago: 12,
            lines: &[say(ADA, "Chocolate or lemon? I am in the shop and must decide. 🍋🍫")],
        },
    ],
};

const WITH_GRACE: Scene = Scene {
    place: Place::Direct,
    members: &[GRACE, DEMO],
    unread: 0,
    is_favourite: false,
    talks: &[Talk {
        ago: 6 * HOUR,
        lines: &[
            say(
                GRACE,
                "Two browsers side by side are the best demonstration. Sign in as somebody else in a private \
                        window.",
            ),
            say(DEMO, "And then?").replying(1),
            say(GRACE, "Then write, and watch the other one. ⚓"),
        ],
    }],
};

const WITH_PULSE: Scene = Scene {
    place: Place::Direct,
    members: &[PULSE, DEMO],
    unread: 0,
    is_favourite: false,
    talks: &[Talk {
        ago: 7 * HOUR,
        lines: &[say(PULSE, "I am the bot of this demo. Write something, and I answer.")],
    }],
};

#[cfg(test)]
mod tests {
    use super::super::lines::Line;
    use super::*;

    #[test]
    fn talks_follow_each_other_and_are_over_by_now() {
        for scene in &SCENES {
            let mut end = i64::MIN;
            for talk in scene.talks {
                let begin = -talk.ago * 60_000;
                assert!(end < begin, "{:?}", scene.place);
                let takes: i64 = talk.lines.iter().skip(1).map(Line::takes).sum();
                end = begin + takes;
            }
            assert!(end < 0, "{:?}", scene.place);
        }
    }

    #[test]
    fn lines_are_by_members_and_reply_to_lines_there_are() {
        for scene in &SCENES {
            let lines = scene.talks.iter().flat_map(|talk| talk.lines);
            assert!(scene.unread <= lines.clone().count());
            for (number, line) in lines.enumerate() {
                assert!(scene.members.contains(&line.by), "{}", line.text);
                assert!(
                    line.replies_up.is_none_or(|up| (1..=number).contains(&up)),
                    "{}",
                    line.text
                );
                assert!(
                    line.reactions.iter().all(|(by, _)| scene.members.contains(by)),
                    "{}",
                    line.text
                );
            }
        }
    }
}
