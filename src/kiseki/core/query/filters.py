r"""The filter language of the runs list: text to tree and back.

    state:running lr>=1e-4 tags:baseline name~resnet created>7d (a or b) not group:old

    filter  = all { "or" all }
    all     = item { ["and"] item }
    item    = "not" item | "(" filter ")" | key operator [value] | word
    key     = bare | quoted            operator = ":" | "!:" | ">" | ">=" | "<" | "<=" | "~"
    value   = bare | quoted            quoted   = '"' … '"' with \" and \\

`=` and `!=` are read as `:` and `!:`. The parser recognises what a value must be and refuses the rest with
the position; it never evaluates anything.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any, NamedTuple, NoReturn, cast

from kiseki.errors import Invalid
from kiseki.storage.filters import (
    AGGREGATES,
    ATTRIBUTES,
    Word,
    duration_us,
    moment_us,
    number_of,
)
from kiseki.storage.filters import (
    And as And,
)
from kiseki.storage.filters import (
    Compare as Compare,
)
from kiseki.storage.filters import (
    Filter as Filter,
)
from kiseki.storage.filters import (
    Key as Key,
)
from kiseki.storage.filters import (
    Not as Not,
)
from kiseki.storage.filters import (
    Operator as Operator,
)
from kiseki.storage.filters import (
    Or as Or,
)
from kiseki.storage.filters import (
    SortKey as SortKey,
)

TEXT_MAX = 8_000  # characters of a filter or sort
TERMS_MAX = 200
SORT_KEYS_MAX = 8
DEPTH_MAX = 50

_TOKEN = re.compile(
    r"""(?P<space>\s+)
      | (?P<open>\() | (?P<close>\))
      | (?P<operator>!:|!=|>=|<=|[:=<>~])
      | (?P<quoted>"(?:[^"\\]|\\.)*")
      | (?P<bare>(?:[^\s()":!<>=~]|!(?![:=]))+)""",
    re.VERBOSE | re.DOTALL,
)
_VALUE = re.compile(r'[^\s()"]+')
_SPECIAL = re.compile(r"[\s()\":!<>=~,\\]")
_OPERATORS: dict[str, Operator] = {
    ":": ":", "=": ":", "!:": "!:", "!=": "!:", ">": ">", ">=": ">=", "<": "<", "<=": "<=", "~": "~",
}  # fmt: skip
# What is written for an operator that there is not, and what for it.
_MEANT = {
    "=>": ">=", "=<": "<=", "==": "=", ":>": ">", ":<": "<", ":>=": ">=", ":<=": "<=", ":=": "=",
    "<>": "!=", "~=": "~", "!==": "!=", "===": "=",
}  # fmt: skip
_SIGNS = re.compile(r"[=<>]+")
_SORT_KEY = re.compile(
    r"""\s*(?P<minus>-?)(?:(?P<quoted>"(?:[^"\\]|\\.)+")|(?P<bare>[^\s",-][^\s",]*))\s*(?=,|$)""",
    re.DOTALL,
)
_KEYWORDS = ("and", "or", "not")
_METRIC = re.compile(rf"metric\.(?:{'|'.join(AGGREGATES)}|at\.\d{{1,18}})\.(?=.)", re.DOTALL)
_SPACES = ("config", "summary", "metric")


class _Token(NamedTuple):
    kind: str  # open, close, operator, quoted, bare, end
    text: str  # as meant: quotes and escapes resolved
    start: int
    end: int


def _refuse(message: str, position: int, token: str = "") -> NoReturn:
    raise Invalid(message, code="filter", position=position, token=token)


def _unquote(text: str) -> str:
    return re.sub(r'\\(["\\])', r"\1", text[1:-1])


def _quote(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


class _Reader:
    """Hands out tokens of a text one at a time; what a value may hold depends on where it stands."""

    def __init__(self, text: str) -> None:
        if len(text) > TEXT_MAX:
            _refuse(f"the filter is longer than {TEXT_MAX:,} characters", TEXT_MAX)
        self.text = text
        self.at = 0

    def skip(self) -> None:
        while self.at < len(self.text) and self.text[self.at].isspace():
            self.at += 1

    def peek(self) -> _Token:
        self.skip()
        at = self.at
        if at >= len(self.text):
            return _Token("end", "", at, at)
        found = _TOKEN.match(self.text, at)
        if found is None:
            self._refuse_character(at)
        kind = cast(str, found.lastgroup)
        text = _unquote(found[0]) if kind == "quoted" else found[0]
        return _Token(kind, text, at, found.end())

    def operator_at(self, at: int) -> bool:
        found = _TOKEN.match(self.text, at)
        return found is not None and found.lastgroup == "operator"

    def take(self) -> _Token:
        token = self.peek()
        self.at = token.end
        return token

    def value(self) -> _Token:
        """Take the value behind an operator: any text up to a space or parenthesis, or quoted text."""
        self.skip()
        if self.text.startswith('"', self.at):
            return self.take()
        found = _VALUE.match(self.text, self.at)
        if found is None:
            _refuse('a value is missing (write "" for an empty one)', self.at)
        self.at = found.end()
        return _Token("bare", found[0], found.start(), found.end())

    def _refuse_character(self, at: int) -> NoReturn:
        if self.text[at] == '"':
            _refuse("the quote is never closed", at, self.text[at:])
        _refuse(f"unexpected {self.text[at]!r}", at, self.text[at])


class _Parser:
    def __init__(self, text: str) -> None:
        self.reader = _Reader(text)
        self.terms = 0

    def parse(self) -> Filter | None:
        if self.reader.peek().kind == "end":
            return None
        tree = self.any_of(0)
        rest = self.reader.peek()
        if rest.kind != "end":
            _refuse("')' closes nothing", rest.start, rest.text)
        return tree

    def any_of(self, depth: int) -> Filter:
        if depth > DEPTH_MAX:
            _refuse(f"more than {DEPTH_MAX} levels of nesting", self.reader.at)
        items = [self.all_of(depth)]
        while self.keyword("or"):
            items.append(self.all_of(depth))
        return either(items)

    def all_of(self, depth: int) -> Filter:
        items = [self.item(depth)]
        while True:
            if self.keyword("and"):
                items.append(self.item(depth))
                continue
            token = self.reader.peek()
            if token.kind in ("end", "close") or self.is_keyword(token, "or"):
                return both(items)
            items.append(self.item(depth))

    def item(self, depth: int) -> Filter:
        token = self.reader.peek()
        if self.keyword("not"):
            if depth > DEPTH_MAX:
                _refuse(f"more than {DEPTH_MAX} levels of nesting", token.start)
            return Not(self.item(depth + 1))
        self.reader.take()
        if token.kind == "open":
            inner = self.any_of(depth + 1)
            closing = self.reader.take()
            if closing.kind != "close":
                _refuse("'(' is never closed", token.start, "(")
            return inner
        if token.kind not in ("bare", "quoted") or token.text == "" or self.is_keyword(token):
            self.refuse_item(token)
        self.terms += 1
        if self.terms > TERMS_MAX:
            _refuse(f"more than {TERMS_MAX} conditions", token.start, token.text)
        if self.reader.peek().kind == "operator":
            return self.comparison(token)
        return Word(token.text)

    def comparison(self, token: _Token) -> Filter:
        key = _stored(key_of(token), token)
        sign = self.reader.take()
        operator = _OPERATORS[sign.text]
        self.refuse_signs(token, sign)
        value = self.reader.value()
        compare = Compare(key, operator, value.text, value.kind == "quoted")
        _check(compare, token, sign, value)
        return compare

    def refuse_signs(self, key: _Token, sign: _Token) -> None:
        """Refuse an operator that there is not; a value that begins with a sign is quoted."""
        if key.kind == "bare" and key.text.endswith("!"):
            _refuse(
                f"'!{sign.text}' is no operator: write not in front", key.end - 1, "!" + sign.text
            )
        more = _SIGNS.match(self.reader.text, sign.end)
        if more is None:
            return
        written = sign.text + more[0]
        meant = _MEANT.get(written)
        advice = f"write {meant!r}" if meant else "a value that begins with it stands in quotes"
        _refuse(f"{written!r} is no operator: {advice}", sign.start, written)

    def keyword(self, word: str) -> bool:
        """Take the keyword if it is next."""
        token = self.reader.peek()
        if not self.is_keyword(token, word):
            return False
        self.reader.take()
        return True

    def is_keyword(self, token: _Token, *words: str) -> bool:
        if token.kind != "bare" or token.text.lower() not in (words or _KEYWORDS):
            return False
        # `or:3` compares a key of that name.
        return not self.reader.operator_at(token.end)

    def refuse_item(self, token: _Token) -> NoReturn:
        if token.kind == "end":
            _refuse("something is missing at the end", token.start)
        if token.kind == "operator":
            _refuse(f"{token.text!r} has no key in front of it", token.start, token.text)
        if token.kind == "close":
            _refuse("nothing stands before ')'", token.start, token.text)
        if token.kind == "quoted":
            _refuse("an empty text finds nothing", token.start, '""')
        _refuse(f"{token.text!r} has nothing to join", token.start, token.text)


def key_of(token: _Token) -> Key:
    text = token.text
    if text in ATTRIBUTES:
        return Key("run", text)
    for space in ("config", "summary"):
        if text.startswith(space + "."):
            path = text[len(space) + 1 :]
            if not path:
                _refuse(f"{text!r} names no key", token.start, text)
            return Key("config" if space == "config" else "summary", path)
    if _METRIC.match(text):
        return Key("metric", text[len("metric.") :])
    if not text:
        _refuse("an empty key", token.start, '""')
    return Key("", text)


def key_of_text(text: str) -> Key:
    """Return the key that a text without quotes is. Raises Invalid as `parse`."""
    return key_of(_Token("bare", text, 0, len(text)))


def _stored(key: Key, token: _Token) -> Key:
    """Return a key that runs are found and sorted by."""
    if key.space == "metric" and key.path.startswith("at."):
        _refuse(
            "the value at a step is a column: runs are not found or sorted by it",
            token.start,
            token.text,
        )
    return key


def _check(compare: Compare, key: _Token, sign: _Token, value: _Token) -> None:
    """Refuse a value that its key cannot be compared with."""
    ordering = compare.operator in (">", ">=", "<", "<=")
    kind = ATTRIBUTES[compare.key.path] if compare.key.space == "run" else None
    text = value.text
    if ordering and kind in ("text", "tags"):
        _refuse(f"{key.text!r} is text: compare it with ':' or '~'", sign.start, sign.text)
    if compare.operator == "~":
        if kind in ("number", "time", "duration"):
            _refuse(f"{key.text!r} is a {kind}: compare it with ':' or '>'", sign.start, sign.text)
        if not text:
            _refuse("'~' needs a text to search", value.start)
        return
    if kind in (None, "text", "tags", "number"):
        if (ordering or (kind == "number" and text != "*")) and number_of(text) is None:
            _refuse(f"{text!r} is not a number", value.start, text)
    elif text == "*" and not ordering:
        return
    elif kind == "duration":
        if duration_us(text) is None:
            _refuse(f"{text!r} is not a duration such as 90s or 2h", value.start, text)
    elif moment_us(text, 0) is None:
        _refuse(f"{text!r} is not a moment such as 7d or 2026-01-31", value.start, text)
    elif duration_us(text) is not None and not ordering:
        _refuse("an age is compared with '>' or '<'", sign.start, sign.text)


def both(items: Sequence[Filter]) -> Filter:
    """Return the conjunction of one or more filters."""
    flat = tuple(_flatten(And, items))
    return flat[0] if len(flat) == 1 else And(flat)


def either(items: Sequence[Filter]) -> Filter:
    """Return the disjunction of one or more filters."""
    flat = tuple(_flatten(Or, items))
    return flat[0] if len(flat) == 1 else Or(flat)


def _flatten(kind: type[And] | type[Or], items: Iterable[Filter]) -> Iterator[Filter]:
    for item in items:
        if isinstance(item, kind):
            yield from item.items
        else:
            yield item


def parse(text: str) -> Filter | None:
    """Return the tree of a filter, None for an empty one.

    Raises:
        Invalid: `extra` names `position` (character offset) and `token`.
    """
    return _Parser(text).parse()


def parse_sort(text: str) -> list[SortKey]:
    """Return the keys of a sort such as `-summary.acc,config.lr,created`.

    Raises:
        Invalid: as `parse`.
    """
    return _listed_keys(text, SORT_KEYS_MAX, "sort keys")


def parse_keys(text: str, limit: int) -> list[Key]:
    """Return keys written as those of a sort, without directions, each once: `config.lr,tags`.

    Raises:
        Invalid: as `parse`.
    """
    keys = _listed_keys(text, limit, "keys")
    for item in keys:
        if item.descending:
            _refuse("only a sort has directions", text.index("-"), "-")
    return list(dict.fromkeys(item.key for item in keys))


def parse_columns(text: str, limit: int) -> list[Key]:
    """Return keys as `parse_keys` does, also what a metric was at a step: `metric.at.100.loss`.

    Raises:
        Invalid: as `parse`.
    """
    keys = _listed_keys(text, limit, "columns", are_stored=False)
    return list(dict.fromkeys(item.key for item in keys))


def metric_of(key: Key) -> tuple[str, str]:
    """Return what is meant of a metric, and its path: (`min`, `loss`), (`at.100`, `loss`)."""
    what, _, path = key.path.partition(".")
    if what == "at":
        step, _, path = path.partition(".")
        what = f"at.{step}"
    return what, path


def changed(tree: Filter, change: Callable[[Key], Key]) -> Filter:
    """Return a filter with other keys."""
    if isinstance(tree, (And, Or)):
        return type(tree)(tuple(changed(item, change) for item in tree.items))
    if isinstance(tree, Not):
        return Not(changed(tree.item, change))
    return replace(tree, key=change(tree.key)) if isinstance(tree, Compare) else tree


def _listed_keys(text: str, limit: int, what: str, *, are_stored: bool = True) -> list[SortKey]:
    if len(text) > TEXT_MAX:
        _refuse(f"the {what} are longer than {TEXT_MAX:,} characters", TEXT_MAX)
    keys: list[SortKey] = []
    at = 0
    while text.strip():
        found = _SORT_KEY.match(text, at)
        if found is None:
            _refuse("a key is missing or its quote never closed", at, text[at:])
        name = found["bare"] or _unquote(found["quoted"])
        start = found.start("bare") if found["bare"] else found.start("quoted")
        token = _Token("bare", name, start, found.end())
        key = _stored(key_of(token), token) if are_stored else key_of(token)
        keys.append(SortKey(key, bool(found["minus"])))
        if len(keys) > limit:
            _refuse(f"more than {limit} {what}", start, name)
        if found.end() == len(text):
            break
        at = found.end() + 1
    return keys


def key_text(key: Key) -> str:
    """Return a key as a filter or sort spells it."""
    text = f"{key.space}.{key.path}" if key.space in _SPACES else key.path
    # A key called `or`, or one that begins like a number of a sort, is quoted to stay a key.
    if _SPECIAL.search(text) or text.lower() in _KEYWORDS or text.startswith("-"):
        return _quote(text)
    return text


def print_filter(tree: Filter | None) -> str:
    """Return the text of a tree; parsing it gives the tree again."""
    if tree is None:
        return ""
    if isinstance(tree, Or):
        return " or ".join(print_filter(item) for item in tree.items)
    if isinstance(tree, And):
        return " ".join(_grouped(item, Or) for item in tree.items)
    if isinstance(tree, Not):
        return f"not {_grouped(tree.item, And, Or)}"
    if isinstance(tree, Word):
        plain = not _SPECIAL.search(tree.text) and tree.text.lower() not in _KEYWORDS
        return tree.text if plain else _quote(tree.text)
    value = _quote(tree.value) if tree.quoted else tree.value
    return f"{key_text(tree.key)}{tree.operator}{value}"


def _grouped(tree: Filter, *kinds: type[Filter]) -> str:
    text = print_filter(tree)
    return f"({text})" if isinstance(tree, kinds) else text


def print_sort(keys: Sequence[SortKey]) -> str:
    """Return the text of a sort; parsing it gives the keys again."""
    return ",".join(("-" if key.descending else "") + key_text(key.key) for key in keys)


def to_json(tree: Filter | None) -> Any:
    """Return a tree as plain data, the form shared with the web app's own parser."""
    if tree is None:
        return None
    if isinstance(tree, And):
        return {"and": [to_json(item) for item in tree.items]}
    if isinstance(tree, Or):
        return {"or": [to_json(item) for item in tree.items]}
    if isinstance(tree, Not):
        return {"not": to_json(tree.item)}
    if isinstance(tree, Word):
        return {"word": tree.text}
    space = f"{tree.key.space}." if tree.key.space in _SPACES else ""
    return {
        "space": tree.key.space,
        "key": space + tree.key.path,
        "operator": tree.operator,
        "value": tree.value,
        "quoted": tree.quoted,
    }
