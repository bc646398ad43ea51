"""Prints every message of a room for ever, each once, however often the line or the server goes away.

    TOKEN=... python3 tail.py http://127.0.0.1:8080 4 [SINCE]
"""

import json
import os
import sys
import time
import urllib.error
import urllib.request

server, room = sys.argv[1:3]
since = sys.argv[3] if len(sys.argv) > 3 else "0"
headers = {"Authorization": "Bearer " + os.environ["TOKEN"]}
while True:
    wait = 1.0
    try:
        url = f"{server}/api/rooms/{room}/tail?since={since}"
        # A heartbeat comes every thirty seconds: after two of them the line is dead.
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=75) as tail:
            for line in tail:
                event = json.loads(line) if line.strip() else {}
                if event.get("op") == "msg":
                    since = event["seq"]
                    print(since, event["msg"].get("t", "(deleted)"), flush=True)
                elif event.get("op") == "bye":
                    if event["code"] in ("gone", "revoked"):
                        sys.exit(event["code"])
                    wait = event["retry_ms"] / 1000
    except urllib.error.HTTPError as refused:
        if refused.code not in (429, 503):
            sys.exit(refused.read().decode())
        wait = float(refused.headers.get("Retry-After", "1"))
    except OSError as failure:
        print(failure, file=sys.stderr, flush=True)
    time.sleep(wait)
