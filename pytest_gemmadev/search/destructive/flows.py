"""What flows into the destructive calls of a module, and what they stand under.

A slice goes backwards through assignments, loops, defaults, module constants and attributes of the
module's own classes, and through functions that give a value, one call deep. It is more than what can
flow: of an attribute every assignment in the module counts, of a name in the function every one that may
come before.
"""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from pytest_gemmadev.search.destructive.bindings import Binding, Guard, Place, Scope, scopes_of
from pytest_gemmadev.search.destructive.destructive_calls import (
    TOKENS,
    Destructive,
    Names,
    destructive,
    last_name,
)
from pytest_gemmadev.text.lines import line_starts

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_QUIET = (
    "mkdir makedirs touch print debug info warning error exception log echo write writelines flush "
    "close seek read commit add_argument"
)
_HARMLESS = frozenset(
    _QUIET.split()
)  # calls for their own sake that neither check a path nor change it
_LOGS = frozenset(("log", "logger", "logging", "warnings", "console"))
_COMMON = frozenset(name for kind in (list, dict, set, str, bytes) for name in dir(kind))


@dataclass(frozen=True, slots=True)
class Wrapper:
    """A function of the project that destroys something by what it is given."""

    callee: str  # that it calls
    order: tuple[str, ...]  # its parameters, without the object of a method
    flows: frozenset[str]  # those that say what is destroyed, or whether
    is_method: bool
    only_writes: bool


@dataclass(frozen=True, slots=True)
class Site:
    """A destructive call with all that says what it does."""

    callee: str
    given: tuple[str, ...]
    guards: tuple[str, ...]
    scope: Scope = field(compare=False)
    names: frozenset[str] = field(compare=False)  # of the module that it depends on
    parameters: frozenset[str] = field(compare=False)  # of its function
    only_writes: bool = field(compare=False)


@dataclass(slots=True)
class Chunk:
    """Statements of a module that stand together, from the first's line to the next one's."""

    start: int
    text: str
    statements: list[ast.stmt]
    names: Names
    _scopes: list[Scope] | None = None
    _attributes: dict[str, list[Binding]] | None = None
    _binds: dict[str, list[Binding]] | None = None

    @classmethod
    def of(cls, start: int, text: str, statements: list[ast.stmt]) -> Chunk:
        return cls(start, text, statements, Names.of(statements))

    @property
    def scopes(self) -> list[Scope]:
        if self._scopes is None:
            self._scopes = scopes_of(self.statements)
        return self._scopes

    @property
    def binds(self) -> Mapping[str, list[Binding]]:
        """What it gives to the module by name, and to objects as ``.name``."""
        if self._binds is None:
            attributes = {f".{name}": found for name, found in self.attributes.items()}
            self._binds = {**self.scopes[0].bindings, **attributes}
        return self._binds

    @property
    def attributes(self) -> Mapping[str, list[Binding]]:
        """What its classes and their methods bind of an object, by attribute."""
        if self._attributes is None:
            attributes: dict[str, list[Binding]] = {}
            for scope in self.scopes:
                for name, bindings in scope.bindings.items():
                    if name.startswith(".") or scope.is_class:
                        own = attributes.setdefault(name.removeprefix("."), [])
                        own.extend(b for b in bindings if not any(b is o for o in own))
            self._attributes = attributes
        return self._attributes


