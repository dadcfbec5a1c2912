"""Chinese personal names as frequent, and as rare, as they really are.

Sources (公安部户政管理研究中心, Ministry of Public Security):
- 二〇一八年全国姓名报告: sizes of the ten largest surnames;
- 二〇一九年全国姓名报告: the hundred largest surnames hold 85.9 % of the registered population
  (万 2.75 million, rank 91; 欧 2.61 million, rank 97); most frequent full names and characters;
- 二〇二〇年全国姓名报告: compound surnames, names by decade of birth, names of the new-born;
- 二〇二一年全国姓名报告: most frequent one-character and two-character given names.
Ranks 11 to 20 have the sizes that the National Bureau of Statistics gave for the 2010 census. The
reports print no size for most of ranks 21 to 100 and none beyond: there the order is approximate
and the size interpolated (`25,600 / (rank + 1)` ten-thousands meets the two published values).
"""

from __future__ import annotations

from dataclasses import dataclass

from verify.simulate.dice import Dice, Table, falling

_TOP_TEN = (
    ("王", 10150), ("李", 10090), ("张", 9540), ("刘", 7210), ("陈", 6330),
    ("杨", 4620), ("黄", 3370), ("赵", 2860), ("吴", 2780), ("周", 2680),
)  # fmt: skip
_TO_TWENTY = (
    ("徐", 1902), ("孙", 1859), ("马", 1788), ("胡", 1551), ("朱", 1517),
    ("郭", 1455), ("何", 1405), ("罗", 1338), ("高", 1298), ("林", 1280),
)  # fmt: skip
_TO_HUNDRED = (
    "郑梁谢宋唐许韩冯邓曹彭曾肖田董袁潘于蒋蔡余杜叶程苏魏吕丁任沈"
    "姚卢姜崔钟谭陆汪范金石廖贾夏韦付方白邹孟熊秦邱江尹薛闫段雷侯"
    "龙史陶黎贺顾毛郝龚邵万钱严覃武戴欧孔向莫"
)
_BEYOND = (
    "常汤赖康乔樊兰殷施洪翟安颜倪牛温芦季俞章鲁葛伍申尤毕聂丛焦柳邢路岳齐沿梅庄辛管祝左涂谷祁时"
    "舒耿牟卜路詹关苗凌费纪靳盛童欧甘项裴席卫屈鲍位单瞿成霍阮柯桂闵解强柴华车冉房边辜吉饶刁鄢"
)
_COMPOUND = (  # persons, 二〇二〇年全国姓名报告
    ("欧阳", 1112000), ("上官", 88000), ("皇甫", 64000), ("令狐", 55000), ("诸葛", 48000),
    ("司徒", 47000), ("司马", 23000), ("申屠", 19000), ("夏侯", 11000), ("贺兰", 10000),
    ("完颜", 6000), ("慕容", 5000), ("尉迟", 4000), ("长孙", 3000),
)  # fmt: skip


