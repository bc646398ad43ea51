"""The attacks. Each prepares its data and then runs in a process of its own until it is stopped.

A case is a class with a `name`, a `title`, and `attack`, which sends "ready" through its pipe, ends when it receives
something from the pipe, and returns counts.
"""

import collections
import itertools
import json
import os
import re
import selectors
import threading
import time

from .pump import http_flow, pump, socket_flow
from .wire import PING, Refused, Session, Socket, error_code, new_mid, new_secret, text_frame, upgrade

MIB = 2**20
# A receive buffer so small that it fills at once if nobody reads.
SMALL_BUFFER = 4_096
# The rate of commands that one connection may send, per second.
COMMAND_RATE = 40


class Case:
    name = title = None
    # Whether another user sends messages meanwhile; cases about signing in and loading measure something else.
    has_others = True
    # Such cases are measured first.
    takes_memory = False

    def prepare(self, world):
        pass

    def attack(self, world, pipe):
        raise NotImplementedError


class Requests(Case):
    """Unauthenticated requests, sent as fast as the connections allow."""

    def __init__(self, name, title, connections, *requests):
        self.name, self.title, self.connections, self.requests = name, title, connections, requests

    def attack(self, world, pipe):
        stranger = Session(world.port, "127.0.1.1")
        batch = b"".join(stranger.request(*each) for each in self.requests)
        batch *= max(1, 32_768 // len(batch))
        flows = [http_flow(stranger, lambda: batch) for _ in range(self.connections)]
        return only(pump(flows, pipe, ("200", "429", "503")), "200", "429", "503", "cut", "refused connections")


class Commands(Case):
    """Commands or control frames of one member on several sockets."""

    def __init__(self, name, title, sockets, make, every_s=None, takes_memory=False):
        self.name, self.title, self.sockets, self.make, self.every_s = name, title, sockets, make, every_s
        self.takes_memory = takes_memory

    def attack(self, world, pipe):
        first = text_frame(json.dumps({"op": "room.subscribe", "id": "s", "room": world.room, "since": 0}))
        flows = [socket_flow(world.attacker, self.make(world), every_s=self.every_s, first=first)
                 for _ in range(self.sockets)]
        return only(pump(flows, pipe, ("ok", "err", "pong")), "chunks", "ok", "err", "pong", "cut", "refused connections")


def pings(_):
    return lambda: PING * 10_000


def large_messages(world):
    def make():
        # Every text is new, because a database compresses repetitions.
        message = {"mid": new_mid(), "rev": 0, "kind": "msg", "t": new_secret(22_500)}
        return text_frame(json.dumps({"op": "msg.send", "id": "m", "room": world.room, "msg": message}))

    return make


def reactions(world):
    """Adds a reaction and takes it back, in turns. Each socket has its own message and emoji, because one author may add twenty to a message."""
    mine, number = [], next(world.numbers)
    target, emoji = world.targets[number % len(world.targets)], chr(0x1F600 + number)

    def make():
        if mine:
            message = {"mid": mine.pop(), "rev": 1, "kind": "del"}
        else:
            mine.append(new_mid())
            message = {"mid": mine[0], "rev": 0, "kind": "react", "ref": target, "e": emoji}
        return text_frame(json.dumps({"op": "msg.send", "id": "r", "room": world.room, "msg": message}))

    return make


class Reactions(Commands):
    def prepare(self, world):
        world.numbers, world.targets = itertools.count(), [new_mid() for _ in range(4)]
        socket = Socket(world.innocent)
        for mid in world.targets:
            socket.command("msg.send", room=world.room, msg={"mid": mid, "rev": 0, "kind": "msg", "t": "React to this."})
        socket.close()


def typing(world):
    return lambda: text_frame(json.dumps({"op": "typing", "id": "t", "room": world.room}))


def presence(_):
    states = collections.deque(["online", "away", "dnd"])

    def make():
        states.rotate()
        return text_frame(json.dumps({"op": "presence", "id": "p", "state": states[0], "text": f"busy {time.monotonic()}"}))

    return make


def reading(world):
    return lambda: text_frame(json.dumps({"op": "read", "id": "r", "room": world.room, "seq": int(time.monotonic() * 1000) % 100 + 1}))


class Unread(Case):
    """Requests whose answers are not read, so that they wait in the server."""

    takes_memory = True

    def hold(self, pipe, open_line, count):
        lines, refused = [], 0
        for _ in range(count):
            try:
                lines.append(open_line())
            except OSError:
                refused += 1
        pipe.send("ready")
        pipe.recv()
        cut = sum(is_cut(line) for line in lines)
        for line in lines:
            line.close()
        return {"held": len(lines), "refused connections": refused, "cut": cut}


def is_cut(line):
    """Whether the server has closed the connection; data that it sent before is discarded."""
    line.setblocking(False)
    try:
        for _ in range(10_000):
            if not line.recv(262_144):
                return True
    except BlockingIOError:
        return False
    except OSError:
        return True
    return False


class Replays(Unread):
    name, title = "replays", "60 sockets request the replay of a room of 15 MiB and do not read it"

    def prepare(self, world):
        made = world.admin.call("POST", "/api/rooms", {"name": "Archive", "kind": "open", "members": [world.attacker.uid]})
        world.large = made["id"]
        world.filled = world.fill(world.large, 15 * MIB)

    def attack(self, world, pipe):
        ask = "".join(json.dumps({"op": op, "id": "s", "room": world.large, "since": 0}) + "\n"
                      for op in ("room.subscribe", "room.unsubscribe", "room.subscribe"))
        frames = b"".join(text_frame(line) for line in ask.splitlines())

        def open_line():
            line = upgrade(world.attacker, SMALL_BUFFER)
            line.sendall(frames)
            return line

        return {"messages in the room": world.filled, **self.hold(pipe, open_line, 60)}


class Pages(Unread):
    name, title = "pages", "250 pages of 3 MB of history are requested and not read"
    prepare = Replays.prepare

    def attack(self, world, pipe):
        request = world.attacker.request("GET", f"/api/rooms/{world.large}/messages?limit=100")

        def open_line():
            line = world.attacker.connect(SMALL_BUFFER)
            line.sendall(request)
            return line

        return {"messages in the room": world.filled, **self.hold(pipe, open_line, 250)}


class Uploads(Case):
    """Whole files, one after the other. What is not in a message fills a bound of its own, and more is refused then."""

    name, title = "uploads", "files of 1 MiB are uploaded on 40 connections of one member, without pause"

    def attack(self, world, pipe):
        path, body = "/api/files?name=noise.bin", os.urandom(MIB)
        head = world.attacker.head("POST", path, **{"Content-Type": "application/octet-stream", "Content-Length": MIB})
        flows = [http_flow(world.attacker, lambda: head + body) for _ in range(40)]
        return only(pump(flows, pipe, ("201", "413", "429", "503")), "201", "413", "429", "503", "cut", "refused connections")


class Downloads(Case):
    name, title = "downloads", "a file of 8 MiB is read on 32 connections of one member, without pause"

    def prepare(self, world):
        world.file = upload(world.attacker, os.urandom(8 * MIB))

    def attack(self, world, pipe):
        request = world.attacker.head("GET", f"/files/{world.file}/noise.bin")
        flows = [http_flow(world.attacker, lambda: request) for _ in range(32)]
        counts = pump(flows, pipe, ("200", "429", "503"))
        read = {"MiB read": counts.get("bytes read", 0) // MIB}
        return {**only(counts, "429", "503", "cut", "refused connections"), **read}


def upload(session, content):
    """Returns the id of a file that is in no message."""
    line = session.open_http()
    fields = {**session.headers(), "Content-Type": "application/octet-stream"}
    line.request("POST", "/api/files?name=noise.bin", content, fields)
    answer = line.getresponse()
    said = answer.read()
    line.close()
    if answer.status != 201:
        raise Refused(answer.status, error_code(said), 0)
    return json.loads(said)["id"]


class Stopped(Unread):
    name, title = "stopped", "100 downloads of a file of 8 MiB are requested and not read"
    prepare = Downloads.prepare

    def attack(self, world, pipe):
        request = world.attacker.head("GET", f"/files/{world.file}/noise.bin")

        def open_line():
            line = world.attacker.connect(SMALL_BUFFER)
            line.sendall(request)
            return line

        return self.hold(pipe, open_line, 100)


class Searches(Case):
    """Every word of the room is another one, and those that begin alike are many."""

    name, title = "searches", "beginnings of words are searched in a room of 15 MiB on 8 connections of one member"
    prepare = Replays.prepare

    def attack(self, world, pipe):
        letters = itertools.cycle(itertools.product("abcdefgh", repeat=2))

        def make():
            terms = ["".join(next(letters)) + "*" for _ in range(8)]
            return world.attacker.head("GET", "/api/search?q=" + "+".join(terms))

        flows = [http_flow(world.attacker, make) for _ in range(8)]
        return only(pump(flows, pipe, ("200", "429", "503")), "200", "429", "503", "cut", "refused connections")


class Rooms(Unread):
    name, title = "hello", "60 sockets of a member of as many rooms as it could make in 6 s; `hello` is not read"
    MAKING_S, LINES, MOST = 6, 8, 10_000

    def prepare(self, world):
        world.made, end = 0, time.monotonic() + self.MAKING_S
        lock = threading.Lock()

        def make_rooms(line_number):
            line, number = world.attacker.open_http(), 0
            while time.monotonic() < end and world.made < self.MOST:
                number += 1
                name = f"Room {line_number} {number} " + "x" * 60
                try:
                    world.attacker.call("POST", "/api/rooms", {"name": name[:80], "topic": "y" * 500, "kind": "closed"}, line)
                    with lock:
                        world.made += 1
                except Refused as refusal:
                    if refusal.status == 429:
                        time.sleep(min(1, refusal.retry_s or 0.1))
                    elif refusal.status != 503:
                        break
                except OSError:
                    break
            line.close()

        threads = [threading.Thread(target=make_rooms, args=(number,)) for number in range(self.LINES)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def attack(self, world, pipe):
        counts = self.hold(pipe, lambda: upgrade(world.attacker, SMALL_BUFFER), 60)
        return {"rooms": world.made, **counts}


class Unchanged(Case):
    name, title = "patch", "`PATCH /api/rooms/R {}` of an owner on 8 connections"

    def prepare(self, world):
        made = world.attacker.call("POST", "/api/rooms", {"name": "Mine", "kind": "open"})
        world.mine, world.entries = made["id"], newest_entry(world)

    def attack(self, world, pipe):
        batch = world.attacker.request("PATCH", f"/api/rooms/{world.mine}", {}) * 50
        counts = pump([http_flow(world.attacker, lambda: batch) for _ in range(8)], pipe, ("200", "429", "503"))
        counts = only(counts, "200", "429", "503", "cut")
        return {**counts, "audit entries": newest_entry(world) - world.entries}


def newest_entry(world):
    entries = world.admin.call("GET", "/api/admin/audit?limit=1")["entries"]
    return entries[0]["n"] if entries else 0


class Guessing(Case):
    takes_memory = True
    name, title = "guessing", "three networks guess bob's password; bob signs in with the right one"
    NETWORKS = ("198.51.100.7", "203.0.113.7", "192.0.2.7")
    BOB_EVERY_S = 0.5

    def prepare(self, world):
        # A browser in which bob has signed in before, with the cookies of that time.
        world.bob = world.register("bob")
        world.known = Session(world.port, "10.9.0.1")
        log_in(world.known, world.bob)

    def attack(self, world, pipe):
        counts, stop = collections.Counter(), threading.Event()
        lock = threading.Lock()

        def guess(address):
            stranger = Session(world.port, address)
            while not stop.is_set():
                status = attempt(stranger, {"username": "bob", "auth": new_secret(), "device": "abuse"})
                with lock:
                    counts[f"guess {status}"] += 1
                stop.wait(0.02)

        def sign_in(session):
            while not stop.is_set():
                status = attempt(session, {"username": "bob", "auth": world.bob.auth, "device": "abuse"})
                kind = "known browser" if session is world.known else "new browser"
                with lock:
                    counts[f"{kind} {'in' if status == 200 else 'refused'}"] += 1
                stop.wait(self.BOB_EVERY_S)

        threads = [threading.Thread(target=guess, args=(address,)) for address in self.NETWORKS for _ in range(2)]
        for thread in threads:
            thread.start()
        # The guessing starts before bob signs in.
        time.sleep(1)
        bobs = [threading.Thread(target=sign_in, args=(session,)) for session in (world.known, Session(world.port, "10.9.0.2"))]
        for thread in bobs:
            thread.start()
        pipe.send("ready")
        pipe.recv()
        stop.set()
        for thread in [*threads, *bobs]:
            thread.join()
        return dict(counts)


def log_in(session, person):
    answer = session.call("POST", "/api/auth/login", {"username": person.name, "auth": person.auth, "device": "abuse"})
    session.uid = answer["uid"]


def attempt(session, body):
    """Returns the status of one attempt to sign in, or 0 without an answer."""
    try:
        session.call("POST", "/api/auth/login", body)
        return 200
    except Refused as refusal:
        return refusal.status
    except OSError:
        return 0


class Monday(Case):
    """No attack: all people of an office sign in at once, behind one address."""

    takes_memory = True
    name, title = "office", "200 people of one address sign in at once"
    PEOPLE, LONGEST_S, AT_ONCE = 200, 60, 64

    def prepare(self, world):
        world.office = world.people(self.PEOPLE)

    def attack(self, world, pipe):
        counts, lock = collections.Counter(), threading.Lock()
        began = time.monotonic()
        queue = collections.deque(world.office)
        last_in = 0.0

        def arrive():
            nonlocal last_in
            while True:
                with lock:
                    if not queue:
                        return
                    person = queue.popleft()
                if self.sign_in(world, person, began, counts, lock):
                    with lock:
                        counts["in"] += 1
                        last_in = time.monotonic() - began

        pipe.send("ready")
        threads = [threading.Thread(target=arrive) for _ in range(self.AT_ONCE)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return {**counts, "people": self.PEOPLE, "seconds": round(last_in, 1)}

    def sign_in(self, world, person, began, counts, lock):
        browser = Session(world.port, "127.0.2.1")
        while time.monotonic() < began + self.LONGEST_S:
            try:
                browser.call("POST", "/api/auth/prelogin", {"username": person.name})
                log_in(browser, person)
                return True
            except Refused as refusal:
                with lock:
                    counts[f"refused {refusal.status}"] += 1
                time.sleep(min(5, max(0.25, refusal.retry_s)))
            except OSError:
                with lock:
                    counts["no answer"] += 1
                time.sleep(0.25)
        return False


class Loading(Case):
    """No attack: many browsers of an office load the page at once and keep their connections."""

    name, title = "loading", "80 browsers of one address load the page, each by 6 connections that stay open"
    BROWSERS, LINES, LONGEST_S = 80, 6, 60

    def attack(self, world, pipe):
        visitor = Session(world.port, "127.0.3.1")
        files = page_files(visitor)
        # A browser requests the next file when it has the previous one.
        shares = [files[line :: self.LINES] for line in range(self.LINES)] * self.BROWSERS
        counts, began = collections.Counter(files=len(files) * self.BROWSERS), time.monotonic()
        selector, downloads = selectors.DefaultSelector(), [Download(visitor, share) for share in shares]
        pipe.send("ready")
        for download in downloads:
            download.open(selector, counts)
        while not all(download.is_done for download in downloads) and time.monotonic() < began + self.LONGEST_S:
            for key, _ in selector.select(0.05):
                key.data.read(selector, counts)
            for download in downloads:
                if download.line is None and not download.is_done:
                    download.open(selector, counts)
        for download in downloads:
            if download.line is not None:
                download.line.close()
        counts["not loaded"] = counts["files"] - counts["200"]
        return {**counts, "seconds": round(time.monotonic() - began, 1)}


class Download:
    """One keep-alive connection at a time and the files that are still to be fetched. As in a browser, a new connection
    continues where one ended before an answer began or together with it."""

    def __init__(self, visitor, paths):
        self.visitor, self.paths, self.buffer, self.line = visitor, collections.deque(paths), b"", None

    @property
    def is_done(self):
        return not self.paths

    def open(self, selector, counts):
        try:
            self.line = self.visitor.connect()
        except OSError:
            counts["refused connections"] += 1
            return
        counts["opened"] += 1
        self.line.setblocking(False)
        selector.register(self.line, selectors.EVENT_READ, self)
        self.ask()

    def ask(self):
        try:
            self.line.send(self.visitor.head("GET", self.paths[0]))
        except OSError:
            pass  # The next read notices that the connection has ended.

    def give_up(self, selector):
        selector.unregister(self.line)
        self.line.close()
        self.line, self.buffer = None, b""

    def read(self, selector, counts):
        try:
            data = self.line.recv(262_144)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            if self.buffer:
                counts["torn answers"] += 1
                self.paths.popleft()
            return self.give_up(selector)
        self.buffer += data
        head, found, rest = self.buffer.partition(b"\r\n\r\n")
        length = re.search(rb"(?i)content-length: *(\d+)", head)
        size = int(length[1]) if length else 0
        if not found or len(rest) < size:
            return None
        counts[head.split(b" ", 2)[1].decode("latin1")] += 1
        self.buffer = rest[size:]
        self.paths.popleft()
        if re.search(rb"(?i)connection: *close", head):
            return self.give_up(selector)
        # The connection stays open when nothing is left to load.
        return self.ask() if self.paths else selector.unregister(self.line)


def page_files(visitor):
    """Returns the files that a browser loads for the page."""
    line = visitor.open_http()
    line.request("GET", "/", headers=visitor.headers())
    page = line.getresponse().read().decode()
    line.close()
    return ["/", *dict.fromkeys(re.findall(r'(?:href|src)="(/[^"]+)"', page))]


def only(counts, *names):
    return {name: counts[name] for name in names if counts.get(name)}


SALT = ("POST", "/api/auth/prelogin", {"username": "bob"})
CASES = [
    Requests("health-32", "`GET /health` without pause, 32 connections", 32, ("GET", "/health")),
    Requests("health-200", "`GET /health` without pause, 200 connections", 200, ("GET", "/health")),
    Requests("files", "files of the page without pause, 32 connections", 32, ("GET", "/app.js"), ("GET", "/css/base.css")),
    Requests("info", "`GET /api/info` without pause, 32 connections", 32, ("GET", "/api/info")),
    Requests("salts", "salts for passwords without pause, 32 connections", 32, SALT),
    Replays(),
    Pages(),
    Uploads(),
    Downloads(),
    Stopped(),
    Searches(),
    Rooms(),
    Commands("large", "40 sockets of one member send 30 KB, each at its rate", 40, large_messages, 1 / COMMAND_RATE, takes_memory=True),
    Reactions("reactions", "reactions of one member on 40 sockets, each at its rate", 40, reactions, 1 / COMMAND_RATE),
    Commands("pings-1", "pings without pause, 1 socket", 1, pings),
    Commands("pings-8", "pings without pause, 8 sockets", 8, pings),
    Commands("typing", "`typing` on 40 sockets, each at its rate", 40, typing, 1 / COMMAND_RATE),
    Commands("presence", "`presence` on 40 sockets, each at its rate", 40, presence, 1 / COMMAND_RATE),
    Commands("read", "`read` on 40 sockets, each at its rate", 40, reading, 1 / COMMAND_RATE),
    Unchanged(),
    Guessing(),
    Monday(),
    Loading(),
]
for case in CASES[-2:]:
    case.has_others = False
