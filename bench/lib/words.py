"""Formats numbers for readers."""

UNITS = {
    "cpu_us_per_delivery": ("CPU per delivery", "µs"),
    "cpu_us_per_connect": ("CPU per connect", "µs"),
    "bytes_per_connection": ("memory per connection", "B"),
    "deliveries_per_cpu_s": ("deliveries per CPU second", ""),
    "connects_per_cpu_s": ("connects per CPU second", ""),
    "deliveries_per_s": ("deliveries/s", ""),
    "messages_per_s": ("messages/s", ""),
    "connects_per_s": ("connects/s", ""),
    "settle_s": ("all clients reconnected after", "s"),
    "p99_us": ("p99 latency", "ms"),
}


def number(value):
    """Three significant digits; thousands separated by commas."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def figure(metric, value):
    """Formats a figure with its unit."""
    unit = UNITS[metric][1]
    if unit == "B":
        return f"{value:,.0f} B"
    if metric == "p99_us":
        value = value / 1000
    return f"{number(value)} {unit}".rstrip()
