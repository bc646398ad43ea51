"""HTTP and WebSocket as bytes, with only the standard library. Loopback only."""

import base64
import http.client
import json
import os
import secrets
import socket
import struct

HOST = "127.0.0.1"
TIMEOUT_S = 20
# A ping without a payload; masked, as a client's frames are.
PING = b"\x89\x80\0\0\0\0"


class Refused(Exception):
    """An answer whose status is not a success."""

    def __init__(self, status, code, retry_s):
        super().__init__(f"{status} {code}")
        self.status, self.code, self.retry_s = status, code, retry_s


class Session:
    """The caller: the cookies of a signed-in browser and its address. A loopback address (127.…) connects directly; for any
    other address the trusted proxy connects and names it."""

    def __init__(self, port, address=None):
        self.port, self.address, self.cookies = port, address, {}
        self.uid = self.name = self.auth = None

    def headers(self):
        fields = {"Host": f"{HOST}:{self.port}", "Origin": f"http://{HOST}:{self.port}"}
        if self.cookies:
            fields["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        if self.address and not self.is_direct():
            fields["X-Forwarded-For"] = self.address
        return fields

    def is_direct(self):
        return bool(self.address) and self.address.startswith("127.")

    def source(self):
        """Returns the local address of the connection."""
        return (self.address if self.is_direct() else HOST, 0)

    def connect(self, receive_buffer=None):
        """Opens a TCP connection; a small receive buffer fills at once if nobody reads."""
        line = socket.socket()
        if receive_buffer:
            line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        line.settimeout(TIMEOUT_S)
        line.bind(self.source())
        line.connect((HOST, self.port))
        line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return line

    def open_http(self):
        return http.client.HTTPConnection(HOST, self.port, timeout=TIMEOUT_S, source_address=self.source())

    def head(self, method, path, **more):
        """Returns a request without a body as bytes."""
        fields = {**self.headers(), **more}
        lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in fields.items())]
        return "\r\n".join([*lines, "", ""]).encode()

    def request(self, method, path, body=None):
        """Returns a request as bytes, with a JSON body if there is one."""
        if body is None:
            return self.head(method, path)
        text = json.dumps(body).encode()
        more = {"Content-Type": "application/json", "Content-Length": len(text)}
        return self.head(method, path, **more) + text

    def call(self, method, path, body=None, line=None):
        """Makes one call; raises `Refused`. `line` is an open connection to reuse."""
        connection = line or self.open_http()
        try:
            text = None if body is None else json.dumps(body)
            fields = self.headers() | ({"Content-Type": "application/json"} if body is not None else {})
            connection.request(method, path, text, fields)
            answer = connection.getresponse()
            said = answer.read()
            self.keep_cookies(answer.headers.get_all("Set-Cookie") or [])
            if answer.status >= 400:
                raise Refused(answer.status, error_code(said), float(answer.headers.get("Retry-After") or 0))
            return json.loads(said) if said else {}
        finally:
            if line is None:
                connection.close()

    def keep_cookies(self, fields):
        for field in fields:
            name, _, value = field.split(";", 1)[0].partition("=")
            self.cookies[name.strip()] = value.strip()


def error_code(said):
    try:
        return json.loads(said)["error"]["code"]
    except (ValueError, KeyError, TypeError):
        return "?"


def upgrade(session, receive_buffer=None):
    """Opens a WebSocket; raises `ConnectionError` if the server refuses it. It reads nothing after the head."""
    line = session.connect(receive_buffer)
    key = base64.b64encode(os.urandom(16)).decode()
    fields = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13",
              "Sec-WebSocket-Key": key, "Sec-WebSocket-Protocol": "impulse.v1"}
    line.sendall(session.head("GET", "/ws", **fields))
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        # It reads byte by byte, because everything after the head belongs to the frames.
        byte = line.recv(1)
        if not byte or len(head) > 16_384:
            break
        head += byte
    if not head.startswith(b"HTTP/1.1 101"):
        line.close()
        raise ConnectionError(head.split(b"\r\n", 1)[0].decode("latin1"))
    return line


def text_frame(text):
    """Returns a client's text frame. The mask is zero, so that the text can be sent unchanged."""
    body = text.encode() if isinstance(text, str) else text
    if len(body) < 126:
        return struct.pack("!BB4x", 0x81, 0x80 | len(body)) + body
    if len(body) < 65_536:
        return struct.pack("!BBH4x", 0x81, 0x80 | 126, len(body)) + body
    return struct.pack("!BBQ4x", 0x81, 0x80 | 127, len(body)) + body


class Frames:
    """Splits the bytes that a server sends into frames."""

    def __init__(self):
        self.buffer = bytearray()

    def feed(self, data):
        """Returns the payloads of the complete text frames."""
        self.buffer += data
        found = []
        while (frame := self.next()) is not None:
            opcode, payload = frame
            if opcode == 1:
                found.append(payload)
        return found

    def next(self):
        if len(self.buffer) < 2:
            return None
        length, at = self.buffer[1] & 0x7F, 2
        if length >= 126:
            size = 2 if length == 126 else 8
            if len(self.buffer) < 2 + size:
                return None
            length, at = int.from_bytes(self.buffer[2 : 2 + size], "big"), 2 + size
        if len(self.buffer) < at + length:
            return None
        opcode, payload = self.buffer[0] & 0x0F, bytes(self.buffer[at : at + length])
        del self.buffer[: at + length]
        return opcode, payload


class Socket:
    """A WebSocket that sends a command and waits for the answer; used to prepare data before a measurement."""

    def __init__(self, session):
        self.line, self.frames, self.waiting = upgrade(session), Frames(), []
        self.next_frame()

    def next_frame(self):
        while not self.waiting:
            data = self.line.recv(262_144)
            if not data:
                raise ConnectionError("the server has closed the WebSocket")
            self.waiting += self.frames.feed(data)
        return json.loads(self.waiting.pop(0))

    def command(self, op, **fields):
        """Returns the `ok`; raises `Refused`."""
        self.line.sendall(text_frame(json.dumps({"op": op, "id": "c", **fields})))
        while True:
            frame = self.next_frame()
            if frame.get("op") == "ok":
                return frame
            if frame.get("op") == "err":
                raise Refused(0, frame["code"], frame.get("retry_ms", 0) / 1000)
            if frame.get("op") == "bye":
                raise ConnectionError(f"bye {frame.get('code')}")

    def close(self):
        self.line.close()


def new_mid():
    return base64.urlsafe_b64encode(secrets.token_bytes(16)).rstrip(b"=").decode()


def new_secret(size=32):
    return base64.urlsafe_b64encode(secrets.token_bytes(size)).rstrip(b"=").decode()
