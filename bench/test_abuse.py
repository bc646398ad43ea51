"""Tests what bench/abuse calculates, sends and writes, without a server."""

import json
import struct
import unittest

from lib.abuse import report, wire
from lib.abuse.attacks import CASES
from lib.abuse.wire import Frames, Session, text_frame

MIB = 2**20
RUN = {"at": "then", "machine": {"cpu": "a CPU", "cores": 2}, "version": "1", "seconds": 4.0}


def talk(*waits, refused=0, unanswered=0):
    return report.summary({"waits": list(waits), "refused": refused, "unanswered": unanswered, "cut": 0})


def record(without, during, **more):
    return {"title": "pings", "without": without, "during": during, "rss_before": 20 * MIB, "rss_peak": 30 * MIB,
            "rss_after": 21 * MIB, "disk": 5 * MIB, "counts": {"pong": 1_000}, **more}


def server_frame(payload, opcode=1):
    head = struct.pack("!BB", 0x80 | opcode, len(payload)) if len(payload) < 126 else struct.pack("!BBH", 0x80 | opcode, 126, len(payload))
    return head + payload


class Figures(unittest.TestCase):
    def test_a_percentile_is_the_nearest_rank(self):
        values = list(range(1, 101))
        self.assertEqual([report.percentile(values, share) for share in (50, 99, 100)], [50, 99, 100])
        self.assertEqual(report.percentile([7], 99), 7)
        self.assertIsNone(report.percentile([], 99))

    def test_the_ratio_is_that_of_the_two_p99(self):
        self.assertEqual(report.ratio(record(talk(0.002, 0.004), talk(0.1, 0.2))), 50)
        self.assertIsNone(report.ratio(record(talk(), talk(0.1))))
        self.assertIsNone(report.ratio({}))

    def test_waits_are_shown_in_milliseconds_and_troubles_in_words(self):
        during = talk(0.01, 10, refused=2, unanswered=1)
        self.assertEqual((during["p50_ms"], during["p99_ms"], during["messages"]), (10, 10_000, 2))
        self.assertEqual(report.troubles(during), "2 refused, 1 unanswered")
        self.assertEqual(report.troubles(talk(0.01)), "none")


class Page(unittest.TestCase):
    def test_the_tables_say_what_others_the_server_and_the_attacker_had(self):
        results = {"run": RUN, "cases": {"pings-1": record(talk(0.002), talk(0.02))}}
        text = report.markdown(results)
        self.assertIn("| pings | 20 ms | 2.0 ms | 20 ms | 10.0 | none |", text)
        self.assertIn("| pings | 20 MiB | 30 MiB | 21 MiB | +5 MiB |", text)
        self.assertIn("| pings | pong: 1,000 |", text)
        self.assertIn("then: a CPU, 2 cores. Impulse 1, 4 s each.", text)

    def test_figures_of_an_earlier_program_stand_beside(self):
        old = {"run": RUN, "cases": {"pings-1": record(talk(0.002), talk(0.2), rss_peak=900 * MIB, counts={"pong": 7})}}
        text = report.markdown({"run": RUN, "cases": {"pings-1": record(talk(0.002), talk(0.02))}, "before": old})
        self.assertIn("| 10.0 | none | 100.0 |", text)
        self.assertIn("| +5 MiB | 900 MiB | 5 MiB |", text)
        self.assertIn("| pong: 1,000 | pong: 7 |", text)

    def test_a_case_without_others_is_counted_only(self):
        case = record(None, None, counts={"in": 200})
        del case["without"], case["during"]
        text = report.markdown({"run": RUN, "cases": {"office": case}})
        self.assertNotIn("Time until", text)
        self.assertIn("| pings | in: 200 |", text)

    def test_only_what_is_between_the_marks_is_written(self):
        page = f"before\n{report.BEGIN}\nold\n{report.END}\nafter\n"
        self.assertEqual(report.insert(page, "new"), f"before\n{report.BEGIN}\n\nnew\n\n{report.END}\nafter\n")

    def test_every_case_has_a_name_of_its_own(self):
        names = [case.name for case in CASES]
        self.assertEqual(len(names), len(set(names)))
        self.assertTrue(all(case.title and "|" not in case.title for case in CASES))


class Wire(unittest.TestCase):
    def test_frames_are_found_however_they_are_cut(self):
        sent = [b'{"op":"ok"}', b"x" * 300]
        data = server_frame(b"", 9) + b"".join(map(server_frame, sent))
        for size in (1, 3, 1_000):
            frames, found = Frames(), []
            for at in range(0, len(data), size):
                found += frames.feed(data[at : at + size])
            self.assertEqual(found, sent)

    def test_a_clients_frame_is_masked_and_carries_its_length(self):
        for size in (5, 300, 70_000):
            frame = text_frame("a" * size)
            self.assertTrue(frame[1] & 0x80)
            self.assertTrue(frame.endswith(b"a" * size))
            self.assertEqual(len(frame), size + 6 + (0 if size < 126 else 2 if size < 65_536 else 8))
        self.assertEqual(len(wire.new_mid()), 22)

    def test_a_session_is_its_cookies_and_its_address(self):
        proxied, direct = Session(80, "10.0.0.1"), Session(80, "127.0.0.2")
        proxied.keep_cookies(["impulse_session=abc; Path=/; HttpOnly"])
        request = proxied.request("PATCH", "/api/me", {"bio": "x"}).decode()
        self.assertIn("Cookie: impulse_session=abc\r\n", request)
        self.assertIn("X-Forwarded-For: 10.0.0.1\r\n", request)
        self.assertTrue(request.endswith(json.dumps({"bio": "x"})))
        self.assertNotIn("X-Forwarded-For", direct.headers())
        self.assertEqual(direct.source(), ("127.0.0.2", 0))


if __name__ == "__main__":
    unittest.main()
