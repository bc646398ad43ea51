"""The cases that are measured and the goals for their figures. This file contains only data."""

from dataclasses import dataclass

IMPULSE, C_LOOP, UWEBSOCKETS = "impulse", "epoll_loop", "uwebsockets"
PGBENCH = "pgbench"
PEERS = [IMPULSE, C_LOOP, UWEBSOCKETS, "tokio_tungstenite", "nchan", "aiohttp"]
TITLES = {
    IMPULSE: "Impulse",
    C_LOOP: "C loop",
    UWEBSOCKETS: "uWebSockets",
    "tokio_tungstenite": "tokio-tungstenite",
    "nchan": "nginx + nchan",
    "aiohttp": "aiohttp",
    PGBENCH: "pgbench",
}


@dataclass(frozen=True)
class Case:
    """One measurement of each peer: the arguments of `impulse loadtest` and the figures to show."""

    name: str
    title: str
    arguments: tuple
    shows: tuple
    connections: int
    peers: tuple = tuple(PEERS)
    deliveries_per_s: int = 0  # requested by --rate; a peer may be slower


def fanout(members, in_flight):
    return Case(
        name=f"fanout-{members}-{in_flight}",
        title=f"{members:,} members, {in_flight} in flight",
        arguments=("--scenario", "fanout", "-c", str(members), "--in-flight", str(in_flight)),
        shows=("cpu_us_per_delivery", "deliveries_per_cpu_s", "deliveries_per_s", "p99_us"),
        connections=members,
    )


def paced(members):
    rate = 1_000_000 // members
    return Case(
        name=f"paced-{members}",
        title=f"{members:,} members, {rate:,} messages/s",
        arguments=("--scenario", "fanout", "-c", str(members), "--rate", str(rate)),
        shows=("p99_us", "deliveries_per_s", "cpu_us_per_delivery"),
        connections=members,
        deliveries_per_s=1_000_000,
    )


def idle(connections, peers=tuple(PEERS)):
    return Case(
        name=f"idle-{connections}",
        title=f"{connections:,} idle connections",
        arguments=("--scenario", "idle", "-c", str(connections)),
        shows=("bytes_per_connection",),
        connections=connections,
        peers=peers,
    )


CASES = [
    fanout(1_000, 1),
    fanout(10_000, 1),
    fanout(1_000, 16),
    fanout(10_000, 8),
    Case(
        name="stalled-1000",
        title="1,000 members, 16 in flight, and 20 readers that never read",
        arguments=("--scenario", "fanout", "-c", "1000", "--in-flight", "16", "--stalled", "20"),
        shows=("p99_us", "deliveries_per_s", "cpu_us_per_delivery"),
        connections=1_020,
        peers=(IMPULSE,),
    ),
    paced(1_000),
    paced(10_000),
    Case(
        name="rooms",
        title="1,000 rooms of 10, 4,000 messages/s",
        arguments=("--scenario", "rooms", "--rooms", "1000", "--members", "10", "--rate", "4000"),
        shows=("cpu_us_per_delivery", "deliveries_per_s", "p99_us"),
        connections=10_000,
        deliveries_per_s=40_000,
    ),
    idle(10_000),
    idle(19_000, peers=(IMPULSE,)),
    Case(
        name="connect-10000",
        title="10,000 connects",
        arguments=("--scenario", "connect", "-c", "10000"),
        shows=("cpu_us_per_connect", "connects_per_cpu_s", "connects_per_s"),
        connections=10_000,
    ),
    Case(
        name="storm-10000",
        title="10,000 reconnects after a restart",
        arguments=("--scenario", "storm", "-c", "10000"),
        shows=("settle_s",),
        connections=10_000,
        peers=(IMPULSE,),
    ),
    Case(
        name="durable",
        title="durable messages; single-row INSERTs of 64 pgbench clients",
        arguments=("--scenario", "durable"),
        shows=("messages_per_s",),
        connections=64,
        peers=(IMPULSE, PGBENCH),
    ),
]


@dataclass(frozen=True)
class Goal:
    """A bound on a figure of Impulse, absolute or relative to a peer or to another case."""

    title: str
    case: str
    metric: str
    at_most: float | None = None
    at_least: float | None = None
    over_peer: str | None = None
    over_case: str | None = None
    stretch: float | None = None


CPU = "server CPU per delivery, {} members, 1 in flight"
WORK = "deliveries per CPU second, {} in flight at {} members"
P99 = "p99 latency at 1 million deliveries/s, {} members"

GOALS = [
    Goal(CPU.format("1,000"), "fanout-1000-1", "cpu_us_per_delivery", 1.15, over_peer=C_LOOP),
    Goal(CPU.format("10,000"), "fanout-10000-1", "cpu_us_per_delivery", 1.20, over_peer=C_LOOP),
    Goal(CPU.format("1,000"), "fanout-1000-1", "cpu_us_per_delivery", 1.0, over_peer=UWEBSOCKETS),
    Goal(CPU.format("10,000"), "fanout-10000-1", "cpu_us_per_delivery", 1.0,
         over_peer=UWEBSOCKETS),
    Goal(WORK.format(16, "1,000"), "fanout-1000-16", "deliveries_per_cpu_s", at_least=1.15,
         over_peer=UWEBSOCKETS),
    Goal(WORK.format(8, "10,000"), "fanout-10000-8", "deliveries_per_cpu_s", at_least=1.5,
         over_peer=UWEBSOCKETS),
    Goal(P99.format("1,000"), "paced-1000", "p99_us", 0.95, over_peer=UWEBSOCKETS),
    Goal(P99.format("10,000"), "paced-10000", "p99_us", 0.65, over_peer=UWEBSOCKETS),
    Goal("p99 latency with 20 readers that never read, relative to without them", "stalled-1000",
         "p99_us", 1.20, over_case="fanout-1000-16"),
    Goal("CPU, 1,000 rooms of 10, 4,000 messages/s", "rooms", "cpu_us_per_delivery", 1.25,
         over_peer=C_LOOP),
    Goal("memory per idle connection at 10,000", "idle-10000", "bytes_per_connection", 2048,
         stretch=1536),
    Goal("memory per idle connection at 19,000, relative to 10,000", "idle-19000", "bytes_per_connection", 1.05,
         over_case="idle-10000"),
    Goal("connects per CPU second, with session check and `hello`", "connect-10000",
         "connects_per_cpu_s", at_least=20_000),
    Goal("CPU per connect", "connect-10000", "cpu_us_per_connect", 2.0, over_peer=C_LOOP),
    Goal("time until 10,000 reconnects are complete", "storm-10000", "settle_s", 30),
    Goal("durable messages/s (pgbench: single-row INSERTs)", "durable", "messages_per_s", at_least=8,
         over_peer=PGBENCH, stretch=12),
]
