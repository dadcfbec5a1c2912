"""Words for codes: how verdicts, evidence states and amounts read in a report."""

from __future__ import annotations

from typing import Any

from verify.domain.money import currency_of, money_words
from verify.domain.verdict import Text

Plain = dict[str, Any]

OUTCOME = {
    "eligible": Text("符合", "Eligible"),
    "ineligible": Text("不符合", "Not eligible"),
    "undetermined": Text("需人工复核", "Undetermined: a person must settle it"),
}
VERIFICATION_STATE = {
    "asking": Text("查询中", "asking the sources"),
    "waiting": Text("等待反馈", "waiting for a source"),
    "completed": Text("已办结", "completed"),
    "cancelled": Text("已取消", "cancelled"),
    "failed": Text("处理失败", "failed"),
}
PURPOSE = {
    "check": Text("核对", "the check itself"),
    "review": Text("复核", "review"),
    "complaint": Text("投诉处理", "a complaint"),
    "correction": Text("更正", "a correction"),
    "audit": Text("审计", "audit"),
    "maintenance": Text("运维", "maintenance"),
}
ROLE = {
    "member": Text("共同生活的家庭成员", "co-living member"),
    "supporter": Text("法定赡养、抚养、扶养义务人", "statutory supporter"),
}
COUNTED = {
    "counted": Text("计入", "counted"),
    "not_counted": Text("不计入", "not counted"),
    "unsure": Text("待定", "open"),
}
FINDING = {
    "satisfied": Text("符合", "met"),
    "not_satisfied": Text("不符合", "not met"),
    "undetermined": Text("待定", "open"),
    "not_applicable": Text("不适用", "does not apply"),
}
STATE = {
    "ok": Text("已反馈", "answered"),
    "confirmed_empty": Text("已反馈:无记录", "answered: nothing held"),
    "unavailable": Text("数据源不可用", "source unavailable"),
    "timeout": Text("超时未反馈", "no answer in time"),
    "malformed": Text("反馈无法读取", "answer unreadable"),
    "schema_mismatch": Text("反馈格式不符", "answer not as agreed"),
    "partial": Text("反馈不完整", "answer incomplete"),
    "conflicting": Text("反馈自相矛盾", "answer contradicts itself"),
    "stale": Text("数据过期", "data too old"),
    "wrong_subject": Text("反馈的是他人", "answer is about another person"),
    "unauthorised": Text("无有效授权", "no valid authorisation"),
    "throttled": Text("被限流", "throttled by the source"),
    "cancelled": Text("已取消", "cancelled"),
}
UNASKED = Text("从未查询", "never asked")
JUDGEMENT = {
    "positive": Text("确认本人", "theirs"),
    "unsure": Text("存疑", "doubtful"),
    "negative": Text("非本人", "not theirs"),
}
OPERATOR = {
    "<": Text("低于", "below"),
    "<=": Text("不超过", "at most"),
    ">": Text("高于", "above"),
    ">=": Text("不低于", "at least"),
    "=": Text("等于", "exactly"),
    "!=": Text("不等于", "other than"),
}
CONFIDENCE = {
    "read": Text("已核原文", "read in full text"),
    "government": Text("政府网页", "government page"),
    "newspaper": Text("新闻报道", "newspaper or agency"),
    "archive": Text("法规档案", "archive of local rules"),
    "unverified": Text("未核实", "not verified against the original"),
}
RELATION = {
    "self": Text("本人", "applicant"),
    "spouse": Text("配偶", "spouse"),
    "child": Text("子女", "child"),
    "parent": Text("父母", "parent"),
    "parent_in_law": Text("公婆或岳父母", "parent-in-law"),
    "child_in_law": Text("儿媳或女婿", "child-in-law"),
    "grandparent": Text("祖父母或外祖父母", "grandparent"),
    "grandchild": Text("孙子女或外孙子女", "grandchild"),
    "sibling": Text("兄弟姐妹", "sibling"),
    "stepchild": Text("继子女", "stepchild"),
    "former_spouse": Text("前配偶", "former spouse"),
    "other": Text("其他", "other"),
}
KIND = {
    "wage": Text("工资薪金", "wage"),
    "labour_remuneration": Text("劳务报酬", "labour remuneration"),
    "business_income": Text("经营收入", "business income"),
    "property_income": Text("财产收入", "property income"),
    "pension": Text("养老金", "pension"),
    "central_basic_pension": Text("中央基础养老金", "central basic pension"),
    "preferential_pension": Text("优待抚恤金", "preferential pension"),
    "unemployment_benefit": Text("失业保险金", "unemployment benefit"),
    "support_received": Text("赡养抚养扶养费", "support received"),
    "bank_balance": Text("银行存款", "bank balance"),
    "wealth_product": Text("理财产品", "wealth product"),
    "vehicle": Text("机动车", "vehicle"),
    "dwelling": Text("住房", "dwelling"),
    "homestead": Text("宅基地住房", "village homestead"),
    "non_residential": Text("非居住房屋", "non-residential property"),
    "company_role": Text("企业任职或出资", "company role"),
    "contribution": Text("社保缴费", "social-insurance contribution"),
    "account_movement": Text("账户收支", "account movements"),
    "death_notice": Text("死亡信息", "death notice"),
    "transfer_income": Text("其他转移净收入", "other transfer income"),
    "compensation": Text("赔偿补偿", "compensation"),
    "gift": Text("捐赠赠与", "gift"),
    "scholarship": Text("奖学金、助学金", "scholarship"),
    "government_aid": Text("政府给予的社会救助款物", "social assistance from the state"),
    "award": Text("见义勇为等奖励", "award"),
    "family_planning_reward": Text("计划生育奖励扶助", "family-planning reward"),
    "disability_allowance": Text("残疾人生活补贴、护理补贴", "disability allowance"),
    "elder_allowance": Text("高龄津贴", "old-age allowance"),
    "agricultural_subsidy": Text("惠农补贴", "agricultural subsidy"),
    "medical_self_paid": Text("医疗自付费用", "medical costs paid by oneself"),
    "education_spending": Text("教育费用", "education costs"),
    "rehabilitation_spending": Text("残疾康复自付费用", "rehabilitation costs"),
    "living_spending": Text("基本生活支出", "basic living costs"),
    "other_rigid_spending": Text("其他刚性支出", "other rigid spending"),
    "tax_paid": Text("缴纳的税费", "taxes paid"),
    "social_contribution_paid": Text(
        "个人缴纳的社会保障支出", "social-insurance contributions paid"
    ),
    "support_paid": Text("支付的赡养抚养扶养费", "support paid"),
    "rent_paid": Text("住房租金", "rent"),
    "mortgage_paid": Text("住房按揭", "mortgage payments"),
    "utilities_paid": Text("水电燃气费", "utility bills"),
    "child_care_paid": Text("托育照护费用", "child-care costs"),
    "cash": Text("现金", "cash"),
    "securities": Text("证券", "securities"),
    "fund": Text("基金净值", "fund"),
    "insurance_cash_value": Text("商业保险现金价值", "cash value of insurance"),
    "receivable": Text("债权", "money owed to the household"),
    "internet_finance": Text("互联网金融资产", "internet-finance balance"),
    "housing_fund": Text("住房公积金余额", "housing provident fund"),
    "debt": Text("债务", "debt"),
    "parking_space": Text("车位", "parking space"),
    "farm_machine": Text("大型农机具", "farm machine"),
    "boat": Text("船舶", "boat"),
    "valuables": Text("贵重物品", "valuables"),
    "family_size": Text("赡养人家庭人口", "size of the supporter's family"),
    "persons_supported": Text("需供养的人数", "number of persons supported"),
    "household_registration": Text("户籍登记", "household registration"),
    "marriage_record": Text("婚姻登记", "marriage registration"),
    "disability_record": Text("残疾人证", "disability certificate"),
    "school_record": Text("学籍", "school enrolment"),
    "utility_use": Text("水电燃气使用", "use of water, power and gas"),
}
SIGNALLED = Text("有提示", "signalled")
DISCREPANCY = {
    "undeclared": Text("申报中未填报", "not declared"),
    "found_higher": Text("查得高于申报", "found more than declared"),
    "found_lower": Text("查得低于申报", "found less than declared"),
    "insured_without_wage": Text(
        "有参保缴费而无工资记录", "insured months without any wage record"
    ),
    "auxiliary_signal": Text(
        "辅助线索,不作为认定依据", "an auxiliary signal, which decides nothing"
    ),
    "credits_exceed_income": Text("账户入账远高于收入", "account credits far above known income"),
}


