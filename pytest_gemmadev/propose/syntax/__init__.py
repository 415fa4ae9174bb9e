"""Repairs of files that do not compile.

The compiler says where it gave up (`check`); a tolerant tokenizer and the layout of the lines say
what stands there (`scan`, `layout`, `levels`); families of edits propose (for statements `brackets`,
`quotes`, `words`, `literals`, `arguments`, `python2`, `generic`; for lines `indents`, `clauses`,
`tabs`, `blocks`, `newlines`, `unfinished`; for whole files `characters`, `conflicts`, `leftovers`,
`misplaced`, `targets`); a search over them keeps what parses, one fault after another (`mend`,
`search`), and weighs it (`weigh`).
"""

from __future__ import annotations

from pytest_gemmadev.propose.syntax.proposer import SyntaxProposer
from pytest_gemmadev.propose.syntax.repair import SyntaxCandidate, SyntaxRepair, repair_syntax

__all__ = ["SyntaxCandidate", "SyntaxProposer", "SyntaxRepair", "repair_syntax"]
