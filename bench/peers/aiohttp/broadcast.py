"""A broadcast server as it is written in an afternoon: a set of sockets for each path, and a loop.

    python broadcast.py PORT     everybody on a path gets what anybody on it says
"""

import collections
import sys

from aiohttp import WSMsgType, web

rooms = collections.defaultdict(set)


async def join(request):
    socket = web.WebSocketResponse()
    await socket.prepare(request)
    room = rooms[request.path]
    room.add(socket)
    try:
        async for message in socket:
            if message.type == WSMsgType.TEXT:
                for member in list(room):
                    await tell(member, message.data)
    finally:
        room.discard(socket)
    return socket


async def tell(member, text):
    try:
        await member.send_str(text)
    except ConnectionError:
        pass  # It has gone; its own handler takes it out of the room.


app = web.Application()
app.router.add_get("/{path:.*}", join)

if __name__ == "__main__":
    port = int(sys.argv[1])
    web.run_app(app, host="127.0.0.1", port=port, backlog=4096, access_log=None,
                print=lambda _: print("ready", flush=True))
