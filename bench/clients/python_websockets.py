#!/usr/bin/env python3
"""Loads one room of an Impulse server over many WebSockets and checks every delivery.

Everything happens in one asyncio loop, so one clock stamps both ends of a delivery. The price: a
core of Python reads some ten thousand frames a second, and when it is busy the latencies are its
own. The report says how busy it was. For the limits of the server there is `impulse loadtest`.

Needs Python 3.10 and `pip install "websockets>=14"`.
"""

import argparse
import asyncio
import base64
import json
import os
import secrets
import sys
import time
from array import array
from dataclasses import dataclass, field
from functools import partial

try:
    from websockets.asyncio.client import ClientConnection, connect
    from websockets.exceptions import ConnectionClosed, WebSocketException
    from websockets.typing import Subprotocol
except ImportError:
    sys.exit('websockets is missing: pip install "websockets>=14"')

# Concurrent connects; a number that a server with other users can bear.
CONNECTING_AT_ONCE = 64
# How long to wait for the last deliveries and answers when the writers have stopped.
DRAIN_SECONDS = 5.0
# Above this share of a core the event loop itself delays messages.
BUSY = 0.8


class Failure(Exception):
    """An error that is shown as one sentence."""


@dataclass
class Books:
    """What was sent, answered and delivered."""

    run: str = field(default_factory=lambda: secrets.token_hex(4))
    sent_at: list[float] = field(default_factory=list)
    acknowledged: set[int] = field(default_factory=set)
    refused: dict[str, int] = field(default_factory=dict)
    commit_ms: array = field(default_factory=lambda: array("d"))
    delivery_ms: array = field(default_factory=lambda: array("d"))
    doubled: int = 0
    out_of_order: int = 0
    ended: dict[str, int] = field(default_factory=dict)

    def next_text(self, size: int) -> tuple[int, str]:
        """Returns the number of a new message and a text of `size` bytes that contains it."""
        number = len(self.sent_at)
        self.sent_at.append(time.perf_counter())
        return number, f"{self.run} {number} ".ljust(size, "x")

    def number_of(self, text: str) -> int | None:
        """Returns the number of the message of this run with this text, if there is one."""
        run, _, rest = text.partition(" ")
        return int(rest.partition(" ")[0]) if run == self.run else None


class Member:
    """A connection that follows the room and may send."""

    def __init__(self, socket: ClientConnection, books: Books) -> None:
        self.socket = socket
        self.books = books
        self.room = ""
        self.seq = 0
        self.seen: set[int] = set()
        self.commands = 0

    async def subscribe(self, room: str | None) -> None:
        """Reads `hello`, the first frame, which lists the user's rooms and the `seq` of each."""
        hello = json.loads(await self.socket.recv())
        if hello["op"] != "hello":
            raise Failure(
                f"The server said {hello['op']} {hello.get('code', '')} instead of hello."
            )
        rooms = hello["rooms"]
        found = [it for it in rooms if it["id"] == room] if room else rooms
        if not found:
            raise Failure(f"The user of this token is not a member of room {room or 'any'}.")
        self.room, since = found[0]["id"], found[0]["seq"]
        await self.command("room.subscribe", "subscribe", room=self.room, since=since)
        while True:
            frame = json.loads(await self.socket.recv())
            if frame["op"] == "err":
                raise Failure(f"The server refused to subscribe: {frame['message']}")
            if frame["op"] == "ok" and frame.get("id") == "subscribe":
                # Everything missed since `hello` came before the `ok`; from here on events are live.
                self.seq = frame["seq"]
                return

    async def command(self, op: str, id: str, **fields: object) -> None:
        await self.socket.send(json.dumps({"op": op, "id": id, **fields}))

    async def write(self, size: int) -> None:
        """Sends a new message. Sent again with the same `mid`, it would not be stored twice."""
        mid = base64.urlsafe_b64encode(secrets.token_bytes(16)).decode().rstrip("=")
        number, text = self.books.next_text(size)
        message = {"mid": mid, "rev": 0, "kind": "msg", "t": text}
        await self.command("msg.send", str(number), room=self.room, msg=message)

    async def follow(self) -> None:
        """Reads every frame until the connection ends."""
        try:
            async for text in self.socket:
                self.take(json.loads(text), time.perf_counter())
        except ConnectionClosed:
            pass  # counted like a regular close: neither is expected before this client closes
        reason = f"{self.socket.close_code} {self.socket.close_reason}".strip()
        self.books.ended[reason] = self.books.ended.get(reason, 0) + 1

    def take(self, frame: dict, now: float) -> None:
        books = self.books
        match frame["op"]:
            case "msg" if frame["room"] == self.room:
                # A room has one order for all readers, so seq only grows.
                if frame["seq"] <= self.seq:
                    books.out_of_order += 1
                self.seq = max(self.seq, frame["seq"])
                number = books.number_of(frame["msg"].get("t", ""))
                if number is None:
                    return
                if number in self.seen:
                    books.doubled += 1
                    return
                self.seen.add(number)
                books.delivery_ms.append((now - books.sent_at[number]) * 1000)
            case "ok":
                number = int(frame["id"])
                books.acknowledged.add(number)
                books.commit_ms.append((now - books.sent_at[number]) * 1000)
            case "err":
                books.refused[frame["code"]] = books.refused.get(frame["code"], 0) + 1


