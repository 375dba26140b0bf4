"""Which process holds a request, in words that outlive it, so that recovery can tell whether it is gone."""

import os
import socket
import subprocess
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

_PROC = Path("/proc")
_GONE_STATES = ("Z", "X")


@dataclass(frozen=True, slots=True)
class _Started:
    """What the system says of a process: when it started, in its own words, and whether it has ended since."""

    at: str
    ended: bool = False


def this_process() -> str:
    """This process: host, boot, process namespace, pid and start time. A forked child gets its own."""
    return _described(os.getpid())


def is_dead(owner: str) -> bool | None:
    """Whether the process that `this_process()` named is gone; None when that cannot be known from here.

    It can be known only on the host, since the boot, and in the process namespace (a container has its own) that it ran in.
    """
    place, _, process = owner.rpartition("|pid:")
    pid, _, started_at = process.partition("@")
    if not place or place != _place() or not pid.isdigit() or not started_at:
        return None
    now = _started(int(pid))
    if now is None:
        return _is_absent(int(pid))
    return now.ended or now.at != started_at


@lru_cache(maxsize=4)
def _described(pid: int) -> str:
    """Kept by pid, so that a child made by os.fork does not carry its parent's name."""
    started = _started(pid)
    return f"{_place()}|pid:{pid}@{started.at if started else ''}"


def _place() -> str:
    return f"{socket.gethostname()[:64]}|{_boot()}|{_namespace()}"


@lru_cache(maxsize=1)
def _boot() -> str:
    """The boot's id, where there is one; a pid means nothing after a restart."""
    try:
        return (_PROC / "sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return _said_by("sysctl", "-n", "kern.boottime")[:50]


def _namespace() -> str:
    """The pid namespace: two containers on one host count their processes apart."""
    try:
        return str((_PROC / "self/ns/pid").readlink())
    except OSError:
        return ""


def _started(pid: int) -> _Started | None:
    """The process as the system knows it; None when it is not seen."""
    return _seen_in_proc(pid) if (_PROC / "self/stat").exists() else _seen_by_ps(pid)


def _seen_in_proc(pid: int) -> _Started | None:
    try:
        stat = (_PROC / str(pid) / "stat").read_text()
    except OSError:
        return None
    # proc(5): the name, in parentheses, may hold spaces; after it come the state (3) and, 19 further, starttime (22).
    fields = stat.rpartition(")")[2].split()
    return _Started(fields[19], ended=fields[0] in _GONE_STATES)


def _seen_by_ps(pid: int) -> _Started | None:
    """Where there is no /proc (macOS): ps(1), which prints the state, then the start time to the second."""
    state, _, at = _said_by("ps", "-o", "state=,lstart=", "-p", str(pid)).partition(" ")
    return _Started(at, ended=state[0] in _GONE_STATES) if at else None


def _is_absent(pid: int) -> bool | None:
    """Whether there is no such process, rather than one that we may not see."""
    if os.name != "posix":
        return None
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return None
    return None


def _said_by(*command: str) -> str:
    """What a system's tool prints, on one line; empty where there is no such tool."""
    try:
        done = subprocess.run(  # noqa: S603  fixed commands, no shell
            command, capture_output=True, text=True, check=False, timeout=5, env={**os.environ, "LC_ALL": "C"}
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return " ".join(done.stdout.split()) if done.returncode == 0 else ""
