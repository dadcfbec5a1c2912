"""`make oracle`, small: random households with hidden evidence against the two oracles."""

from __future__ import annotations

from dataclasses import replace

import pytest
import wide_oracle
from oracle_run import counter_examples, opinions
from test_rules_faults import load

SEED = 7


@pytest.fixture(scope="module")
def both():
    return opinions()


@pytest.mark.parametrize("number", [0, 1])
def test_no_truth_lies_outside_what_the_engine_says(both, number):
    assert not list(counter_examples(both[number], 600, SEED))


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("DECLINE(price, 7,", "DECLINE(price, 8,"),
        ("ROUND_HALF_UP(half", "ROUND_DOWN(half"),
        ('each_more: "600"', 'each_more: "500"'),
        ('value: "0.5"', 'value: "0.4"'),
        ("GREATEST(worth - debt, 0)", "worth - debt"),
        ('operator: "<=", limit: one', 'operator: "<", limit: one'),
        ("when: serving_sentence", "when: serving_sentence AND relation = 'self'"),
    ],
)
def test_a_wrong_rule_is_found_out(both, right, wrong):
    assert right in wide_oracle.BOOK
    law = load(wide_oracle.BOOK.replace(right, wrong))
    assert any(counter_examples(replace(both[1], law=law), 400, SEED))
