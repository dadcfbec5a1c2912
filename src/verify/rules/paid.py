"""What is paid to a household or by it: that a rulebook names amounts of the right kind."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from verify.content import Loc
from verify.rules.expressions import Fault
from verify.rules.grammar import RulebookM
from verify.rules.plan import HOUSEHOLD, PERSON, Quantity
from verify.rules.units import MONEY, Unit


def paid(model: RulebookM) -> Iterator[tuple[Loc, str, Callable[[Quantity], None]]]:
    """Where a rulebook names an amount that is paid, its name, and the check of its kind."""
    if (benefit := model.benefit) is not None:
        yield ("benefit", "monthly"), benefit.monthly, _monthly
        if benefit.each is not None:
            yield ("benefit", "each"), benefit.each, _each
        if benefit.exit is not None:
            yield ("benefit", "exit", "months"), benefit.exit.months, _months
    for i, charge in enumerate(model.charges):
        yield ("charges", i, "charge"), charge.charge, _charge


def _monthly(quantity: Quantity) -> None:
    if quantity.level != HOUSEHOLD or quantity.kind.unit is not Unit.FEN_PER_MONTH:
        raise Fault("the benefit is a household amount per month")
    if quantity.kind.quotient:
        raise Fault("the benefit is of the whole household, not a quotient per member")


def _each(quantity: Quantity) -> None:
    if quantity.level != PERSON or quantity.kind.unit is not Unit.FEN_PER_MONTH:
        raise Fault("the part of each member is an amount per month under `persons`")


def _months(quantity: Quantity) -> None:
    if quantity.kind.unit is not Unit.MONTHS:
        raise Fault("the gradual exit lasts a number of months: a limit in months")


def _charge(quantity: Quantity) -> None:
    if quantity.level != HOUSEHOLD or quantity.kind.unit not in MONEY:
        raise Fault("a charge is an amount of money of the household")
    if quantity.kind.quotient:
        raise Fault("a charge is of the whole household, not a quotient per member")
