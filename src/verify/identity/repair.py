"""Which valid identity numbers a broken one may stand for: reasoning with the check digit.

GB 11643's check digit (ISO 7064 MOD 11-2) finds every single wrong digit and every swap of
neighbours, and its weights have inverses modulo 11. So for each place there is at most one digit
that makes a broken number valid, and a broken number has some twenty valid neighbours: looking
these up replaces comparing it with every number that differs in one character.
"""

from __future__ import annotations

from verify.domain.identifiers import check_digit, parse_citizen_id

_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2, 1)
_INVERSE = {w: pow(w, -1, 11) for w in set(_WEIGHTS)}


def repairs(text: str) -> list[str]:
    """Valid numbers one slip away: a wrong character, two swapped, one left out or one too many.

    A 15-digit number has no check digit and no broken form here: each of its neighbours is
    another valid number, and a doubtful one is found by name and birth date instead. Sorted;
    empty for what is not nearly an identity number.
    """
    return sorted(number for number in candidates(text) if _born(number))


def candidates(text: str) -> set[str]:
    """The same before anyone asks whether such an area and date exist: check digits are right."""
    if not 17 <= len(text) <= 19 or not text[:-1].isdecimal() or not text.isascii():
        return set()
    if len(text) == 19:
        return {number for number in _deleted(text) if _checks(number)}
    return set(_inserted(text) if len(text) == 17 else _substituted(text)) - {text}


def _checks(number: str) -> bool:
    return number[:17].isdecimal() and check_digit(number[:17]) == number[17]


def _born(number: str) -> bool:
    """Whether a number whose check digit is right has an area and a date of birth."""
    if not ("01" <= number[10:12] <= "12" and "01" <= number[12:14] <= "31"):
        return False
    try:
        return parse_citizen_id(number).number == number
    except ValueError:
        return False


def _value(char: str) -> int:
    return 10 if char == "X" else int(char)


def _substituted(text: str) -> list[str]:
    if text[-1] not in "0123456789X":
        return []
    values = [_value(c) for c in text]
    wrong = (sum(v * w for v, w in zip(values, _WEIGHTS, strict=True)) - 1) % 11
    found = []
    for at, (value, weight) in enumerate(zip(values, _WEIGHTS, strict=True)):
        right = (value - wrong * _INVERSE[weight]) % 11
        if right < 10 or at == 17:
            found.append(text[:at] + ("X" if right == 10 else str(right)) + text[at + 1 :])
    found += [
        text[:at] + text[at + 1] + text[at] + text[at + 2 :]
        for at in range(17)
        if (values[at] - values[at + 1]) * (_WEIGHTS[at + 1] - _WEIGHTS[at]) % 11 == -wrong % 11
    ]
    return [n for n in found if n[:17].isdecimal()]


def _inserted(text: str) -> list[str]:
    """One character was left out; the check digit says which one fits at each place."""
    found = [text + check_digit(text)] if text.isdecimal() else []
    for at in range(17):
        for digit in "0123456789":
            number = text[:at] + digit + text[at:]
            if number[:17].isdecimal() and check_digit(number[:17]) == number[17]:
                found.append(number)
    return found


def _deleted(text: str) -> list[str]:
    return [text[:at] + text[at + 1 :] for at in range(19)]