@dataclass(slots=True)
class Module:
    """A source text that parses, in chunks."""

    chunks: list[Chunk]
    names: Names
    wrappers: Mapping[str, Wrapper]  # functions of the project that destroy something
    base: tuple[Module, int] | None = None  # what it is but for one chunk
    _sites: dict[int, tuple[Site, ...]] = field(default_factory=dict)
    _bound: dict[str, list[tuple[int, Binding]]] | None = None  # with the chunk that binds it

    @classmethod
    def of(cls, text: str, wrappers: Mapping[str, Wrapper]) -> Module | None:
        """The module, None where the text does not parse."""
        chunks = _chunks(text)
        if chunks is None:
            return None
        return cls(chunks, Names.together([chunk.names for chunk in chunks]), wrappers)

    def with_chunk(self, index: int, text: str) -> Module | None:
        """The module with another text for one chunk; None where that does not parse alone."""
        old = self.chunks[index]
        parsed = _parse(text)
        if parsed is None:
            return None
        chunk = Chunk.of(old.start, text, parsed.body)
        chunks = [*self.chunks[:index], chunk, *self.chunks[index + 1 :]]
        names = self.names
        if chunk.names != old.names:
            names = Names.together([each.names for each in chunks])
            names.packages |= self.names.packages  # an edit does not change what objects are
        return Module(chunks, names, self.wrappers, (self, index))

    def knowing(self, wrappers: Mapping[str, Wrapper]) -> Module:
        """The same module where these functions of the project destroy something."""
        return Module(self.chunks, self.names, wrappers, _bound=self._bound)

    def sites(self, index: int) -> tuple[Site, ...]:
        """The destructive calls in a chunk."""
        if index not in self._sites:
            found = [
                _describe_site(self, scope, call, place=place, what=what)
                for scope in self.chunks[index].scopes
                for call, place in scope.calls
                if (what := self._destroys(call, scope)) is not None
            ]
            self._sites[index] = tuple(found)
        return self._sites[index]

    def all_sites(self) -> Iterator[Site]:
        for index in range(len(self.chunks)):
            yield from self.sites(index)

    def own_wrappers(self) -> dict[str, Wrapper]:
        """Its functions that hold a destructive call, by name."""
        found: dict[str, Wrapper] = {}
        for site in self.all_sites():
            scope = site.scope
            if not isinstance(scope.node, _FUNCTIONS):
                continue
            is_method = scope.parent is not None and scope.parent.is_class
            name, order = scope.name, tuple(scope.parameters)
            if name == "__init__" and is_method and scope.parent is not None:
                name = scope.parent.name
            elif name.startswith("__"):
                continue
            known = found.get(name)
            flows = site.parameters | (known.flows if known else frozenset())
            only_writes = site.only_writes and (known is None or known.only_writes)
            callee = known.callee if known else site.callee
            found[name] = Wrapper(callee, order[is_method:], flows, is_method, only_writes)
        return found

    def bindings(self, name: str) -> list[Binding]:
        """What binds a name of the module, or an attribute as ``.name``."""
        if self.base is None:
            return [binding for _, binding in self._bindings(name)]
        module, changed = self.base
        others = module._bindings(name)
        new = self.chunks[changed].binds.get(name, ())
        before = [b for index, b in others if index < changed]
        return [*before, *new, *(b for index, b in others if index > changed)]

    def _bindings(self, name: str) -> list[tuple[int, Binding]]:
        if self._bound is None:
            bound: dict[str, list[tuple[int, Binding]]] = {}
            for index, chunk in enumerate(self.chunks):
                for key, found in chunk.binds.items():
                    bound.setdefault(key, []).extend((index, b) for b in found)
            self._bound = bound  # whole at once: searches side by side read it
        return self._bound.get(name, [])

    def _destroys(self, call: ast.Call, scope: Scope) -> Destructive | None:
        return destructive(call, self.names) or self._wrapper_call(call, scope)

    def _wrapper_call(self, call: ast.Call, scope: Scope) -> Destructive | None:
        """The call of a project's function that destroys something."""
        function = call.func
        name = last_name(function)
        if isinstance(function, ast.Name):
            target = self.names.aliases.get(name, name)
            wrapper = self.wrappers.get(target.rpartition(".")[2])
            if name in scope.parameters or (target == name and not self.bindings(name)):
                return None
        else:
            wrapper = self.wrappers.get(name)
            owner = last_name(getattr(function, "value", function))
            is_known = owner in ("self", "cls") or owner in self.names.aliases
            # Of an object of some class only the name is known, and others have such a method.
            is_likely = name not in _COMMON and wrapper is not None and wrapper.flows - {"self"}
            if not is_known and not is_likely:
                return None
        if wrapper is None or scope.name == name:
            return None
        given = [
            argument
            for place, argument in enumerate(call.args)
            if isinstance(argument, ast.Starred)
            or place >= len(wrapper.order)
            or wrapper.order[place] in wrapper.flows
        ]
        for keyword in call.keywords:
            if keyword.arg not in wrapper.order or keyword.arg in wrapper.flows:
                given.append(keyword.value)
        if wrapper.is_method and "self" in wrapper.flows and isinstance(function, ast.Attribute):
            given.append(function.value)
        return Destructive(name, tuple(given), wrapper.only_writes)


# --- slices --------------------------------------------------------------------------------------


def describe_node(node: ast.AST) -> str:
    """The node as a string that is equal for equal code; kept with the node."""
    text: str | None = getattr(node, "gemmadev_description", None)
    if text is None:
        text = ast.dump(node)
        node.gemmadev_description = text  # type: ignore[attr-defined]
    return text


def _uses(node: ast.AST) -> tuple[str, ...]:
    """The names and ``.attributes`` in the node, each once; kept with the node."""
    names: tuple[str, ...] | None = getattr(node, "gemmadev_uses", None)
    if names is None:
        found: dict[str, None] = {}
        for each in ast.walk(node):
            if isinstance(each, ast.Name):
                found[each.id] = None
            elif isinstance(each, ast.Attribute):
                found[f".{each.attr}"] = None
        names = tuple(found)
        node.gemmadev_uses = names  # type: ignore[attr-defined]
    return names


