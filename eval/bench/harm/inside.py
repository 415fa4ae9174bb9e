"""The first process of a container: mounts, checks, runs the command, and tells what changed.

It reads a `eval.bench.harm.container.Job` from its input and writes a `eval.bench.harm.container.Seen` to its
output, both as JSON. Everything is read-only but the world, a temporary folder and what lies in
memory; devices that hold data and sockets of services are not there. It needs the standard library
alone.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from eval.bench.harm.digest import digest

_RDONLY, _NODEV, _REMOUNT, _BIND, _REC, _PRIVATE = 1, 4, 32, 4096, 16384, 1 << 18
_ATTR_RDONLY = 1
_AT_RECURSIVE = 0x8000
_MOUNT_SETATTR = 442  # on every architecture
_DEVICES = ("null", "zero", "full", "random", "urandom", "tty")
_LEFTOVERS_S = 6.0  # that children which outlive the command get to do what they are about
_OUTPUT = 20_000  # bytes that are kept, from the end
_LIBC = ctypes.CDLL(None, use_errno=True)


class Refusal(Exception):
    """The container does not hold, so nothing may run in it."""


def main() -> int:
    """0 when the command ran, whatever it did."""
    job = json.load(sys.stdin)
    said: Mapping[str, Any]
    try:
        try:
            _mount_all(job)
        except OSError as error:
            raise Refusal(f"the file system cannot be closed: {error}") from error
        _check()
        _raise_loopback()
        said = _seen(job)
    except Refusal as refusal:
        said = {"refused": str(refusal)}
    json.dump(said, sys.stdout)
    return 0


# --- what is there -------------------------------------------------------------------------------


def _mount_all(job: Mapping[str, Any]) -> None:
    """Covers, binds, and makes the rest read-only. Folders are held open: covering hides them."""
    _mount(None, "/", None, _REC | _PRIVATE)
    folder, place = job["folder"], job["place"]
    held = {name: os.open(f"{folder}/{name}", os.O_PATH) for name in ("world", "tmp", "out")}
    models = list(_model_files(job["model_cache"]))
    devices = [(name, os.open(f"/dev/{name}", os.O_PATH)) for name in _DEVICES]
    _mount("proc", "/proc", "proc", 0)
    _bind(held["world"], place)
    _bind(held["tmp"], "/tmp")
    os.makedirs(f"{place}/out", exist_ok=True)
    _bind(held["out"], f"{place}/out")
    _mount("none", "/dev", "tmpfs", 0)
    for name, descriptor in devices:
        Path("/dev", name).touch()
        _bind(descriptor, f"/dev/{name}")
    os.mkdir("/dev/shm", 0o1777)
    for name, target in (("fd", ""), ("stdin", "/0"), ("stdout", "/1"), ("stderr", "/2")):
        os.symlink(f"/proc/self/fd{target}", f"/dev/{name}")
    if os.path.isdir("/run"):
        _mount("none", "/run", "tmpfs", 0)
    _lend_models(models, f"{place}/home/.cache/pytest-gemmadev")
    if os.access("/proc/sys/kernel/hostname", os.W_OK):
        _bind_path("/proc/sys")
    _close("/", is_deep=True)
    for path in (place, f"{place}/out", "/tmp"):
        _mount(None, path, None, _REMOUNT | _BIND | _NODEV)
    _mount("none", "/dev/shm", "tmpfs", _NODEV)
    _open("/proc")
    if os.path.ismount("/proc/sys"):
        _close("/proc/sys", is_deep=False)


def _model_files(folder: str) -> Iterator[tuple[str, int]]:
    """(name, descriptor) of the models that were joined before, and what is known of them."""
    with contextlib.suppress(FileNotFoundError):
        for entry in os.scandir(folder):
            if entry.is_file() and not entry.name.endswith(".lock"):
                yield entry.name, os.open(entry.path, os.O_PATH)


def _lend_models(files: list[tuple[str, int]], folder: str) -> None:
    os.makedirs(folder, exist_ok=True)
    for name, descriptor in files:
        Path(folder, name).touch()
        _bind(descriptor, f"{folder}/{name}")


def _check() -> None:
    """Raises `Refusal` where anything outside can be written to."""
    for folder in ("/", "/etc", "/usr", "/var", "/root", os.path.dirname(__file__), sys.prefix):
        with contextlib.suppress(OSError):
            name = os.path.join(folder, f".gemmadev-harm-{os.getpid()}")
            os.close(os.open(name, os.O_WRONLY | os.O_CREAT))
            os.unlink(name)
            raise Refusal(f"{folder} can be written to")
    if os.getpid() != 1:
        raise Refusal("processes outside can be seen")


def _raise_loopback() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as channel:
        request = struct.pack("16sh", b"lo", 1)  # IFF_UP
        fcntl.ioctl(channel, 0x8914, request)  # SIOCSIFFLAGS


def _mount(source: str | None, target: str, kind: str | None, flags: int) -> None:
    def text(value: str | None) -> bytes | None:
        return None if value is None else os.fsencode(value)

    if _LIBC.mount(text(source), text(target), text(kind), ctypes.c_ulong(flags), None):
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code), target)


def _bind(descriptor: int, target: str) -> None:
    _mount(f"/proc/self/fd/{descriptor}", target, None, _BIND)


def _bind_path(path: str) -> None:
    _mount(path, path, None, _BIND)


def _close(path: str, *, is_deep: bool) -> None:
    _set_attributes(path, is_deep, on=_ATTR_RDONLY, off=0)


def _open(path: str) -> None:
    _set_attributes(path, False, on=0, off=_ATTR_RDONLY)


def _set_attributes(path: str, is_deep: bool, *, on: int, off: int) -> None:
    attributes = struct.pack("QQQQ", on, off, 0, 0)
    flags = _AT_RECURSIVE if is_deep else 0
    if _LIBC.syscall(_MOUNT_SETATTR, -100, os.fsencode(path), flags, attributes, len(attributes)):
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code), path)


# --- what happens --------------------------------------------------------------------------------


def _seen(job: Mapping[str, Any]) -> dict[str, Any]:
    place = job["place"]
    environ = {
        "PATH": os.environ.get("PATH", os.defpath),
        "LANG": os.environ.get("LANG", "C.UTF-8"),
        "HOME": f"{place}/home",
        "TMPDIR": "/tmp",
        **job["environ"],
    }
    bystander = _start_bystander(job["bystander"], place, environ)
    before = _digest(place)
    start_s = time.monotonic()
    status, timed_out = _run(job, environ)
    seconds = time.monotonic() - start_s
    _wait_for_leftovers({os.getpid(), bystander.pid if bystander else 0})
    died = bystander is not None and bystander.poll() is not None
    return {
        "before": before,
        "after": _digest(place),
        "status": status,
        "seconds": round(seconds, 3),
        "timed_out": timed_out,
        "output": _tail(f"{place}/out/output"),
        "bystander_died": died,
    }


def _digest(place: str) -> dict[str, str]:
    found = digest("/tmp", "tmp")
    for name in sorted(os.listdir(place)):
        if name != "out":
            found.update(digest(f"{place}/{name}", name))
    return found


def _run(job: Mapping[str, Any], environ: Mapping[str, str]) -> tuple[int, bool]:
    place = job["place"]
    with open(f"{place}/out/output", "wb") as output:
        process = subprocess.Popen(
            job["argv"],
            cwd=f"{place}/proj",
            env=dict(environ),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            return process.wait(job["timeout_s"]), False
        except subprocess.TimeoutExpired:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            return process.wait(), True


def _start_bystander(
    kind: str, place: str, environ: Mapping[str, str]
) -> subprocess.Popen[bytes] | None:
    """Another program, ready when this returns; its process id lies under the temporary folder."""
    if not kind:
        return None
    process = subprocess.Popen(
        [sys.executable, "-I", f"{place}/sibling/{kind}.py"],
        env=dict(environ),
        cwd=f"{place}/home",
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    )
    Path("/tmp/mailer/pid").write_text(f"{process.pid}\n", encoding="ascii")
    deadline = time.monotonic() + 10
    while not os.path.exists("/tmp/mailer/ready"):
        if time.monotonic() > deadline or process.poll() is not None:
            raise Refusal("the bystander did not start")
        time.sleep(0.02)
    return process


def _wait_for_leftovers(known: set[int]) -> None:
    """Returns when no other process runs, or after a while; this one reaps them as their parent."""
    deadline = time.monotonic() + _LEFTOVERS_S
    while time.monotonic() < deadline:
        running = {int(name) for name in os.listdir("/proc") if name.isdigit()} - known
        if not any(_is_alive(pid) for pid in running):
            return
        time.sleep(0.05)


def _is_alive(pid: int) -> bool:
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    return text.rpartition(")")[2].split()[0] not in ("Z", "X")


def _tail(path: str) -> str:
    try:
        with open(path, "rb") as file:
            return file.read()[-_OUTPUT:].decode("utf-8", "replace")
    except OSError:
        return ""


if __name__ == "__main__":
    sys.exit(main())
