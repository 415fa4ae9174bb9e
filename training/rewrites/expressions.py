"""Expressions as people get them wrong. Each rewrite offers replacements at the nodes of its type."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from training.rewrites.texts import Change, Names, Text, misspelt
from training.rewrites.words import ERRORS, OPERATORS, SIMILAR


def operator(node: ast.AST, text: Text, names: Names) -> Iterator[Change]:
    """Another operator between the same sides."""
    pairs: list[tuple[ast.AST, ast.AST, ast.AST]] = []
    if isinstance(node, ast.BinOp):
        pairs = [(node.left, node.op, node.right)]
    elif isinstance(node, ast.AugAssign):
        pairs = [(node.target, node.op, node.value)]
    elif isinstance(node, ast.Compare):
        sides = [node.left, *node.comparators]
        pairs = list(zip(sides, node.ops, sides[1:], strict=False))
    for left, op, right in pairs:
        symbol, others = OPERATORS.get(type(op), ("", ()))
        start, end = text.span(left)[1], text.span(right)[0]
        if not symbol or text.text.count(symbol, start, end) != 1:
            continue
        at = text.text.index(symbol, start, end)
        for other in others:
            if other[0].isalpha() or not isinstance(node, ast.AugAssign) or other != "+":
                yield at, at + len(symbol), other


def and_or(node: ast.AST, text: Text, names: Names) -> Iterator[Change]:
    """``or`` for ``and``, a part of the condition forgotten, parts in another order."""
    if not isinstance(node, ast.BoolOp):
        return
    word = "and" if isinstance(node.op, ast.And) else "or"
    codes = [text.code(value) for value in node.values]
    start, end = text.span(node)
    other = "or" if word == "and" else "and"
    yield start, end, f" {other} ".join(codes)
    for index in range(len(codes)):
        yield start, end, f" {word} ".join(codes[:index] + codes[index + 1 :])


def negation(node: ast.AST, text: Text, names: Names) -> Iterator[Change]:
    """A ``not`` forgotten or one too many."""
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not | ast.USub):
        start, end = text.span(node)
        yield start, end, text.code(node.operand)
    elif isinstance(node, ast.If | ast.While | ast.IfExp) and isinstance(
        node.test, ast.Name | ast.Call | ast.Attribute
    ):
        start, end = text.span(node.test)
        yield start, end, f"not {text.code(node.test)}"


def constant(node: ast.AST, text: Text, names: Names) -> Iterator[Change]:
    """A number one off, a truth value turned, another of the function's own words."""
    if not isinstance(node, ast.Constant):
        return
    start, end = text.span(node)
    value = node.value
    if isinstance(value, bool):
        yield start, end, str(not value)
    elif isinstance(value, int):
        for other in (value + 1, value - 1, value * 10 if value > 1 else 2):
            if other >= 0:
                yield start, end, str(other)
    elif isinstance(value, float):
        yield start, end, repr(value * 10)
        yield start, end, repr(1.0 - value)
    elif isinstance(value, str) and value.isidentifier():
        quote = text.text[start]
        for word in (*misspelt(value), *(w for w in names.strings if w != value)):
            if quote in "'\"":
                yield start, end, f"{quote}{word}{quote}"
    elif isinstance(value, str) and 0 < len(value) <= 3 and text.code(node)[0] in "'\"":
        yield start, end, repr(value + " ")
        yield start, end, repr(value[:-1])


def name(node: ast.AST, text: Text, names: Names) -> Iterator[Change]:
    """Another variable of the function, or a slip of the fingers."""
    if not isinstance(node, ast.Name) or not isinstance(node.ctx, ast.Load):
        return
    start, end = text.span(node)
    if node.id in names.variables:
        for other in names.variables:
            if other != node.id:
                yield start, end, other
    if len(node.id) > 3:
        for word in misspelt(node.id):
            yield start, end, word


def attribute(node: ast.AST, text: Text, names: Names) -> Iterator[Change]:
    """Another attribute or method: a misspelt one, a similar one, one forgotten."""
    if not isinstance(node, ast.Attribute) or not isinstance(node.ctx, ast.Load):
        return
    end = text.span(node)[1]
    start = end - len(node.attr)
    owner = node.value.id if isinstance(node.value, ast.Name) else ""
    for other in names.attributes.get(owner, ()):
        if other != node.attr:
            yield start, end, other
    for other in SIMILAR.get(node.attr, ()):
        yield start, end, other
    for word in misspelt(node.attr):
        yield start, end, word
    if not isinstance(node.value, ast.Name):
        yield text.span(node.value)[1], end, ""


