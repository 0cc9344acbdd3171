"""Random statements of SoQL over the small tables: most of them well formed, some of them meaningful."""

from __future__ import annotations

from random import Random

_AGGREGATES = ("count(*)", "sum({})", "avg({})", "max({})", "min({})", "median({})", "count(distinct {})")
_WINDOWS = ("row_number()", "rank()", "lag({})", "lead({}, 2)", "first_value({})", "last_value({})", "ntile(3)")
_FRAMES = (
    "", "", "rows 1 preceding", "rows between 1 preceding and 1 following", "range unbounded preceding",
    "groups 1 preceding", "range 5 preceding", "rows between unbounded preceding and unbounded following exclude ties",
)  # fmt: skip
_AFTER = (" |> select *", " |> select count(*)", " |> select *, row_number() over () as rn order by rn desc")


class RandomSoql:
    """Makes statements from a seed."""

    def __init__(self, seed: int) -> None:
        self._random = Random(seed)
        self._joined = self._beside = False

    def statement(self) -> str:
        """One statement, possibly of several selects."""
        first = self._select()
        return self._pick(
            (first, first, first + self._pick(_AFTER), f"{first} {self._operator()} {self._select()}",
             f"({first}) {self._operator()} ({first}) |> select *")
        )  # fmt: skip

    def _pick(self, choices: tuple[str, ...]) -> str:
        return self._random.choice(choices)

    def _chance(self, share: float) -> bool:
        return self._random.random() < share

    def _operator(self) -> str:
        return self._pick(("union", "union all", "minus", "intersect all"))

    def _select(self) -> str:
        self._joined, self._beside = self._chance(0.3), self._chance(0.2)
        aliases = iter("xyzw")
        selected = ["*"] if self._chance(0.3) else []
        selected += [
            self._any() + (f" as {next(aliases)}" if self._chance(0.5) else "")
            for _ in range(self._random.randint(0 if selected else 1, 3))
        ]
        words = ["select", self._distinct(), ", ".join(selected), "from @this as m"]
        if self._joined:
            kind = self._pick(("join", "left join", "right join", "full outer join"))
            words.append(f"{kind} @town-0001 as t on {self._pick(('town = @t.town', 'true', '@t.people > age'))}")
        if self._beside:
            words.append(self._pick((
                "join (select kind, count(*) as n from @pets-0001 group by kind) as q on true",
                "left join lateral (select kind, age as n from @pets-0001 where owner = @m.name limit 1) as q on true",
            )))  # fmt: skip
        return " ".join([*words, *self._clauses()])

    def _distinct(self) -> str:
        return self._pick(("", "", "", "distinct", f"distinct on ({self._any()})"))

    def _clauses(self) -> list[str]:
        return [
            *([f"where {self._condition(1)}"] if self._chance(0.3) else []),
            *([f"group by {self._any(2)}, {self._any(2)}"] if self._chance(0.2) else []),
            *([f"having {self._condition(1)}"] if self._chance(0.1) else []),
            *([f"order by {self._order()}"] if self._chance(0.4) else []),
            *(["search 'avon 3'"] if self._chance(0.1) else []),
            *([f"limit {self._random.randint(0, 5)}"] if self._chance(0.3) else []),
            *([f"offset {self._random.randint(0, 3)}"] if self._chance(0.1) else []),
        ]

    def _order(self, depth: int = 0) -> str:
        return self._any(depth + 1) + self._pick(("", " desc", " asc", " desc null last", " nulls first"))

    def _any(self, depth: int = 0) -> str:
        return self._random.choice((self._number, self._text, self._condition, self._date))(depth)

    def _date(self, depth: int) -> str:
        return self._pick(("born", ":updated_at", "home", "date_trunc_ym(born)"))

    def _number(self, depth: int) -> str:
        if depth > 2 or self._chance(0.4):
            names = ("age", "height", "1", "2.5") + (("@t.people",) if self._joined else ())
            return self._pick(names + (("@q.n",) if self._beside else ()))
        return self._random.choice((
            lambda: f"{self._number(depth + 1)} {self._pick(tuple('+-*/%'))} {self._number(depth + 1)}",
            lambda: f"case when {self._condition(depth + 1)} then {self._number(depth + 1)} else 1 end",
            lambda: f"coalesce({self._number(depth + 1)}, (2))",
            lambda: self._aggregate(depth),
            lambda: self._window(depth),
        ))()  # fmt: skip

    def _text(self, depth: int) -> str:
        if depth > 2 or self._chance(0.5):
            names = ("name", "town", "'Avon'", ":id", "null") + (("@t.county", "@t.:id") if self._joined else ())
            return self._pick(names + (("@q.kind",) if self._beside else ()))
        return self._random.choice((
            lambda: f"upper({self._text(depth + 1)})",
            lambda: f"{self._any(depth + 1)} || {self._any(depth + 1)}",
            lambda: f"max({self._text(depth + 1)})",
            lambda: f"lag({self._text(depth + 1)}) over ({self._over(depth)})",
        ))()  # fmt: skip

    def _condition(self, depth: int) -> str:
        if depth > 2 or self._chance(0.2):
            return self._pick(("happy", "true"))
        return self._random.choice((
            lambda: f"{self._number(depth + 1)} {self._pick(('=', '<', '>=', '!='))} {self._number(depth + 1)}",
            lambda: f"{self._text(depth + 1)} {self._pick(('like', '=', 'not like'))} {self._text(depth + 1)}",
            lambda: f"{self._any(depth + 1)} is not null",
            lambda: f"not {self._condition(depth + 1)} {self._pick(('and', 'or'))} {self._condition(depth + 1)}",
            lambda: f"{self._number(depth + 1)} not in ({self._number(depth + 1)}, {self._number(depth + 1)})",
        ))()  # fmt: skip

    def _aggregate(self, depth: int) -> str:
        call = self._pick(_AGGREGATES).format(self._number(depth + 2))
        return f"{call} filter (where {self._condition(depth + 2)})" if self._chance(0.2) else call

    def _window(self, depth: int) -> str:
        call = self._aggregate(depth) if self._chance(0.4) else self._pick(_WINDOWS).format(self._number(depth + 2))
        return f"{call} over ({self._over(depth)})"

    def _over(self, depth: int) -> str:
        keys = f"partition by {self._any(depth + 2)}" if self._chance(0.5) else ""
        order = f"order by {self._order(depth + 1)}" if self._chance(0.7) else ""
        return " ".join((keys, order, self._pick(_FRAMES)))
