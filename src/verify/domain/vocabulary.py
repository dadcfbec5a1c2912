"""The closed vocabulary that connectors, reconciliation and rules share.

Connectors map a source's fields to *statement kinds*; reconciliation turns statements into
facts about *quantities*; rules name quantities. The three layers meet only here.
"""

from __future__ import annotations

import enum


class Nature(enum.StrEnum):
    """What kind of thing a statement asserts."""

    FLOW = "flow"  # money received over a period
    STOCK = "stock"  # money's worth on a day
    ITEM = "item"  # a thing one owns, counted
    SIGNAL = "signal"  # says something about a person; never money


class StatementKind(enum.StrEnum):
    """What a source says about a person (57号 articles 13, 14 and 17; domain terms in Chinese)."""

    WAGE = "wage"  # 工资薪金
    LABOUR_REMUNERATION = "labour_remuneration"  # 劳务报酬
    BUSINESS_INCOME = "business_income"  # 经营净收入
    PROPERTY_INCOME = "property_income"  # 财产净收入: interest, dividends, rent
    PENSION = "pension"  # 养老金
    CENTRAL_BASIC_PENSION = "central_basic_pension"  # 中央基础养老金
    PREFERENTIAL_PENSION = "preferential_pension"  # 优待抚恤金
    UNEMPLOYMENT_BENEFIT = "unemployment_benefit"  # 失业保险金
    SUPPORT_RECEIVED = "support_received"  # 赡养抚养扶养费
    BANK_BALANCE = "bank_balance"  # 银行存款
    WEALTH_PRODUCT = "wealth_product"  # 理财产品
    VEHICLE = "vehicle"  # 机动车
    DWELLING = "dwelling"  # 居住类房屋
    HOMESTEAD = "homestead"  # 宅基地住房
    NON_RESIDENTIAL = "non_residential"  # 非居住类房屋
    COMPANY_ROLE = "company_role"  # 市场主体任职或出资
    CONTRIBUTION = "contribution"  # 社会保险缴费 (base is not income; a cross-check)
    ACCOUNT_MOVEMENT = "account_movement"  # 账户收支 (a cross-check)
    DEATH_NOTICE = "death_notice"  # 死亡信息

    @property
    def nature(self) -> Nature:
        """Flow, stock, item or signal."""
        return _NATURE[self]


_FLOWS = (
    StatementKind.WAGE,
    StatementKind.LABOUR_REMUNERATION,
    StatementKind.BUSINESS_INCOME,
    StatementKind.PROPERTY_INCOME,
    StatementKind.PENSION,
    StatementKind.CENTRAL_BASIC_PENSION,
    StatementKind.PREFERENTIAL_PENSION,
    StatementKind.UNEMPLOYMENT_BENEFIT,
    StatementKind.SUPPORT_RECEIVED,
)
_STOCKS = (StatementKind.BANK_BALANCE, StatementKind.WEALTH_PRODUCT)
_ITEMS = (
    StatementKind.VEHICLE,
    StatementKind.DWELLING,
    StatementKind.HOMESTEAD,
    StatementKind.NON_RESIDENTIAL,
)
_NATURE: dict[StatementKind, Nature] = {
    **dict.fromkeys(StatementKind, Nature.SIGNAL),
    **dict.fromkeys(_FLOWS, Nature.FLOW),
    **dict.fromkeys(_STOCKS, Nature.STOCK),
    **dict.fromkeys(_ITEMS, Nature.ITEM),
}


class VehicleClass(enum.StrEnum):
    """Vehicle classes that published rules tell apart."""

    CAR = "car"  # 小型、大型汽车
    TRUCK = "truck"  # 货车
    MOTORCYCLE = "motorcycle"  # 摩托车
    ELECTRIC_BICYCLE = "electric_bicycle"  # 电动自行车
    DISABILITY_VEHICLE = "disability_vehicle"  # 残疾人机动轮椅车
    FARM = "farm"  # 农用机动车


class Relation(enum.StrEnum):
    """Relation to the applicant (57号 article 7; 民法典 1059, 1067, 1074, 1075)."""

    SELF = "self"
    SPOUSE = "spouse"
    CHILD = "child"  # minor, student or adult: age and circumstances say which
    PARENT = "parent"
    PARENT_IN_LAW = "parent_in_law"
    CHILD_IN_LAW = "child_in_law"
    GRANDPARENT = "grandparent"
    GRANDCHILD = "grandchild"
    SIBLING = "sibling"
    STEPCHILD = "stepchild"
    FORMER_SPOUSE = "former_spouse"
    OTHER = "other"


class Circumstance(enum.StrEnum):
    """A state of a member that the law looks at, attested by a document."""

    DISABILITY = "disability"  # 残疾证; grade 1-4, category
    SECONDARY_STUDENT = "secondary_student"  # 中学生, incl. vocational
    FULL_TIME_STUDENT = "full_time_student"  # 全日制本科及以下在校
    UNABLE_TO_LIVE_INDEPENDENTLY = "unable_to_live_independently"  # 不能独立生活的成年子女
    LONG_TERM_CO_RESIDENT = "long_term_co_resident"  # 长期共同居住
    SERVING_SENTENCE = "serving_sentence"  # 服刑
    COMPULSORY_REHABILITATION = "compulsory_rehabilitation"  # 强制隔离戒毒
    DECLARED_MISSING = "declared_missing"  # 宣告失踪
    RELIGIOUS_AWAY_3_YEARS = "religious_away_3_years"  # 宗教教职人员离家三年以上
    WAGE_AT_LEAST_MINIMUM = "wage_at_least_minimum"  # 工资不低于最低工资, attested by the office
    DECEASED = "deceased"  # 死亡
