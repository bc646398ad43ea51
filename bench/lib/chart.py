"""Draws a bar chart as SVG: without scripts or external fonts, with its own background, light or dark as the reader's system."""

from xml.sax.saxutils import escape

from .cases import CASES, IMPULSE, PEERS, TITLES
from .figures import by_round, middle
from .words import figure

PANELS = [
    ("fanout-1000-1", "deliveries_per_cpu_s"),
    ("fanout-10000-1", "deliveries_per_cpu_s"),
    ("fanout-1000-16", "deliveries_per_cpu_s"),
    ("fanout-10000-8", "deliveries_per_cpu_s"),
    ("idle-10000", "bytes_per_connection"),
]
HEADS = {
    "deliveries_per_cpu_s": "deliveries per second of server CPU (longer is better)",
    "bytes_per_connection": "memory per connection (shorter is better)",
}
WIDTH, MARGIN, LABELS, FIGURES = 760, 24, 150, 110
BAR, GAP, HEAD, SPACE = 16, 6, 26, 20
STYLE = """
    .ground { fill: #ffffff } .text { fill: #24292f } .quiet { fill: #59636e }
    .bar { fill: #a9b4c0 } .own { fill: #5b5bd6 }
    text { font: 13px system-ui, sans-serif } .head { font-weight: 600 }
    @media (prefers-color-scheme: dark) {
      .ground { fill: #16181d } .text { fill: #e6e8eb } .quiet { fill: #a3abb5 }
      .bar { fill: #59636e } .own { fill: #9a9aff }
    }
"""


def chart(results):
    """Draws all panels, one below the other."""
    drawn, top = [], MARGIN
    for case_name, metric in PANELS:
        bars = values(results["records"], case_name, metric)
        if bars:
            drawn.append(panel(head(case_name, metric), metric, bars, top))
            top += HEAD + len(bars) * (BAR + GAP) + SPACE
    height = top - SPACE + MARGIN
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" '
        f'viewBox="0 0 {WIDTH} {height}" role="img" aria-labelledby="title">',
        '  <title id="title">Impulse beside other broadcast servers, on one machine</title>',
        f"  <style>{STYLE}  </style>",
        f'  <rect class="ground" width="{WIDTH}" height="{height}" rx="8"/>',
        *drawn,
        "</svg>",
        "",
    ])


def values(records, case, metric):
    """Returns (peer, figure), in the order of the peers."""
    medians = ((name, middle(by_round(records, case, name, metric))) for name in PEERS)
    return [(name, value) for name, value in medians if value is not None]


def head(case_name, metric):
    case = next(case for case in CASES if case.name == case_name)
    return f"{case.title}: {HEADS[metric]}"


def panel(title, metric, bars, top):
    most = max(value for _, value in bars) or 1
    room = WIDTH - 2 * MARGIN - LABELS - FIGURES
    lines = [f'  <text class="text head" x="{MARGIN}" y="{top + 14}">{escape(title)}</text>']
    for place, (name, value) in enumerate(bars):
        y = top + HEAD + place * (BAR + GAP)
        left, width = MARGIN + LABELS, max(2, round(room * value / most))
        kind = "own" if name == IMPULSE else "bar"
        lines += [
            f'  <text class="text" x="{left - 10}" y="{y + 13}" text-anchor="end">'
            f"{escape(TITLES[name])}</text>",
            f'  <rect class="{kind}" x="{left}" y="{y}" width="{width}" height="{BAR}" rx="3"/>',
            f'  <text class="quiet" x="{left + width + 8}" y="{y + 13}">'
            f"{escape(figure(metric, value))}</text>",
        ]
    return "\n".join(lines)
