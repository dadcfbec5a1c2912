"""What would meet a test, in words for the family and the caseworker."""

from __future__ import annotations

from verify.domain.money import money_words
from verify.domain.verdict import ChangeKind, Text
from verify.rules.inputs import Input
from verify.rules.plan import Test
from verify.rules.units import MONEY
from verify.rules.view import View


def worded(view: View, test: Test, one: Input, by: int | None) -> Text:
    """One sentence in both languages; `by` as in `Change`."""
    kind, what = one.kind, _what(view, one)
    if by is None:
        return Text(
            f"只改变{what.zh}不能使其满足",
            _sentence(f"no change of {what.en} alone would meet it"),
        )
    if kind is ChangeKind.COUNTED:
        zh = "计入" if by > 0 else "不计入"
        en = "counted" if by > 0 else "did not count"
        return Text(
            f"{what.zh}若{zh}家庭人口即满足", _sentence(f"met if {what.en} {en} as a member")
        )
    if kind is ChangeKind.CIRCUMSTANCE:
        zh, en = ("成立", "held") if by > 0 else ("不成立", "did not hold")
        return Text(f"{what.zh}若{zh}即满足", _sentence(f"met if {what.en} {en}"))
    zh, en = ("增加", "rose by") if by > 0 else ("减少", "fell by")
    amount = _amount(view, test, kind, abs(by))
    average = _average(view, one.measures, abs(by)) if kind is ChangeKind.AMOUNT else Text("", "")
    return Text(
        f"{what.zh}{zh}{amount.zh}{average.zh}即满足",
        _sentence(f"met if {what.en} {en} {amount.en}{average.en}"),
    )


def _what(view: View, one: Input) -> Text:
    kind, member, quantity = one.kind, one.member, one.quantity
    if kind is ChangeKind.VALUE:
        return view.plan.quantities[quantity].title
    person = view.person_titles[member.person] if member is not None else None
    if kind is ChangeKind.COUNTED and person is not None:
        return person
    if kind is ChangeKind.CIRCUMSTANCE:
        thing = view.plan.quantities[quantity].title
    else:
        words = view.wording.quantities
        thing = words.get(quantity, words["any"]).text
    if person is None:
        return thing
    return Text(f"{person.zh}的{thing.zh}", f"{thing.en} of {person.en}")


def _amount(view: View, test: Test, kind: ChangeKind, size: int) -> Text:
    if kind is ChangeKind.AMOUNT or test.unit in MONEY:
        zh, en = money_words(size, view.plan.model.currency)
        return Text(f" {zh}", en)
    return Text(f" {size} ", f"{size}")


def _average(view: View, measures: tuple[int, ...], size: int) -> Text:
    """Income is added up over a window: what that is per month, rounded up to the fen."""
    windows = view.plan.model.windows
    months = {
        windows[w].months for m in measures if (w := view.plan.measures[m].model.window) is not None
    }
    if len(months) != 1:
        return Text("", "")
    (n,) = months
    zh, en = money_words(-(-size // n), view.plan.model.currency)
    return Text(f"({n} 个月合计,月均 {zh})", f" over {n} months, {en} a month")


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]
