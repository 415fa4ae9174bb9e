"""What names and expressions hold, guessed from their form and their use."""

from __future__ import annotations

import ast

NUMBER, TEXT, LIST, MAPPING, SET, FLAG = "number", "text", "list", "mapping", "set", "flag"


_CALL_KINDS = {
    "len": NUMBER,
    "int": NUMBER,
    "float": NUMBER,
    "abs": NUMBER,
    "sum": NUMBER,
    "round": NUMBER,
    "ord": NUMBER,
    "str": TEXT,
    "input": TEXT,
    "chr": TEXT,
    "repr": TEXT,
    "list": LIST,
    "sorted": LIST,
    "deque": LIST,
    "tuple": LIST,
    "range": LIST,
    "dict": MAPPING,
    "defaultdict": MAPPING,
    "Counter": MAPPING,
    "OrderedDict": MAPPING,
    "set": SET,
    "frozenset": SET,
    "bool": FLAG,
    "isinstance": FLAG,
    "any": FLAG,
    "all": FLAG,
}


METHOD_KINDS = {
    **dict.fromkeys(("append", "extend", "insert", "appendleft", "popleft", "sort"), LIST),
    **dict.fromkeys(("add", "discard", "union", "difference"), SET),
    **dict.fromkeys(("items", "keys", "values", "get", "setdefault"), MAPPING),
    **dict.fromkeys(
        ("strip", "split", "lower", "upper", "startswith", "endswith", "join", "replace"), TEXT
    ),
}


ANNOTATION_KINDS = {
    "int": NUMBER,
    "float": NUMBER,
    "str": TEXT,
    "list": LIST,
    "List": LIST,
    "Sequence": LIST,
    "Tuple": LIST,
    "tuple": LIST,
    "dict": MAPPING,
    "Dict": MAPPING,
    "Mapping": MAPPING,
    "set": SET,
    "Set": SET,
    "bool": FLAG,
}


def kind_of(node: ast.expr) -> str | None:
    """What an expression evaluates to, where its own form tells."""
    match node:
        case ast.Constant(value=bool()):
            return FLAG
        case ast.Constant(value=int() | float()):
            return NUMBER
        case ast.Constant(value=str()) | ast.JoinedStr():
            return TEXT
        case ast.List() | ast.ListComp() | ast.Tuple():
            return LIST
        case ast.Dict() | ast.DictComp():
            return MAPPING
        case ast.Set() | ast.SetComp():
            return SET
        case ast.Compare():
            return FLAG
        case ast.UnaryOp(op=ast.Not()):
            return FLAG
        case ast.UnaryOp():
            return NUMBER
        case ast.BinOp(op=ast.Sub() | ast.Div() | ast.FloorDiv() | ast.Pow() | ast.Mult()):
            return kind_of(node.left) or kind_of(node.right) or NUMBER
        case ast.BinOp():
            return kind_of(node.left) or kind_of(node.right)
        case ast.IfExp():
            return kind_of(node.body)
        case ast.Call(func=ast.Name(id=name)):
            return _CALL_KINDS.get(name)
        case ast.Call(func=ast.Attribute(attr="join" | "strip" | "lower" | "upper" | "replace")):
            return TEXT
        case ast.Call(func=ast.Attribute(attr="split" | "splitlines")):
            return LIST
        case _:
            return None