def _surnames() -> list[tuple[str, int]]:
    """All surnames with the number of persons that bear them."""
    ranked = [*_TOP_TEN, *_TO_TWENTY]
    ranked += [(name, 25_600 // (rank + 1)) for rank, name in enumerate(_TO_HUNDRED, 21)]
    hundred = [(name, size * 10_000) for name, size in ranked]
    total = sum(size for _, size in hundred)
    left = total * 141 // 859 - sum(size for _, size in _COMPOUND)  # the other 14.1 %
    seen = {name for name, _ in hundred}
    rare = [name for name in dict.fromkeys(_BEYOND) if name not in seen]
    parts = sum(range(1, len(rare) + 1))
    tail = [(name, left * (len(rare) - i) // parts) for i, name in enumerate(rare)]
    return [*hundred, *tail, *_COMPOUND]


SURNAMES = Table(_surnames())


@dataclass(frozen=True)
class _Era:
    """Given names of people born up to `until`; `single` per thousand have one character."""

    until: int
    single: int
    male: tuple[str, ...]
    female: tuple[str, ...]
    male_characters: str
    female_characters: str


# Most frequent names of each period first, as the reports list them; then characters from which
# the long tail is put together. One-character names: 27.6 % at most (the nineties) and 6.3 % in
# 2020 are published, the other shares interpolated.
_ERAS = (
    _Era(1949, 90, ("建国", "建华", "国华", "和平", "志明", "德明", "金生", "根生", "文华", "玉明"),
         ("秀英", "桂英", "秀兰", "玉兰", "桂兰", "秀珍", "凤英", "玉珍", "玉英", "兰英"),
         "国华明德金生根福文玉志建永荣祥林海清昌", "秀英玉兰桂珍凤芳月华金妹阿琴娥仙云宝"),
    _Era(1959, 100,
         ("建国", "建华", "国平", "国强", "建平", "志明", "国庆", "援朝", "永明", "卫国"),
         ("秀英", "玉兰", "秀兰", "桂英", "桂兰", "玉英", "玉珍", "秀珍", "凤英", "建英"),
         "建国华平明强志永德福根庆卫文新伟忠良祥", "秀英兰玉桂珍凤芳琴妹华梅云娣萍美月惠"),
    _Era(1969, 150, ("军", "勇", "建国", "建华", "建军", "卫东", "红卫", "建平", "志强", "国强"),
         ("秀英", "丽", "英", "敏", "玉梅", "秀兰", "红", "芳", "桂英", "丽华"),
         "建军勇国强卫东红明志平华伟民海忠永林斌", "丽英红敏华芳玉梅秀萍琴珍燕兰云美霞凤"),
    _Era(1979, 210, ("伟", "勇", "军", "强", "斌", "建军", "海波", "志强", "永强", "涛"),
         ("丽", "敏", "芳", "静", "艳", "英", "霞", "红", "燕", "梅"),
         "伟勇军强斌涛海波志永建明峰辉华东刚平宏", "丽敏芳静艳英霞红燕梅娟萍玲琴莉洁娜慧"),
    _Era(1989, 260, ("伟", "磊", "勇", "杰", "军", "涛", "超", "强", "鹏", "斌"),
         ("静", "丽", "娟", "艳", "敏", "娜", "芳", "燕", "婷", "莉"),
         "伟磊勇杰军涛超强鹏斌峰波晓文明海宇浩辰", "静丽娟艳敏娜芳燕婷莉晓玲洁雪慧琳佳颖"),
    _Era(1999, 276, ("伟", "杰", "超", "浩", "鑫", "磊", "涛", "鹏", "俊杰", "帅"),
         ("婷", "静", "婷婷", "雪", "敏", "悦", "丹", "颖", "倩", "雪莲"),
         "杰浩超鑫俊鹏宇凯文博天晨阳旭嘉伟志豪轩", "婷静雪倩颖悦丹雨欣佳琪梦玉晓文怡诗慧"),
    _Era(2009, 140, ("俊杰", "浩然", "鑫", "宇", "宇轩", "子豪", "博文", "涛", "志豪", "天乐"),
         ("欣怡", "婷", "婷婷", "悦", "雨欣", "佳怡", "梦瑶", "思琪", "静怡", "雨涵"),
         "子宇浩俊文博天轩豪嘉泽凯晨睿皓然杰阳辰", "欣怡雨佳梦思诗涵琪语萱婷悦嘉雅静瑶彤"),
    _Era(9999, 63, ("奕辰", "宇轩", "浩宇", "亦辰", "宇辰", "子墨", "宇航", "浩然", "梓豪", "亦宸"),
         ("一诺", "依诺", "欣怡", "梓涵", "语桐", "欣妍", "可欣", "语汐", "雨桐", "梦瑶"),
         "梓子宇辰一浩轩泽奕沐睿皓墨航宸博嘉铭然", "梓一诺涵欣怡语汐桐妍可雨梦瑶诗萱沐苒"),
)  # fmt: skip

# Characters that people of any time and sex bear: the long tail of given names.
_ANY = (
    "文明华玉春云林平海珍荣清晓永志成新光中学兴安才友良世东立仁万全方正洪俊启顺利凤义先富民长仲"
    "彩连景少宗树泉开锦坤礼信士润恩庭康胜思毅达江山川河松柏竹菊秋冬夏时雨霖帆舟远航星辰阳晴岚"
    "希望真善可心如若欣悦乐彬雯倩妮蓉萱薇菲璐瑾瑜琦琳瑶璇珊珂玥瑞祺祥禄勤俭诚朴实厚坚韧恒"
)

RARE: dict[str, tuple[str, str]] = {
    # character that old terminals lack -> (pinyin, what a clerk types instead)
    "䶮": ("YAN", "龑"),
    "㛃": ("JIE", "洁"),
    "𬍛": ("LI", "瓅"),
    "赟": ("YUN", "贇"),
    "喆": ("ZHE", "哲"),
    "祎": ("YI", "禕"),
    "昇": ("SHENG", "升"),
    "堃": ("KUN", "坤"),
    "犇": ("BEN", "奔"),
}

_UYGHUR = (
    ("买买提", "艾合买提", "阿不都热合曼", "吐尔逊", "阿迪力", "玉素甫", "艾尔肯", "库尔班"),
    ("古丽巴哈尔", "阿依古丽", "热娜", "帕提古丽", "米热古丽", "祖丽皮亚", "阿依努尔"),
)
_TIBETAN = (
    ("扎西", "次仁", "多吉", "旺堆", "平措", "索朗", "丹增", "格桑"),
    ("卓玛", "央金", "拉姆", "白玛", "德吉", "梅朵", "曲珍"),
)
_YI_CLANS = ("吉克", "沙马", "阿苦", "吉木", "阿尔", "马海", "曲比", "勒伍")
_YI = (("木呷", "拉且", "尔古", "伍果", "日火"), ("阿依", "阿呷", "嫫各", "伍牛", "什扎"))


@dataclass(frozen=True)
class Name:
    """A full name; `family` is the part that children inherit (empty: no family name)."""

    full: str
    family: str
    style: str  # han | uyghur | tibetan | yi


def style_of(dice: Dice, ethnic_per_mille: int) -> str:
    """Whose naming custom a family follows."""
    if not dice.chance(ethnic_per_mille):
        return "han"
    return dice.one_of(("uyghur", "tibetan", "yi"))


def name_person(
    dice: Dice,
    sex: str,
    year: int,
    *,
    style: str = "han",
    family: str = "",
    father: str = "",
    rare_per_mille: int = 0,
) -> Name:
    """A name for someone of `sex` born in `year`.

    `family` is inherited where the custom has family names, `father` the father's given name
    where it has patronymics. `rare_per_mille` of Han names hold a character of `RARE`.
    """
    which = 0 if sex == "m" else 1
    if style == "uyghur":
        own = dice.one_of(_UYGHUR[which])
        return Name(f"{own}·{father or dice.one_of(_UYGHUR[0])}", "", style)
    if style == "tibetan":
        first, second = dice.one_of(_TIBETAN[0]), dice.one_of(_TIBETAN[which])
        return Name(f"{first}·{second}", "", style)
    if style == "yi":
        clan = family or dice.one_of(_YI_CLANS)
        return Name(f"{clan}·{dice.one_of(_YI[which])}", clan, style)
    surname = family or SURNAMES.draw(dice)
    return Name(surname + _given(dice, which, year, rare_per_mille), surname, style)


def given_name(name: Name) -> str:
    """The given part: what a patronymic is made of."""
    return name.full.split("·")[0]


def _given(dice: Dice, which: int, year: int, rare_per_mille: int) -> str:
    index = next(i for i, era in enumerate(_ERAS) if year <= era.until)
    era, (popular, characters) = _ERAS[index], _DRAWS[index][which]
    if dice.chance(rare_per_mille):
        rare = dice.one_of(tuple(RARE))
        return rare if dice.chance(500) else characters.draw(dice) + rare
    if dice.chance(60):
        return popular.draw(dice)
    if dice.chance(era.single):
        return characters.draw(dice)
    return characters.draw(dice) + characters.draw(dice)


def _characters(leading: str) -> Table[str]:
    """The period's leading characters first, then the common ones, flatter than Zipf."""
    ranked = dict.fromkeys(leading + _ANY)
    return Table((character, 1000 // (rank + 10)) for rank, character in enumerate(ranked))


_DRAWS = tuple(
    (
        (Table(falling(era.male)), _characters(era.male_characters)),
        (Table(falling(era.female)), _characters(era.female_characters)),
    )
    for era in _ERAS
)

ERA_ENDS = tuple(era.until for era in _ERAS)
SINGLE_PER_MILLE = tuple(era.single for era in _ERAS)
GIVEN_TABLES = _DRAWS
"""By era and sex (men first): the most frequent whole given names, and single characters."""