async def join(
    plan: argparse.Namespace, books: Books, number: int, gate: asyncio.Semaphore
) -> Member:
    token = plan.token[number % len(plan.token)]
    async with gate:
        socket = await connect(
            plan.url,
            subprotocols=[Subprotocol("impulse.v1")],
            additional_headers={"Authorization": f"Bearer {token}"},
            compression=None,  # compressing short texts only costs time
            max_queue=None,  # read at once, so that latencies do not include waiting in the kernel
        )
        member = Member(socket, books)
        await member.subscribe(plan.room)
        return member


async def write_at_rate(members: list[Member], plan: argparse.Namespace) -> None:
    """All writers together send `rate` messages a second, in turn and evenly spread."""
    start = time.perf_counter()
    for number in range(int(plan.rate * plan.seconds)):
        await asyncio.sleep(start + number / plan.rate - time.perf_counter())
        try:
            await members[number % plan.writers].write(plan.size)
        except ConnectionClosed:
            return  # `follow` has recorded the reason


async def run(plan: argparse.Namespace) -> tuple[Books, list[Member], dict[str, float]]:
    books, gate = Books(), asyncio.Semaphore(CONNECTING_AT_ONCE)
    print(f"connecting {plan.connections} …", file=sys.stderr)
    start = time.perf_counter()
    first = await join(plan, books, 0, gate)
    plan.room = first.room
    others = (join(plan, books, number, gate) for number in range(1, plan.connections))
    members = [first, *await asyncio.gather(*others)]
    connected = time.perf_counter()
    readers = [asyncio.create_task(member.follow()) for member in members]
    print(f"writing for {plan.seconds:g} s …", file=sys.stderr)
    cpu = time.process_time()
    await write_at_rate(members, plan)
    written = time.perf_counter()
    while time.perf_counter() < written + DRAIN_SECONDS and not is_complete(books, members):
        await asyncio.sleep(0.02)
    took = {
        "connect": connected - start,
        "write": written - connected,
        "all": time.perf_counter() - connected,
        "cpu": time.process_time() - cpu,
    }
    for task in readers:
        task.cancel()
    await asyncio.gather(
        *readers, *(member.socket.close() for member in members), return_exceptions=True
    )
    return books, members, took


def is_complete(books: Books, members: list[Member]) -> bool:
    answered = len(books.acknowledged) + sum(books.refused.values())
    wanted = len(books.acknowledged)
    return answered == len(books.sent_at) and all(len(it.seen) >= wanted for it in members)


def lost(books: Books, members: list[Member]) -> int:
    """Returns the number of deliveries of acknowledged messages that did not arrive."""
    return sum(len(books.acknowledged - member.seen) for member in members)


def raise_descriptor_limit() -> None:
    """Raises the limit of open files: each connection needs a descriptor, and the usual limit is 1,024."""
    try:
        import resource
    except ImportError:
        return  # a system without such a limit
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def percentiles(values: array) -> str:
    if not values:
        return "none"
    ordered = sorted(values)
    at = {
        p: ordered[min(len(ordered) - 1, int(len(ordered) * p / 100))] for p in (50, 90, 99, 99.9)
    }
    return "  ".join(f"p{p:g} {value:.2f}" for p, value in at.items()) + f"  max {ordered[-1]:.2f}"


