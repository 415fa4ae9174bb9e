"""Which calls destroy: they remove, overwrite, truncate, move, run a command, end a process.

Names are followed through the imports of the file. A method that other objects have as well
(``.replace``, ``.rename``, ``.delete``, ``.execute``) counts by its arguments, by what its object is
called, and by what the file imports. Not known are writers of libraries (``to_csv``, ``savefig``), calls
through ``getattr`` and tables of functions, and what an imported package does inside.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

_OS = (
    "remove unlink rmdir removedirs rename renames replace truncate ftruncate chmod lchmod fchmod "
    "chown lchown fchown kill killpg system popen startfile posix_spawn posix_spawnp"
)
_SHUTIL = "rmtree move chown unpack_archive make_archive"
_COPIES = frozenset(f"shutil.{name}" for name in ("copy", "copy2", "copyfile", "copytree"))
_SUBPROCESS = "run call check_call check_output Popen getoutput getstatusoutput"
_NAMED = frozenset(
    (
        *(f"os.{name}" for name in _OS.split()),
        *(f"shutil.{name}" for name in _SHUTIL.split()),
        *(f"subprocess.{name}" for name in _SUBPROCESS.split()),
        *_COPIES,
        "asyncio.create_subprocess_exec",
        "asyncio.create_subprocess_shell",
        "pty.spawn",
        "send2trash.send2trash",
    )
)
_PREFIXES = ("os.exec", "os.spawn")
_OPENERS = frozenset(
    ("open", "io.open", "codecs.open", "gzip.open", "bz2.open", "lzma.open", "tarfile.open")
) | {"zipfile.ZipFile", "tarfile.TarFile", "shelve.open"}
_METHODS = frozenset(("unlink", "rmdir", "lchmod", "chmod", "removedirs", "rmtree", "extractall"))
_WRITERS = frozenset(("write_text", "write_bytes"))
_EXECUTES = frozenset(("execute", "executemany", "executescript"))
_DROPS = frozenset(("drop_all", "drop_table", "drop_database", "drop_collection", "drop_index"))
_VERBS = frozenset(("delete", "post", "put", "patch"))
_CLIENTS = frozenset(("requests", "httpx", "aiohttp"))
_DATABASE_PACKAGES = (
    "sqlite3 aiosqlite psycopg psycopg2 asyncpg pymysql MySQLdb mysql oracledb pyodbc duckdb "
    "sqlalchemy sqlmodel django peewee tortoise databases pymongo motor"
)
_DATABASES = frozenset(_DATABASE_PACKAGES.split())
_MODULES = frozenset(("os", "shutil", "subprocess"))  # known by name, imported or not
_PATHS = re.compile(r"(?:^|_)(?:path|dir|directory|file|folder)s?$|(?:path|dir|folder)$", re.I)
_CURSOR = re.compile(r"^_?(?:cur|curs|cursor|con|conn|connection|db|database|session|engine|tx)$")
_STREAM = re.compile(r"^(?:f|fh|fp|file|stream|handle|out|output)$|(?:file|stream|handle)$")
_MODE = re.compile(r"[rwaxbtU+]{1,4}|[rwax][:|][\w*]*")
_WRITE_FLAGS = re.compile(r"O_(?:WRONLY|RDWR|CREAT|TRUNC|APPEND)")
_SQL = re.compile(
    r"(?:^|;)\s*(?:WITH\b.*?\b)?(DELETE|DROP|UPDATE|TRUNCATE|ALTER|REPLACE|INSERT)\b", re.I | re.S
)
TOKENS = re.compile(
    r"\b(?:rmtree|remove\w*|unlink|rmdir|renames?|replace|f?truncate|[lf]?chmod|[lf]?chown|kill(?:pg)?"
    r"|system|popen|startfile|exec[lv]\w*|spawn\w*|posix_spawnp?|move|copy\w*|\w+_archive|run|call"
    r"|check_\w+|Popen|get(?:status)?output|create_subprocess_\w+|send2trash|open|ZipFile|TarFile"
    r"|write_(?:text|bytes)|extract(?:all)?|execute\w*|delete|drop\w*|post|put|patch)\b"
)  # without one of them a text holds no such call by its own name


@dataclass(frozen=True, slots=True)
class Destructive:
    """What a call does, and which parts of it say to what."""

    callee: str  # as a person would name it: ``shutil.rmtree``, ``.unlink``
    given: tuple[ast.expr, ...]
    only_writes: bool = False  # a file gets content: what content is no question of harm


@dataclass(slots=True)
class Names:
    """What a text says of its names."""

    aliases: dict[str, str] = field(default_factory=dict)  # imported names -> dotted
    packages: set[str] = field(default_factory=set)  # that are imported
    strings: dict[str, str] = field(default_factory=dict)  # names of constant strings
    paths: set[str] = field(default_factory=set)  # names that hold a `pathlib.Path`

    @classmethod
    def of(cls, nodes: Sequence[ast.AST]) -> Names:
        names = cls()
        for root in nodes:
            for node in ast.walk(root):
                names._note(node)
        return names

    @property
    def imported(self) -> tuple[Mapping[str, str], set[str], Mapping[str, str]]:
        """What decides of calls elsewhere in the module."""
        return self.aliases, self.packages, self.strings

    @classmethod
    def together(cls, several: Sequence[Names]) -> Names:
        names = cls()
        for each in several:
            names.aliases |= each.aliases
            names.packages |= each.packages
            names.strings |= each.strings
            names.paths |= each.paths
        return names

    def _note(self, node: ast.AST) -> None:
        if isinstance(node, ast.Import):
            for alias in node.names:
                top = alias.name.partition(".")[0]
                self.packages.add(top)
                self.aliases[alias.asname or top] = alias.name if alias.asname else top
        elif isinstance(node, ast.ImportFrom):
            module = node.module or ""
            self.packages.add(module.partition(".")[0])
            for alias in node.names:
                self.aliases[alias.asname or alias.name] = f"{module}.{alias.name}"
        elif isinstance(node, ast.Assign):
            for target in node.targets:
                self._note_assignment(target, node.value)
        elif isinstance(node, (ast.AnnAssign, ast.arg)) and node.annotation is not None:
            name = node.arg if isinstance(node, ast.arg) else last_name(node.target)
            if "Path" in ast.dump(node.annotation):
                self.paths.add(name)
        elif isinstance(node, ast.Attribute) and node.attr in ("rename", "replace"):
            # A path that is renamed: they are in use, wherever they come from.
            self.packages |= {"pathlib"} if _is_path(node.value, self) else set()

    def _note_assignment(self, target: ast.expr, value: ast.expr) -> None:
        name = last_name(target)
        if isinstance(value, ast.Constant) and isinstance(value.value, str):
            self.strings[name] = value.value
        elif _is_path(value, self):
            self.paths.add(name)


def last_name(node: ast.AST) -> str:
    """``c`` of ``a.b.c``; empty where there is none."""
    return getattr(node, "attr", "") or getattr(node, "id", "")


def dotted_name(node: ast.AST, aliases: Mapping[str, str]) -> str:
    """The whole name of what is called, through the imports; empty where its root is no import."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name):
        return ""
    root = aliases.get(node.id, node.id if node.id in _MODULES and parts else "")
    return ".".join((root, *reversed(parts))) if root else ""


