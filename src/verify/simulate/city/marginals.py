"""Published figures that the city follows, each with its source; and what is only assumed.

A figure without a source is called an assumption here, and nowhere else is a share made up.
`verify simulate population` writes the published figure and the one it generated side by side.
"""

from __future__ import annotations

CENSUS = "第七次全国人口普查公报 2020 (National Bureau of Statistics, 2021-05-11)"
CENSUS_SHANGHAI = (
    "上海市第七次全国人口普查主要数据公报 2020 (Shanghai Bureau of Statistics, 2021-05-18)"
)
YEARBOOK = "中国人口普查年鉴2020, 家庭户规模 (National Bureau of Statistics)"
COMMUNIQUE = "2024年国民经济和社会发展统计公报 (National Bureau of Statistics, 2025-02-28)"
SURNAME_WANG = "户籍人口姓名统计 (Ministry of Public Security, 2007-04-24): 7.25 %"
NAMES_2020 = "二〇二〇年全国姓名报告 (Ministry of Public Security, 2021-02-08)"
WAGES = "2024年城镇单位就业人员年平均工资 (National Bureau of Statistics, 2025-05-16)"
DEPOSITS = "上海市人均住户存款 2022 (People's Bank of China, Shanghai, over the census of 2020)"
DISABILITY = "2020年残疾人事业发展统计公报 (China Disabled Persons' Federation, 2021-04-09)"
VEHICLES = "2024年全国机动车和驾驶人 (Ministry of Public Security, 2025-01)"

# Family households by size, per 10,000: up to four as published [YEARBOOK]; five and more, 10.77 %
# together, are split so that the published mean of 2.62 [CENSUS] comes out. Larger ones are seven.
HOUSEHOLD_SIZES = ((1, 2539), (2, 2968), (3, 2099), (4, 1317), (5, 617), (6, 307), (7, 153))

# Residents by district [CENSUS_SHANGHAI]; the sixteen add up to the 24,870,895 of the city.
DISTRICTS = (
    ("310115", 5681512), ("310112", 2653489), ("310113", 2235218), ("310117", 1909713),
    ("310114", 1834258), ("310118", 1271424), ("310110", 1242548), ("310107", 1239800),
    ("310120", 1140872), ("310104", 1113078), ("310106", 975707), ("310116", 822776),
    ("310109", 757498), ("310105", 693051), ("310101", 662030), ("310151", 637921),
)  # fmt: skip

RURAL_PER_MILLION = 107_000  # 10.7 % of residents live in the countryside [CENSUS_SHANGHAI]
ELSEWHERE_PER_MILLION = 421_000  # 10.48 of 24.87 million come from elsewhere [CENSUS_SHANGHAI]
MEN_PER_MILLION = 512_362  # 105.07 men for 100 women [CENSUS]
MOTHERS_NAME_PER_MILLION = 76_923  # new-born: one for twelve with the father's name [NAMES_2020]

# Naming customs with a separator, per million: 11.77 million Uyghurs, 7.06 million Tibetans and
# 9.83 million Yi among 1,411.78 million [中国统计年鉴2021, 表25-1]. Many Yi bear Han names; that
# all of them keep their own is an assumption on the difficult side.
ETHNIC = (("uyghur", 8_340), ("tibetan", 5_001), ("yi", 6_963))

DEATHS_PER_MILLION_A_YEAR = 7_760  # [COMMUNIQUE]
BIRTHS_PER_MILLION_A_YEAR = 6_770  # [COMMUNIQUE]
CARS_PER_MILLION_PEOPLE = 250_650  # 353 million cars [VEHICLES], 1,408.28 million people
# Mean wage a year in yuan, before tax: private and other urban employers [WAGES].
WAGE_PRIVATE_YUAN, WAGE_OTHER_YUAN = 69_476, 124_110
# 37.807 million with a disability certificate [DISABILITY] of 1,411.78 million people [CENSUS].
# (Quoted from memory: the communiqué's text was not at hand; to be checked against it.)
CERTIFIED_DISABLED_PER_MILLION = 26_780
DEPOSITS_YUAN_PER_PERSON = 211_600  # [DEPOSITS]

