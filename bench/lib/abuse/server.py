"""A private server at its default limits with a new data directory, and its use of memory and disk."""

import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile
import time

START_S, STOP_S = 60, 15
# Settings in the environment that would change the measured server.
FOREIGN = re.compile(r"^(IMPULSE_|DATABASE_URL$|ACCOUNTS_DATABASE_URL$|PG)")


class Server:
    def __init__(self, program):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="impulse-abuse-"))
        # As root, the database runs as another user.
        self.folder.chmod(0o755)
        environment = {name: value for name, value in os.environ.items() if not FOREIGN.match(name)}
        environment |= {"IMPULSE_TRUSTED_PROXIES": "127.0.0.1", "IMPULSE_LOG": "error"}
        self.log = open(self.folder / "log", "w+")
        self.process = subprocess.Popen(
            [program, "serve", "--listen", "127.0.0.1:0", "--data-dir", self.folder / "data"],
            env=environment, stdin=subprocess.DEVNULL, stdout=self.log, stderr=subprocess.STDOUT)
        try:
            self.port = int(self.line(r"^ready: http://[^:]+:(\d+)"))
            self.setup = self.line(r"^setup: \S+#(\S+)")
        except BaseException:
            self.stop()
            raise

    def line(self, pattern):
        end = time.monotonic() + START_S
        while time.monotonic() < end:
            found = re.search(pattern, (self.folder / "log").read_text(), re.MULTILINE)
            if found:
                return found[1]
            if self.process.poll() is not None:
                break
            time.sleep(0.05)
        raise RuntimeError("the server did not start: " + (self.folder / "log").read_text()[-2_000:])

    def alive(self):
        return self.process.poll() is None

    def rss(self):
        """Returns the resident bytes of the server without its database, or 0 once it has ended."""
        try:
            pages = int(pathlib.Path(f"/proc/{self.process.pid}/statm").read_text().split()[1])
        except (OSError, IndexError):
            return 0
        return pages * os.sysconf("SC_PAGE_SIZE")

    def disk(self):
        """Returns the size of the data directory in bytes."""
        total = 0
        for folder, _, names in os.walk(self.folder / "data"):
            for name in names:
                try:
                    total += os.lstat(os.path.join(folder, name)).st_size
                except OSError:
                    pass  # The database has removed the file meanwhile.
        return total

    def stop(self):
        if self.alive():
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.log.close()
        shutil.rmtree(self.folder, ignore_errors=True)
