"""How likely each pattern is the right one: one table, so that a calibration can replace it."""

from __future__ import annotations

from collections.abc import Mapping
from math import log

# How often, of 1,000 nodes of faulty code where a pattern applies, its edit there is the repair. First
# ordered by what the literature reports of such faults, then drawn towards counts over 335 repairs that
# people made (`benchmarks/edit_space.py --calibrate`). Only ratios matter. Of edits that are as
# likely as one another, those of the pattern that stands first here come first.
_PER_THOUSAND: Mapping[str, float] = {
    # operators
    "arithmetic_operator": 1.1,
    "augmented_operator": 4.6,
    "plain_to_augmented": 0.65,
    "sign": 0.11,
    "swap_operands": 0.38,
    "swap_parts": 2.0,
    "drop_operand": 2.1,
    "add_operand": 0.65,
    "add_text": 0.38,
    "regroup": 0.88,
    "move_across_call": 0.36,
    # comparisons
    "comparison_operator": 19,
    "swap_sides": 0.64,
    "chain_link": 0.96,
    "extend_chain": 0.47,
    "truth_test": 0.7,
    # off by one
    "off_by_one": 2.2,
    "range_bounds": 6.9,
    # constants
    "integer_constant": 7.3,
    "float_constant": 1.9,
    "flag_constant": 2.7,
    "initial_value": 1.4,
    "none_constant": 0.65,
    "string_constant": 2.4,
    "constant_to_name": 0.7,
    "name_to_constant": 0.22,
    # names
    "wrong_variable": 1.5,
    "wrong_target": 0.37,
    "wrong_function": 0.93,
    "name_to_attribute": 0.64,
    "attribute_to_name": 0.39,
    # attributes
    "wrong_attribute": 0.85,
    "drop_attribute": 0.19,
    "add_attribute": 0.26,
    "call_missing": 0.26,
    "method_missing": 0.31,
    "method_extra": 0.46,
    # calls
    "swap_arguments": 1.4,
    "swap_elements": 0.83,
    "element_count": 0.25,
    "drop_argument": 0.51,
    "add_argument": 0.3,
    "keyword_name": 0.65,
    "star_argument": 0.45,
    "wrap_call": 0.21,
    "unwrap_call": 0.84,
    "bound_value": 0.25,
    "extend_bound": 0.62,
    "function_or_method": 0.49,
    # slices
    "slice_bounds": 2.8,
    "index_form": 0.36,
    "add_index": 0.21,
    "swap_indices": 0.81,
    "element_for_variable": 1.0,
    # conditions
    "negate": 1.5,
    "and_or": 2.6,
    "drop_condition": 2.6,
    "add_condition": 2.4,
    "other_condition": 0.55,
    "conditional_expression": 1.3,
    "make_conditional": 0.19,
    "comprehension_filter": 1.2,
    "negation_scope": 1.3,
    # loops
    "loop_iterable": 0.85,
    "loop_target": 0.24,
    "loop_condition": 0.38,
    # containers
    "container_kind": 0.24,
    "empty_container": 0.62,
    "copy_value": 0.31,
    "repeated_rows": 3.2,
    "lookup_default": 0.24,
    # strings
    "string_prefix": 1.3,
    "join_strings": 0.31,
    "case_insensitive": 0.32,
    # functions
    "mutable_default": 6.5,
    "sort_key": 1.8,
    "await_call": 0.65,
    "declare_outer": 6.4,
    "method_decorator": 0.32,
    # exceptions
    "caught_exception": 1.9,
    "raised_exception": 1.3,
    "raise_or_return": 0.65,
    # returns
    "missing_return": 1.1,
    "missing_jump": 0.57,
    "return_value": 1.8,
    "return_form": 0.51,
    "jump": 3,
    "return_condition": 0.32,
    "return_before": 0.26,
    # results
    "assign_result": 1.2,
    "simultaneous_assignment": 0.82,
    # guards
    "entry_guard": 4.6,
    "inner_guard": 0.59,
    "guarded_update": 0.22,
    "wrap_in_if": 0.5,
    "wrap_in_loop": 0.097,
    # moved statements
    "swap_statements": 1,
    "move_statement": 0.26,
    "move_out": 0.4,
    "move_in": 0.47,
    "move_into_function": 2.0,
    "else_branch": 0.56,
    "branch_keyword": 1.5,
    "unwrap_block": 0.31,
    # missing and superfluous statements
    "delete_statement": 1.5,
    "drop_branch": 0.59,
    "add_else": 0.99,
    "missing_update": 0.29,
    "copy_statement": 0.29,
    "replace_statement": 0.38,
    # several places
    "rename_all": 0.68,
    "flip_flags": 3.2,
    "replace_all": 0.38,
    "operator_all": 0.75,
    "shift_all": 0.34,
    "swap_parameters": 0.26,
    # copies of code
    "missing_neighbour": 4.0,
    "twin_block": 4.0,
    "same_named_method": 2.0,
    # what is not put to use
    "store_parameter": 4.0,
    "keyword_like_others": 4.0,
    "convert_parameter": 1.5,
    "compared_by": 2.0,
    "clear_container": 1.0,
    # the same in another way
    "or_default": 2.6,
    "single_element": 0.7,
    "repeat_condition": 2.0,
    "value_to_variable": 0.3,
    # donors
    "donor_expression": 0.72,
    "substituted_donor": 0.26,
}

# Of what a pattern offers at a node, the share of the likeliest change, in nats: the 95th percentile over
# a sample of code. A bound that lets the search open crowded patterns no sooner than they can yield.
BEST_SHARES: Mapping[str, float] = {
    "inner_guard": -3.9,
    "add_condition": -3.7,
    "make_conditional": -3.4,
    "guarded_update": -3.1,
    "entry_guard": -2.9,
    "other_condition": -2.7,
    "wrap_in_if": -2.6,
    "add_else": -2.4,
    "caught_exception": -2.3,
    "string_constant": -1.9,
    "method_missing": -1.9,
    "range_bounds": -1.8,
    "slice_bounds": -1.8,
    "missing_update": -1.7,
    "copy_statement": -1.6,
    "initial_value": -1.6,
    "bound_value": -1.6,
    "add_index": -1.5,
    "return_value": -1.5,
    "index_form": -1.4,
    "extend_chain": -1.4,
    "add_operand": -1.3,
    "replace_statement": -1.3,
    "loop_iterable": -1.2,
    "substituted_donor": -1.1,
    "wrap_call": -1.0,
    "name_to_constant": -1.0,
    "replace_all": -0.7,
    "integer_constant": -0.7,
    "off_by_one": -0.7,
    "donor_expression": -0.6,
    "wrong_variable": -0.5,
    "wrong_function": -0.5,
}

# Two edits of one statement come together more often than two independent faults would.
PAIR_PRIOR = 3.0

PRIORS: Mapping[str, float] = {name: log(value / 1000) for name, value in _PER_THOUSAND.items()}