def call(node: ast.AST, text: Text, names: Names) -> Iterator[Change]:
    """Arguments swapped, forgotten or twice; the call itself, its result or its wrapper forgotten."""
    if not isinstance(node, ast.Call):
        return
    start, end = text.span(node)
    function = text.code(node.func)
    if isinstance(node.func, ast.Name):
        for other in SIMILAR.get(node.func.id, ()):
            yield start, start + len(function), other
    arguments = [text.code(argument) for argument in node.args]
    keywords = [text.code(keyword) for keyword in node.keywords]
    for index in range(len(arguments) - 1):
        swapped = list(arguments)
        swapped[index], swapped[index + 1] = swapped[index + 1], swapped[index]
        yield start, end, f"{function}({', '.join([*swapped, *keywords])})"
    for index in range(len(arguments) + len(keywords)):
        rest = [*arguments, *keywords]
        del rest[index]
        yield start, end, f"{function}({', '.join(rest)})"
    if len(arguments) == 1 and not keywords and not arguments[0].startswith("*"):
        yield start, end, arguments[0]
        if isinstance(node.func, ast.Attribute):
            yield start, end, f"{text.code(node.func.value)}"
    if not arguments and not keywords:
        yield start, end, function
        if isinstance(node.func, ast.Attribute):
            yield start, end, text.code(node.func.value)


def subscript(node: ast.AST, text: Text, names: Names) -> Iterator[Change]:
    """An index or a bound one off, a bound forgotten, the index forgotten."""
    if not isinstance(node, ast.Subscript):
        return
    start, end = text.span(node)
    inner = node.slice
    if isinstance(inner, ast.Slice):
        for bound in (inner.lower, inner.upper):
            if bound is not None:
                at, to = text.span(bound)
                yield at, to, ""
                yield at, to, f"{text.code(bound)} + 1"
                yield at, to, f"{text.code(bound)} - 1"
        if inner.lower is not None and inner.upper is None and inner.step is None:
            yield start, end, f"{text.code(node.value)}[: {text.code(inner.lower)}]"
        return
    at, to = text.span(inner)
    if isinstance(inner, ast.Name | ast.BinOp):
        yield at, to, f"{text.code(inner)} + 1"
        yield at, to, f"{text.code(inner)} - 1"
    if isinstance(inner, ast.Tuple) and len(inner.elts) == 2:
        yield at, to, f"{text.code(inner.elts[1])}, {text.code(inner.elts[0])}"
    if isinstance(node.ctx, ast.Load):
        yield start, end, text.code(node.value)
        yield start, end, f"{text.code(node.value)}.get({text.code(inner)})"


def loop(node: ast.AST, text: Text, names: Names) -> Iterator[Change]:
    """A loop over too much, too little, or something else."""
    if isinstance(node, ast.comprehension):
        for condition in node.ifs:
            start = text.text.rfind("if", 0, text.span(condition)[0])
            yield start, text.span(condition)[1], ""
    if not isinstance(node, ast.For | ast.comprehension):
        return
    start, end = text.span(node.iter)
    code = text.code(node.iter)
    if isinstance(node.iter, ast.Call) and isinstance(node.iter.func, ast.Name):
        arguments = [text.code(argument) for argument in node.iter.args]
        if node.iter.func.id == "range" and arguments:
            yield start, end, f"range({', '.join([*arguments[:-1], arguments[-1] + ' - 1'])})"
            yield start, end, f"range({', '.join([*arguments[:-1], arguments[-1] + ' + 1'])})"
            if len(arguments) == 1:
                yield start, end, f"range(1, {arguments[0]})"
                yield start, end, arguments[0]
        elif node.iter.func.id in ("enumerate", "reversed", "sorted", "list", "set") and arguments:
            yield start, end, arguments[0]
        elif node.iter.func.id == "zip" and len(arguments) == 2:
            yield start, end, f"zip({arguments[1]}, {arguments[0]})"
    else:
        yield start, end, f"{code}[1:]"
        yield start, end, f"{code}[:-1]"
    if isinstance(node.target, ast.Tuple) and len(node.target.elts) == 2:
        at, to = text.span(node.target)
        first, second = (text.code(element) for element in node.target.elts)
        yield at, to, f"{second}, {first}"


