"""Names for whole columns of people, from the same tables as `verify.simulate.names`."""

from __future__ import annotations

import polars as pl

from verify.simulate.city.draws import Draws, Weighted
from verify.simulate.names import ERA_ENDS, GIVEN_TABLES, RARE, SINGLE_PER_MILLE, SURNAMES

UYGHUR, TIBETAN, YI, HAN = "uyghur", "tibetan", "yi", "han"


def _words(text: str) -> list[str]:
    return text.split()


# Frequent given names. The order says nothing: no counts are published, so all weigh the same.
_UYGHUR_MEN = _words(
    "买买提 艾合买提 阿不都热合曼 吐尔逊 阿迪力 玉素甫 艾尔肯 库尔班 阿不力孜 "
    "阿卜杜拉 伊敏 依明江 热合曼 卡德尔 木合塔尔 努尔买买提 吾买尔 肉孜 沙吾提 "
    "塔依尔 托合提 亚森 伊力哈木 祖农 阿里木江 艾力 巴拉提 达吾提 哈力克 吉力力 "
    "凯赛尔 麦麦提明 穆太力普 帕尔哈提 赛买提 外力"
)
_UYGHUR_WOMEN = _words(
    "古丽巴哈尔 阿依古丽 热娜 帕提古丽 米热古丽 祖丽皮亚 阿依努尔 再娜普 阿米娜 "
    "古丽娜尔 哈丽旦 海日古丽 玛依拉 努尔古丽 帕丽旦 热依汗 塔吉古丽 吐尼沙 依帕尔 "
    "则维旦 左热姆 阿提古丽 布威海丽且 迪丽拜尔 古海尔 罕克孜 凯丽比努尔 麦尔哈巴 "
    "孜乃提 阿孜古丽"
)
_TIBETAN_FIRST = _words(
    "扎西 次仁 多吉 旺堆 平措 索朗 丹增 格桑 洛桑 尼玛 达瓦 米玛 拉巴 普布 巴桑 "
    "边巴 强巴 土登 晋美 贡布 嘎玛 仁青 赤列 阿旺"
)
_TIBETAN_MEN = _words(
    "扎西 次仁 多吉 旺堆 平措 罗布 顿珠 加措 坚赞 旺久 伦珠 群培 欧珠 次旺 南杰 曲扎 朗杰 赤来"
)
_TIBETAN_WOMEN = _words(
    "卓玛 央金 拉姆 白玛 德吉 梅朵 曲珍 卓嘎 央宗 仓决 旺姆 措姆 玉珍 白珍 德央 群宗 曲宗 吉宗"
)
_YI_CLANS = _words(
    "吉克 沙马 阿苦 吉木 阿尔 马海 曲比 勒伍 阿侯 阿鲁 吉伍 吉狄 罗洪 乃古 沙呷 "
    "乌科 俄木 海来 吉觉 加巴 金古 尔古 布约 的日"
)
_YI_MEN = _words("木呷 拉且 尔古 伍果 日火 伍呷 拉哈 木果 尔哈 尔布 阿牛 子呷 史古 木牛 约哈 体哈")
_YI_WOMEN = _words(
    "阿依 阿呷 嫫各 伍牛 什扎 阿西 阿果 阿芝 史呷 尔作 子洛 日洛 沙作 伍作 木乃 各作"
)

SURNAME_TABLE = Weighted(SURNAMES.weighted())


class _Stacked:
    """Several weighted tables behind each other, so that one search serves all of them."""

    def __init__(self, tables: list[list[tuple[str, int]]]) -> None:
        values = [value for table in tables for value, _ in table]
        weights = [weight for table in tables for _, weight in table]
        self._values = pl.Series(values)
        self._ends = pl.Series(weights, dtype=pl.UInt64).cum_sum()
        totals = [sum(weight for _, weight in table) for table in tables]
        self._totals = pl.Series(totals, dtype=pl.UInt64)
        self._starts = pl.Series([sum(totals[:i]) for i in range(len(totals))], dtype=pl.UInt64)

    def at(self, word: pl.Expr, table: pl.Expr) -> pl.Expr:
        point = pl.lit(self._starts).gather(table) + word % pl.lit(self._totals).gather(table)
        return pl.lit(self._values).gather(pl.lit(self._ends).search_sorted(point, side="right"))


_POPULAR = _Stacked([popular.weighted() for era in GIVEN_TABLES for popular, _ in era])
_CHARACTER = _Stacked([characters.weighted() for era in GIVEN_TABLES for _, characters in era])
_SINGLES = pl.Series([single * 1000 for single in SINGLE_PER_MILLE], dtype=pl.UInt64)
_ENDS = pl.Series(ERA_ENDS[:-1], dtype=pl.Int64)
POPULAR_PER_MILLION = 60_000  # as in verify.simulate.names


def han_given(draws: Draws, row: str, *, rare_per_million: int) -> pl.Expr:
    """Given names by year of birth and sex (columns `year`, `sex`)."""
    era = pl.lit(_ENDS).search_sorted(pl.col("year"), side="left").cast(pl.UInt64)
    table = era * 2 + (pl.col("sex") == "f").cast(pl.UInt64)
    first = _CHARACTER.at(draws.word("given/1", row), table)
    second = _CHARACTER.at(draws.word("given/2", row), table)
    rare = draws.one_of("given/rare", row, tuple(RARE))
    return (
        pl.when(draws.chance("given/is_rare", row, rare_per_million))
        .then(pl.when(draws.chance("given/rare_alone", row, 500_000)).then(rare)
              .otherwise(first + rare))
        .when(draws.chance("given/popular", row, POPULAR_PER_MILLION))
        .then(_POPULAR.at(draws.word("given/0", row), table))
        .when(draws.chance("given/single", row, pl.lit(_SINGLES).gather(era)))
        .then(first)
        .otherwise(first + second)
    )  # fmt: skip


def with_dot(draws: Draws, row: str) -> pl.Expr:
    """Names of Uyghur, Tibetan and Yi custom, by columns `style`, `sex` and `clan_word`.

    Uyghur: own name, then the father's; Tibetan: two names, none of them inherited; Yi: the clan
    (the same for a household), then the own name.
    """
    man = pl.col("sex") == "m"

    def either(column: str, men: list[str], women: list[str]) -> pl.Expr:
        of_man, of_woman = draws.one_of(column, row, men), draws.one_of(column, row, women)
        return pl.when(man).then(of_man).otherwise(of_woman)

    uyghur = either("uyghur/1", _UYGHUR_MEN, _UYGHUR_WOMEN)
    uyghur = uyghur + "·" + draws.one_of("uyghur/2", row, _UYGHUR_MEN)
    tibetan = draws.one_of("tibetan/1", row, _TIBETAN_FIRST)
    tibetan = tibetan + "·" + either("tibetan/2", _TIBETAN_MEN, _TIBETAN_WOMEN)
    clan = pl.lit(pl.Series(_YI_CLANS)).gather(pl.col("clan_word") % len(_YI_CLANS))
    yi = clan + "·" + either("yi", _YI_MEN, _YI_WOMEN)
    style = pl.col("style")
    return pl.when(style == UYGHUR).then(uyghur).when(style == TIBETAN).then(tibetan).otherwise(yi)