def word(table: dict[str, Text], code: str) -> Plain:
    """Both languages of a code; an unknown code reads as itself."""
    text = table.get(code, Text(code, code))
    return {"code": code, "zh": text.zh, "en": text.en}


_PER = {"month": Text("/月", " a month"), "year": Text("/年", " a year")}


def amount(value: int, unit: str) -> Text:
    """One value with its unit, for people."""
    if (currency := currency_of(unit)) is not None:
        zh, en = money_words(value, currency)
        per = _PER.get(unit.partition("_per_")[2], Text("", ""))
        return Text(f"{zh}{per.zh}", f"{en}{per.en}")
    if unit == "dm2":
        area = f"{value // 100}.{value % 100:02d}"
        return Text(f"{area} 平方米", f"{area} m²")
    return Text(str(value), str(value))


def interval(value: Plain, unit: str) -> Plain:
    """An interval in words: exact, between two bounds, or unbounded."""
    lo, hi = value["lo"], value["hi"]
    if lo is not None and lo == hi:
        text = amount(lo, unit)
    elif lo is None and hi is None:
        text = Text("未知", "unknown")
    elif hi is None:
        low = amount(lo, unit)
        text = Text(f"至少 {low.zh}", f"at least {low.en}")
    elif lo is None:
        high = amount(hi, unit)
        text = Text(f"至多 {high.zh}", f"at most {high.en}")
    else:
        low, high = amount(lo, unit), amount(hi, unit)
        text = Text(f"{low.zh} 至 {high.zh}", f"{low.en} to {high.en}")
    return {"lo": lo, "hi": hi, "zh": text.zh, "en": text.en}


