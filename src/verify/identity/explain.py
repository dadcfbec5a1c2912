"""The waterfall of a match in words: prior, each reason, total, cut-offs, judgement.

Holds no name and no number of anyone: only levels, codes and weights.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from verify.domain.verdict import Text
from verify.identity import judge
from verify.scoring import Family, Scoring

_JUDGEMENT = {
    "positive": Text("判定:确认本人", "Judged: theirs"),
    "unsure": Text("判定:存疑,须人工确认", "Judged: doubtful, a person must say"),
    "negative": Text("判定:非本人", "Judged: not theirs"),
}
_RULE = {
    judge.CONFIRMING: Text("身份号码与姓名均一致", "the identity number and the name both agree"),
    judge.NAME_DIFFERS: Text(
        "姓名不符:身份号码一致而姓名不同",
        "the identity number agrees but the name differs (姓名不符)",
    ),
    judge.NAME_MISSING: Text(
        "身份号码一致,来源未提供姓名", "the identity number agrees but the source gives no name"
    ),
    judge.BELOW_CUTOFF: Text(
        "身份号码与姓名一致,但其他信息相反,未达确认线",
        "number and name agree, but other details contradict and the total stays below the "
        "positive cut-off",
    ),
    judge.NEAR: Text(
        "姓名一致,身份号码仅一位之差或相邻两位互换",
        "the name agrees and the identity number is one slip away",
    ),
    judge.MASKED: Text(
        "姓名一致,脱敏号码的可见部分一致",
        "the name agrees and so does what the masked number shows",
    ),
    judge.NAME_AND_BIRTH: Text(
        "姓名与出生日期一致,无身份号码", "name and birth date agree; there is no identity number"
    ),
    judge.NAME_AND_CONTACT: Text(
        "姓名与电话或住址一致,无身份号码",
        "name and telephone or address agree; there is no identity number",
    ),
    judge.BY_SCORE: Text(
        "多项信息合计达到存疑线", "several details together reach the cut-off for doubt"
    ),
    judge.NAME_ONLY: Text(
        "仅姓名一致;姓名相同不能作为不利依据",
        "only the name agrees; a name alone never counts against anyone",
    ),
    judge.UNREADABLE: Text(
        "姓名一致,来源的身份号码不合规,无法比对",
        "the name agrees; the source's identity number cannot be right, so it settles nothing",
    ),
    judge.TOO_LITTLE: Text(
        "来源提供的信息不足以判断", "the source gives too little to tell whose record it is"
    ),
    judge.OTHER_PERSON: Text("身份号码属于另一人", "the identity number is another person's"),
    judge.TOO_DIFFERENT: Text("信息差异过大", "too much differs"),
    judge.AMBIGUOUS: Text(
        "同一记录对两名成员同等符合", "the record fits two persons of the household equally well"
    ),
    judge.BELONGS_ELSEWHERE: Text(
        "该记录已确认属于另一名成员", "the record is surely another member's"
    ),
    judge.BETTER_CANDIDATE: Text("该记录更符合另一名成员", "the record fits another member better"),
}
_DETAIL = {
    "width": Text("全角或兼容字符", "full-width or compatibility characters"),
    "case": Text("大小写", "upper and lower case"),
    "traditional": Text("繁体字", "traditional characters"),
    "separator": Text("间隔号或空格", "separators"),
    "cut": Text("过长,只比对前段", "too long: only the beginning was compared"),
    "check_digit": Text("来源号码校验位不符", "the source's number fails its check digit"),
    "shape": Text("来源号码位数或格式不符", "the source's number has the wrong shape"),
}


def explain(match: Mapping[str, Any], scoring: Scoring, *, family: str = "cn") -> list[Text]:
    """Sentences for one row of `frames.MATCHES`: what moved the score, and which rule decided.

    `match` is a row as a mapping (`frame.row(i, named=True)`, or the entry of a verdict).
    """
    chosen = scoring.family(family)
    total, prior = match["score"], match["prior"]
    lines = [Text(f"起点 {_bits(prior)} 比特", f"Starting point {_bits(prior)} bits")]
    lines += [_reason(reason, chosen) for reason in match["reasons"]]
    lines.append(
        Text(
            f"合计 {_bits(total)} 比特"
            f"(存疑线 {_bits(chosen.unsure)},确认线 {_bits(chosen.positive)})",
            f"Total {_bits(total)} bits (doubt from {_bits(chosen.unsure)}, positive from "
            f"{_bits(chosen.positive)})",
        )
    )
    judgement, rule = _JUDGEMENT[match["judgement"]], _RULE[match["rule"]]
    weight = Text("", "")
    if match["judgement"] == "unsure" and not match["weighs"]:
        weight = Text(";不计入任何指标", "; it widens no figure")
    lines.append(
        Text(f"{judgement.zh}({rule.zh}{weight.zh})", f"{judgement.en} ({rule.en}{weight.en})")
    )
    return lines


def _reason(reason: Mapping[str, Any], family: Family) -> Text:
    field = family.field(reason["field"])
    level = field.titles[field.levels.index(reason["level"])]
    notes = [_DETAIL[code] for code in reason["detail"].split(",") if code]
    zh = "、".join(n.zh for n in notes)
    en = ", ".join(n.en for n in notes)
    weight = _bits(reason["weight"])
    return Text(
        f"{field.title.zh}:{level.zh}{f'({zh})' if zh else ''} {weight} 比特",
        f"{field.title.en}: {level.en}{f' ({en})' if en else ''} {weight} bits",
    )


def _bits(milli: int) -> str:
    """`-9964` -> `-10.0`: milli-bits as bits, to the nearest tenth, in integers."""
    tenths = (abs(milli) + 50) // 100
    sign = "-" if milli < 0 and tenths else "+"
    return f"{sign}{tenths // 10}.{tenths % 10}"
