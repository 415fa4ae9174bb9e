"""Every threshold of a search in one place, with its unit.

The values were set by hand on the development cases that `docs/evaluation.md` describes, one at a time and
on whole runs, unless a line names another source. "Nats" are natural logarithms of odds: what is taken
off or added by one of them is a factor of ``exp(nats)``.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Thresholds, weights and shares of one search; a search never reads any from elsewhere."""

    # --- before the search: does the failure stand? ---

    reruns: int = 4  # runs of a failing set before it is believed to fail always
    alike_reruns: int = (
        2  # instead, where it fails alike each time and nothing in the sources is chance
    )
    fresh_reruns: int = 3  # in processes of their own, until a test that passed does so there
    whole_reruns: int = 2  # runs of everything, where a test passes each time that it is run alone
    counted_runs: int = 10  # in which it is counted how often a flaky test fails
    rerun_share: float = 0.05  # of the time left, at most, but for the first of them
    counting_share: float = 0.1  # of the time left, at most, for what is told of a flaky test
    proving_reruns: int = 4  # runs with a patch, and without it, where failing may be chance
    sign_chars: int = 2_000_000  # of sources that are searched for what makes a run differ
    polluters: int = 3  # tests that are named as what another test depends on, at most
    traced_failing: int = 60  # failing tests whose lines are recorded to see what they share
    rules_share: float = (
        0.1  # of the time left, where the environment is at fault by all that is seen
    )
    least_share: float = 0.5  # of the time left for one failing set, however many are open

    # --- fault localization; suspiciousness is in [0, 1] ---

    suspicions: int = 400  # places that are kept
    least_suspicion: float = 0.02  # below this a place is not worth a candidate
    outward: float = 0.6  # each frame further out is this much less likely to hold the fault
    defines: float = (
        0.45  # share for a constant, default or signature that a suspicious statement uses
    )
    common_cause_tests: int = (
        3  # other failing tests from which they say something of a common cause
    )
    alone: float = 0.4  # of the suspicion of a place that none of those executes
    mentioned: float = 0.1  # of a place that the tests only name
    alike: float = 0.5  # of each place, where all are equally suspicious
    named_by_test: float = (
        1.5  # added to the factor of a function all of whose words the test's name has
    )
    called_by_test: float = 0.6  # added to that of a function which the test calls by its name
    word_prefix: float = 0.8  # of a word that only begins alike, as in `comp` and `comprehension`
    word_letters: int = 4  # of such a beginning, at least

    # --- the order in which candidates are tried ---

    unlocated: float = 0.05  # suspiciousness of a place that localization did not name
    rule_location: float = 0.3  # weight of the place for a rule, which names its place itself
    copied_literal: float = (
        4.0  # nats off for a literal that stands in the tests and not in the source
    )
    constant_condition: float = 2.5  # nats off for a condition made constant
    deletion: float = 1.5  # nats off for lines taken out
    removal: float = 2.5  # nats off for part of an expression taken out, with nothing in its place
    per_character: float = 0.01  # nats off, so that small patches come first
    size_chars: int = 200  # of a patch that are counted
    new_import: float = 1.5  # nats by which what needs a new import of the module is tried later

    # --- what the model says of candidates ---

    model_weight: float = 0.35  # nats of score for a nat of the model's likelihood ratio
    nats_per_character: float = (
        0.5  # that code costs a small model: else deleting always looks likely
    )
    model_nats: float = (
        6.0  # that the model may add or take at most: it orders what is close, no more
    )
    prefix_chars: int = (
        1200  # of code before the edit that it reads, at least; at most twice as many
    )
    suffix_lines: int = 1  # unchanged lines after the edit that it reads as well
    suffix_chars: int = 160  # of them at most
    first_look: int = 4  # candidates that it orders to measure what that costs
    look_ahead: int = 24  # candidates that it orders at a time where a validation is the dearer
    scoring_share: float = 0.3  # of the time for validations, at most, goes into scores
    score_gain: float = 0.7  # a score must cost less than this many validations to go first

    # --- validation ---

    batch: int = 16  # candidates validated side by side where a validation is fast
    slow_batch: int = 4  # instead, where it is slow
    fast_s: float = 0.2  # seconds of a fast validation, on average
    fill_s: float = 2.0  # seconds after which a batch does not wait to be filled
    settling: int = 24  # first validations, which start processes and say little of the cost

    # --- shares of the time left, one after the other ---

    first_pass: float = 0.6  # for single edits, before the model writes
    first_pass_chat: float = 0.4  # before a model does that writes whole functions, and is slower
    writing: float = 0.6  # for what the model writes
    rewriting: float = 0.5  # for each round in which it writes functions again
    rest: float = 0.5  # for further single edits after that
    patience: float = 0.5  # for candidates that were cut short
    sure_partial: float = 0.5  # for what follows the surest partial repairs
    destructive: float = 0.7  # for destructive candidates, once it is their turn
    kept_for_destructive: float = 0.2  # of the whole time, where some wait

    # --- several faults behind one another ---

    depth: int = 6  # faults behind one another
    partial_repairs: int = 4  # followed at each depth
    sure_prior: float = (
        -1.5
    )  # nats from which a partial repair is followed before all else is tried
    first_candidates: int = 40  # tried before that, or as many as there is time for in first_s
    first_s: float = 5.0  # seconds
    rewriting_rounds: int = (
        2  # in which the model writes functions again, told how those before failed
    )

    thinned: int = 6  # repairs of several steps that are tried without each of these

    # --- when a session ends ---

    needless_share: float = 0.3  # of the time left, at most, for running all without each repair

    # --- when a pass ends that has found something plausible: the first is not always right ---

    more: int = 40  # further candidates, at least
    more_while_others_fail: int = 160  # instead, while other tests fail that one patch may explain
    more_while_related_fail: int = 800  # instead, while what runs the changed lines still fails
    more_share: float = 0.5  # of the candidates that it took to find it, if that is more
    more_in_doubt: float = 4.0  # times as many where it is certainly wrong; a share for less
    longer_in_doubt: float = 2.0  # times as long, at most
    second_opinion: float = 0.35  # probability below which the model writes as well
    second_opinion_s: float = 6.0  # seconds for that
    more_s: float = 3.0  # seconds
    more_s_while_related_fail: float = 12.0  # seconds

    # --- how likely a plausible patch is correct ---

    evaded: float = (
        3.0  # nats against it where no test runs the line that raised the error, or hung
    )
    unreached: float = (
        4.0  # nats where all lines that the failing tests ran are lost; a share for some
    )
    examined: int = 2  # of the likeliest groups, whose runs are looked at: a traced run each
    open_from: float = 0.1  # probability of the likeliest group, where that is worth it
    open_to: float = 0.97  # to where
    probed: int = 24  # plausible repairs that are asked what they give for other arguments
    loss_reruns: int = (
        3  # runs of everything, with and without a repair, before a test counts as lost
    )
    quick_run_s: float = 5.0  # where a run takes longer, one is enough
    compared_runs: int = 4  # plausible repairs of a broken import that a whole run compares
    asserted_calls: int = 24  # of tests, that are made with the code as it is
    judged: int = 2  # of the likeliest groups, which the model judges
    documented_calls: int = 3  # for which the model is asked which result the docstring means
    listed: int = 5  # plausible patches that are listed beside the chosen one

    # --- whether the test is at fault ---

    suspected: float = 0.8  # probability that it is from which nothing is written
    suspected_alone: float = 0.5  # where no patch was found, or special cases only
    suspected_early: float = 0.97  # from which nothing is searched; chosen: only what settles it
    doubted: float = 0.25  # from which the outcome says so, and a patch is suggested, not written
    noted: float = 0.2  # from which it says so where there is no patch; all chosen
    expectations: int = 100  # of a test file that are read
    many_tried: int = 100  # candidates without a plausible one, from which that says something
    early_rank: int = 10  # of a first plausible patch, to which nothing is unusual

    # --- questions to a person; all chosen ---

    questions: int = 3  # about one failure, at most
    notable_rivals: float = 0.05  # share of what is believed from which it is worth a question
    question_information: float = 0.8  # of what the best call tells: the shortest that does as much
    answered: float = 0.95  # probability of what agrees with a person's answer

    # --- destructive edits ---

    indexed_chars: int = 8_000_000  # of the sources that are searched for destructive functions


DEFAULT = Limits()
