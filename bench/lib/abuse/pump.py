"""Runs many connections of an attacker in one process; each sends as fast as possible or at an interval."""

import collections
import selectors
import time

from .wire import upgrade

READ = 262_144
# The pause before a closed connection is opened again.
AGAIN_S = 0.25
# Answers are recognised by how they begin, or by bytes that only they contain.
SIGNS = {**{status: f"HTTP/1.1 {status}".encode() for status in ("200", "201", "204", "413", "429", "503")},
         "ok": b'"op":"ok"', "err": b'"op":"err"', "bye": b'"op":"bye"', "pong": b"\x8a\0"}


class Flow:
    """One connection. `chunk` returns the next bytes; with `every_s` one chunk is sent per interval, otherwise without pause."""

    def __init__(self, open_line, chunk, every_s=None, first=b""):
        self.open_line, self.chunk, self.every_s, self.first = open_line, chunk, every_s, first
        self.line, self.left, self.due = None, b"", 0.0

    def open(self):
        self.line = self.open_line()
        self.line.setblocking(False)
        self.left = memoryview(self.first)
        self.due = time.monotonic()


def http_flow(session, chunk, **more):
    return Flow(session.connect, chunk, **more)


def socket_flow(session, chunk, **more):
    return Flow(lambda: upgrade(session), chunk, **more)


def pump(flows, pipe, signs=()):
    """Runs until something arrives in the pipe; returns the numbers of answers, chunks sent and connections closed."""
    selector, counts = selectors.DefaultSelector(), collections.Counter()
    waiting = collections.deque((0.0, flow) for flow in flows)

    def give_up(flow, why):
        if flow.line is not None:
            selector.unregister(flow.line)
            flow.line.close()
            flow.line = None
            counts[why] += 1
        waiting.append((time.monotonic() + AGAIN_S, flow))

    def open_waiting():
        while waiting and waiting[0][0] <= time.monotonic():
            _, flow = waiting.popleft()
            try:
                flow.open()
                selector.register(flow.line, selectors.EVENT_READ | selectors.EVENT_WRITE, flow)
                counts["opened"] += 1
            except OSError:
                counts["refused connections"] += 1
                waiting.append((time.monotonic() + AGAIN_S, flow))

    open_waiting()
    pipe.send("ready")
    while not pipe.poll():
        open_waiting()
        now = time.monotonic()
        sleeping = True
        for key, events in selector.select(0.02):
            flow = key.data
            try:
                if events & selectors.EVENT_READ:
                    data = flow.line.recv(READ)
                    if not data:
                        give_up(flow, "cut")
                        continue
                    for sign in signs:
                        counts[sign] += data.count(SIGNS[sign])
                    counts["bytes read"] += len(data)
                    sleeping = False
                if events & selectors.EVENT_WRITE:
                    if not flow.left and (flow.every_s is None or now >= flow.due):
                        flow.left = memoryview(flow.chunk())
                        flow.due = max(flow.due + (flow.every_s or 0), now - 1)
                        counts["chunks"] += 1
                    if flow.left:
                        sent = flow.line.send(flow.left)
                        counts["bytes sent"] += sent
                        flow.left = flow.left[sent:]
                        sleeping = False
            except BlockingIOError:
                pass
            except OSError:
                give_up(flow, "cut")
        if sleeping:
            # All connections are writable and nothing is due.
            time.sleep(0.002)
    for flow in flows:
        if flow.line is not None:
            flow.line.close()
    return dict(counts)
