"""Names: their normal form, and how well two of them agree.

What registers do to a name (domain facts, 7.3): the dot between the parts of an ethnic name is
missing, a full stop or doubled; traditional for simplified characters; a rare character replaced
by pinyin, a box, a question mark, a private-use or a same-sounding character; parts in reverse
order; long names cut short.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, lru_cache

from rapidfuzz.distance import OSA

from verify.identity.text import (
    LONGEST_RAW,
    is_han,
    is_separator,
    one_width,
    over_long,
    simplify,
)
from verify.scoring.levels import NAME, rank

LONGEST_NAME = 64
_COMPOUND = (
    "欧阳 上官 皇甫 令狐 诸葛 司徒 司马 申屠 夏侯 贺兰 完颜 慕容 尉迟 长孙 东方 独孤 公孙 宇文 "
    "钟离 端木 百里 呼延 轩辕 闻人 万俟 赫连 澹台 濮阳 淳于 太叔 南宫"
)
COMPOUND_SURNAMES = frozenset(_COMPOUND.split())
_BOXES = frozenset("?□■〓○◇\ufffd")
_SHORTEST_CUT = 5  # characters that a name cut short must still show
_MIN_FOR_ONE_OFF = 3  # one character of two is half the name
_MAX_SYLLABLE = 6  # zhuang
_LONGEST_HAN_NAME = 4

_EXACT, _FORMER, _VARIANT, _ROMANISED, _HOMOPHONE, _ONE, _MISSING, _SURNAME, _DIFFERENT = (
    rank(NAME, level)
    for level in (
        "exact",
        "former",
        "variant",
        "romanised",
        "homophone",
        "one_character",
        "missing",
        "surname_only",
        "different",
    )
)


@dataclass(frozen=True, slots=True)
class NameForm:
    """Normal form of a name.

    `text` is NFKC, case-folded, simplified, without separators, at most 64 characters; `parts`
    are its parts in sorted order; `steps` says what had to be levelled (`width`, `case`,
    `traditional`, `separator`, `cut`), for the explanation only.
    """

    text: str
    parts: tuple[str, ...]
    steps: str
    cut: bool
    han: bool


def name_form(raw: str | None) -> NameForm:
    """The normal form of a name as written anywhere; empty for none."""
    # Cut before the cache, so that a hostile text is not kept in memory.
    return _name_form((raw or "")[: LONGEST_RAW + 1])


@lru_cache(maxsize=1 << 16)
def _name_form(raw: str) -> NameForm:
    wide = one_width(raw)
    folded = wide.casefold()
    simple = simplify(folded)
    spaced = "".join(" " if is_separator(c) and c not in _BOXES else c for c in simple)
    parts = spaced.split()
    whole = "".join(parts)
    text = whole[:LONGEST_NAME]
    cut = len(whole) > len(text) or over_long(raw)
    steps = [
        step
        for step, taken in (
            ("width", not cut and wide != raw),
            ("case", folded != wide),
            ("traditional", simple != folded),
            ("separator", whole != simple),
            ("cut", cut),
        )
        if taken
    ]
    han = bool(text) and all(map(is_han, text))
    return NameForm(text, tuple(sorted(p[:LONGEST_NAME] for p in parts)), ",".join(steps), cut, han)


@dataclass(frozen=True, slots=True)
class PersonNames:
    """The name of a person and the former names stated for them."""

    name: NameForm
    former: tuple[NameForm, ...] = ()


def name_level(record: NameForm, person: PersonNames) -> int:
    """Rank of the agreement of a record's name with a person's (`scoring.levels`, 0 strongest)."""
    if not record.text or not person.name.text:
        return _MISSING
    level = _compare(record, person.name)
    if level == _EXACT or not person.former:
        return level
    # A former name as good as written counts as former; a worse likeness of it keeps its level.
    former = min(max(_FORMER, _compare(record, f)) for f in person.former)
    return min(level, former) if former != _MISSING else level


def _compare(a: NameForm, b: NameForm) -> int:
    if not a.text or not b.text:
        return _MISSING
    if a.text == b.text:
        return _VARIANT if a.cut or b.cut else _EXACT
    return next((level for level, agrees in _LIKENESS if agrees(a, b)), _DIFFERENT)


def surname(form: NameForm) -> str:
    """The surname of a Han name of two to four characters; empty for other names."""
    if not form.han or len(form.parts) != 1 or not 2 <= len(form.text) <= _LONGEST_HAN_NAME:
        return ""
    return form.text[:2] if form.text[:2] in COMPOUND_SURNAMES else form.text[0]


def _same_parts(a: NameForm, b: NameForm) -> bool:
    return len(a.parts) > 1 and a.parts == b.parts


def _cut_short(a: NameForm, b: NameForm) -> bool:
    short, long = (a.text, b.text) if len(a.text) < len(b.text) else (b.text, a.text)
    return len(short) >= _SHORTEST_CUT and long.startswith(short) and any(map(is_han, short))


def _boxed(a: NameForm, b: NameForm) -> bool:
    """One side shows a box or private-use character where the other has one beyond GB 2312.

    Only such a character, which old systems cannot write: a box over an ordinary one hides
    something else.
    """
    if len(a.text) != len(b.text):
        return False
    unlike = [(x, y) for x, y in zip(a.text, b.text, strict=True) if x != y]
    return len(unlike) < len(a.text) and all(
        (_is_box(x) and _unwritable(y)) or (_is_box(y) and _unwritable(x)) for x, y in unlike
    )


def _is_box(char: str) -> bool:
    return char in _BOXES or "\ue000" <= char <= "\uf8ff" or char >= "\U000f0000"


def _unwritable(char: str) -> bool:
    try:
        char.encode("gb2312")
    except UnicodeEncodeError:
        return True
    return False


def _homophone(a: NameForm, b: NameForm) -> bool:
    """Each character has a reading (tone aside) in common with its counterpart."""
    if not (a.han and b.han) or len(a.text) != len(b.text) or len(a.text) < 2:
        return False
    return all(
        x == y or not readings(x).isdisjoint(readings(y))
        for x, y in zip(a.text, b.text, strict=True)
    )


def _romanised(a: NameForm, b: NameForm) -> bool:
    """One side writes pinyin for characters of the other (王yan for 王䶮, wangwei for 王伟)."""
    if a.han and not b.han:
        a, b = b, a
    if a.han or not b.han or len(b.text) < 2:
        return False
    # Registers also write the given name first in Latin letters.
    turned, mixed = surname(b), _toneless(a.text)
    return _spells(mixed, b.text) or (
        bool(turned) and _spells(mixed, b.text[len(turned) :] + turned)
    )


def _toneless(text: str) -> str:
    """Latin letters without tone marks; ü as v, as in `readings`."""
    if text.isascii():
        return text
    letters = unicodedata.normalize("NFD", text).replace("u\u0308", "v")
    return "".join(c for c in letters if not "\u0300" <= c <= "\u036f")


def _spells(mixed: str, han: str) -> bool:
    """Whether `mixed` can be read as `han`, each character as itself or as one reading.

    Linear in len(han) for real readings: the set of places reached is small.
    """
    if not len(han) <= len(mixed) <= len(han) * _MAX_SYLLABLE:
        return False
    places = {0}
    for char in han:
        options = (char, *readings(char))
        places = {
            at + len(option) for at in places for option in options if mixed.startswith(option, at)
        }
        if not places:
            return False
    return len(mixed) in places


@cache  # bounded by Unicode: one entry a character
def readings(char: str) -> frozenset[str]:
    """All Mandarin readings of a character without tone; ü is written v and also u (吕: lv, lu).

    Includes readings found only in surnames (单 shan, 仇 qiu, 朴 piao), because pypinyin lists
    them with the character.
    """
    from pypinyin import Style, pinyin

    if not is_han(char):
        return frozenset()
    found = pinyin(char, style=Style.NORMAL, heteronym=True, errors="ignore")
    plain = {r for reading in found for r in reading}
    return frozenset(plain | {r.replace("v", "u") for r in plain if "v" in r})


def _one_off(a: NameForm, b: NameForm) -> bool:
    """One character added, left out, replaced or two neighbours swapped, of three or more.

    A given name of a single character is not "one off" when that one differs: it is another.
    """
    return (
        not (_single_given(a) and _single_given(b) and surname(a) == surname(b))
        and max(len(a.text), len(b.text)) >= _MIN_FOR_ONE_OFF
        and abs(len(a.text) - len(b.text)) <= 1
        and OSA.distance(a.text, b.text, score_cutoff=1) == 1
    )


def _single_given(form: NameForm) -> bool:
    return bool(surname(form)) and len(form.text) == len(surname(form)) + 1


def _same_surname(a: NameForm, b: NameForm) -> bool:
    return bool(surname(a)) and surname(a) == surname(b)


# Strongest first; the first that holds is the level.
_LIKENESS: tuple[tuple[int, Callable[[NameForm, NameForm], bool]], ...] = (
    (_VARIANT, _same_parts),
    (_VARIANT, _cut_short),
    (_VARIANT, _boxed),
    (_ROMANISED, _romanised),
    (_HOMOPHONE, _homophone),
    (_ONE, _one_off),
    (_SURNAME, _same_surname),
)
