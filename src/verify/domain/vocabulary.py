"""The closed vocabulary that connectors, reconciliation and rules share.

Connectors map a source's fields to *statement kinds*; reconciliation turns statements into
facts about *quantities*; rules name quantities. The three layers meet only here.
"""

from __future__ import annotations

import enum


class Nature(enum.StrEnum):
    """What kind of thing a statement asserts."""

    FLOW = "flow"  # money received over a period
    SPENDING = "spending"  # money paid over a period
    STOCK = "stock"  # money's worth on a day
    ITEM = "item"  # a thing one owns, counted
    NUMBER = "number"  # a number of persons stated about somebody, e.g. the size of a family
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
    TRANSFER_INCOME = "transfer_income"  # 其他转移净收入: survivors' and other regular payments
    COMPENSATION = "compensation"  # 赔偿补偿
    GIFT = "gift"  # 捐赠赠与
    SCHOLARSHIP = "scholarship"  # 奖学金、助学金
    GOVERNMENT_AID = "government_aid"  # 政府给予的社会救助款物
    AWARD = "award"  # 见义勇为等奖励
    FAMILY_PLANNING_REWARD = "family_planning_reward"  # 计划生育奖励扶助
    DISABILITY_ALLOWANCE = "disability_allowance"  # 残疾人生活补贴、护理补贴
    ELDER_ALLOWANCE = "elder_allowance"  # 高龄津贴
    AGRICULTURAL_SUBSIDY = "agricultural_subsidy"  # 惠农补贴
    MEDICAL_SELF_PAID = "medical_self_paid"  # 医疗自付费用, after every insurance and aid
    EDUCATION_SPENDING = "education_spending"  # 教育费用
    REHABILITATION_SPENDING = "rehabilitation_spending"  # 残疾康复自付费用
    LIVING_SPENDING = "living_spending"  # 基本生活支出
    OTHER_RIGID_SPENDING = "other_rigid_spending"  # 其他刚性支出
    TAX_PAID = "tax_paid"  # 缴纳的税费
    SOCIAL_CONTRIBUTION_PAID = "social_contribution_paid"  # 个人缴纳的社会保障支出
    SUPPORT_PAID = "support_paid"  # 支付的赡养抚养扶养费
    RENT_PAID = "rent_paid"  # 住房租金
    MORTGAGE_PAID = "mortgage_paid"  # 住房按揭
    UTILITIES_PAID = "utilities_paid"  # 水电燃气费
    CHILD_CARE_PAID = "child_care_paid"  # 托育照护费用
    CASH = "cash"  # 现金
    BANK_BALANCE = "bank_balance"  # 银行存款
    WEALTH_PRODUCT = "wealth_product"  # 理财产品
    SECURITIES = "securities"  # 证券: market value and cash of the account
    FUND = "fund"  # 基金净值
    INSURANCE_CASH_VALUE = "insurance_cash_value"  # 商业保险现金价值
    RECEIVABLE = "receivable"  # 债权
    INTERNET_FINANCE = "internet_finance"  # 互联网金融资产
    HOUSING_FUND = "housing_fund"  # 住房公积金余额
    DEBT = "debt"  # 债务, by contract or judgment
    VEHICLE = "vehicle"  # 机动车
    DWELLING = "dwelling"  # 居住类房屋
    HOMESTEAD = "homestead"  # 宅基地住房
    NON_RESIDENTIAL = "non_residential"  # 非居住类房屋
    COMPANY_ROLE = "company_role"  # 市场主体任职或出资; worth: subscribed capital
    PARKING_SPACE = "parking_space"  # 车位
    FARM_MACHINE = "farm_machine"  # 大型农机具
    BOAT = "boat"  # 船舶
    VALUABLES = "valuables"  # 贵重物品
    FAMILY_SIZE = "family_size"  # 赡养人家庭人口, of a statutory supporter
    PERSONS_SUPPORTED = "persons_supported"  # 需供养的人数, of a statutory supporter
    CONTRIBUTION = "contribution"  # 社会保险缴费 (base is not income; a cross-check)
    ACCOUNT_MOVEMENT = "account_movement"  # 账户收支 (a cross-check)
    DEATH_NOTICE = "death_notice"  # 死亡信息
    HOUSEHOLD_REGISTRATION = "household_registration"  # 户籍登记
    MARRIAGE_RECORD = "marriage_record"  # 婚姻登记
    DISABILITY_RECORD = "disability_record"  # 残疾人证
    SCHOOL_RECORD = "school_record"  # 学籍
    UTILITY_USE = "utility_use"  # 水电燃气使用 (an auxiliary signal)

    @property
    def nature(self) -> Nature:
        """Flow, stock, item or signal."""
        return _NATURE[self]


_KINDS = tuple(StatementKind)


def _run(first: StatementKind, last: StatementKind) -> tuple[StatementKind, ...]:
    """The kinds from `first` to `last` in the order they are written above."""
    return _KINDS[_KINDS.index(first) : _KINDS.index(last) + 1]


_NATURE: dict[StatementKind, Nature] = {
    **dict.fromkeys(StatementKind, Nature.SIGNAL),
    **dict.fromkeys(_run(StatementKind.WAGE, StatementKind.AGRICULTURAL_SUBSIDY), Nature.FLOW),
    **dict.fromkeys(
        _run(StatementKind.MEDICAL_SELF_PAID, StatementKind.CHILD_CARE_PAID), Nature.SPENDING
    ),
    **dict.fromkeys(_run(StatementKind.CASH, StatementKind.DEBT), Nature.STOCK),
    **dict.fromkeys(_run(StatementKind.VEHICLE, StatementKind.VALUABLES), Nature.ITEM),
    **dict.fromkeys(
        _run(StatementKind.FAMILY_SIZE, StatementKind.PERSONS_SUPPORTED), Nature.NUMBER
    ),
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
    ACTIVE_SERVICE = "active_service"  # 现役义务兵
    ABLE_TO_WORK = "able_to_work"  # 有劳动能力且有劳动条件
    JOBLESS_WITHOUT_REASON = "jobless_without_reason"  # 无正当理由未就业
    SERIOUS_ILLNESS = "serious_illness"  # 重特大疾病
    SINGLE_HOUSEHOLD_CLAIM = "single_household_claim"  # 单人户申请
    RECEIVES_DIBAO = "receives_dibao"  # 最低生活保障对象
    RECEIVES_TEKUN = "receives_tekun"  # 特困供养人员
    RECEIVES_MARGIN = "receives_margin"  # 低保边缘家庭成员
    INCAPACITATED = "incapacitated"  # 无民事行为能力
    SUPPORT_FIXED_BY_AGREEMENT = "support_fixed_by_agreement"  # 赡养协议或判决已定
    OVERSEAS_STUDY_SELF_PAID = "overseas_study_self_paid"  # 自费出国留学
    HIGH_FEE_SCHOOL = "high_fee_school"  # 就读高收费学校
    LARGE_PURCHASE = "large_purchase"  # 近期大额购置
    UNEXPLAINED_SPENDING = "unexplained_spending"  # 大额不明支出
    HIGH_CONSUMPTION = "high_consumption"  # 消费明显高于申报收入
    CONTRACTED_LAND = "contracted_land"  # 有承包地
