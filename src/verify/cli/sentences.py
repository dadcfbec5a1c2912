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
