"""A user who sends messages as usual, in a separate process, and the time until each `ok`."""

import json
import multiprocessing
import selectors
import time

from .wire import Frames, new_mid, text_frame, upgrade

# The interval between messages, below the rate that one connection may send at.
EVERY_S = 0.03
# A message without an answer by then counts as having waited so long.
LONGEST_S = 10
# With so many unanswered messages the user stops sending.
UNANSWERED_MAX = 60


class Others:
    """Connects before the attack; `measure` sends for some seconds."""

    def __init__(self, world):
        self.pipe, theirs = multiprocessing.Pipe()
        self.process = multiprocessing.Process(target=serve, args=(world.innocent, world.room, theirs), daemon=True)
        self.process.start()
        theirs.close()
        self.pipe.recv()

    def begin(self, seconds):
        self.pipe.send(seconds)

    def is_ready(self, timeout=0):
        return self.pipe.poll(timeout)

    def outcome(self):
        """Returns the waits in seconds and the numbers of refused, unanswered and cut messages."""
        return self.pipe.recv()

    def close(self):
        self.pipe.close()
        self.process.join(5)
        if self.process.is_alive():
            self.process.kill()


def serve(session, room, pipe):
    chat = Chat(session, room)
    pipe.send("ready")
    while True:
        try:
            seconds = pipe.recv()
        except EOFError:
            return
        pipe.send(chat.talk(seconds))


class Chat:
    def __init__(self, session, room):
        self.session, self.room, self.line = session, room, None
        self.number = 0
        self.connect()

    def connect(self):
        if self.line is not None:
            self.line.close()
        self.line, self.frames = upgrade(self.session), Frames()
        self.line.setblocking(False)
        self.line_selector = selectors.DefaultSelector()
        self.line_selector.register(self.line, selectors.EVENT_READ)
        self.line.send(text_frame(json.dumps({"op": "room.subscribe", "id": "s", "room": self.room, "since": 0})))

    def talk(self, seconds):
        """Sends by the clock, independently of the answers, so that a slow server does not slow the sender."""
        waiting, waits, refused, cut = {}, [], 0, 0
        began = now = time.monotonic()
        due = began
        while now < began + seconds or (waiting and now < began + seconds + LONGEST_S):
            if now >= due and now < began + seconds:
                if len(waiting) < UNANSWERED_MAX:
                    self.number += 1
                    waiting[str(self.number)] = due
                    cut += not self.send(str(self.number))
                due += EVERY_S
            timeout = max(0, min(due - now, 0.05)) if now < began + seconds else 0.05
            for frame in self.read(timeout):
                since = waiting.pop(frame.get("id"), None)
                if since is None:
                    continue
                if frame["op"] == "ok":
                    waits.append(time.monotonic() - since)
                else:
                    refused += 1
            now = time.monotonic()
        waits += [LONGEST_S] * len(waiting)
        return {"waits": waits, "refused": refused, "unanswered": len(waiting), "cut": cut}

    def send(self, number):
        message = {"mid": new_mid(), "rev": 0, "kind": "msg", "t": "What somebody says who only wants to chat. " * 3}
        try:
            self.line.sendall(text_frame(json.dumps({"op": "msg.send", "id": number, "room": self.room, "msg": message})))
            return True
        except OSError:
            return self.again()

    def again(self):
        try:
            self.connect()
        except OSError:
            pass  # The next message tries again.
        return False

    def read(self, timeout):
        if not self.line_selector.select(timeout):
            return []
        try:
            data = self.line.recv(262_144)
        except BlockingIOError:
            return []
        except OSError:
            data = b""
        if not data:
            self.again()
            return []
        return [frame for frame in map(json.loads, self.frames.feed(data)) if frame.get("op") in ("ok", "err")]
