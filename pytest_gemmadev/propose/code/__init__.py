"""One model of a parsed source file, for rules and patterns alike.

A `tree.Tree` tells what stands around a node, a `source.Source` where each node stands in a text. A
`module.Module` is the source of one file of the project, with its definitions and edits at its nodes;
it is parsed once for all who ask. A `project.Project` is all of them together (`project_files`: the
files alone). A `part.Part` is the function that an edit concerns, a `unit.Unit` a part whose nodes can
be written anew.

Of nodes alone: `nodes`, `precedence` (when code needs parentheses), `kinds` (what an expression may
hold). Of names: `names` (what a scope binds), `reach` (what code can read), `variables` (which of it
fits a place). Of text: `replacements`, `statement_lines`, `import_statements` (added in the file's own
style), `fingerprints` (whether changed code compiles and is new).
"""
