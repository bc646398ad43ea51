"""The users and rooms of one case."""

import concurrent.futures
import itertools
import time

from .wire import Refused, Session, Socket, new_mid, new_secret

ITERATIONS = 600_000
AT_ONCE = 8
PATIENCE_S = 30


class World:
    """A server with an administrator, an attacker and an uninvolved user in one room."""

    def __init__(self, server):
        self.server, self.port = server, server.port
        self.networks = itertools.count()
        self.admin = self.register("admin", setup=server.setup)
        self.attacker, self.innocent = self.register("mallory"), self.register("ines")
        # They connect without a proxy, each from one address.
        self.attacker.address, self.innocent.address = "127.0.4.1", "127.0.5.1"
        made = self.admin.call("POST", "/api/rooms", {
            "name": "Square", "kind": "open", "members": [self.attacker.uid, self.innocent.uid]})
        self.room = made["id"]

    def register(self, name, **more):
        """Registers each user from an address of its own, because limits of one address are not measured here."""
        session = Session(self.port, self.new_address())
        session.name, session.auth = name, new_secret()
        end = time.monotonic() + PATIENCE_S
        while True:
            try:
                answer = session.call("POST", "/api/auth/register", {
                    "username": name, "alg": "pbkdf2-sha256", "salt": new_secret(16), "iter": ITERATIONS,
                    "auth": session.auth, "device": "abuse", **more})
                session.uid = answer["uid"]
                return session
            except Refused as refusal:
                if refusal.status not in (429, 503) or time.monotonic() > end:
                    raise
                time.sleep(min(2, refusal.retry_s or 0.2))

    def new_address(self):
        """Returns addresses in different networks, because addresses of one network may count together."""
        network = next(self.networks)
        return f"10.{20 + network // 250}.{1 + network % 250}.7"

    def people(self, count):
        names = [f"person{number}" for number in range(count)]
        with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
            return list(pool.map(self.register, names))

    def fill(self, room, total, size=30_000, authors=10):
        """Fills a room with so many bytes of messages by several users, because one user may not send so fast."""
        writers = [self.admin, *self.people(authors)]
        for writer in writers[1:]:
            writer.call("POST", f"/api/rooms/{room}/members", {"uid": writer.uid})
        share = total // size // len(writers) + 1
        with concurrent.futures.ThreadPoolExecutor(len(writers)) as pool:
            return sum(pool.map(lambda writer: write(writer, room, share, size), writers))


def write(writer, room, count, size):
    """Returns how many messages were accepted; a message that is refused for a moment is sent again."""
    socket, taken, end = Socket(writer), 0, time.monotonic() + PATIENCE_S
    text = new_secret(size * 3 // 4)
    while taken < count and time.monotonic() < end:
        try:
            socket.command("msg.send", room=room, msg={"mid": new_mid(), "rev": 0, "kind": "msg", "t": text})
            taken += 1
        except Refused as refusal:
            time.sleep(min(2, refusal.retry_s or 0.1))
    socket.close()
    return taken
