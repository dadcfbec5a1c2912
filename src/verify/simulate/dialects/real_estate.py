"""The real-estate registry: Chinese field names, square metres, dates as 2019年03月05日.

The use codes are this simulator's own.
"""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

from verify.simulate.dialects.common import json_bytes
from verify.simulate.registers import Title
from verify.simulate.state import Asked, Holdings

USES = {"residential": "10", "homestead": "16", "commercial": "20", "office": "30", "parking": "40"}
BASES = {"title": "01", "contract": "02"}


def read(body: bytes) -> Asked:
    """Understand an application for information."""
    q = json.loads(body)
    subject = q["查询对象"]
    digits = q["截止日期"].translate(str.maketrans("年月", "--", "日"))
    return Asked(
        name=subject["姓名"],
        id=subject["证件号码"],
        former_names=tuple(subject["曾用名"]),
        as_of=dt.date.fromisoformat(digits),
        letter=q["授权书编号"],
        purpose=q["查询目的"],
        requester=q["申请单位"],
        request_id=q["请求流水号"],
        callback_url=q.get("回调地址", ""),
    )


def accepted(number: str, seconds: int) -> bytes:
    """The receipt: a business number, nothing personal."""
    return json_bytes({"业务编号": number, "状态": "已受理", "预计秒数": seconds})


def working(number: str) -> bytes:
    """The answer is not ready."""
    return json_bytes({"业务编号": number, "状态": "处理中"})


def write(number: str, holdings: Holdings, data_day: dt.date, shown: Asked) -> bytes:
    """The answer: every title with all of its owners."""
    rows = [t for t in holdings.find("titles", shown, Title) if t.registered_on <= data_day]
    return json_bytes(
        {
            "业务编号": number,
            "状态": "已办结",
            "结果代码": "00" if rows else "01",
            "结果说明": "查询成功" if rows else "查无登记",
            "数据日期": _day(data_day),
            "查询对象": {"姓名": shown.name, "证件号码": shown.id},
            "总数": len(rows),
            "不动产信息": [_title(t) for t in rows],
        }
    )


def _day(day: dt.date) -> str:
    return f"{day.year}年{day.month:02d}月{day.day:02d}日"


def _title(t: Title) -> dict[str, Any]:
    return {
        "不动产权证号": t.title_no,
        "登记类型": BASES[t.basis],
        "不动产单元号": "",
        "坐落": t.address,
        "建筑面积": str(t.area_m2),
        "用途": USES[t.use],
        "登记日期": _day(t.registered_on),
        "共有情况": "单独所有" if len(t.owners) == 1 else "按份共有",
        "权利人": [{"姓名": o.name, "证件号码": o.id, "共有份额": o.share} for o in t.owners],
    }