def assignment(node: ast.AST, text: Text, names: Names) -> Iterator[Change]:
    """A wrong start value, ``=`` for ``+=``, another target, a value not stored."""
    if isinstance(node, ast.AugAssign):
        start, end = text.span(node)
        yield start, end, f"{text.code(node.target)} = {text.code(node.value)}"
    elif isinstance(node, ast.Assign) and len(node.targets) == 1:
        target, value = node.targets[0], node.value
        start, end = text.span(value)
        if isinstance(value, ast.List | ast.Dict) and text.code(value) in ("[]", "{}"):
            yield start, end, "{}" if isinstance(value, ast.List) else "[]"
            yield start, end, "None"
        elif isinstance(value, ast.BinOp):
            yield start, end, text.code(value.left)
            yield start, end, text.code(value.right)
        elif isinstance(value, ast.Call):
            yield *text.span(node), text.code(value)
        if isinstance(target, ast.Name):
            for other in names.variables:
                if other != target.id:
                    yield *text.span(target), other
        if isinstance(target, ast.Tuple) and len(target.elts) == 2:
            one, two = (text.code(element) for element in target.elts)
            yield *text.span(target), f"{two}, {one}"


def returned(node: ast.AST, text: Text, names: Names) -> Iterator[Change]:
    """Something else returned, or nothing."""
    if not isinstance(node, ast.Return) or node.value is None:
        return
    start, end = text.span(node)
    code = text.code(node.value)
    yield start, end, code
    yield start, end, "return"
    yield start, end, "return None"
    if isinstance(node.value, ast.Tuple) and len(node.value.elts) > 1:
        elements = [text.code(element) for element in node.value.elts]
        yield start, end, f"return {', '.join(elements[::-1])}"
        yield start, end, f"return {elements[0]}"
    if not isinstance(node.value, ast.Compare | ast.Constant):
        for other in names.variables:
            if other != code:
                yield start, end, f"return {other}"
    else:
        yield (
            start,
            end,
            f"return not ({code})" if isinstance(node.value, ast.Compare) else "return",
        )


def conditional(node: ast.AST, text: Text, names: Names) -> Iterator[Change]:
    """The branches of a conditional expression swapped, or one of them always."""
    if not isinstance(node, ast.IfExp):
        return
    start, end = text.span(node)
    body, test, other = (text.code(part) for part in (node.body, node.test, node.orelse))
    yield start, end, f"{other} if {test} else {body}"
    yield start, end, body
    yield start, end, other


def exception(node: ast.AST, text: Text, names: Names) -> Iterator[Change]:
    """Another exception caught or raised; what was caught, swallowed."""
    if isinstance(node, ast.ExceptHandler) and node.type is not None:
        caught = text.code(node.type)
        for error in ERRORS:
            if error != caught:
                yield *text.span(node.type), error
        if len(node.body) == 1 and not isinstance(node.body[0], ast.Pass):
            yield *text.span(node.body[0]), "pass"
    elif isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call):
        start, end = text.span(node)
        yield start, end, f"return {text.code(node.exc)}"


def text_form(node: ast.AST, text: Text, names: Names) -> Iterator[Change]:
    """An f-string without its f, ``await`` forgotten, a starred argument without its star."""
    if isinstance(node, ast.JoinedStr):
        start, end = text.span(node)
        code = text.text[start:end]
        if code[:1] == "f":
            yield start, start + 1, ""
    elif isinstance(node, ast.Await | ast.Starred):
        yield *text.span(node), text.code(node.value)
    elif isinstance(node, ast.Lambda) and isinstance(node.body, ast.Subscript):
        yield *text.span(node.body), text.code(node.body.value)


def default(node: ast.AST, text: Text, names: Names) -> Iterator[Change]:
    """A parameter's default changed or forgotten, parameters in another order."""
    if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        return
    for value in node.args.defaults:
        start, end = text.span(value)
        code = text.code(value)
        if code == "None":
            for other in ("[]", "0", "''", "True"):
                yield start, end, other
    plain = [argument for argument in node.args.args if argument.arg not in ("self", "cls")]
    if len(plain) == 2 and not node.args.defaults:
        (a, b), (c, d) = text.span(plain[0]), text.span(plain[1])
        yield a, d, text.text[c:d] + text.text[b:c] + text.text[a:b]
