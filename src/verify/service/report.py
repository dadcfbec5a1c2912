"""The readable report (核对报告) of a verdict: one structure for JSON, HTML and the terminal.

Built from the sealed verdict and the application alone, so the report of a replayed verdict is
the report of the original.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from verify.domain.household import Application
from verify.domain.identifiers import mask_id
from verify.domain.vocabulary import Nature, StatementKind
from verify.identity import explain
from verify.rules import Rulebook
from verify.service import wording
from verify.service.answers import NEVER_ASKED, Content

Plain = dict[str, Any]

OBJECTION = {
    "zh": "申请人对核对结果有异议的,可向受理的乡镇(街道)提出并提供证明材料,由其复查。"
    "(民发〔2021〕57号 第十八条)",
    "en": "The family may object at the township or street office that took the application and "
    "hand in evidence; the office re-checks it (Min Fa [2021] No. 57, article 18).",
}


def build_report(
    verification: str,
    verdict: Plain,
    application: Application,
    content: Content,
    records: Sequence[Plain] = (),
) -> Plain:
    """Turn verdict data into what a person reads; ids are masked, codes are worded.

    `records` are the decoded records of the sealed trace: with them, each match says what the
    source wrote (name, masked id, amount).
    """
    assessment = verdict["assessment"]
    names = {p.person: p.name for p in application.persons}
    rulebook = content.law.rulebook(
        application.region, application.programme, application.as_of, application.known_at
    )
    sources = {
        s: {"zh": d.title.zh, "en": d.title.en}
        for s in content.connectors.sources
        for d in [content.connectors.declaration(s)]
    }
    said = {r["record"]: written(r) for r in records}
    return {
        "schema": "verify.report/1",
        "verification": verification,
        "case_number": application.case_number,
        "programme": {
            "code": verdict["programme"],
            "zh": rulebook.title.zh,
            "en": rulebook.title.en,
        },
        "region": verdict["region"],
        "rulebook": assessment["rulebook"],
        "as_of": verdict["as_of"],
        "outcome": wording.word(wording.OUTCOME, verdict["outcome"]),
        "final": verdict["final"],
        "members": _members(application, assessment, _reasons(rulebook)),
        **assessment_view(assessment, names),
        "coverage": [_coverage(c, names, sources) for c in verdict["coverage"]],
        "matches": [_match(m, names, said, content) for m in verdict["matches"]],
        "discrepancies": [_discrepancy(d, names) for d in verdict["discrepancies"]],
        "objection": OBJECTION,
        "disclaimer": verdict["disclaimer"],
        "digests": verdict["digests"],
        "engine": verdict["engine"],
    }


def assessment_view(assessment: Plain, names: dict[str, str]) -> Plain:
    """The part of a report that the rules alone say: also for assessments of given facts."""
    return {
        "tests": [_test(f) for f in assessment["findings"]],
        "benefit": _benefit(assessment["benefit"]),
        # Verdicts sealed before 0.3.0 have none.
        "charges": [
            {**c, "value": wording.interval(c["value"], c["unit"])}
            for c in assessment.get("charges", [])
        ],
        "questions": [_question(q, names) for q in assessment["questions"]],
        "questions_complete": assessment["questions_complete"],
        "advisories": [_question(q, names) for q in assessment["advisories"]],
        "notes": assessment["notes"],
    }


def _reasons(rulebook: Rulebook) -> Plain:
    """What the rulebook says of each clause of its composition, by the clause's code."""
    notes = {c.code: c.note for c in rulebook.plan.model.composition}
    return {code: {"zh": n.text.zh, "en": n.text.en} for code, n in notes.items() if n}


def _members(application: Application, assessment: Plain, reasons: Plain) -> list[Plain]:
    composition = {person: (counted, why) for person, counted, why in assessment["composition"]}
    return [
        {
            "person": p.person,
            "name": p.name,
            "id_masked": mask_id(p.id_number),
            "role": p.role.value,
            "relation": wording.word(wording.RELATION, p.relation.value),
            "counted": counted,
            "counted_words": wording.word(wording.COUNTED, counted),
            "reason": why,
            "reason_words": reasons.get(why) or _plain_reason(why, p.relation.value),
        }
        for p in application.persons
        for counted, why in [composition.get(p.person, ("not_counted", p.role.value))]
    ]


