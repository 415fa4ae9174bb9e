"""Landlock: rights of this process and all that it starts, given up for good (Linux 5.13 on).

A few system calls through ctypes. The packages that wrap them (landlock, py-landlock, sandlock) were
read: each is about as many lines, one starts a helper program, none knows signals and abstract
sockets as well as older kernels, and all would be one more dependency of a plugin that is loaded
into other people's test runs.

Covers changes to files by any code, whatever language it is written in, by its version: 2 renames
from folder to folder, 3 truncation by path, 6 signals to and abstract sockets of processes outside.
Does not cover reading, addresses (it knows ports only, so what connects beyond this machine is for
the audit hooks to refuse), sockets that are files, devices that may be written to, or what another
process does on request.
"""

from __future__ import annotations

import ctypes
import os
import stat
import struct
import sys
from collections.abc import Iterable
from functools import cache

_CREATE, _ADD_RULE, _RESTRICT = 444, 445, 446  # system calls, the same on all machines
_VERSION_FLAG = 1
_PATH_BENEATH = 1
_NO_NEW_PRIVS = 38  # of prctl
_QUIET = 1  # from 7 on: what is denied is not written to the system's audit log

_WRITE_FILE, _TRUNCATE, _REFER = 1 << 1, 1 << 14, 1 << 13
_REMOVE_AND_MAKE = sum(1 << bit for bit in range(4, 13))
_SCOPE_SOCKETS, _SCOPE_SIGNALS = 1, 2

DEVICES = ("null", "zero", "full", "random", "urandom", "tty", "ptmx", "pts")


@cache
def version() -> int:
    """The version that the kernel offers; 0 where there is none."""
    if sys.platform != "linux":
        return 0
    try:
        found = _syscall(_CREATE, None, ctypes.c_size_t(0), ctypes.c_uint32(_VERSION_FLAG))
    except (OSError, AttributeError):
        return 0
    return max(0, found)


def restrict(writable: Iterable[str]) -> None:
    """From here on files can be changed below these folders only; OSError where it cannot be had.

    Folders that are not there are left out. Called again it takes away more.
    """
    rules = make_rules(writable)
    try:
        restrict_to(rules)
    finally:
        os.close(rules)


def make_rules(writable: Iterable[str]) -> int:
    """A descriptor of rules for `restrict_to`: of folders, and devices, that can be written to."""
    abi = version()
    handled = _WRITE_FILE | _REMOVE_AND_MAKE
    handled |= _REFER if abi >= 2 else 0
    handled |= _TRUNCATE if abi >= 3 else 0
    words = [handled]
    if abi >= 4:
        words.append(0)  # no rules of ports
    if abi >= 6:
        words.append(_SCOPE_SOCKETS | _SCOPE_SIGNALS)
    attributes = struct.pack(f"{len(words)}Q", *words)
    rules = _syscall(_CREATE, attributes, ctypes.c_size_t(len(attributes)), ctypes.c_uint32(0))
    try:
        for path in (*writable, *(f"/dev/{name}" for name in DEVICES)):
            _allow(rules, path, handled)
    except BaseException:
        os.close(rules)
        raise
    return rules


def restrict_to(rules: int) -> None:
    """From here on only what the rules name can be changed."""
    _libc().prctl(_NO_NEW_PRIVS, 1, 0, 0, 0)
    flags = _QUIET if version() >= 7 else 0
    _syscall(_RESTRICT, ctypes.c_int(rules), ctypes.c_uint32(flags))


def _allow(ruleset: int, path: str, rights: int) -> None:
    try:
        handle = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    try:
        if not stat.S_ISDIR(os.fstat(handle).st_mode):
            rights &= _WRITE_FILE | _TRUNCATE
        rule = struct.pack("=Qi", rights, handle)
        _syscall(
            _ADD_RULE, ctypes.c_int(ruleset), ctypes.c_int(_PATH_BENEATH), rule, ctypes.c_uint32(0)
        )
    finally:
        os.close(handle)


@cache
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _syscall(number: int, *arguments: object) -> int:
    result = int(_libc().syscall(ctypes.c_long(number), *arguments))
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code), f"system call {number}")
    return result
