"""What is missing around the code where a failure says so: a package, a service, a file, a command.

Pure: from the error stack and the texts of the project. When unsure, nothing is missing: a misspelt name
and a path that the project's code builds are faults of the code. What is told without being certain only
goes with the reason of a failure that could not be repaired.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from pytest_gemmadev.types import ErrorStack

# What a module's package is called on the package index, where that is another name.
_PACKAGES = {
    "attr": "attrs",
    "bs4": "beautifulsoup4",
    "cv2": "opencv-python",
    "dateutil": "python-dateutil",
    "docx": "python-docx",
    "dotenv": "python-dotenv",
    "fitz": "pymupdf",
    "git": "gitpython",
    "jose": "python-jose",
    "jwt": "pyjwt",
    "magic": "python-magic",
    "MySQLdb": "mysqlclient",
    "OpenSSL": "pyopenssl",
    "PIL": "pillow",
    "pkg_resources": "setuptools",
    "psycopg2": "psycopg2-binary",
    "serial": "pyserial",
    "skimage": "scikit-image",
    "sklearn": "scikit-learn",
    "slugify": "python-slugify",
    "usb": "pyusb",
    "yaml": "pyyaml",
    "zmq": "pyzmq",
}
_WELL_KNOWN = {
    *("aiohttp", "click", "django", "fastapi", "flask", "httpx", "hypothesis", "jinja2", "lxml"),
    *("matplotlib", "mock", "networkx", "numpy", "pandas", "pydantic", "redis", "requests"),
    *("responses", "rich", "scipy", "sqlalchemy", "sympy", "toml", "torch", "tqdm", "typer"),
}
# Names that modules of the standard library had in Python 2: a fault of the code.
_PYTHON_2 = {
    *("ConfigParser", "HTMLParser", "Queue", "SocketServer", "StringIO", "Tkinter", "__builtin__"),
    *("cPickle", "cStringIO", "commands", "copy_reg", "cookielib", "httplib", "thread", "urllib2"),
    *("urlparse", "xmlrpclib", "exceptions"),
}
_COMMANDS = {
    *("bash", "cat", "curl", "docker", "echo", "ffmpeg", "git", "grep", "ls", "make", "node"),
    *("npm", "pip", "python", "python3", "sh", "tar"),
}
_ZONES = {
    *("UTC", "America/Los_Angeles", "America/New_York", "Asia/Tokyo", "Europe/Berlin"),
    *("Europe/London", "Europe/Paris"),
}
_SERVERS = re.compile(
    r"\.(?:bind|listen|serve_forever)\(|\b(?:create_server|start_server|HTTPServer|TCPServer)\("
)
_REFUSED = re.compile(
    r"Connection refused|Errno 111|Name or service not known|getaddrinfo failed"
    r"|Temporary failure in name resolution|No route to host|Network is unreachable"
)
_MODULE = re.compile(r"No module named '([\w.]+)'")
_NOT_THERE = re.compile(r"No such file or directory: b?'([^']+)'")
_NOT_ALLOWED = re.compile(r"(?:Permission denied|Operation not permitted): b?'([^']+)'")
_ZONE = re.compile(r"No time zone found with key ([\w/+-]+)")
_LOCALE = re.compile(r"""["'][a-z]{2}_[A-Z]{2}(?:\.[\w-]+)?["']""")
_TEMPORARY = ("/tmp/", "/var/tmp/", "/dev/shm/", "/private/var/")
_ALIKE = 0.72  # similarity from which a name is taken for another one, misspelt


@dataclass(frozen=True, slots=True)
class Missing:
    """What is missing, and what to do about it, in one sentence."""

    what: str
    is_certain: bool  # no edit of the sources should repair it


@dataclass(frozen=True, slots=True)
class _Around:
    """The project around a failure."""

    texts: Sequence[str]  # of sources and tests
    modules: frozenset[str]  # names by which its files and folders can be imported

    def holds(self, literal: str) -> bool:
        """Whether a text of the project names it as it is, and nothing has built it."""
        return any(f"{quote}{literal}{quote}" in text for text in self.texts for quote in "'\"")


def find_missing(
    stack: ErrorStack, sources: Mapping[str, str], context: Mapping[str, str]
) -> Missing | None:
    """What the environment lacks for this failure; None where the code is the likelier cause.

    ``context`` are texts of the tests in the stack.
    """
    paths = [*sources, *context]
    modules = {part.removesuffix(".py") for path in paths for part in path.split("/")}
    around = _Around((*sources.values(), *context.values()), frozenset(modules))
    for each in _chain(stack):
        for find in _FINDERS:
            missing = find(each, around)
            if missing is not None:
                return missing
    return None


def _chain(stack: ErrorStack) -> Iterator[ErrorStack]:
    """The failure and what caused it, not further than a few steps."""
    current: ErrorStack | None = stack
    for _ in range(5):
        if current is None:
            return
        yield current
        current = current.cause


def _package(stack: ErrorStack, around: _Around) -> Missing | None:
    if stack.error != "ModuleNotFoundError":
        return None
    found = _MODULE.search(stack.message)
    name = found.group(1) if found else stack.facts.name
    top = name.partition(".")[0]
    if not top or top in around.modules or top in sys.stdlib_module_names or top in _PYTHON_2:
        return None
    if top in _PACKAGES or top in _WELL_KNOWN:
        package = _PACKAGES.get(top, top)
        return Missing(f"the package `{top}` is not installed: pip install {package}", True)
    known = {*around.modules, *sys.stdlib_module_names, *_PACKAGES, *_WELL_KNOWN}
    if "." in name or _is_like_one_of(top, {*known, *stack.facts.alternatives}):
        return None
    what = (
        f"the module `{top}` is neither in the project nor installed: install the package it is in"
    )
    return Missing(what, True)


def _removed(stack: ErrorStack, around: _Around) -> Missing | None:
    name, module = stack.facts.name, stack.facts.owner
    top = module.partition(".")[0]
    is_import = stack.error == "ImportError"
    if not name or not top or not (is_import or stack.error == "AttributeError"):
        return None
    if top in around.modules or top in sys.stdlib_module_names or not top.islower():
        return None
    is_module = is_import or f"module '{module}' has no attribute" in stack.message
    if not is_module or _is_like_one_of(name, stack.facts.alternatives):
        return None
    what = f"the installed `{top}` has no `{name}`: another version of it may, or the code needs the new name"
    return Missing(what, is_import)


def _service(stack: ErrorStack, around: _Around) -> Missing | None:
    is_refused = stack.error == "ConnectionRefusedError" or (
        stack.error.endswith(("Error", "Exception"))
        and stack.error != "AssertionError"
        and _REFUSED.search(stack.message) is not None
    )
    if not is_refused:
        return None
    own = any(_SERVERS.search(text) for text in around.texts)
    said = stack.message.splitlines()[0][:200] if stack.message else stack.error
    what = f"a service does not answer ({said}): start it, or let the test bring one of its own"
    return Missing(what, not own)


def _command(stack: ErrorStack, around: _Around) -> Missing | None:
    found = _NOT_THERE.search(stack.message)
    if stack.error != "FileNotFoundError" or found is None:
        return None
    name = found.group(1)
    if not _is_start(stack) or "/" in name or " " in name:
        return None
    if name not in _COMMANDS and _is_like_one_of(name, _COMMANDS):
        return None
    return Missing(f"the command `{name}` is not installed, or not on the PATH", around.holds(name))


def _is_start(stack: ErrorStack) -> bool:
    """Whether it was raised by starting a command."""
    return any(
        frame.function.endswith("_execute_child") or frame.path.endswith("subprocess.py")
        for frame in stack.frames
    )


def _file(stack: ErrorStack, around: _Around) -> Missing | None:
    found = _NOT_THERE.search(stack.message)
    if stack.error != "FileNotFoundError" or found is None or _is_start(stack):
        return None
    path = found.group(1)
    is_outside = path.startswith("/") and not path.startswith(_TEMPORARY)
    return Missing(f"the file `{path}` is not there", is_outside and around.holds(path))


def _permission(stack: ErrorStack, around: _Around) -> Missing | None:
    found = _NOT_ALLOWED.search(stack.message)
    if stack.error != "PermissionError" or found is None:
        return None
    path = found.group(1)
    is_outside = path.startswith("/") and not path.startswith(_TEMPORARY)
    what = f"this user may not use `{path}`: change its permissions, or run as one who may"
    return Missing(what, is_outside and around.holds(path))


def _locale(stack: ErrorStack, around: _Around) -> Missing | None:
    if stack.message != "unsupported locale setting":
        return None
    named = [
        found.group().strip("'\"") for text in around.texts for found in _LOCALE.finditer(text)
    ]
    which = f"`{named[0]}` " if len(set(named)) == 1 else ""
    return Missing(
        f"a locale {which}is not installed on this system: `locale -a` lists those that are",
        bool(named),
    )


def _zone(stack: ErrorStack, around: _Around) -> Missing | None:
    found = _ZONE.search(stack.message)
    if stack.error != "ZoneInfoNotFoundError" or found is None:
        return None
    key = found.group(1)
    what = f"no data of the time zone `{key}` is installed: pip install tzdata"
    return Missing(what, key in _ZONES)


def _is_like_one_of(name: str, others: Sequence[str] | set[str] | frozenset[str]) -> bool:
    """Whether one of the others is nearly the name: it is misspelt."""
    lower = name.lower()
    return any(
        SequenceMatcher(None, lower, other.lower()).ratio() >= _ALIKE
        for other in others
        if abs(len(other) - len(name)) <= 3 and other != name
    )


_FINDERS: tuple[Callable[[ErrorStack, _Around], Missing | None], ...] = (
    _package,
    _removed,
    _service,
    _command,
    _file,
    _permission,
    _locale,
    _zone,
)
