"""Repairs of files that do not compile.

The compiler says where it gave up (`compiler`); a tolerant tokenizer and the layout of the lines say
what stands there (`scan`, `text_layout`, `levels`); families of edits propose (for statements
`brackets`, `quotes`, `words`, `literals`, `arguments`, `python2`, `generic`; for lines `indents`,
`clauses`, `tabs`, `long_strings`, `foreign_lines`, `newlines`, `unfinished`; for whole files
`characters`, `conflicts`, `pasted_lines`, `misplaced`, `older_python`); a search over them keeps what
parses, one fault after another (`mend`, `repair_search`), and weighs it (`weigh`).
"""

from __future__ import annotations

from pytest_gemmadev.propose.syntax.syntax_proposer import SyntaxProposer
from pytest_gemmadev.propose.syntax.syntax_repair import (
    SyntaxCandidate,
    SyntaxRepair,
    repair_syntax,
)

__all__ = ["SyntaxCandidate", "SyntaxProposer", "SyntaxRepair", "repair_syntax"]
