"""What all values are made of: JSON, decoded when it is asked for by what the annotations of a class say."""

from __future__ import annotations

import datetime as dt
import json
from typing import (
    TYPE_CHECKING,
    Any,
    Callable,
    Dict,
    Iterator,
    Optional,
    Tuple,
    Type,
    Union,
    get_args,
    get_origin,
    get_type_hints,
)


class Value:
    """An immutable value. Equal when type and content are; can be hashed and pickled."""

    __slots__ = ("_data",)
    _data: Union[str, Dict[str, Any]]

    def __init__(self, data: Union[str, Dict[str, Any]]) -> None:
        object.__setattr__(self, "_data", data)

    def to_dict(self) -> Dict[str, Any]:
        """Returns the content as plain Python, as it is in JSON."""
        copy: Dict[str, Any] = json.loads(json.dumps(self._members()))
        return copy

    def _members(self) -> Dict[str, Any]:
        if isinstance(self._data, str):
            object.__setattr__(self, "_data", json.loads(self._data))
        assert isinstance(self._data, dict)
        return self._data

    if not TYPE_CHECKING:
        # For a type checker there are the annotations, and nothing else.
        def __getattr__(self, name):
            decode = _decoders(type(self)).get(name)
            if decode is None:
                raise AttributeError(f"{type(self).__name__!r} has no attribute {name!r}")
            return decode(self._members())

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"{type(self).__name__!r} cannot be changed")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"{type(self).__name__!r} cannot be changed")

    def __eq__(self, other: object) -> bool:
        if type(self) is not type(other):
            return NotImplemented
        assert isinstance(other, Value)
        return self._members() == other._members()

    def __hash__(self) -> int:
        return hash(json.dumps(self._members(), sort_keys=True))

    def __repr__(self) -> str:
        fields = (f"{name}={decode(self._members())!r}" for name, decode in _decoders(type(self)).items())
        return f"{type(self).__name__}({', '.join(fields)})"

    def __reduce__(self) -> Tuple[Any, ...]:
        return (type(self), (self._members(),))

    def __dir__(self) -> Iterator[str]:
        return iter([*object.__dir__(self), *_decoders(type(self))])


class Strategy(str):
    """How a table was brought up to date: `full` or `incremental`, and why."""

    because: Optional[str]
    """Why it was read whole, such as `first_sync`; None when it was not."""

    def __new__(cls, kind: str, because: Optional[str] = None) -> Strategy:
        strategy = super().__new__(cls, kind)
        strategy.because = because
        return strategy

    def __getnewargs__(self) -> Tuple[Any, ...]:
        return (str(self), self.because)


Decoder = Callable[[Any], Any]


_DECODERS: Dict[Type[Value], Dict[str, Decoder]] = {}


def _decoders(kind: Type[Value]) -> Dict[str, Decoder]:
    """How each attribute of a class is read off its members; the annotations of the class say so."""
    if kind not in _DECODERS:
        hints = {name: hint for name, hint in get_type_hints(kind).items() if not name.startswith("_")}
        _DECODERS[kind] = {name: _member(name, hint) for name, hint in hints.items()}
    return _DECODERS[kind]


def _member(name: str, hint: Any) -> Decoder:
    if hint is dt.timedelta:
        return lambda members: dt.timedelta(milliseconds=members[f"{name}_ms"])
    decode = _decoder(hint)
    missing: Any = () if get_origin(hint) is tuple else None
    return lambda members: missing if members.get(name) is None else decode(members[name])


def _decoder(hint: Any) -> Decoder:
    arguments = [argument for argument in get_args(hint) if argument not in (type(None), Ellipsis)]
    if get_origin(hint) is Union:
        return _decoder(arguments[0])
    if get_origin(hint) is tuple:
        element = _decoder(arguments[0])
        return lambda elements: tuple(map(element, elements))
    if get_origin(hint) is dict:
        member = _decoder(arguments[-1])
        return lambda members: {name: member(value) for name, value in members.items()}
    if hint is dt.datetime:
        return moment
    if hint is Strategy:
        return lambda told: Strategy(told["type"], told.get("because"))
    if isinstance(hint, type) and issubclass(hint, Value):
        return hint
    return lambda value: value


def moment(text: str) -> dt.datetime:
    """Reads an instant as JSON has it; Python keeps microseconds."""
    whole, _, fraction = text.rstrip("Z").partition(".")
    read = dt.datetime.fromisoformat(whole)
    return read.replace(microsecond=int(fraction[:6].ljust(6, "0")) if fraction else 0, tzinfo=dt.timezone.utc)
