"""The peers: how each is built and started, and how its version is read.

Each is a plain broadcast server: what one client of a path says, all of that path get.
"""

import contextlib
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile
import time

BENCH = pathlib.Path(__file__).resolve().parent.parent
SOURCES = BENCH / "peers"
BUILD = BENCH / "build"
START_S = 20
STOP_S = 10
NGINX_MODULE = "ngx_nchan_module.so"
MODULES = ("/usr/lib/nginx/modules", "/usr/lib64/nginx/modules")


class Missing(Exception):
    """A peer is not available here; the message says why and what to do."""


class Peer:
    """A server to compare with. `prepare` has to be called first and may raise `Missing`."""

    def prepare(self, may_install):
        """Builds what the server needs to run."""

    def command(self, port, folder):
        """Returns the command that starts it."""
        raise NotImplementedError

    def version(self):
        """Returns its version in a few words."""
        raise NotImplementedError

    def measured(self, process):
        """Returns the process that does the work."""
        return process.pid


class EpollLoop(Peer):
    source = SOURCES / "epoll_loop" / "epoll_loop.c"
    program = BUILD / "epoll_loop"

    def prepare(self, may_install):
        need("gcc", may_install, "gcc", "libc6-dev")
        if is_older(self.program, self.source):
            call("gcc", "-O2", "-o", self.program, self.source)

    def command(self, port, folder):
        return [self.program, str(port)]

    def version(self):
        return first_line("gcc", "--version")


class UWebSockets(Peer):
    folder = SOURCES / "uwebsockets"
    program = BUILD / "uwebsockets"

    def prepare(self, may_install):
        need("g++", may_install, "g++")
        if is_older(self.program, *self.folder.iterdir()):
            call(sys.executable, self.folder / "build", self.program)

    def command(self, port, folder):
        return [self.program, str(port)]

    def version(self):
        return "v20, as in libuwebsockets-sys " + locked(self.folder, "libuwebsockets-sys")


class TokioTungstenite(Peer):
    folder = SOURCES / "tokio_tungstenite"
    program = BUILD / "target" / "release" / "tokio_tungstenite"

    def prepare(self, may_install):
        call("cargo", "build", "--release", "--locked", "--quiet",
             "--manifest-path", self.folder / "Cargo.toml", "--target-dir", BUILD / "target")

    def command(self, port, folder):
        return [self.program, str(port)]

    def version(self):
        versions = (locked(self.folder, name) for name in ("tokio-tungstenite", "tokio"))
        return "{}, tokio {}".format(*versions)


class Nchan(Peer):
    template = SOURCES / "nchan" / "nginx.conf.template"

    def prepare(self, may_install):
        if self.modules() is None and may_install:
            install("nginx", "libnginx-mod-nchan")
        if self.modules() is None:
            raise Missing("nginx with nchan is not installed: apt-get install nginx libnginx-mod-nchan")

    def modules(self):
        has = (folder for folder in MODULES if pathlib.Path(folder, NGINX_MODULE).exists())
        return next(has, None)

    def command(self, port, folder):
        config = self.template.read_text()
        values = {"port": port, "folder": folder, "modules": self.modules(),
                  "descriptors": os.sysconf("SC_OPEN_MAX")}
        for name, value in values.items():
            config = config.replace("{" + name + "}", str(value))
        path = pathlib.Path(folder, "nginx.conf")
        path.write_text(config)
        return ["nginx", "-p", folder, "-e", "stderr", "-c", path]

    def measured(self, process):
        """Returns the worker, because the master only waits. The port is open before the worker exists."""
        children = pathlib.Path(f"/proc/{process.pid}/task/{process.pid}/children")
        until = time.monotonic() + START_S
        while time.monotonic() < until and process.poll() is None:
            found = children.read_text().split()
            if found:
                return int(found[0])
            time.sleep(0.05)
        raise Missing("nginx started no worker")

    def version(self):
        nginx = subprocess.run(["nginx", "-v"], capture_output=True, text=True).stderr.split("/")[-1]
        query = ["dpkg-query", "-W", "-f", "${Version}", "libnginx-mod-nchan"]
        nchan = subprocess.run(query, capture_output=True, text=True).stdout or "unknown"
        return f"nginx {nginx.split()[0]}, nchan {nchan}"