def _plain_reason(code: str, relation: str) -> Plain | None:
    """A reason without a note of the law; one that only repeats the relation says nothing."""
    if code in wording.ROLE:
        return wording.word(wording.ROLE, code)
    return None if code in ("applicant", relation) else wording.word({}, code)


def _test(f: Plain) -> Plain:
    return {
        "test": f["test"],
        "title": f["title"],
        "state": wording.word(wording.FINDING, f["state"]),
        "effect": f["effect"],
        "value": wording.interval(f["value"], f["unit"]),
        "operator": wording.word(wording.OPERATOR, f["operator"]),
        "limit": wording.limit(f["limit"], f["unit"]),
        "gap": wording.gap(f["gap"], f["limit"], f["unit"]),
        "effective_from": f["effective_from"],
        "effective_to": f["effective_to"],
        "citations": [
            {**c, "confidence": wording.word(wording.CONFIDENCE, c["confidence"])}
            for c in f["citations"]
        ],
        "evidence": f["evidence"],
        "doubts": f["doubts"],
        "notes": f["notes"],
        "settles": f["settles"],
        # Verdicts sealed before 0.2.0 have none; those that would not help stay in the verdict.
        "changes": [c["text"] for c in f.get("changes", []) if c["by"] is not None],
        "no_help": [c["text"] for c in f.get("changes", []) if c["by"] is None],
    }


def _benefit(b: Plain | None) -> Plain | None:
    if b is None:
        return None
    return {**b, "monthly": wording.interval(b["monthly"], b.get("unit", "fen_per_month"))}


def _question(q: Plain, names: dict[str, str]) -> Plain:
    return {**q, "name": names.get(q["person"], "")}


def _coverage(c: Plain, names: dict[str, str], sources: dict[str, dict[str, str]]) -> Plain:
    return {
        **c,
        "name": names[c["person"]],
        "auxiliary": c.get("auxiliary", False),
        "source": {"code": c["source"], **sources[c["source"]]},
        "state": wording.word(wording.STATE, c["state"])
        if c["detail"] != NEVER_ASKED
        else {"code": c["state"], "zh": wording.UNASKED.zh, "en": wording.UNASKED.en},
    }


def _match(m: Plain, names: dict[str, str], said: Plain, content: Content) -> Plain:
    return {
        **m,
        "name": names[m["person"]],
        "kind": wording.word(wording.KIND, m["kind"]),
        "judgement": wording.word(wording.JUDGEMENT, m["judgement"]),
        "score_bits": wording.bits(m["score"]),
        # From the starting point through each reason to the total, then the judgement.
        "explanation": [{"zh": t.zh, "en": t.en} for t in explain(m, content.scoring)],
        "written": said.get(m["record"]),
    }


def written(record: Plain) -> Plain:
    """What a source wrote, as far as a reader needs it to tell whose record it is."""
    amount = record.get("amount")
    unit = "fen" if record["granularity"] == "instant" else f"fen_per_{record['granularity']}"
    if StatementKind(record["kind"]).nature is Nature.ITEM:
        unit = "fen"
    days = [record.get("period_start"), record.get("period_end")]
    return {
        "name": record.get("subject_name") or "",
        "id_masked": mask_id(record.get("subject_id") or ""),
        "amount": None if not amount else wording.interval({"lo": amount, "hi": amount}, unit),
        "period": " – ".join(d for d in dict.fromkeys(days) if d) or record.get("as_of") or "",
    }


def _discrepancy(d: Plain, names: dict[str, str]) -> Plain:
    nature = StatementKind(d["quantity"]).nature
    unit = {Nature.STOCK: "fen", Nature.ITEM: "item"}.get(nature, "fen_per_month")
    found = wording.interval({"lo": d["found_lo"], "hi": d.get("found_hi")}, unit)
    if nature is Nature.SIGNAL:  # says that there is something, and no amount
        found |= {"zh": wording.SIGNALLED.zh, "en": wording.SIGNALLED.en}
    return {
        **d,
        "name": names.get(d["person"], ""),
        "code": wording.word(wording.DISCREPANCY, d["code"]),
        "quantity": wording.word(wording.KIND, d["quantity"]),
        "declared": None
        if d.get("declared") is None
        else wording.interval({"lo": d["declared"], "hi": d["declared"]}, unit),
        "found": found,
    }
