"""Tests what the runner calculates and writes, without running anything."""

import unittest
import xml.etree.ElementTree

from lib import chart, durable, figures, report
from lib.cases import CASES, GOALS, Goal

RUN = {"machine": {"cpu": "a CPU", "cores": 2, "memory_gib": 4, "kernel": "Linux 1"},
       "versions": {"impulse": "1"}, "rounds": 2, "seconds": 5.0, "command": "bench/run",
       "without": {"aiohttp": "aiohttp is not installed"}}


def record(peer, turn, case="fanout-1000-1", **report_fields):
    return {"run": "then", "round": turn, "case": case, "peer": peer, "report": report_fields}


def cost(cpu_us):
    return {"server": {"cpu_us_per_delivery": cpu_us}}


def results(*records):
    return {"runs": {"then": RUN}, "records": list(records)}


class Figures(unittest.TestCase):
    GOAL = Goal("CPU", "fanout-1000-1", "cpu_us_per_delivery", 1.15, over_peer="epoll_loop")

    def test_a_ratio_is_taken_within_a_round_and_then_the_median(self):
        records = [record("impulse", 0, **cost(2.0)), record("epoll_loop", 0, **cost(1.0)),
                   record("impulse", 1, **cost(30.0)), record("epoll_loop", 1, **cost(30.0)),
                   record("impulse", 2, **cost(3.3)), record("epoll_loop", 2, **cost(3.0))]
        rounds = figures.goal_figures(self.GOAL, records)
        self.assertEqual(sorted(rounds), [("then", 0), ("then", 1), ("then", 2)])
        self.assertAlmostEqual(figures.middle(rounds), 1.1)

    def test_a_round_that_one_of_both_missed_gives_no_ratio(self):
        records = [record("impulse", 0, **cost(2.0)), record("epoll_loop", 1, **cost(1.0)),
                   {"run": "then", "round": 0, "case": "fanout-1000-1", "peer": "epoll_loop",
                    "failed": "did not start"}]
        self.assertEqual(figures.goal_figures(self.GOAL, records), {})
        self.assertEqual(figures.verdict(self.GOAL, None), "not measured")

    def test_a_goal_is_met_on_its_bound_and_missed_beyond_it(self):
        self.assertEqual(figures.verdict(self.GOAL, 1.15), "met")
        self.assertEqual(figures.verdict(self.GOAL, 1.16), "missed")
        at_least = Goal("work", "c", "deliveries_per_cpu_s", at_least=8)
        self.assertEqual(figures.verdict(at_least, 8), "met")
        self.assertEqual(figures.verdict(at_least, 7.9), "missed")

    def test_work_per_cpu_second_is_the_inverse_of_the_cost(self):
        self.assertEqual(figures.METRICS["deliveries_per_cpu_s"](cost(2.0)), 500_000)
        self.assertIsNone(figures.METRICS["deliveries_per_cpu_s"]({"server": None}))

    def test_what_went_wrong_is_told_once(self):
        broken = record("nchan", 0, lost=1, errors=2, first_error="reset", **cost(1.0))
        found = figures.troubles([broken, broken], "fanout-1000-1", "nchan")
        self.assertEqual(found, ["1 lost", "2 errors (reset)"])

    def test_who_stays_behind_the_asked_rate_is_named(self):
        paced = next(case for case in CASES if case.name == "paced-1000")
        slow = [record("aiohttp", 0, case="paced-1000", deliveries_per_s=250_000.0)]
        self.assertEqual(figures.behind(paced, slow, "aiohttp"), 0.25)
        self.assertIsNone(figures.behind(paced, slow, "impulse"))

    def test_every_goal_speaks_of_a_case_that_measures_it(self):
        cases = {case.name: case for case in CASES}
        for goal in GOALS:
            peers = {"impulse", goal.over_peer} - {None}
            self.assertLessEqual(peers, set(cases[goal.case].peers), goal.title)
            self.assertIn(goal.metric, cases[goal.case].shows, goal.title)
            self.assertIn(goal.over_case or goal.case, cases)
            self.assertNotEqual(goal.at_most is None, goal.at_least is None, goal.title)


class Page(unittest.TestCase):
    def test_a_missed_goal_and_a_failed_peer_are_seen(self):
        failed = {"run": "then", "round": 0, "case": "fanout-1000-1", "peer": "nchan",
                  "failed": "no result after 125 s"}
        text = report.markdown(results(record("impulse", 0, **cost(2.0)), failed,
                                       record("epoll_loop", 0, **cost(1.0))))
        self.assertIn("| 2.00 |  | at most 1.15 | **missed** |", text)
        self.assertIn("| CPU per delivery | 2.00 µs | 1.00 µs | — | — | — | — |", text)
        self.assertIn("nginx + nchan<sup>1</sup>", text)
        self.assertIn("1. nginx + nchan, 1,000 members, 1 in flight: no result after 125 s", text)
        self.assertIn("2. aiohttp: aiohttp is not installed", text)
        self.assertIn("a CPU, 2 cores, 4 GiB, Linux 1. Impulse: 1. Rounds: 2, of 5.00 s", text)

    def test_only_what_is_between_the_marks_is_written(self):
        page = f"before\n{report.BEGIN}\nold\n{report.END}\nafter\n"
        self.assertEqual(report.insert(page, "new"),
                         f"before\n{report.BEGIN}\n\nnew\n\n{report.END}\nafter\n")

    def test_the_chart_is_xml_with_a_bar_for_each_figure(self):
        drawn = chart.chart(results(record("impulse", 0, **cost(1.0)),
                                    record("aiohttp", 0, **cost(10.0))))
        bars = xml.etree.ElementTree.fromstring(drawn).findall("{*}rect[@height='16']")
        self.assertEqual([bar.get("class") for bar in bars], ["own", "bar"])
        self.assertAlmostEqual(int(bars[0].get("width")) / int(bars[1].get("width")), 10, delta=0.1)


class Durable(unittest.TestCase):
    def test_the_figure_of_pgbench_is_found(self):
        self.assertEqual(durable.transactions_per_s("latency = 1\ntps = 8243.04 (without)\n"), 8243.04)
        with self.assertRaises(durable.Failed):
            durable.transactions_per_s("no such thing")


if __name__ == "__main__":
    unittest.main()
