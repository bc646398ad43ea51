"""Measures the reference for durable messages: single-row INSERTs of 64 pgbench clients.

Same database: a private cluster made as Impulse makes its own (same programs, same settings, fsync
on, in the same temporary folder), with the tables of `sql/chat`, and a row like that of a message.
Only the number comes from a sequence: the order of a room is what Impulse adds.
"""

import contextlib
import os
import pathlib
import pwd
import re
import shutil
import subprocess
import tempfile

CLIENTS = 64
ROOMS = 16  # as many as `impulse loadtest --scenario durable` writes into
SCHEMA = pathlib.Path(__file__).resolve().parents[2] / "sql" / "chat"
PREPARE = f"""
CREATE SEQUENCE chat.number;
INSERT INTO chat.rooms (name, kind, created_at) SELECT 'room ' || n, 'open', 0
FROM generate_series(1, {ROOMS}) AS n;
"""
INSERT = f"""\\set room random(1, {ROOMS})
INSERT INTO chat.messages
    (room_id, mid, kind, author, created_seq, created_at, seq, at, rev_seq, rev_at, body)
SELECT :room, uuid_send(gen_random_uuid()), 'msg', 1, n, 0, n, 0, n, 0, '{{"t":"{'x' * 128}"}}'
FROM nextval('chat.number') AS n;
"""
SETTINGS = {"listen_addresses": "", "fsync": "on", "synchronous_commit": "on",
            "full_page_writes": "on"}


class Failed(Exception):
    """PostgreSQL is missing or does not work; the message says why."""


def inserts_per_s(seconds):
    """Returns rows per second, each committed by itself."""
    programs = programs_folder()
    with tempfile.TemporaryDirectory(prefix="impulse-bench-pg-") as name:
        folder = pathlib.Path(name)
        own(folder)
        with cluster(programs, folder):
            where = ["-h", folder, "-U", "impulse"]
            script = folder / "schema.sql"
            script.write_text(schema())
            run(programs / "psql", *where, "-d", "postgres", "-q1", "-v", "ON_ERROR_STOP=1",
                "-f", script)
            script = folder / "insert.sql"
            script.write_text(INSERT)
            said = run(programs / "pgbench", *where, "-c", str(CLIENTS), "-n",
                       "-T", str(max(1, round(seconds))), "-f", script, "postgres")
    return transactions_per_s(said)


def schema():
    """Creates Impulse's own tables, and rooms to write into."""
    tables = [path.read_text() for path in sorted(SCHEMA.glob("*.sql"))]
    return "\n".join(["CREATE SCHEMA chat;", *tables, PREPARE])


def transactions_per_s(said):
    found = re.search(r"^tps = ([0-9.]+)", said, re.MULTILINE)
    if not found:
        raise Failed("pgbench gave no figure")
    return float(found[1])


@contextlib.contextmanager
def cluster(programs, folder):
    data = folder / "data"
    run(programs / "initdb", "-D", data, "-U", "impulse", "-A", "trust", "-E", "UTF8",
        "--locale=C.UTF-8", "--no-sync")
    settings = {**SETTINGS, "unix_socket_directories": str(folder)}
    words = " ".join(f"-c {name}='{value}'" for name, value in settings.items())
    control = [programs / "pg_ctl", "-D", data, "-w", "-l", folder / "log"]
    run(*control, "-o", words, "start")
    try:
        yield
    finally:
        run(*control, "-m", "immediate", "stop")


def run(*command):
    """Runs a command as a user other than root, because PostgreSQL refuses root."""
    user, group = owner()
    ran = subprocess.run([str(word) for word in command], user=user, group=group,
                         extra_groups=None if user is None else [], cwd="/", text=True,
                         stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if ran.returncode != 0:
        last = (ran.stdout.strip().splitlines() or ["no output"])[-1]
        raise Failed(f"{pathlib.Path(command[0]).name}: {last}")
    return ran.stdout


def owner():
    if os.geteuid() != 0:
        return None, None
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            entry = pwd.getpwnam(name)
            return entry.pw_uid, entry.pw_gid
    raise Failed("PostgreSQL refuses root, and there is no user to run it as")


def own(folder):
    user, group = owner()
    if user is not None:
        os.chown(folder, user, group)


def programs_folder():
    """Returns the newest PostgreSQL that has all needed programs."""
    found = [*pathlib.Path("/usr/lib/postgresql").glob("*/bin"), *pathlib.Path("/usr").glob("pgsql-*/bin")]
    on_path = shutil.which("initdb")
    found += [pathlib.Path(on_path).parent] if on_path else []
    whole = [folder for folder in found if (folder / "initdb").exists() and (folder / "pgbench").exists()]
    if not whole:
        raise Failed("PostgreSQL with pgbench is not installed: apt-get install postgresql")
    return max(whole, key=lambda folder: [int(digits) for digits in re.findall(r"\d+", str(folder))])


def version():
    return run(programs_folder() / "postgres", "--version").strip()
