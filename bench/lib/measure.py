"""Takes one measurement: runs `impulse loadtest` on a fresh server and returns one record."""

import contextlib
import json
import os
import resource
import signal
import subprocess
import tempfile
import time

from . import durable, peers
from .cases import IMPULSE, PGBENCH

# On top of the measured seconds: start, connects, warm-up, messages in flight, and a thousand users
# of a thousand rooms, whose passwords are hashed at their real cost.
GRACE_S = 240
STOP_S = 20
SPARE_DESCRIPTORS = 200


class Failed(Exception):
    """A measurement failed; the message says why."""


def measure(program, case, peer, seconds):
    """Returns the result of `impulse loadtest` for this peer and case: {"report": …} or {"failed": …}."""
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
    """Runs the command in a process group and a temporary folder of its own, so that nothing remains afterwards."""
    command = [program, "loadtest", *arguments, "--json", "--quiet"]
    patience = seconds + GRACE_S
    with tempfile.TemporaryDirectory(prefix="impulse-bench-") as folder:
        # Its private database runs as another user, which must be able to enter the folder.
        os.chmod(folder, 0o711)
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                   start_new_session=True, env={**os.environ, "TMPDIR": folder})
        try:
            said, complained = process.communicate(timeout=patience)
        except subprocess.TimeoutExpired:
            raise Failed(f"no result after {patience:.0f} s") from None
        finally:
            end_group(process)
    if said.strip():
        return json.loads(said.strip().splitlines()[-1])
    last = (complained.strip().splitlines() or ["no output"])[-1]
    raise Failed(last.removeprefix("Error: "))


def end_group(process):
    """Stops the command and the server it may have started. It first asks them to stop, because the server has to stop its database."""
    for sign in (signal.SIGTERM, signal.SIGKILL):
        until = time.monotonic() + STOP_S
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, sign)
            while time.monotonic() < until:
                process.poll()
                os.killpg(process.pid, 0)
                time.sleep(0.05)


def raise_descriptor_limit():
    """Raises the limit of open files as far as the system allows; child processes inherit it."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard
