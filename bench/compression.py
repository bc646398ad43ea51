#!/usr/bin/env python3
"""Measures what permessage-deflate would save and cost (docs/decisions/0015-no-compression.md).

Messages as people write them, in the JSON that Impulse sends, compressed once per message and without
the context of earlier ones, as RFC 7692 asks of a server that compresses for a whole room.
"""

import json
import os
import base64
import time
import zlib

PROSE = (
    "Hey, I pushed the fix for the reconnect problem we saw yesterday. It turned out the client waited for an "
    "answer that the old server had never sent, so every tab that was open during the restart was stuck until "
    "somebody reloaded the page. Could you look at the branch before lunch? I would like to have it on staging "
    "today, since the demo is tomorrow morning and I do not want to touch anything after that. By the way, the "
    "coffee machine on the second floor works again, and Anna brought cake for her birthday. Who is in for a "
    "walk at one? We could try that new place near the river, people say their soup is good and nobody shouts. "
    "About the budget: Mira wrote down three numbers, none of them made me happy, but two are honest. If Leo can "
    "live with fewer screens, hardware gets cheaper by a third; otherwise marketing must wait until autumn. My "
    "own opinion, for what it counts, is that we should ship small things every Friday instead of one large "
    "release nobody dares to install. Remember March? Half our customers skipped it, while support answered the "
    "same five questions for weeks. Next topic, travel. Trains to Lisbon are booked out, flights cost too much, "
    "so Jonas suggests driving through France with his old van, sleeping somewhere around Bordeaux. Sounds mad, "
    "probably fun. Whoever wants a seat tells him before Thursday, bring music, leave laptops behind. Finally a "
    "small plea: close doors quietly after nine, because guests upstairs complained twice, and write into our "
    "calendar when you borrow both projectors. Yesterday I stood in front of forty students holding chalk. They "
    "laughed, it went well, yet my drawing of an elephant still haunts that blackboard. See you all tomorrow!"
)
ROUNDS = 2_000


def event(size: int) -> bytes:
    """Returns a `msg` event of about `size` bytes."""
    msg = {"mid": base64.urlsafe_b64encode(os.urandom(16)).decode().rstrip("="), "rev": 0, "kind": "msg", "by": "42"}
    event = {"op": "msg", "room": "7", "seq": 1234, "at": 1795428817666, "msg": msg}
    empty = len(json.dumps(event, separators=(",", ":"))) + len(',"t":""')
    msg["t"] = PROSE[: max(size - empty, 1)]
    return json.dumps(event, separators=(",", ":")).encode()


def compressed(payload: bytes, level: int) -> bytes:
    """Compresses as RFC 7692, 7.2.1 says: raw deflate, flushed, without the four trailing bytes."""
    compressor = zlib.compressobj(level, zlib.DEFLATED, -15)
    return (compressor.compress(payload) + compressor.flush(zlib.Z_SYNC_FLUSH))[:-4]


def main() -> None:
    print("bytes  level  saved  us/message")
    for size in (256, 512, 1024, 1750):
        payload = event(size)
        for level in (1, 6):
            began = time.process_time()
            for _ in range(ROUNDS):
                out = compressed(payload, level)
            cost = (time.process_time() - began) / ROUNDS * 1e6
            print(f"{len(payload):5}  {level:5}  {1 - len(out) / len(payload):4.0%}  {cost:10.1f}")


if __name__ == "__main__":
    main()
