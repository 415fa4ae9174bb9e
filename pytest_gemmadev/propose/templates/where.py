"""Guards of templates: named kinds of nodes and named predicates, and the clauses made of them.

A clause is ``[hole] [is] [not] NAME[, NAME …][ or NAME]``: ``x is name or call``, ``not in condition``,
``v holds number``. Without a hole it speaks of the node that the template matches. `KINDS` and
`PREDICATES` have all names.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from pytest_gemmadev.propose.code.kinds import FLAG, LIST, MAPPING, NUMBER, SET, TEXT
from pytest_gemmadev.propose.code.names import bound_names
from pytest_gemmadev.propose.code.nodes import COMPREHENSIONS, FUNCTIONS, dotted
from pytest_gemmadev.propose.code.statement_lines import COMPOUND, MOVABLE, SIMPLE, alone, siblings
from pytest_gemmadev.propose.code.unit import Unit
from pytest_gemmadev.propose.patterns.comparisons import is_condition
from pytest_gemmadev.propose.patterns.conditions import is_flag, is_whole_condition
from pytest_gemmadev.propose.patterns.constants import is_initial
from pytest_gemmadev.propose.patterns.operand_edits import is_numeric_place
from pytest_gemmadev.propose.patterns.wraps import is_value
from pytest_gemmadev.propose.templates.holes import symbols
from pytest_gemmadev.propose.templates.template import TemplateError

if TYPE_CHECKING:
    from pytest_gemmadev.propose.templates.matcher import Match

Predicate: TypeAlias = Callable[[ast.AST, Unit], bool]

KINDS: dict[str, tuple[type[ast.AST], ...]] = {
    "name": (ast.Name,),
    "attribute": (ast.Attribute,),
    "subscript": (ast.Subscript,),
    "call": (ast.Call,),
    "constant": (ast.Constant,),
    "operation": (ast.BinOp,),
    "unary": (ast.UnaryOp,),
    "boolean": (ast.BoolOp,),
    "comparison": (ast.Compare,),
    "conditional": (ast.IfExp,),
    "lambda": (ast.Lambda,),
    "list": (ast.List,),
    "tuple": (ast.Tuple,),
    "set": (ast.Set,),
    "dictionary": (ast.Dict,),
    "list comprehension": (ast.ListComp,),
    "set comprehension": (ast.SetComp,),
    "generator": (ast.GeneratorExp,),
    "comprehension": COMPREHENSIONS,
    "f-string": (ast.JoinedStr,),
    "await": (ast.Await,),
    "starred": (ast.Starred,),
    "slice": (ast.Slice,),
    "statement": MOVABLE,
    "simple statement": SIMPLE,
    "compound statement": COMPOUND,
    "assignment": (ast.Assign,),
    "return": (ast.Return,),
    "raise": (ast.Raise,),
    "break": (ast.Break,),
    "continue": (ast.Continue,),
    "pass": (ast.Pass,),
    "expression statement": (ast.Expr,),
    "if": (ast.If,),
    "while": (ast.While,),
    "for": (ast.For, ast.AsyncFor),
    "try": (ast.Try,),
    "function": FUNCTIONS,
}


@dataclass(frozen=True, slots=True)
class Clause:
    """One guard: what is true of a hole, or of the matched node where it names none."""

    hole: str
    negated: bool
    types: tuple[type[ast.AST], ...]
    predicates: tuple[Predicate, ...]
    holds: Callable[[Match], bool]


def _test(
    hole: str, types: tuple[type[ast.AST], ...], predicates: tuple[Predicate, ...], *, negated: bool
) -> Callable[[Match], bool]:
    """The clause as a function; of several nodes that a hole holds, it must be true of each."""
    if types and not predicates:
        of: Predicate = lambda node, unit: isinstance(node, types)  # noqa: E731
    elif len(predicates) == 1 and not types:
        of = predicates[0]
    else:
        of = lambda node, unit: (  # noqa: E731
            isinstance(node, types) or any(p(node, unit) for p in predicates)
        )
    if not hole:
        return lambda match: of(match.node, match.unit) is not negated

    def holds(match: Match) -> bool:
        found = match.bound.get(hole)
        if isinstance(found, list):
            return all(of(node, match.unit) for node in found) is not negated
        node = ast.Name(found, ast.Load()) if isinstance(found, str) else found
        return node is not None and of(node, match.unit) is not negated

    return holds


def read_clauses(text: str, holes: Collection[str]) -> tuple[Clause, ...]:
    """The clauses of a guard; raises `TemplateError` for what it does not know.

    What a clause says of operators is the matcher's to see to, and left out.
    """
    parts = [part.strip() for part in text.split(";")]
    return tuple(_read_clause(p, holes) for p in parts if p and not symbols(_said(p)))


def _said(clause: str) -> str:
    return clause.partition(" is ")[2]


def _read_clause(text: str, holes: Collection[str]) -> Clause:
    first, _, rest = text.partition(" ")
    subject, phrase = (first, rest) if first in holes else ("", text)
    phrase = phrase.removeprefix("is ")
    negated = phrase.startswith("not ")
    types: list[type[ast.AST]] = []
    predicates: list[Predicate] = []
    phrase = phrase.removeprefix("not ")
    for name in re.split(r", | or ", phrase):
        verb, _, word = name.partition(" ")
        if name in KINDS:
            types += KINDS[name]
        elif name in PREDICATES:
            predicates.append(PREDICATES[name])
        elif verb in NAMING and word:
            predicates.append(NAMING[verb](word))
        else:
            raise TemplateError(_unknown(text, name))
    kinds, tests = tuple(types), tuple(predicates)
    return Clause(subject, negated, kinds, tests, _test(subject, kinds, tests, negated=negated))


def _unknown(clause: str, name: str) -> str:
    from difflib import get_close_matches

    near = get_close_matches(name, [*KINDS, *PREDICATES], 3)
    hint = f"; near it are {', '.join(map(repr, near))}" if near else ""
    return f"where {clause!r}: nothing is called {name!r}{hint}"


# --- predicates ----------------------------------------------------------------------------------


def _parent_is(*kinds: type[ast.AST]) -> Predicate:
    return lambda node, unit: isinstance(unit.parent(node), kinds)


def _kinds(node: ast.AST, unit: Unit) -> frozenset[str]:
    """What an expression, or the expression that a statement is, may hold."""
    return unit.variables.kinds(node) if isinstance(node, ast.expr) else frozenset()


def _holds(kind: str) -> Predicate:
    return lambda node, unit: kind in _kinds(node, unit)


def _may_hold(kind: str) -> Predicate:
    return lambda node, unit: not (known := _kinds(node, unit)) or kind in known


def _holds_only(kind: str) -> Predicate:
    return lambda node, unit: _kinds(node, unit) == {kind}


def _is_named(name: str) -> Predicate:
    return lambda node, unit: name == getattr(node, "id", getattr(node, "attr", None))


def _calls(name: str) -> Predicate:
    return lambda node, unit: (
        isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == name
    )


def _is_read(node: ast.AST, unit: Unit) -> bool:
    return isinstance(getattr(node, "ctx", None) or ast.Load(), ast.Load)


def _is_called(node: ast.AST, unit: Unit) -> bool:
    parent = unit.parent(node)
    return isinstance(parent, ast.Call) and parent.func is node


def _is_passed(node: ast.AST, unit: Unit) -> bool:
    parent = unit.parent(node)
    return isinstance(parent, ast.Call) and node in parent.args


def _is_result(node: ast.AST, unit: Unit) -> bool:
    """What is returned or assigned, also by an operation: ``x += node``."""
    parent = unit.parent(node)
    return isinstance(parent, (ast.Return, ast.Assign, ast.AugAssign)) and parent.value is node


def _is_last(node: ast.AST, unit: Unit) -> bool:
    block = unit.block(node) if isinstance(node, ast.stmt) else None
    return block is not None and block.index + 1 == len(block.statements)


def _in_branch(node: ast.AST, unit: Unit) -> bool:
    block = unit.block(node) if isinstance(node, ast.stmt) else None
    return block is not None and isinstance(block.owner, (ast.If, ast.Try))


def _ends_function(node: ast.AST, unit: Unit) -> bool:
    block = unit.block(node) if isinstance(node, ast.stmt) else None
    return _is_last(node, unit) and block is not None and not isinstance(block.owner, COMPOUND)


def _is_exception(node: ast.AST, unit: Unit) -> bool:
    """By its name: `ValueError`, `ValueError(...)`."""
    node = node.value if isinstance(node, ast.Expr) else node
    named = node.func if isinstance(node, ast.Call) else node
    return isinstance(named, ast.Name) and named.id.endswith(("Error", "Exception"))


def _leads_sum(node: ast.AST, unit: Unit) -> bool:
    parent = unit.parent(node)
    is_sum = isinstance(parent, ast.BinOp) and isinstance(parent.op, (ast.Add, ast.Sub))
    return is_sum and getattr(parent, "left", None) is node


def _commutes(node: ast.AST, unit: Unit) -> bool:
    """An operation whose operands may change places, as far as one can tell what they hold."""
    if not isinstance(node, ast.BinOp):
        return False
    if isinstance(node.op, (ast.Mult, ast.BitAnd, ast.BitOr, ast.BitXor)):
        return True
    held = _kinds(node.left, unit) | _kinds(node.right, unit)
    return isinstance(node.op, ast.Add) and NUMBER in held


def _formats_text(node: ast.AST, unit: Unit) -> bool:
    """``text % values``."""
    is_modulo = isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mod)
    return is_modulo and _kinds(getattr(node, "left", node), unit) == {TEXT}


def _joins_others(node: ast.AST, unit: Unit) -> bool:
    """An operation of which something is known, and not that it joins text."""
    if not isinstance(node, ast.BinOp):
        return False
    held = _kinds(node.left, unit) | _kinds(node.right, unit)
    return bool(held) and TEXT not in held


def _is_zero(node: ast.AST, unit: Unit) -> bool:
    return isinstance(node, ast.Constant) and node.value == 0


def _is_false(node: ast.AST, unit: Unit) -> bool:
    """None, False and the number zero."""
    if not isinstance(node, ast.Constant):
        return False
    return node.value is None or (isinstance(node.value, int) and node.value == 0)


def _is_immutable(node: ast.AST, unit: Unit) -> bool:
    known = _kinds(node, unit)
    return bool(known) and known <= {NUMBER, TEXT, FLAG}


def _is_function_name(node: ast.AST, unit: Unit) -> bool:
    return isinstance(node, ast.Name) and node.id in unit.variables.callables(node)


def _is_part_of_sequence(node: ast.AST, unit: Unit) -> bool:
    return isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Slice)


def _is_truth_value(node: ast.AST, unit: Unit) -> bool:
    """What only its truth is asked of: a condition, or a flag that is returned or assigned."""
    if is_condition(node, unit):
        return True
    kept = isinstance(unit.parent(node), (ast.Return, ast.Assign))
    return kept and isinstance(node, ast.expr) and is_flag(node, unit)


def _is_decision(node: ast.AST, unit: Unit) -> bool:
    """A whole condition, or a flag that is returned."""
    if is_whole_condition(node, unit):
        return True
    returned = isinstance(unit.parent(node), ast.Return)
    return returned and isinstance(node, ast.expr) and is_flag(node, unit)


def _has_keywords(node: ast.AST, unit: Unit) -> bool:
    return isinstance(node, ast.Call) and bool(node.keywords)


def _has_arguments(node: ast.AST, unit: Unit) -> bool:
    call = node.value if isinstance(node, ast.Expr) else node
    return isinstance(call, ast.Call) and bool(call.args)


def _has_many_arguments(node: ast.AST, unit: Unit) -> bool:
    return isinstance(node, ast.Call) and len(node.args) > 3


def _is_pure(node: ast.AST, unit: Unit) -> bool:
    """The call of a method, alone in a statement, that changes nothing and gives a new value."""
    call = node.value if isinstance(node, ast.Expr) else node
    func = call.func if isinstance(call, ast.Call) else None
    return isinstance(func, ast.Attribute) and func.attr in _PURE_METHODS


def _is_dotted(node: ast.AST, unit: Unit) -> bool:
    return bool(dotted(node.value if isinstance(node, ast.Expr) else node))


def _is_variable(node: ast.AST, unit: Unit) -> bool:
    """A name that the function around binds."""
    name = node.value if isinstance(node, ast.Expr) else node
    scope = unit.function(node)
    return scope is not None and isinstance(name, ast.Name) and name.id in bound_names(scope)


_PURE_METHODS = frozenset(
    (
        *("strip", "lstrip", "rstrip", "lower", "upper", "title", "capitalize", "casefold"),
        *("replace", "removeprefix", "removesuffix", "zfill", "center", "ljust", "rjust"),
        *("swapcase", "union", "intersection", "difference"),
    )
)

_EMPTY_CONTAINERS = frozenset(
    (
        *("[]", "{}", "set()", "dict()", "list()", "deque()", "Counter()"),
        *("defaultdict(int)", "defaultdict(list)", "defaultdict(set)"),
    )
)

PREDICATES: dict[str, Predicate] = {
    # of a node's place
    "in condition": is_condition,
    "in loop": lambda node, unit: unit.loop(node) is not None,
    "in function": lambda node, unit: unit.function(node) is not None,
    "in async function": lambda node, unit: isinstance(unit.function(node), ast.AsyncFunctionDef),
    "in generator function": lambda node, unit: bool(unit.of_type(ast.Yield, ast.YieldFrom)),
    "in branch": _in_branch,
    "last in block": _is_last,
    "last in function": _ends_function,
    "movable": lambda node, unit: isinstance(node, ast.stmt) and siblings(unit, node) is not None,
    "on its own lines": lambda node, unit: alone(unit, node),
    "compared": _parent_is(ast.Compare),
    "awaited": _parent_is(ast.Await),
    "managed": _parent_is(ast.withitem),
    "operand of unary": _parent_is(ast.UnaryOp),
    "owner of attribute": _parent_is(ast.Attribute),
    "default": _parent_is(ast.arguments),
    "part of f-string": _parent_is(ast.JoinedStr),
    "part of tuple": _parent_is(ast.Tuple),
    "part of call": _parent_is(ast.Call),
    "called": _is_called,
    "passed": _is_passed,
    "returned": _parent_is(ast.Return),
    "assigned": _parent_is(ast.Assign),
    "annotated": _parent_is(ast.AnnAssign),
    "result": _is_result,
    "used as statement": _parent_is(ast.Expr),
    "used as value": lambda node, unit: isinstance(node, ast.expr) and is_value(node, unit),
    "decision": _is_decision,
    "truth value": _is_truth_value,
    "number due": lambda node, unit: isinstance(node, ast.expr) and is_numeric_place(node, unit),
    "initial value": lambda node, unit: isinstance(node, ast.expr) and is_initial(node, unit),
    "leading a sum": _leads_sum,
    "target": _parent_is(ast.Assign, ast.AugAssign, ast.AnnAssign, ast.Tuple, ast.For),
    # of the node itself
    "argument": lambda node, unit: True,  # the matcher sees to it
    "read": _is_read,
    "stored": lambda node, unit: isinstance(getattr(node, "ctx", None), ast.Store),
    "exception": _is_exception,
    "number": lambda node, unit: (
        isinstance(node, ast.Constant) and type(node.value) in (int, float)
    ),
    "text": lambda node, unit: isinstance(node, ast.Constant) and isinstance(node.value, str),
    "flag": lambda node, unit: isinstance(node, ast.Constant) and isinstance(node.value, bool),
    "zero": _is_zero,
    "falsy": _is_false,
    "pure": _is_pure,
    "dotted": _is_dotted,
    "variable": _is_variable,
    "chain": lambda node, unit: isinstance(node, ast.Compare) and len(node.ops) > 1,
    "part of sequence": _is_part_of_sequence,
    "commuting": _commutes,
    "formatting text": _formats_text,
    "joining other than text": _joins_others,
    "name of function": _is_function_name,
    "given keywords": _has_keywords,
    "given arguments": _has_arguments,
    "given more than three arguments": _has_many_arguments,
    "empty container": lambda node, unit: ast.unparse(node) in _EMPTY_CONTAINERS,
    "in parentheses": lambda node, unit: unit.enclosed(node),
    # of what a node, or a variable, holds
    "immutable": _is_immutable,
    **{
        f"{verb} {kind}": make(kind)
        for verb, make in (
            ("holds", _holds),
            ("may hold", _may_hold),
            ("holds only", _holds_only),
        )
        for kind in (NUMBER, TEXT, LIST, MAPPING, SET, FLAG)
    },
}

NAMING: dict[str, Callable[[str], Predicate]] = {"named": _is_named, "calls": _calls}
"""Predicates with a name behind them: ``named max``, ``calls enumerate``."""
