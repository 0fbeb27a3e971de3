"""Becomes a PostgreSQL program: run as a child of ours, it prepares its own process and then executes the program.

It is a program of its own and not a function run between fork and exec, because the parent has threads. It imports only
the standard library. The process id stays the same, so the program is the parent's direct child.

What is prepared: the child dies with its parent; the lock that says "a PostgreSQL program works on this cluster" is
taken and handed down to the program and all its processes, so it is held for exactly as long as one of them lives; when
we are root, the process becomes the cluster's owner, for PostgreSQL refuses to be root.

Usage: launch.py PARENT_PID LOCK_FILE USER_ID GROUP_ID PROGRAM [ARGUMENT...]; USER_ID -1 means: as we are.
"""

import ctypes
import fcntl
import os
import signal
import sys
from collections.abc import Iterable
from pathlib import Path

# linux/prctl.h, linux/capability.h, linux/securebits.h
_PR_SET_PDEATHSIG = 1
_PR_SET_SECUREBITS = 28
_PR_SET_NO_NEW_PRIVS = 38
_PR_CAP_AMBIENT = 47
_PR_CAP_AMBIENT_RAISE = 2
_SECBIT_NO_SETUID_FIXUP = 1 << 2
_CAP_DAC_OVERRIDE = 1
_CAP_DAC_READ_SEARCH = 2
_CAPABILITY_VERSION_3 = 0x20080522

PARENT_IS_GONE = 97
LOCK_IS_HELD = 98

_libc = ctypes.CDLL(None, use_errno=True)


def main(arguments: list[str]) -> None:
    """Prepare this process and become the program."""
    parent, lock_file, user, group, program = (
        int(arguments[0]),
        arguments[1],
        int(arguments[2]),
        int(arguments[3]),
        arguments[4],
    )
    lock = os.open(lock_file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        sys.exit(LOCK_IS_HELD)
    os.set_inheritable(lock, True)
    if user >= 0:
        try:
            _become(user, group, (Path(program), Path(program).parent.parent, Path.cwd()))
        except OSError as error:
            sys.exit(
                f"cannot become user {user}, and PostgreSQL refuses to run as root: {error};"
                " start as an ordinary user, or run PostgreSQL yourself and give its dsn"
            )
    _die_with(parent)
    os.execv(program, arguments[4:])  # noqa: S606


def _die_with(parent: int) -> None:
    """Ask for a fast shutdown at the parent's death. Changing the user clears this, so it comes last."""
    if sys.platform == "linux":
        _prctl(_PR_SET_PDEATHSIG, signal.SIGINT)
    if os.getppid() != parent:
        sys.exit(PARENT_IS_GONE)


def _become(user: int, group: int, needed: Iterable[Path]) -> None:
    """Become another user, for good.

    Where a folder above the program or the data is closed to that user (a clone under /root), opening it up would
    change what is not ours. Instead the process keeps the right to pass such folders. Without NO_SETUID_FIXUP
    access(2) would ignore that right, and PostgreSQL looks for its own files with access(2).
    """
    os.setgroups([group])
    os.setresgid(group, group, group)
    if all(_reachable(path, user) for path in needed):
        os.setresuid(user, user, user)
    else:
        _prctl(_PR_SET_SECUREBITS, _SECBIT_NO_SETUID_FIXUP)
        os.setresuid(user, user, user)
        _keep_capabilities((_CAP_DAC_OVERRIDE, _CAP_DAC_READ_SEARCH))
    if sys.platform == "linux":
        _prctl(_PR_SET_NO_NEW_PRIVS, 1)


def _reachable(path: Path, user: int) -> bool:
    os.seteuid(user)
    try:
        if path.is_dir():
            next(path.iterdir(), None)
        else:
            path.open("rb").close()
    except PermissionError:
        return False
    else:
        return True
    finally:
        os.seteuid(0)


def _keep_capabilities(wanted: tuple[int, ...]) -> None:
    """Drop all capabilities but those wanted, and let these survive the execution of another program.

    A container may have one of the two and not the other; each is enough to pass a folder.
    """
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    sets = (ctypes.c_uint32 * 6)()  # effective, permitted, inheritable; then the same for capabilities 32 and up
    _check(_libc.capget(header, sets), "capget")
    kept = [capability for capability in wanted if sets[1] >> capability & 1]
    mask = sum(1 << capability for capability in kept)
    _check(_libc.capset(header, (ctypes.c_uint32 * 6)(mask, mask, mask, 0, 0, 0)), "capset")
    for capability in kept:
        _prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_RAISE, capability)


def _prctl(option: int, *arguments: int) -> None:
    values = [ctypes.c_ulong(value) for value in (*arguments, 0, 0, 0, 0)[:4]]
    _check(_libc.prctl(option, *values), f"prctl {option}")


def _check(status: int, what: str) -> None:
    if status != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


if __name__ == "__main__":
    main(sys.argv[1:])