_NOT_KNOWN = {
    "dm2": Text("未查得的面积", "an area that is not known"),
    "item": Text("未查得的数目", "a number that is not known"),
    "person": Text("未查得的人数", "a number that is not known"),
}


def is_unknown_limit(limit: Plain) -> bool:
    """Whether a limit is anything from nothing up: the law has a figure, our sources do not."""
    return limit["lo"] == 0 and limit["hi"] is None


def limit(value: Plain, unit: str) -> Plain:
    """A limit in words; one that is not known is called so, not "at least 0"."""
    found = interval(value, unit)
    if not is_unknown_limit(value):
        return found
    text = _NOT_KNOWN.get(unit, Text("未查得的数额", "an amount that is not known"))
    return {**found, "zh": text.zh, "en": text.en}


def gap(value: Plain, limit: Plain, unit: str) -> Plain:
    """The distance to a limit in words; to one that is not known, nobody knows it."""
    found = interval(value, unit)
    return {**found, "zh": "未知", "en": "unknown"} if is_unknown_limit(limit) else found


def bits(milli: int) -> str:
    """Milli-bits for people: `12345` -> `+12.3`."""
    sign = "-" if milli < 0 else "+"
    tenths = (abs(milli) + 50) // 100
    return f"{sign}{tenths // 10}.{tenths % 10}"
