"""The two that the example catches."""


class WebSocketException(Exception):
    pass


class ConnectionClosed(WebSocketException):
    pass