def destructive(call: ast.Call, names: Names) -> Destructive | None:
    """What the call destroys, None where it is another call."""
    function = call.func
    everything = (*call.args, *(keyword.value for keyword in call.keywords))
    whole = dotted_name(function, names.aliases)
    if whole in _NAMED or whole.startswith(_PREFIXES):
        return Destructive(whole, everything, only_writes=whole in _COPIES)
    if whole == "os.open":
        flags = _argument(call, 1, "flags")
        writes = flags is not None and _may_write(flags)
        return Destructive(whole, everything, only_writes=True) if writes else None
    if whole == "fileinput.input" and any(k.arg == "inplace" for k in call.keywords):
        return Destructive(whole, everything)
    is_builtin = isinstance(function, ast.Name) and function.id == "open" and not whole
    if is_builtin or whole in _OPENERS:
        return _opening_call(whole or "open", call.args[:1], mode=_argument(call, 1, "mode"))
    if whole.partition(".")[0] in _CLIENTS and whole.rpartition(".")[2] in _VERBS:
        return Destructive(whole, everything)
    if isinstance(function, ast.Attribute):
        return _method_call(call, function, names)
    return None


def _method_call(call: ast.Call, function: ast.Attribute, names: Names) -> Destructive | None:
    """A method that destroys something, by its name and what it is called on."""
    name, owner = function.attr, function.value
    everything = (*call.args, *(keyword.value for keyword in call.keywords))
    whole = Destructive(f".{name}", (owner, *everything))
    count = len(call.args)
    if name in _METHODS or name in _DROPS:
        return whole
    if name in _WRITERS:
        return Destructive(f".{name}", (owner,), only_writes=True)
    if name in _EXECUTES:
        return _executing_call(call, function, names)
    if name == "open":
        return _opening_call(".open", [owner], mode=_argument(call, 0, "mode"))
    if name in ("rename", "replace") and (count == 1) != bool(call.keywords):
        given = [*call.args, *(k.value for k in call.keywords if k.arg == "target")]
        likely = any(_is_path(node, names) for node in (owner, *given))
        likely = likely or (not isinstance(owner, ast.Constant) and "pathlib" in names.packages)
        return whole if given and likely and not isinstance(given[0], ast.Dict) else None
    if name == "truncate" and count <= 1 and not call.keywords:
        return whole if _STREAM.search(last_name(owner)) else None
    if name == "extract" and names.packages & {"zipfile", "tarfile"}:
        return whole
    if name in ("delete", "drop") and names.packages & _DATABASES:
        return whole
    if name == "delete" and re.search(r"'(?:objects|query|filter)'", ast.dump(owner)):
        return whole
    return whole if name in _VERBS and names.packages & _CLIENTS else None


