"""JSON for values that are more than JSON: numpy's, dates, NaN; and none for what is too large, too deep or cyclic."""

import enum
import json
import sys

# What is derived from a value must not keep its text from arriving.
MAX_JSON = 64 * 1024 * 1024
MAX_ITEMS = 5_000_000

# User code may replace what the module has by these names.
dumps = json.dumps
loads = json.loads


def is_a(value, module, *names):
    """Whether the value is of one of the classes of a module, which is not imported for that."""
    found = [getattr(sys.modules.get(module), name, None) for name in names]
    return isinstance(value, tuple(kind for kind in found if isinstance(kind, type)))


def plain(value):
    """For json.dumps: a simpler form of what it does not know."""
    if type(value).__name__ in ("NaTType", "NAType"):
        return None
    if is_a(value, "datetime", "date", "time"):
        return value.isoformat()
    if isinstance(value, enum.Enum):
        return value.value
    if is_a(value, "uuid", "UUID"):
        return str(value)
    if hasattr(type(value), "__dataclass_fields__"):
        return {field.name: getattr(value, field.name) for field in sys.modules["dataclasses"].fields(value)}
    if hasattr(value, "tolist"):
        return items_of(value)
    raise TypeError(f"no JSON for a {type(value).__name__}")


def plain_or_text(value):
    try:
        return plain(value)
    except TypeError:
        return str(value)


def items_of(array):
    """numpy's arrays and scalars, and what behaves like them."""
    if getattr(array, "size", 0) > MAX_ITEMS:
        raise OverflowError("too many items")
    if getattr(getattr(array, "dtype", None), "kind", "") == "M":
        array = array.astype("datetime64[us]")  # of finer ones, numpy makes numbers
    return array.tolist()


def plain_key(key):
    """A key that JSON can have; those of its own types json.dumps turns into text."""
    if key is None or isinstance(key, (str, int, float)):
        return key
    key = plain(key)
    if isinstance(key, (list, dict)):
        raise TypeError("no JSON key")
    return key


def with_plain_keys(value):
    if isinstance(value, dict):
        return {plain_key(key): with_plain_keys(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [with_plain_keys(item) for item in value]
    return value


def finite(text):
    """The same JSON with null for the numbers that it does not have."""
    if "NaN" in text or "Infinity" in text:
        return dumps(loads(text, parse_constant=lambda _: None))
    return text


def json_text(value, simpler=plain):
    """The value as JSON, or None when there is none for it. `simpler` is told of what json.dumps does not know."""
    try:
        try:
            text = dumps(value, default=simpler)
        except TypeError:
            text = dumps(with_plain_keys(value), default=simpler)
        return finite(text) if len(text) <= MAX_JSON else None
    except Exception:  # nothing that JSON has, or user code has broken the encoder
        return None