class Aiohttp(Peer):
    source = SOURCES / "aiohttp" / "broadcast.py"
    python = BUILD / "venv" / "bin" / "python"

    def prepare(self, may_install):
        if self.ask_version() is None and may_install:
            call(sys.executable, "-m", "venv", BUILD / "venv")
            call(self.python, "-m", "pip", "install", "--quiet", "aiohttp")
        if self.ask_version() is None:
            raise Missing("aiohttp is not installed in bench/build/venv: run with --install")

    def command(self, port, folder):
        return [self.python, self.source, str(port)]

    def ask_version(self):
        if not self.python.exists():
            return None
        ask = "import aiohttp, sys; print(aiohttp.__version__, 'Python', sys.version.split()[0])"
        asked = subprocess.run([self.python, "-c", ask], capture_output=True, text=True)
        return asked.stdout.strip() if asked.returncode == 0 else None

    def version(self):
        return self.ask_version()


PEERS = {
    "epoll_loop": EpollLoop(),
    "uwebsockets": UWebSockets(),
    "tokio_tungstenite": TokioTungstenite(),
    "nchan": Nchan(),
    "aiohttp": Aiohttp(),
}


@contextlib.contextmanager
def running(peer):
    """Starts a fresh server, yields its port and the process to measure, and stops it."""
    with tempfile.TemporaryDirectory(prefix="impulse-bench-") as folder:
        port = free_port()
        log = pathlib.Path(folder, "log")
        with log.open("w") as output:
            process = subprocess.Popen(peer.command(port, folder), cwd=folder, stdout=output,
                                       stderr=output, stdin=subprocess.DEVNULL)
        try:
            wait_until_it_listens(process, port, log)
            yield port, peer.measured(process)
        finally:
            stop(process)


def wait_until_it_listens(process, port, log):
    until = time.monotonic() + START_S
    while time.monotonic() < until and process.poll() is None:
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        time.sleep(0.05)
    last = (log.read_text().strip().splitlines() or ["it said nothing"])[-1]
    raise Missing(f"did not start: {last}")


def stop(process):
    process.terminate()
    try:
        process.wait(STOP_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def need(program, may_install, *packages):
    if shutil.which(program) is None and may_install:
        install(*packages)
    if shutil.which(program) is None:
        raise Missing(f"{program} is not installed: apt-get install {' '.join(packages)}")


def install(*packages):
    """Installs packages with apt without starting their services."""
    if shutil.which("apt-get") is None:
        raise Missing(f"there is no apt-get here; install by hand: {' '.join(packages)}")
    as_root = [] if os.geteuid() == 0 else ["sudo"]
    held = "/usr/sbin/policy-rc.d"
    holds = not os.path.exists(held)
    if holds:
        script = f"printf '#!/bin/sh\\nexit 101\\n' >{held} && chmod 755 {held}"
        call(*as_root, "sh", "-c", script)
    try:
        call(*as_root, "apt-get", "update", "-qq")
        call(*as_root, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "install", "-y", "-qq",
             "--no-install-recommends", *packages)
    finally:
        if holds:
            call(*as_root, "rm", "-f", held)


def is_older(program, *sources):
    if not program.exists():
        return True
    made = program.stat().st_mtime
    return any(source.stat().st_mtime > made for source in sources)


def call(*command):
    """Runs a command and shows its output only if it fails."""
    BUILD.mkdir(exist_ok=True)
    ran = subprocess.run([str(word) for word in command], capture_output=True, text=True)
    if ran.returncode != 0:
        said = (ran.stderr or ran.stdout).strip().splitlines() or ["no output"]
        raise Missing(f"{' '.join(map(str, command[:3]))} … failed: {said[-1]}")


def first_line(*command):
    return subprocess.run(command, capture_output=True, text=True).stdout.splitlines()[0]


def locked(folder, package):
    """Returns the version of a package in a Cargo.lock."""
    lines = (folder / "Cargo.lock").read_text().splitlines()
    at = lines.index(f'name = "{package}"')
    return lines[at + 1].split('"')[1]
