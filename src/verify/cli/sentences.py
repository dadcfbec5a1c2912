"""A verdict in plain sentences, Chinese and English, each with its law."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

Plain = dict[str, Any]


def explain(report: Plain) -> Iterator[tuple[str, str]]:
    """Pairs of (Chinese, English): the outcome, each test, then what would settle the case."""
    yield _outcome(report)
    for test in report["tests"]:
        yield _test(test)
        for change in [*test["changes"], *test["no_help"]]:
            yield f"  {change['zh']}。", f"  {change['en']}."
    for question in report["questions"]:
        who = f"{question['name']}:" if question["name"] else ""
        who_en = f"{question['name']}: " if question["name"] else ""
        yield (
            f"需核实:{who}{question['question']['zh']}{question['remedy']['zh']}",
            f"To settle: {who_en}{question['question']['en']} {question['remedy']['en']}",
        )
    for test in report["tests"]:
        if test["settles"] and test["state"]["code"] not in ("satisfied", "not_applicable"):
            yield f"可凭以认定:{test['settles']['zh']}", f"Proof: {test['settles']['en']}"


def explain_case(report: Plain, composition: Sequence[Plain]) -> Iterator[tuple[str, str]]:
    """A household on given facts: the outcome, who counts and why, then each test."""
    programme, outcome, day = report["programme"], report["outcome"], report["as_of"]
    yield (
        f"{programme['zh']}({day}):按所给情况,{outcome['zh']}。",
        f"{programme['en']} as of {day}: on the facts given, {outcome['en']}.",
    )
    for member in composition:
        yield _member(member)
    for test in report["tests"]:
        yield _test(test)
    benefit = report["benefit"]
    if benefit is not None:
        law = "、".join(words for words, _ in laws(_worded(benefit["citations"])))
        amount, formula = benefit["monthly"], benefit["formula"]
        yield (
            f"参考救助金额:{amount['zh']}({formula['zh']})。依据:{law}。",
            f"Indicative benefit: {amount['en']} ({formula['en']}). Law: {law}.",
        )
    for charge in report["charges"]:
        law = "、".join(words for words, _ in laws(_worded(charge["citations"])))
        title, amount, formula = charge["title"], charge["value"], charge["formula"]
        yield (
            f"{title['zh']}:{amount['zh']}({formula['zh']})。依据:{law}。",
            f"{title['en']}: {amount['en']} ({formula['en']}). Law: {law}.",
        )
    for question in report["questions"]:
        yield (
            f"需核实:{question['question']['zh']}{question['remedy']['zh']}",
            f"To settle: {question['question']['en']} {question['remedy']['en']}",
        )


def _member(member: Plain) -> tuple[str, str]:
    """Who counts, by which clause."""
    law = "、".join(words for words, _ in laws(_worded(member["citations"])))
    person, relation, counted = member["person"], member["relation"], member["counted"]
    note = member["note"] or {"zh": "", "en": ""}
    zh = f"{person}({relation['zh']}):{counted['zh']}。{note['zh']}"
    en = f"{person} ({relation['en']}): {counted['en']}. {note['en']}"
    return (
        f"{zh}依据:{law}。" if law else zh,
        f"{en.rstrip()} Law: {law}." if law else en.rstrip(),
    )


def _worded(citations: Sequence[Plain]) -> list[Plain]:
    """Citations whose confidence is still a code."""
    return [
        {**c, "confidence": {"code": c["confidence"]}} if isinstance(c["confidence"], str) else c
        for c in citations
    ]


def _outcome(report: Plain) -> tuple[str, str]:
    programme, outcome = report["programme"], report["outcome"]
    where, day = report["region"], report["as_of"]
    final_zh = "最终" if report["final"] else "暂定,待补充反馈"
    final_en = "final" if report["final"] else "provisional, answers are still to come"
    zh = f"{programme['zh']}({where},{day}):{outcome['zh']}({final_zh})。"
    en = f"{programme['en']} in {where} as of {day}: {outcome['en']} ({final_en})."
    return zh, en


def _test(test: Plain) -> tuple[str, str]:
    title, state = test["title"], test["state"]
    if state["code"] == "not_applicable":
        return f"{title['zh']}:不适用。", f"{title['en']}: does not apply here."
    value, operator, limit = test["value"], test["operator"], test["limit"]
    law = "、".join(words for words, _ in laws(test["citations"]))
    since, until = test["effective_from"], test["effective_to"]
    until_zh = f"至 {until}" if until else "起施行"
    until_en = f"to {until}" if until else "onwards"
    zh = (
        f"{title['zh']}:查得 {value['zh']},规定{operator['zh']} {limit['zh']}:{state['zh']}。"
        f"依据:{law};{since} {until_zh}。"
    )
    en = (
        f"{title['en']}: found {value['en']}, must be {operator['en']} {limit['en']}: "
        f"{state['en']}. Law: {law}; in force {since} {until_en}."
    )
    return zh, en


def laws(citations: Sequence[Plain]) -> list[tuple[str, Plain]]:
    """Each cited document once, its articles together, and how sure we are of its text."""
    articles: dict[tuple[str, str], list[str]] = {}
    sure: dict[str, Plain] = {}
    for c in citations:
        words = " ".join(part for part in (c["document"], c["number"]) if part)
        confidence = c["confidence"]
        sure[confidence["code"]] = confidence
        articles.setdefault((words, confidence["code"]), []).append(c["article"])
    return [
        (f"{words} {'、'.join(filter(None, found))}".rstrip(), sure[code])
        for (words, code), found in articles.items()
    ]
