"""Describes the machine and the versions that were measured."""

import os
import pathlib
import platform
import subprocess

from . import durable, peers
from .cases import IMPULSE, PGBENCH


def machine():
    return {
        "cpu": cpu_model(),
        "cores": os.cpu_count(),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30),
        "kernel": f"{platform.system()} {platform.release()}",
    }


def cpu_model():
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.machine()


def versions(program, names):
    """Returns the versions of the peers by name."""
    return {name: version(program, name) for name in names}


def version(program, name):
    if name == IMPULSE:
        return impulse(program)
    if name == PGBENCH:
        return durable.version()
    return peers.PEERS[name].version()


def impulse(program):
    """Returns the version of the program and the commit of this tree."""
    said = subprocess.run([program, "--version"], capture_output=True, text=True).stdout.split()
    ask = ["git", "-C", peers.BENCH, "describe", "--always", "--dirty"]
    commit = subprocess.run(ask, capture_output=True, text=True).stdout.strip()
    return " ".join(filter(None, [said[-1] if said else "", commit and f"({commit})"]))