def report(
    plan: argparse.Namespace, books: Books, members: list[Member], took: dict[str, float]
) -> bool:
    """Prints the table and returns whether nothing was lost, duplicated or out of order."""
    missing, busy = lost(books, members), took["cpu"] / took["all"]
    written = len(books.sent_at) / took["write"]
    counts = {"lost": missing, "doubled": books.doubled, "out of order": books.out_of_order}
    rows = [
        ("connections", f"{len(members):,}  ({len(members) / took['connect']:,.0f}/s)"),
        ("messages", f"{len(books.sent_at):,}  ({written:,.1f}/s of {plan.rate:g} wanted)"),
        ("acknowledged", f"{len(books.acknowledged):,}"),
        (
            "deliveries",
            f"{len(books.delivery_ms):,}  ({len(books.delivery_ms) / took['all']:,.0f}/s)",
        ),
        ("delivered after, ms", percentiles(books.delivery_ms)),
        ("committed after, ms", percentiles(books.commit_ms)),
        *((name, f"{count:,}") for name, count in counts.items()),
        *((f"refused, {code}", f"{count:,}") for code, count in books.refused.items()),
        *((f"ended, {reason}", f"{count:,}") for reason, count in books.ended.items()),
        ("this client", f"{busy:.0%} of a core"),
    ]
    width = max(len(name) for name, _ in rows) + 2
    for name, value in rows:
        print(f"{name:<{width}}{value}")
    if busy > BUSY or written < 0.95 * plan.rate:
        print("This client or its machine was too busy: the times are its own.")
    return not any(counts.values()) and not books.ended


def arguments() -> argparse.Namespace:
    def positive(text: str) -> float:
        value = float(text)
        if not 0 < value <= 1e6:
            raise argparse.ArgumentTypeError("expected a number above 0")
        return value

    def count(text: str) -> int:
        value = int(text)
        if value < 1:
            raise argparse.ArgumentTypeError("expected a number of at least 1")
        return value

    parser = argparse.ArgumentParser(
        description="Loads one room of an Impulse server over many WebSockets and keeps books on "
        "every delivery.",
        epilog="The defaults stay within the limits of any server. For more, run the server with "
        "IMPULSE_RATE_LIMIT_SCALE=0. Exits with 1 if anything was lost, doubled or out of order, "
        "or a connection ended by itself.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )

    option = partial(parser.add_argument, default=argparse.SUPPRESS)
    option("--url", default="ws://127.0.0.1:8080/ws", help="the server's socket")
    option(
        "--token",
        action="append",
        help="a bearer token (impulse admin token USER); give it again for more users, shared out "
        "in turn (default: the words of IMPULSE_TOKEN)",
    )
    option(
        "--room",
        help="id of a room they are all members of (default: a room of the first user)",
    )
    option(
        "-c", "--connections", type=count, default=100, metavar="N", help="connections, all read"
    )
    option(
        "-w", "--writers", type=count, default=1, metavar="N", help="how many of them write, too"
    )
    option("-r", "--rate", type=positive, default=20, metavar="N", help="messages/s of all writers")
    option("-s", "--seconds", type=positive, default=10, metavar="N", help="how long they write")
    option("--size", type=count, default=128, metavar="BYTES", help="of a message's text")
    plan = parser.parse_args(namespace=argparse.Namespace(token=None, room=None))
    plan.token = plan.token or os.environ.get("IMPULSE_TOKEN", "").split()
    if not plan.token:
        parser.error("--token is missing (impulse admin token USER prints one)")
    if not 32 <= plan.size <= 32768:
        parser.error("--size: expected a number from 32 to 32768")
    plan.writers = min(plan.writers, plan.connections)
    return plan


def main() -> None:
    plan = arguments()
    raise_descriptor_limit()
    try:
        kept = report(plan, *asyncio.run(run(plan)))
    except (Failure, OSError, WebSocketException) as error:
        sys.exit(f"error: {error}")
    except KeyboardInterrupt:
        sys.exit("stopped")
    sys.exit(0 if kept else 1)


if __name__ == "__main__":
    main()
