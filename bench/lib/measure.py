"""One measurement: a fresh server, `impulse loadtest` on it, one record."""

import json
import resource
import subprocess

from . import durable, peers
from .cases import IMPULSE, PGBENCH

GRACE_S = 120  # on top of the seconds measured: start, connects, warm-up, what is on its way
SPARE_DESCRIPTORS = 200


class Failed(Exception):
    """A measurement came to nothing; says why."""


def measure(program, case, peer, seconds):
    """What `impulse loadtest` says of this peer in this case: {"report": …} or {"failed": …}."""
    try:
        limit = raise_descriptor_limit()
        if case.connections + SPARE_DESCRIPTORS > limit:
            raise Failed(f"{case.connections:,} connections do not fit into {limit:,} descriptors")
        if peer == PGBENCH:
            return {"report": {"messages_per_s": durable.inserts_per_s(seconds)}}
        options = [*case.arguments, "--seconds", str(seconds)]
        if peer == IMPULSE:
            return {"report": loadtest(program, ["--local", *options], seconds)}
        with peers.running(peers.PEERS[peer]) as (port, pid):
            url = f"ws://127.0.0.1:{port}/room/1"
            plain = [url, "--plain", "--pid", str(pid), *options]
            return {"report": loadtest(program, plain, seconds)}
    except (Failed, peers.Missing, durable.Failed) as reason:
        return {"failed": str(reason)}


def loadtest(program, arguments, seconds):
    command = [program, "loadtest", *arguments, "--json", "--quiet"]
    patience = seconds + GRACE_S
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True) as process:
        try:
            said, complained = process.communicate(timeout=patience)
        except subprocess.TimeoutExpired:
            # Gently first: it may have a server of its own to stop.
            process.terminate()
            try:
                process.communicate(timeout=20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.communicate()
            raise Failed(f"no result after {patience:.0f} s") from None
    if said.strip():
        return json.loads(said.strip().splitlines()[-1])
    last = (complained.strip().splitlines() or ["no output"])[-1]
    raise Failed(last.removeprefix("Error: "))


def raise_descriptor_limit():
    """All the system lets us have; what is started from here inherits it."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard
