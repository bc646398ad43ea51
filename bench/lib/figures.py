"""From records to figures: medians over the rounds, ratios within a round, goals met or not.

A record is one measurement: {"run", "round", "case", "peer"} and either "report", the JSON of
`impulse loadtest`, or "failed", a sentence. Ratios are taken within a round and only then the
median, so that what slows the whole machine down for a minute slows both.
"""

from statistics import median


def _server(key):
    return lambda report: (report.get("server") or {}).get(key)


def _per_cpu_second(cost):
    def figure(report):
        cpu_us = _server(cost)(report)
        return 1e6 / cpu_us if cpu_us else None

    return figure


METRICS = {
    "cpu_us_per_delivery": _server("cpu_us_per_delivery"),
    "cpu_us_per_connect": _server("cpu_us_per_connect"),
    "bytes_per_connection": _server("rss_bytes_per_connection"),
    "deliveries_per_cpu_s": _per_cpu_second("cpu_us_per_delivery"),
    "connects_per_cpu_s": _per_cpu_second("cpu_us_per_connect"),
    "deliveries_per_s": lambda report: report.get("deliveries_per_s"),
    "messages_per_s": lambda report: report.get("messages_per_s"),
    "connects_per_s": lambda report: report.get("connects_per_s"),
    "settle_s": lambda report: report.get("settle_s"),
    "p99_us": lambda report: (report.get("latency_us") or {}).get("p99"),
}


def by_round(records, case, peer, metric):
    """Returns the figures of a peer: {(run, round): figure}."""
    figures = {}
    for record in records:
        if (record["case"], record["peer"]) == (case, peer) and "report" in record:
            figure = METRICS[metric](record["report"])
            if figure is not None:
                figures[record["run"], record["round"]] = figure
    return figures


def middle(figures):
    """Returns the median of `by_round`, or None if it is empty."""
    return median(figures.values()) if figures else None


def ratios(above, below):
    """Returns the ratio of two `by_round`, where both have a figure."""
    return {key: above[key] / below[key] for key in above if below.get(key)}


def goal_figures(goal, records, peer="impulse"):
    """Returns the figures that a goal bounds, by round."""
    own = by_round(records, goal.case, peer, goal.metric)
    if goal.over_peer:
        return ratios(own, by_round(records, goal.case, goal.over_peer, goal.metric))
    if goal.over_case:
        return ratios(own, by_round(records, goal.over_case, peer, goal.metric))
    return own


def verdict(goal, figure):
    """Returns "met", "missed" or, without a figure, "not measured"."""
    if figure is None:
        return "not measured"
    is_met = figure <= goal.at_most if goal.at_most is not None else figure >= goal.at_least
    return "met" if is_met else "missed"


def troubles(records, case, peer):
    """Returns what went wrong with a peer in a case, each problem once."""
    found = []
    for record in records:
        if (record["case"], record["peer"]) == (case, peer):
            for trouble in _troubles_of(record):
                if trouble not in found:
                    found.append(trouble)
    return found


def _troubles_of(record):
    if "failed" in record:
        return [record["failed"]]
    report = record["report"]
    names = {"lost": "lost", "doubled": "doubled", "out_of_order": "out of order"}
    broken = [f"{report[key]:,} {name}" for key, name in names.items() if report.get(key)]
    if report.get("errors"):
        broken.append(f"{report['errors']:,} errors ({report.get('first_error')})")
    if (report.get("client") or {}).get("was_bottleneck"):
        broken.append("the load generator was the bottleneck: the server could do more")
    return broken


def behind(case, records, peer):
    """Returns the share of the requested rate that a peer reached, if it missed it by more than 5 %."""
    if not case.deliveries_per_s:
        return None
    reached = middle(by_round(records, case.name, peer, "deliveries_per_s"))
    share = reached / case.deliveries_per_s if reached is not None else 1.0
    return share if share < 0.95 else None