# Assumptions, per million. Shares of twins and of double numbers differ by country and decade.
TWINS_PER_MILLION = 20_000  # of households with two children
RARE_CHARACTER_PER_MILLION = 2_000  # of Han names: forty to fifty thousand Shanghai people (press)
SHARED_NUMBER_PER_MILLION = 60  # of adults: one number issued to two persons (重号)
SECOND_NUMBER_PER_MILLION = 150  # of adults: a second number from a double registration
RENAMED_PER_MILLION = 6_000  # of adults: has borne another name
NO_PHONE_PER_MILLION = 60_000  # of adults
FAMILY_PHONE_PER_MILLION = 50_000  # of adults: gives the number of the head of the household

PRIVATE_PER_MILLION = 550_000  # of employees: with a private employer
JOB_ENDS_PER_MILLION = 300_000  # of employees, in the two years
FINDS_WORK_PER_MILLION = 450_000  # of the unemployed, in the two years
EMPLOYEE_PENSION_PER_MILLION = 600_000  # of pensioners; the others draw the residents' pension
OWNS_HOME_PER_MILLION = 720_000  # of households in town; in the countryside all but a few
BUYS_FLAT_PER_MILLION = 30_000  # of households, in the two years
SELLS_HOME_PER_MILLION = 15_000  # of owners, in the two years
TENANT_MOVES_PER_MILLION = 150_000  # of tenants, in the two years
CAR_PER_MILLION_ADULTS = 303_000  # gives the published number of cars per person
BUYS_CAR_PER_MILLION = 60_000  # of adults, in the two years
COMPANY_ROLE_PER_MILLION = 25_000  # of adults
COUPLES_WITH_BIRTH_PER_MILLION = 127_000  # of couples of child-bearing age, in two years
UNDECLARED_PER_MILLION = 90_000  # of incomes and accounts: not mentioned in the application

# Deaths a year per million by age: an assumed shape, scaled so that all of them together come to
# the published rate among people of the generated ages.
DEATHS_BY_AGE = (
    (40, 580), (50, 1_500), (60, 3_500), (70, 8_700), (80, 23_300), (90, 68_000), (200, 175_000),
)  # fmt: skip

_H, _S, _C, _P = "head", "spouse", "child", "parent"
# Who lives together, per thousand households of that size: an assumption.
COMPOSITIONS: dict[int, tuple[tuple[tuple[str, ...], int], ...]] = {
    1: (((_H,), 1000),),
    2: (((_H, _S), 740), ((_H, _C), 170), ((_H, _P), 90)),
    3: (((_H, _S, _C), 830), ((_H, _S, _P), 80), ((_H, _C, _C), 60), ((_H, _C, _P), 30)),
    4: (((_H, _S, _C, _C), 620), ((_H, _S, _C, _P), 240), ((_H, _S, _P, _P), 140)),
    5: (((_H, _S, _C, _P, _P), 450), ((_H, _S, _C, _C, _P), 350), ((_H, _S, _C, _C, _C), 200)),
    6: (((_H, _S, _C, _C, _P, _P), 850), ((_H, _S, _C, _C, _C, _P), 150)),
    7: (((_H, _S, _C, _C, _C, _P, _P), 1000),),
}
MOST = 7
# Age of the head of the household by five-year bands from 20, relative weights: an assumption
# that gives about the published shares of children and old people when ages are counted.
HEAD_AGES = {
    "alone": (60, 100, 95, 70, 55, 55, 65, 70, 80, 100, 90, 65, 45, 25, 10),
    "couple": (10, 50, 50, 35, 30, 50, 85, 110, 120, 150, 120, 80, 45, 20, 5),
    "children": (0, 50, 160, 210, 180, 150, 120, 75, 40, 20, 0, 0, 0, 0, 0),
    "parents": (0, 40, 130, 190, 190, 180, 150, 90, 30, 0, 0, 0, 0, 0, 0),
}  # fmt: skip
