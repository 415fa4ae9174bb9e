"""Where candidate patches come from: rules, syntax-tree patterns, and the model."""
