"""Writes the results as Markdown between two marks in docs/performance.md."""

from .cases import CASES, GOALS, PEERS, PGBENCH, TITLES
from .figures import METRICS, behind, by_round, goal_figures, middle, troubles, verdict
from .words import UNITS, figure, number

BEGIN, END = "<!-- bench:begin -->", "<!-- bench:end -->"


def markdown(results):
    """Returns the whole section: goals, peers, notes, machine."""
    records = results["records"]
    notes = Notes()
    parts = [goals(records), *comparisons(results, notes), notes.text(), origin(results)]
    return "\n\n".join(part for part in parts if part)


def insert(page, text):
    """Returns the page with this text between the marks."""
    before, rest = page.split(BEGIN, 1)
    _, after = rest.split(END, 1)
    return f"{before}{BEGIN}\n\n{text}\n\n{END}{after}"


class Notes:
    """Footnotes, each of which appears once."""

    def __init__(self):
        self.sentences = []

    def mark(self, sentences):
        numbers = []
        for sentence in sentences:
            if sentence not in self.sentences:
                self.sentences.append(sentence)
            numbers.append(str(self.sentences.index(sentence) + 1))
        return f"<sup>{', '.join(numbers)}</sup>" if numbers else ""

    def text(self):
        return "\n".join(f"{n}. {sentence}" for n, sentence in enumerate(self.sentences, 1))


def goals(records):
    rows = [table_row("Goal", "Figure", "Range", "Target", ""), "|---|--:|--:|--:|---|"]
    for goal in GOALS:
        rounds = goal_figures(goal, records)
        value = middle(rounds)
        rows.append(table_row(goal_title(goal), goal_text(goal, value), spread(goal, rounds),
                              target(goal), sign(verdict(goal, value))))
    return "\n".join(["### Goals", "", *rows])


def goal_title(goal):
    return f"{goal.title}, relative to {TITLES[goal.over_peer]}" if goal.over_peer else goal.title


def goal_text(goal, value):
    if value is None:
        return "—"
    is_ratio = goal.over_peer or goal.over_case
    return f"{value:.2f}" if is_ratio else figure(goal.metric, value)


def spread(goal, rounds):
    if len(rounds) < 2:
        return ""
    low, high = min(rounds.values()), max(rounds.values())
    return f"{goal_text(goal, low)} to {goal_text(goal, high)}"


def target(goal):
    bound, words = ((goal.at_most, "at most") if goal.at_most is not None
                    else (goal.at_least, "at least"))
    stretch = f" (stretch {goal_text(goal, goal.stretch)})" if goal.stretch else ""
    return f"{words} {goal_text(goal, bound)}{stretch}"


def sign(word):
    return f"**{word}**" if word == "missed" else word


def comparisons(results, notes):
    """Yields a table for each case that was measured."""
    for case in CASES:
        if any(record["case"] == case.name for record in results["records"]):
            yield comparison(case, results, notes)


def comparison(case, results, notes):
    records = results["records"]
    names = [name for name in (*PEERS, PGBENCH) if name in case.peers]
    heads = [TITLES[name] + notes.mark(remarks(case, results, name)) for name in names]
    rows = [table_row("", *heads), "|---|" + "--:|" * len(names)]
    for metric in case.shows:
        values = [middle(by_round(records, case.name, name, metric)) for name in names]
        cells = ["—" if value is None else figure(metric, value) for value in values]
        rows.append(table_row(UNITS[metric][0], *cells))
    title = case.title[0].upper() + case.title[1:]
    return "\n".join([f"### {title}", "", *rows])


def remarks(case, results, name):
    """Returns the remarks that affect a peer's figures, or the reason why there are none."""
    records = results["records"]
    if not any((record["case"], record["peer"]) == (case.name, name) for record in records):
        reasons = (run["without"].get(name) for run in results["runs"].values())
        return [f"{TITLES[name]}: {reason}" for reason in reasons if reason]
    who = f"{TITLES[name]}, {case.title}: "
    found = [who + trouble for trouble in troubles(records, case.name, name)]
    share = behind(case, records, name)
    if share is not None:
        found.append(f"{who}reached {share:.0%} of the rate; its latency is that of a full queue")
    return found


def table_row(*cells):
    return "| " + " | ".join(cells) + " |"


def origin(results):
    """Returns machine, versions, date and command of each run in the tables."""
    used = {record["run"] for record in results["records"]}
    parts = ["### Runs"]
    for name, run in sorted(results["runs"].items()):
        if name not in used:
            continue
        machine = run["machine"]
        versions = (f"{TITLES[peer]}: {version}" for peer, version in run["versions"].items())
        parts.append(
            f"{name}: {machine['cpu']}, {machine['cores']} cores, {machine['memory_gib']} GiB, "
            f"{machine['kernel']}. {'; '.join(versions)}. "
            f"Rounds: {run['rounds']}, of {number(run['seconds'])} s each; by `{run['command']}`.")
    return "\n\n".join(parts)


def brief(case, report):
    """Returns one measurement as a line."""
    values = ((metric, METRICS[metric](report)) for metric in case.shows)
    return ", ".join(figure(metric, value) + f" {UNITS[metric][0]}"
                     for metric, value in values if value is not None)


def summary(results):
    """Returns the goals as lines for a terminal."""
    lines = []
    for goal in GOALS:
        value = middle(goal_figures(goal, results["records"]))
        if value is not None:
            words = f"{goal_text(goal, value)} ({target(goal)})"
            lines.append(f"{verdict(goal, value):7} {goal_title(goal)}: {words}")
    return "\n".join(lines)
