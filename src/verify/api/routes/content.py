"""What is in use now: rules and connectors, without anything secret."""

from __future__ import annotations

from fastapi import APIRouter, Depends
from starlette.responses import Response

from verify.api.answers import json_response
from verify.api.dependencies import Running, authenticated
from verify.api.describe import json_answer, refuses
from verify.api.models import ConnectorsInUse, RulesInUse
from verify.service.inventory import connectors_in_use, rules_in_use

router = APIRouter(prefix="/v1", tags=["content"], dependencies=[Depends(authenticated)])


@router.get(
    "/rules",
    operation_id="listRules",
    summary="The rules in use",
    description="Every rulebook with the days its law is known for. Dates outside are refused, "
    "never judged by a neighbour's value.",
    responses={200: json_answer(RulesInUse, "The rulebooks."), **refuses(401)},
)
def rules(system: Running) -> Response:
    """The rulebooks in use."""
    return json_response(rules_in_use(system.contents.law))


@router.get(
    "/connectors",
    operation_id="listConnectors",
    summary="The connected sources",
    description="What each source is asked for and how fresh its data must be. Addresses and "
    "credentials are not shown.",
    responses={200: json_answer(ConnectorsInUse, "The sources."), **refuses(401)},
)
def connectors(system: Running) -> Response:
    """The connected sources."""
    return json_response(connectors_in_use(system.contents.connectors))
