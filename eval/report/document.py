"""A report as blocks, and its two renderings: one HTML page with all that it needs, and Markdown."""

from __future__ import annotations

import base64
import html
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from pytest_gemmadev.types import assert_never


@dataclass(frozen=True, slots=True)
class Heading:
    text: str
    level: int = 2


@dataclass(frozen=True, slots=True)
class Text:
    text: str


@dataclass(frozen=True, slots=True)
class Table:
    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Figure:
    name: str  # of the file beside the Markdown, without its suffix
    svg: str  # empty where it could not be drawn
    caption: str


@dataclass(frozen=True, slots=True)
class Code:
    text: str
    language: str = ""  # ``diff`` is coloured


@dataclass(frozen=True, slots=True)
class Facts:
    items: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Entry:
    """Something to open: a case, a sample."""

    title: str
    state: str  # shown before the title, and its colour
    detail: str
    blocks: tuple[Text | Code, ...]
    is_open: bool = False


Block: TypeAlias = Heading | Text | Table | Figure | Code | Facts | Entry


def facts_of(values: Mapping[str, object]) -> Facts:
    """The values as they are shown: numbers rounded, nothing for what is not there."""
    return Facts(tuple((name, _shown(value)) for name, value in values.items()))


def _shown(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, (list, tuple)):
        return " to ".join(_shown(part) for part in value)
    return "-" if value is None else str(value)


def write_document(folder: Path, title: str, blocks: Sequence[Block]) -> None:
    """Writes ``report.html``, ``report.md`` and the figures that the latter shows."""
    (folder / "report.html").write_text(to_html(title, blocks), encoding="utf-8")
    (folder / "report.md").write_text(to_markdown(title, blocks), encoding="utf-8")
    for block in blocks:
        if isinstance(block, Figure) and block.svg:
            (folder / f"{block.name}.svg").write_text(block.svg, encoding="utf-8")


# --- HTML ----------------------------------------------------------------------------------------

_STYLE = """
:root { color-scheme: light dark; --line: #8884; --good: #1a7f37; --bad: #cf222e; --meh: #9a6700 }
@media (prefers-color-scheme: dark) { :root { --good: #3fb950; --bad: #f85149; --meh: #d29922 } }
* { box-sizing: border-box }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: auto; padding: 1rem;
       overflow-wrap: anywhere; -webkit-text-size-adjust: 100% }
h1 { font-size: 1.5rem } h2 { font-size: 1.2rem; margin-top: 2rem }
.wide { overflow-x: auto; margin: 1rem 0 }
table { border-collapse: collapse; width: 100%; font-size: .9rem }
th, td { padding: .3rem .6rem; border-bottom: 1px solid var(--line); text-align: right;
         white-space: nowrap; vertical-align: bottom }
th { white-space: normal; overflow-wrap: normal }
th:first-child, td:first-child { text-align: left }
pre { overflow-x: auto; padding: .6rem; border: 1px solid var(--line); border-radius: 6px;
      font: 13px/1.4 ui-monospace, monospace; overflow-wrap: normal }
figure { margin: 1rem 0 } figure img { width: 100%; max-width: 44rem; background: #fff;
      border-radius: 6px } figcaption, small { opacity: .75 }
details { border-top: 1px solid var(--line); padding: .5rem 0 } summary { cursor: pointer }
.correct, .passed, .add { color: var(--good) } .failed, .del { color: var(--bad) }
.overfitting, .not-scored { color: var(--meh) } .hunk { opacity: .6 }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 0 1rem } dd { margin: 0 }
@media (max-width: 32rem) { dl { display: block } dt { opacity: .75 } dd { margin: 0 0 .4rem } }
"""


def to_html(title: str, blocks: Iterable[Block]) -> str:
    """One page that needs nothing from elsewhere."""
    head = (
        '<meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{html.escape(title)}</title><style>{_STYLE}</style>"
    )
    body = "\n".join((f"<h1>{html.escape(title)}</h1>", *map(_html, blocks)))
    return f'<!doctype html>\n<html lang="en"><head>{head}</head>\n<body>\n{body}\n</body></html>\n'


def _html(block: Block) -> str:
    match block:
        case Heading(text, level):
            return f"<h{level}>{html.escape(text)}</h{level}>"
        case Text(text):
            return f"<p>{html.escape(text)}</p>"
        case Table(heads, rows):
            head = "".join(f"<th>{html.escape(cell)}</th>" for cell in heads)
            body = "".join(
                "<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>"
                for row in rows
            )
            return f'<div class="wide"><table><tr>{head}</tr>{body}</table></div>'
        case Figure(_, svg, caption):
            if not svg:
                return ""
            data = base64.b64encode(svg.encode("utf-8")).decode()
            text = html.escape(caption)
            return (
                f'<figure><img alt="{text}" src="data:image/svg+xml;base64,{data}">'
                f"<figcaption>{text}</figcaption></figure>"
            )
        case Code(text, language):
            lines = text.splitlines()
            return f"<pre>{chr(10).join(_line(line, language) for line in lines)}</pre>"
        case Facts(items):
            terms = (f"<dt>{html.escape(k)}</dt><dd>{html.escape(v)}</dd>" for k, v in items)
            return f"<dl>{''.join(terms)}</dl>"
        case Entry(title, state, detail, inner, is_open):
            mark = f'<span class="{state.replace(" ", "-")}">{html.escape(state)}</span>'
            summary = f"{mark} {html.escape(title)} <small>{html.escape(detail)}</small>"
            body = "".join(map(_html, inner))
            opened = " open" if is_open else ""
            return f"<details{opened}><summary>{summary}</summary>{body}</details>"
        case other:
            return assert_never(other)


def _line(line: str, language: str) -> str:
    text = html.escape(line)
    marks = {"+": "add", "-": "del", "@": "hunk"}
    kind = "hunk" if line.startswith(("+++", "---", "diff ")) else marks.get(line[:1], "")
    return f'<span class="{kind}">{text}</span>' if kind and language == "diff" else text


# --- Markdown ------------------------------------------------------------------------------------


def to_markdown(title: str, blocks: Iterable[Block]) -> str:
    """The same for a reader of plain text; figures are files beside it."""
    return "\n\n".join((f"# {title}", *filter(None, map(_markdown, blocks)))) + "\n"


def _markdown(block: Block) -> str:
    match block:
        case Heading(text, level):
            return f"{'#' * level} {_escaped(text)}"
        case Text(text):
            return _escaped(text)
        case Table(heads, rows):
            rule = ("---", *("---:" for _ in heads[1:]))
            return "\n".join(
                f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |"
                for row in (heads, rule, *rows)
            )
        case Figure(name, svg, caption):
            return f"![{_escaped(caption)}]({name}.svg)" if svg else ""
        case Code(text, language):
            longest = max((len(run) for run in re.findall("`+", text)), default=0)
            fence = "`" * max(3, longest + 1)
            end = "" if text.endswith("\n") else "\n"
            return f"{fence}{language}\n{text}{end}{fence}"
        case Facts(items):
            return "\n".join(f"- {name}: {_escaped(value)}" for name, value in items)
        case Entry(title, state, detail, inner, _):
            summary = html.escape(f"{state}: {title} ({detail})")
            body = "\n\n".join(filter(None, map(_markdown, inner)))
            return f"<details><summary>{summary}</summary>\n\n{body}\n\n</details>"
        case other:
            return assert_never(other)


def _escaped(text: str) -> str:
    """Text that Markdown leaves as it is."""
    return re.sub(r"([\\`*_\[\]<>|])", r"\\\1", " ".join(text.split()))