@dataclass(slots=True)
class _Flow:
    """A slice while it is taken."""

    module: Module
    scope: Scope
    place: Place
    through: Collection[str] | None = None  # functions that it goes through; None: all
    texts: list[str] = field(default_factory=list)
    names: set[str] = field(default_factory=set)  # of the module
    parameters: set[str] = field(default_factory=set)
    local: set[str] = field(default_factory=set)

    def follow(self, nodes: Iterable[ast.AST]) -> None:
        """Takes in what flows into the nodes."""
        queue = [(name, 0) for node in nodes for name in _uses(node)]
        seen: set[str] = set()
        while queue:
            name, depth = queue.pop(0)
            if name in seen:
                continue
            seen.add(name)
            for binding in self._bindings(name):
                node = binding.node
                if isinstance(node, _FUNCTIONS):
                    passes = self.through is None or name.removeprefix(".") in self.through
                    if depth or not passes:
                        continue
                    queue += [(use, 1) for use in _uses(node)]
                elif isinstance(node, ast.ClassDef):
                    continue
                self.texts.append(describe_node(node))
                queue += [(use, depth) for use in _uses(node)]
                for guard in binding.place.guards:
                    if not guard.shape.startswith(("after", "before")):
                        self.texts.append(_guard_text(guard))
                        queue += [(use, depth) for n in guard.nodes for use in _uses(n)]

    def _bindings(self, name: str) -> list[Binding]:
        """What binds the name, as far as it is seen from here."""
        scope: Scope | None = None if name.startswith(".") else self.scope
        while scope is not None and scope.parent is not None:
            bound = scope.bindings.get(name, [])
            if name in scope.parameters:
                self.parameters.add(name)
                default = scope.parameters[name]
                bound = [*bound, *([Binding(default, Place(0))] if default is not None else [])]
            if name in scope.bindings or name in scope.parameters:
                self.local.add(name)
                if scope is self.scope:
                    return [b for b in bound if b.place.reaches(self.place)]
                return bound
            scope = scope.parent
        self.names.add(name)
        if self.scope.parent is None and not name.startswith("."):
            self.local.add(name)
        return self.module.bindings(name)

    def effects(self) -> Iterator[str]:
        """Calls before it that check or change what flows: ``check(path)``, ``parts.append(x)``."""
        local = self.local - {"self", "cls"}
        for call, place in self.scope.effects:
            name, root = last_name(call.func), last_name(getattr(call.func, "value", call.func))
            if name in _HARMLESS or root in _LOGS or not place.reaches(self.place):
                continue
            if place.at < self.place.at and not local.isdisjoint(_uses(call)):
                yield describe_node(call)


def _describe_site(
    module: Module, scope: Scope, call: ast.Call, *, place: Place, what: Destructive
) -> Site:
    """What the call is given with all that flows into it, and what it stands under."""
    flow = _Flow(module, scope, place)
    flow.follow(what.given)
    root = _Flow(module, scope, place, through=())
    root.follow([call.func])
    guards = [g for g in place.guards if not (what.only_writes and g.shape == "for")]
    if what.only_writes and what.callee in module.wrappers:
        guards = []  # to write or not to write is what most code decides
    checked = _Flow(module, scope, place, through=_given_to(guards, flow.local))
    if what.only_writes or what.callee in module.wrappers:
        checked.parameters |= {u for g in guards for n in g.nodes for u in _uses(n)}
        checked.parameters &= set(scope.parameters)
    else:
        checked.follow(node for guard in guards for node in guard.nodes)
    given = (*map(describe_node, what.given), *flow.texts, *root.texts, *flow.effects())
    return Site(
        what.callee,
        given,
        (*map(_guard_text, guards), *checked.texts),
        scope,
        frozenset(flow.names | root.names | checked.names),
        frozenset(flow.parameters | checked.parameters),
        what.only_writes,
    )


def _given_to(guards: Sequence[Guard], names: Collection[str]) -> set[str]:
    """Functions that guards call with one of the names: ``is_safe`` of ``if is_safe(path)``."""
    return {
        last_name(call.func)
        for guard in guards
        for node in guard.nodes
        for call in ast.walk(node)
        if isinstance(call, ast.Call) and not {*names}.isdisjoint(_uses(call))
    }


def _guard_text(guard: Guard) -> str:
    return f"{guard.shape} {' '.join(map(describe_node, guard.nodes))}"


# --- chunks --------------------------------------------------------------------------------------


def _parse(text: str) -> ast.Module | None:
    try:
        return ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _chunks(text: str) -> list[Chunk] | None:
    parsed = _parse(text)
    if parsed is None:
        return None
    starts = line_starts(text)
    groups: list[tuple[int, list[ast.stmt]]] = []
    last = 0  # line on which the statement before ends
    for statement in parsed.body:
        decorators = getattr(statement, "decorator_list", ())
        line = min((statement.lineno, *(d.lineno for d in decorators)))
        if groups and line <= last:
            groups[-1][1].append(statement)
        else:
            groups.append((starts[line - 1], [statement]))
        last = statement.end_lineno or line
    begins = [0, *(start for start, _ in groups[1:])]
    ends = [*begins[1:], len(text)]
    parts = groups or [(0, [])]
    return [
        Chunk.of(begin, text[begin:end], statements)
        for begin, end, (_, statements) in zip(begins, ends, parts, strict=True)
    ]


def may_destroy(text: str) -> bool:
    """Whether a text holds a word that destructive calls have."""
    return TOKENS.search(text) is not None
