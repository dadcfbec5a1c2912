"""The vehicle office: XML, dates with slashes, prices in 万元, type codes.

The type codes have the form of GA 24 codes but are this simulator's own.
"""

from __future__ import annotations

import datetime as dt
from xml.etree.ElementTree import Element, SubElement, tostring

from defusedxml.ElementTree import fromstring

from verify.simulate.dialects.common import FOUND_NOTHING, day, wan_yuan
from verify.simulate.registers import Vehicle
from verify.simulate.state import Asked, Holdings

TYPES = {
    "car": "K33",
    "truck": "H31",
    "motorcycle": "M21",
    "electric_bicycle": "D11",
    "disability_vehicle": "Q61",
    "farm": "T21",
}
STATUS = {"normal": "A", "scrapped": "E", "transferred": "M"}


def read(body: bytes) -> Asked:
    """Understand a request."""
    root = fromstring(body, forbid_dtd=True)

    def text(path: str) -> str:
        found = root.findtext(path)
        if found is None:
            raise KeyError(path)
        return str(found)

    return Asked(
        name=text("Query/Name"),
        id=text("Query/IdNo"),
        former_names=tuple(e.text or "" for e in root.findall("Query/FormerName")),
        as_of=day(text("Query/AsOf"), "%Y/%m/%d"),
        letter=text("Head/LetterNo"),
        purpose=text("Head/Purpose"),
        requester=text("Head/Requester"),
        request_id=text("Head/SerialNo"),
    )


def write(asked: Asked, holdings: Holdings, data_day: dt.date, shown: Asked) -> bytes:
    """The answer: all vehicles, with those no longer owned marked by status."""
    rows = [v for v in holdings.find("vehicles", shown, Vehicle) if v.registered_on <= data_day]
    root = Element("Response")
    _fill(
        SubElement(root, "Head"),
        Code="1" if rows else "0",
        Message="成功" if rows else FOUND_NOTHING,
        SerialNo=asked.request_id,
        DataDate=f"{data_day:%Y/%m/%d}",
        Count=str(len(rows)),
    )
    _fill(SubElement(root, "Subject"), Name=shown.name, IdNo=shown.id)
    vehicles = SubElement(root, "Vehicles")
    for v in rows:
        _fill(
            SubElement(vehicles, "Vehicle"),
            Owner=v.name,
            OwnerId=v.id,
            Tel=v.phone,
            Address=v.address,
            PlateNo=v.plate,
            VehicleType=TYPES[v.vehicle_class],
            Brand=v.brand,
            RegDate=f"{v.registered_on:%Y/%m/%d}",
            Price=wan_yuan(v.price),
            Status=STATUS[v.status],
        )
    return bytes(tostring(root, encoding="utf-8", xml_declaration=True))


def _fill(parent: Element, **texts: str) -> None:
    for tag, text in texts.items():
        SubElement(parent, tag).text = text
