"""Writes the results as tables between two marks in docs/performance.md."""

BEGIN, END = "<!-- abuse:begin -->", "<!-- abuse:end -->"
MIB = 2**20


def percentile(values, share):
    """Returns the percentile by nearest rank, or None without values."""
    if not values:
        return None
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, max(0, -(-len(ordered) * share // 100) - 1))]


def summary(outcome):
    """Summarises what `others.Others` has measured, in milliseconds."""
    waits = [1000 * wait for wait in outcome["waits"]]
    return {"p50_ms": rounded(percentile(waits, 50)), "p99_ms": rounded(percentile(waits, 99)), "messages": len(waits),
            **{name: outcome[name] for name in ("refused", "unanswered", "cut")}}


def rounded(value):
    return None if value is None else round(value, 2)


def ratio(record):
    """Returns the p99 of other users with the attack divided by that without it."""
    without, during = record.get("without"), record.get("during")
    if not without or not during or not without["p99_ms"] or not during["p99_ms"]:
        return None
    return during["p99_ms"] / without["p99_ms"]


def markdown(results):
    """Returns three tables: the effect on other users, the resources of the server, and the result.

    Figures of an earlier program are shown beside them if there are any.
    """
    records, before = results["cases"], results.get("before", {}).get("cases", {})
    parts = [others(records, before), server(records, before), counts(records, before), origin(results)]
    return "\n\n".join(part for part in parts if part)


def others(records, before):
    rows = [row("Attack", "p50", "p99 without attack", "p99 with attack", "Ratio", "Refused or unanswered", *(["Ratio, earlier program"] if before else []))]
    rows.append("|---|" + "--:|" * (5 + bool(before)))
    for name, record in records.items():
        during = record.get("during")
        if during is None:
            continue
        rows.append(row(record["title"], ms(during["p50_ms"]), ms(record["without"]["p99_ms"]), ms(during["p99_ms"]), times(ratio(record)),
                        troubles(during), *([times(ratio(before.get(name, {})))] if before else [])))
    return "\n".join(["### Time until `ok` for other users", "", *rows]) if len(rows) > 2 else ""


def server(records, before):
    titles = ["Attack", "Memory before", "Peak", "A minute after", "Data directory"]
    rows = [row(*titles, *(["Peak, earlier program", "Data directory, earlier program"] if before else []))]
    rows.append("|---|" + "--:|" * (4 + 2 * bool(before)))
    for name, record in records.items():
        old = before.get(name, {})
        rows.append(row(record["title"], mib(record["rss_before"]), mib(record["rss_peak"]), mib(record.get("rss_after")), "+" + mib(record["disk"]),
                        *([mib(old.get("rss_peak")), mib(old.get("disk"))] if before else [])))
    return "\n".join(["### Memory and disk of the server", "", *rows])


def counts(records, before):
    rows = [row("Attack", "Result", *(["Earlier program"] if before else [])), "|---|---|" + "---|" * bool(before)]
    for name, record in records.items():
        rows.append(row(record["title"], listed(record["counts"]), *([listed(before.get(name, {}).get("counts"))] if before else [])))
    return "\n".join(["### Result of the attack", "", *rows])


def origin(results):
    said = []
    for run in filter(None, (results.get("run"), results.get("before", {}).get("run"))):
        said.append(f"{run['at']}: {run['machine']['cpu']}, {run['machine']['cores']} cores. Impulse {run['version']}, {run['seconds']:g} s each.")
    if len(said) > 1:
        said[1] = "Earlier program: " + said[1]
    return " ".join(said)


def insert(page, text):
    """Returns the page with this text between the marks."""
    before, rest = page.split(BEGIN, 1)
    _, after = rest.split(END, 1)
    return f"{before}{BEGIN}\n\n{text}\n\n{END}{after}"


def troubles(during):
    return ", ".join(f"{during[name]} {name}" for name in ("refused", "unanswered", "cut") if during[name]) or "none"


def listed(counted):
    if not counted:
        return "—"
    return ", ".join(f"{name}: {value:,}" for name, value in counted.items())


def row(*cells):
    return "| " + " | ".join(cells) + " |"


def ms(value):
    return "—" if value is None else f"{value:,.0f} ms" if value >= 10 else f"{value:.1f} ms"


def mib(value):
    return "—" if value is None else f"{value / MIB:,.0f} MiB"


def times(value):
    return "—" if value is None else f"{value:,.1f}"
