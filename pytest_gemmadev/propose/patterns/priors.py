"""How likely each pattern is the right one: one table, so that a calibration can replace it."""

from __future__ import annotations

from collections.abc import Mapping
from math import log

# Probability that the fault is repaired by the pattern at one node of a suspicious statement where the
# pattern applies at all. Only ratios matter.
_PROBABILITIES: Mapping[str, float] = {
    # operators
    "arithmetic_operator": 0.03,
    "augmented_operator": 0.05,
    "plain_to_augmented": 0.012,
    "sign": 0.004,
    "swap_operands": 0.008,
    "drop_operand": 0.012,
    "add_operand": 0.012,
    "add_text": 0.006,
    "regroup": 0.008,
    "move_across_call": 0.006,
    # comparisons
    "comparison_operator": 0.10,
    "swap_sides": 0.01,
    "chain_link": 0.01,
    "extend_chain": 0.008,
    "truth_test": 0.012,
    # off by one
    "off_by_one": 0.03,
    "range_bounds": 0.06,
    # constants
    "integer_constant": 0.05,
    "float_constant": 0.03,
    "flag_constant": 0.05,
    "initial_value": 0.02,
    "none_constant": 0.01,
    "string_constant": 0.015,
    "constant_to_name": 0.012,
    "name_to_constant": 0.004,
    # names
    "wrong_variable": 0.03,
    "wrong_target": 0.015,
    "wrong_function": 0.025,
    "name_to_attribute": 0.01,
    "attribute_to_name": 0.006,
    # attributes
    "wrong_attribute": 0.02,
    "drop_attribute": 0.003,
    "add_attribute": 0.004,
    "call_missing": 0.004,
    "method_missing": 0.006,
    "method_extra": 0.008,
    # calls
    "swap_arguments": 0.02,
    "swap_elements": 0.01,
    "element_count": 0.004,
    "drop_argument": 0.006,
    "add_argument": 0.008,
    "keyword_name": 0.01,
    "star_argument": 0.003,
    "wrap_call": 0.006,
    "unwrap_call": 0.008,
    "bound_value": 0.006,
    "extend_bound": 0.01,
    "function_or_method": 0.008,
    # slices
    "slice_bounds": 0.05,
    "index_form": 0.008,
    "add_index": 0.005,
    "swap_indices": 0.015,
    # conditions
    "negate": 0.03,
    "and_or": 0.03,
    "drop_condition": 0.03,
    "add_condition": 0.04,
    "other_condition": 0.012,
    "conditional_expression": 0.02,
    "make_conditional": 0.004,
    "comprehension_filter": 0.02,
    "negation_scope": 0.02,
    # loops
    "loop_iterable": 0.02,
    "loop_target": 0.004,
    "loop_condition": 0.006,
    # containers
    "container_kind": 0.004,
    "empty_container": 0.01,
    "copy_value": 0.006,
    "repeated_rows": 0.05,
    "lookup_default": 0.004,
    # strings
    "string_prefix": 0.02,
    "join_strings": 0.005,
    "case_insensitive": 0.005,
    # functions
    "mutable_default": 0.1,
    "sort_key": 0.03,
    "await_call": 0.01,
    "declare_outer": 0.1,
    "method_decorator": 0.005,
    # exceptions
    "caught_exception": 0.03,
    "raised_exception": 0.02,
    "raise_or_return": 0.01,
    # returns
    "missing_return": 0.02,
    "missing_jump": 0.01,
    "return_value": 0.03,
    "return_form": 0.008,
    "jump": 0.04,
    "return_condition": 0.005,
    "return_before": 0.004,
    # guards
    "entry_guard": 0.05,
    "inner_guard": 0.012,
    "guarded_update": 0.008,
    "wrap_in_if": 0.012,
    "wrap_in_loop": 0.002,
    # moved statements
    "swap_statements": 0.012,
    "move_statement": 0.006,
    "move_out": 0.015,
    "move_in": 0.012,
    "else_branch": 0.012,
    "branch_keyword": 0.015,
    "unwrap_block": 0.006,
    # missing and superfluous statements
    "delete_statement": 0.015,
    "drop_branch": 0.01,
    "missing_update": 0.02,
    "copy_statement": 0.02,
    "replace_statement": 0.008,
    "add_else": 0.012,
    "assign_result": 0.02,
    "simultaneous_assignment": 0.02,
    # several places
    "rename_all": 0.012,
    "flip_flags": 0.05,
    "replace_all": 0.006,
    "operator_all": 0.012,
    "shift_all": 0.006,
    "swap_parameters": 0.004,
    # donors
    "donor_expression": 0.012,
    "substituted_donor": 0.006,
}

# Two edits of one statement come together more often than two independent faults would.
PAIR_PRIOR = 2.0

PRIORS: Mapping[str, float] = {name: log(value) for name, value in _PROBABILITIES.items()}
