"""One client connection over asyncio's streams."""

import asyncio
import base64
import hashlib
import os
from urllib.parse import urlsplit

from ..exceptions import ConnectionClosed, WebSocketException

TEXT, CLOSE, PONG = 1, 8, 10
SALT = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


async def connect(url, *, subprotocols, additional_headers, compression, max_queue):
    assert (compression, max_queue) == (None, None), "nothing else is played here"
    to = urlsplit(url)
    reader, writer = await asyncio.open_connection(to.hostname, to.port)
    key = base64.b64encode(os.urandom(16)).decode()
    head = {
        "Host": to.netloc,
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": key,
        "Sec-WebSocket-Protocol": ", ".join(subprotocols),
        **additional_headers,
    }
    lines = [f"GET {to.path} HTTP/1.1", *(f"{name}: {value}" for name, value in head.items())]
    writer.write(("\r\n".join(lines) + "\r\n\r\n").encode())
    status, *fields = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
    code = status.split()[1]
    if code != "101":
        raise WebSocketException(f"server rejected WebSocket connection: HTTP {code}")
    answer = dict(field.lower().split(": ", 1) for field in fields if field)
    accept = base64.b64encode(hashlib.sha1((key + SALT).encode()).digest()).decode()
    assert answer["sec-websocket-accept"] == accept.lower()
    assert answer["sec-websocket-protocol"] in subprotocols
    return ClientConnection(reader, writer)


class ClientConnection:
    def __init__(self, reader, writer):
        self.reader, self.writer = reader, writer
        self.close_code, self.close_reason = None, ""

    async def send(self, text):
        self._write(TEXT, text.encode())
        await self.writer.drain()

    async def recv(self):
        while True:
            try:
                first, length = await self.reader.readexactly(2)
                if length > 125:
                    length = int.from_bytes(
                        await self.reader.readexactly(2 if length == 126 else 8), "big"
                    )
                payload = await self.reader.readexactly(length)
            except (asyncio.IncompleteReadError, OSError) as error:
                self.close_code = self.close_code or 1006
                raise ConnectionClosed from error
            match first & 15:
                case 1:  # text
                    return payload.decode()
                case 8:  # close
                    self.close_code = int.from_bytes(payload[:2], "big")
                    raise ConnectionClosed
                case 9:  # ping
                    self._write(PONG, payload)

    async def close(self):
        self._write(CLOSE, (1000).to_bytes(2, "big"))
        self.writer.close()

    def __aiter__(self):
        return self

    async def __anext__(self):
        return await self.recv()

    def _write(self, code, payload):
        mask = os.urandom(4)
        size = len(payload)
        head = (
            bytes([128 | code, 128 | size])
            if size < 126
            else bytes([128 | code, 254]) + size.to_bytes(2, "big")
        )
        self.writer.write(
            head + mask + bytes(byte ^ mask[at % 4] for at, byte in enumerate(payload))
        )
