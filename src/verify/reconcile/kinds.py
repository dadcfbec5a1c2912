"""Which statement kinds become facts, and of what nature."""

from __future__ import annotations

from verify.domain.vocabulary import Circumstance, Nature, StatementKind


def _of(*natures: Nature) -> tuple[str, ...]:
    return tuple(k.value for k in StatementKind if k.nature in natures)


FLOWS = _of(Nature.FLOW)
ITEMS = _of(Nature.ITEM)
MONEY = _of(Nature.FLOW, Nature.STOCK)

WAGE = StatementKind.WAGE.value
SUPPORT = StatementKind.SUPPORT_RECEIVED.value
ROLE = StatementKind.COMPANY_ROLE.value
DEATH = StatementKind.DEATH_NOTICE.value
CONTRIBUTION = StatementKind.CONTRIBUTION.value
MOVEMENT = StatementKind.ACCOUNT_MOVEMENT.value
DECEASED = Circumstance.DECEASED.value

# A source that does not answer leaves these open. A company role is no money, but rules refer a
# household because of one, so "nobody answered" must not read as "no role" either. Deaths are
# not here: a source's silence is no reason to think that an applicant has died.
MEANS = (*MONEY, *ITEMS, ROLE)

# Statements of these kinds become facts; contributions and account movements never do.
FACTUAL = (*MEANS, DEATH)
