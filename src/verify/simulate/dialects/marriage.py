"""The marriage register: SOAP 1.1, two persons in one record, certificate numbers that carry the
year of the registration, moments instead of days."""

from __future__ import annotations

import datetime as dt
from xml.etree.ElementTree import Element, SubElement, tostring

from defusedxml.ElementTree import fromstring

from verify.simulate.dialects.common import day
from verify.simulate.registers import Marriage
from verify.simulate.state import Asked, Holdings

PATH = "/MarriageService"
ENVELOPE = "http://schemas.xmlsoap.org/soap/envelope/"
NAMESPACE = "urn:example:marriage"
STATUS = {"married": "JH", "divorced": "LH"}


def read(body: bytes) -> Asked:
    """Understand a request."""
    root = fromstring(body, forbid_dtd=True)
    asked = root.find(f"{{{ENVELOPE}}}Body/{{{NAMESPACE}}}QueryMarriage")
    if asked is None:
        raise KeyError("QueryMarriage")

    def text(name: str) -> str:
        found = asked.findtext(f"{{{NAMESPACE}}}{name}")
        if found is None:
            raise KeyError(name)
        return str(found)

    return Asked(
        name=text("Name"),
        id=text("CertNo"),
        as_of=day(text("AsOf"), "%Y-%m-%d"),
        letter=text("LetterNo"),
        purpose=text("Purpose"),
        requester=text("Requester"),
        request_id=text("MessageId"),
    )


def write(asked: Asked, holdings: Holdings, data_day: dt.date, shown: Asked) -> bytes:
    """The answer in its envelope."""
    rows = [
        m
        for m in holdings.find("marriages", shown, Marriage, by_name=False)
        if m.registered_on <= data_day
    ]
    envelope = Element(f"{{{ENVELOPE}}}Envelope")
    body = SubElement(envelope, f"{{{ENVELOPE}}}Body")
    answer = SubElement(body, f"{{{NAMESPACE}}}QueryMarriageResponse")
    _fill(
        answer,
        ResultCode="0" if rows else "100",
        MessageId=asked.request_id,
        DataTime=f"{data_day:%Y-%m-%d}T06:00:00+08:00",
        Name=shown.name,
        CertNo=shown.id,
        Total=str(len(rows)),
    )
    records = SubElement(answer, f"{{{NAMESPACE}}}Records")
    for m in rows:
        _fill(
            SubElement(records, f"{{{NAMESPACE}}}Record"),
            Name=m.name,
            CertNo=m.id,
            Address=m.address,
            Spouse=f"{m.spouse_name}/{m.spouse_id}",
            RegNo=m.certificate_no,
            RegTime=f"{m.registered_on:%Y-%m-%d}T09:30:00",
            Kind=STATUS[m.status],
        )
    return bytes(tostring(envelope, encoding="utf-8", xml_declaration=True))


def _fill(parent: Element, **texts: str) -> None:
    for tag, text in texts.items():
        SubElement(parent, f"{{{NAMESPACE}}}{tag}").text = text
