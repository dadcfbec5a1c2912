"""How clerks and old systems misspell names and numbers (only what is attested).

Each function returns the misspelt form, or the input unchanged where the mishap cannot happen to
it (no rare character, no final X, ...).
"""

from __future__ import annotations

from verify.domain.identifiers import check_digit
from verify.simulate.dice import Dice
from verify.simulate.names import RARE

_SAME_SOUND = (
    "伟玮炜纬", "静婧靖", "丽莉俪", "芳方", "军君钧", "杰洁捷", "涛滔", "艳燕彦", "勇永咏",
    "秀绣", "英瑛莺", "玉钰育", "明铭鸣", "兰岚蓝", "国帼", "红虹鸿宏", "平萍苹", "梅玫枚",
    "建健剑", "志智治", "文雯", "辉晖", "宇羽雨语", "轩萱宣", "涵晗函含", "欣心新馨", "怡仪宜",
    "浩皓昊", "子梓紫", "佳嘉家", "珍真贞", "琴勤芹", "凤奉", "博伯", "晨辰宸", "娟鹃",
    "敏闵", "霞侠", "斌彬宾", "鹏朋", "磊垒", "桂贵", "月悦越",
    "金今", "生升声", "林琳霖", "云芸", "惠慧", "琪奇其", "诗施", "瑶遥姚",
    "俊峻骏", "豪毫", "阳杨洋", "思斯", "彤桐童", "沐木", "奕亦易",
    "一依伊", "妍言", "不布",
)  # fmt: skip
HOMOPHONES = {c: group.replace(c, "") for group in _SAME_SOUND for c in group if len(group) > 1}

TRADITIONAL = dict(
    zip(
        "张刘陈杨黄赵吴孙马罗郑谢韩冯许邓萧苏吕卢蒋贾叶阎钟谭邹陆龙万钱汤贺赖龚严伟静丽兰红国云军涛艳"
        "华凤强建荣贵庆东辉刚鹏晓颖阳诗语梦泽宝莲东卫义财顺娅纯绣",
        "張劉陳楊黃趙吳孫馬羅鄭謝韓馮許鄧蕭蘇呂盧蔣賈葉閻鐘譚鄒陸龍萬錢湯賀賴龔嚴偉靜麗蘭紅國雲軍濤艷"
        "華鳳強建榮貴慶東輝剛鵬曉穎陽詩語夢澤寶蓮東衛義財順婭純繡",
        strict=True,
    )
)
TRADITIONAL = {simple: full for simple, full in TRADITIONAL.items() if simple != full}

VARIANTS = {
    "峰": "峯", "群": "羣", "升": "昇", "强": "強", "珍": "珎", "咏": "詠", "杰": "傑",
    "村": "邨", "岩": "巖", "韵": "韻", "昆": "崑", "晰": "晳",
}  # fmt: skip

_FULL_WIDTH = str.maketrans("0123456789X", "０１２３４５６７８９Ｘ")


def pinyin_for_rare(name: str) -> str:
    """`王䶮` -> `王YAN`: a clerk types Latin letters for a character the terminal lacks."""
    for character, (pinyin, _) in RARE.items():
        name = name.replace(character, pinyin)
    return name


def lookalike_for_rare(name: str) -> str:
    """`王䶮` -> `王龑`: the form that families were told to use instead."""
    for character, (_, instead) in RARE.items():
        name = name.replace(character, instead)
    return name


def variant(name: str) -> str:
    """One character in its variant form (异体字), or a rare one by its look-alike."""
    for character, other in VARIANTS.items():
        if character in name[1:]:
            return name[0] + name[1:].replace(character, other, 1)
    return lookalike_for_rare(name)


def traditional(name: str) -> str:
    """The whole name in traditional characters."""
    return "".join(TRADITIONAL.get(c, c) for c in name)


def homophone(name: str, dice: Dice) -> str:
    """One character of the given name replaced by another of the same sound."""
    places = [i for i, c in enumerate(name) if i > 0 and c in HOMOPHONES]
    if not places:
        return name
    at = dice.one_of(places)
    return name[:at] + dice.one_of(HOMOPHONES[name[at]]) + name[at + 1 :]


def separator(name: str, dice: Dice) -> str:
    """The middle dot of an ethnic name missing, or written as another mark."""
    return name.replace("·", dice.one_of(("", ".", "•", "・", " ", "··")))


def fifteen_digits(number: str) -> str:
    """The first-generation form; only for people born in the 20th century."""
    return number[:6] + number[8:17] if number[6:8] == "19" else number


def wrong_digit(number: str, dice: Dice) -> str:
    """One digit of the serial part mistyped; the check digit gives it away."""
    at = dice.one_of((14, 15))
    digit = str((int(number[at]) + dice.between(1, 9)) % 10)
    return number[:at] + digit + number[at + 1 :]


def swapped(number: str, dice: Dice) -> str:
    """Two neighbouring digits swapped (birth date or serial number)."""
    places = [i for i in range(10, 15) if number[i] != number[i + 1]]
    if not places:
        return number
    at = dice.one_of(places)
    return number[:at] + number[at + 1] + number[at] + number[at + 2 :]


def letters(number: str) -> str:
    """Zeros and ones typed as the letters O and I."""
    return number[:14] + number[14:].replace("0", "O").replace("1", "I")


def full_width(number: str) -> str:
    """Typed with the input method in full-width mode."""
    return number.translate(_FULL_WIDTH)


def lower_x(number: str) -> str:
    """A final X in lower case."""
    return number[:-1] + "x" if number.endswith("X") else number


def masked(number: str) -> str:
    """First six and last four characters, as bank extracts show them."""
    return number[:6] + "*" * 8 + number[-4:]


def number_for(area: str, birth: str, serial: int, sex: str) -> str:
    """A GB 11643 number: area, birth `YYYYMMDD`, serial 0-499 (odd numbers are men), check."""
    first17 = f"{area}{birth}{serial * 2 + (1 if sex == 'm' else 0):03d}"
    return first17 + check_digit(first17)


_CREDIT_SYMBOLS = "0123456789ABCDEFGHJKLMNPQRTUWXY"


def credit_code(serial: int) -> str:
    """A unified social credit code (GB 32100-2015) with a right check character."""
    first17 = f"91310199MA{serial % 10_000_000:07d}"
    total = sum(_CREDIT_SYMBOLS.index(c) * pow(3, i, 31) for i, c in enumerate(first17))
    return first17 + _CREDIT_SYMBOLS[-total % 31]