def _opening_call(
    callee: str, path: Sequence[ast.expr], *, mode: ast.expr | None
) -> Destructive | None:
    """A file that is opened so that it may change; by a mode that is no constant, perhaps."""
    if mode is None:
        return None
    if isinstance(mode, ast.Constant):
        text = mode.value if isinstance(mode.value, str) else ""
        if not _MODE.fullmatch(text) or not set("wax+") & set(text):
            return None
    elif callee == ".open":
        return None  # of another kind of object: ``webbrowser.open(url)``, ``Image.open(path)``
    return Destructive(callee, (*path, mode), only_writes=True)


def _executing_call(call: ast.Call, function: ast.Attribute, names: Names) -> Destructive | None:
    """A statement of SQL that changes something, or that is put together elsewhere."""
    if not call.args:
        return None
    callee = f".{function.attr}"
    text = _text(call.args[0], names)
    found = _SQL.search(text) if text is not None else None
    if found is None:
        known = names.packages & _DATABASES or _CURSOR.match(last_name(function.value))
        if text or not known:
            return None
    if found is not None and found[1].upper() == "INSERT":  # adds, whatever is added
        return Destructive(callee, (function.value, call.args[0]), only_writes=True)
    rest = (*call.args, *(keyword.value for keyword in call.keywords))
    return Destructive(callee, (function.value, *rest))


def _text(node: ast.expr, names: Names) -> str | None:
    """The constant beginning of a string as far as it is known, None where nothing is."""
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else None
    if isinstance(node, ast.JoinedStr):
        parts = [n.value if isinstance(n, ast.Constant) else " {} " for n in node.values]
        text = "".join(str(part) for part in parts)
        return None if text.startswith(" {} ") else text
    if isinstance(node, ast.BinOp):
        left = _text(node.left, names)
        return left if left is None else left + (_text(node.right, names) or "")
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        if node.func.attr in ("format", "strip", "join"):
            return _text(node.func.value, names)
    elif isinstance(node, ast.Call) and last_name(node.func) == "text" and node.args:
        return _text(node.args[0], names)
    return names.strings.get(last_name(node))


def _is_path(node: ast.expr, names: Names) -> bool:
    if isinstance(node, ast.BinOp):
        text = (node.left, node.right)
        return isinstance(node.op, ast.Div) and any(
            _is_path(n, names) or (isinstance(n, ast.Constant) and isinstance(n.value, str))
            for n in text
        )
    if isinstance(node, ast.Call):
        name = last_name(node.func)
        if name.endswith("Path") or name in ("with_suffix", "with_name", "joinpath", "resolve"):
            return True
        return name in ("absolute", "expanduser") and isinstance(node.func, ast.Attribute)
    name = last_name(node)
    return name == "parent" or name in names.paths or bool(_PATHS.search(name))


def _argument(call: ast.Call, place: int, name: str) -> ast.expr | None:
    for keyword in call.keywords:
        if keyword.arg == name:
            return keyword.value
    return call.args[place] if len(call.args) > place else None


def _may_write(flags: ast.expr) -> bool:
    text = ast.dump(flags)
    return "O_RDONLY" not in text or _WRITE_FLAGS.search(text) is not None
