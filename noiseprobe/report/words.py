"""How the report page writes numbers: a real minus sign, a plus before differences, an en dash where there is none."""

import re
from typing import Any

from markupsafe import Markup, escape

NOTHING = "–"
PLUS_UNITS = ("", "nats", "nats/s")  # in which a sign says which way


def raw(value: Any) -> str:
    """For a data attribute: every digit, nothing where there is none.

    >>> raw(0.1), raw(None), raw("a")
    ('0.1', '', 'a')
    """
    return "" if value is None else str(value)


def fixed(value: float | None, digits: int = 3) -> str:
    """
    >>> fixed(-1.23456), fixed(None)
    ('−1.235', '–')
    """
    return NOTHING if value is None else f"{value:.{digits}f}".replace("-", "−")


def signed(value: float | None, unit: str = "") -> str:
    """A difference; 0 without decimals is exactly 0. Of shares and areas no plus.

    >>> signed(0.1234), signed(-0.1), signed(0.0), signed(0.75, "AUC")
    ('+0.123', '−0.100', '0', '0.750')
    """
    if value is None or unit not in PLUS_UNITS:
        return fixed(value)
    return "0" if value == 0 else f"{value:+.3f}".replace("-", "−")


def mean(value: float | None, se: float | None, plus: bool) -> str:
    """A mean and its standard error.

    >>> mean(-0.1234, 0.02, True), mean(3.7, None, False)
    ('−0.123 ± 0.020', '3.700')
    """
    shown = signed(value) if plus else fixed(value)
    return shown if value is None or se is None or (value == 0 and se == 0) else f"{shown} ± {se:.3f}"


def p_value(p: float | None) -> str:
    """
    >>> p_value(0.0421), p_value(1e-6), p_value(None)
    ('0.042', '<0.001', '–')
    """
    return NOTHING if p is None else "<0.001" if p < 0.001 else f"{p:.3f}"


def count(n: int | None) -> str:
    """
    >>> count(12000), count(None)
    ('12,000', '–')
    """
    return NOTHING if n is None else f"{n:,}"


def counted(n: int, what: str) -> str:
    """
    >>> counted(1, "cell"), counted(1340, "clip")
    ('1 cell', '1,340 clips')
    """
    return f"{n:,} {what}{'' if n == 1 else 's'}"


def plain(value: Any) -> str:
    """Whatever a table holds.

    >>> plain(3), plain(0.12345), plain(None), plain(True), plain("a"), plain((1.0, 2))
    ('3', '0.123', '–', 'yes', 'a', '1.000, 2')
    """
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ", ".join(plain(v) for v in value)
    if isinstance(value, float) and value != 0 and (abs(value) < 0.001 or abs(value) >= 1e6):
        return f"{value:.3g}".replace("-", "−")
    return fixed(value) if isinstance(value, float) else NOTHING if value is None else str(value)


def breakable(name: str) -> Markup:
    """A path, escaped, that may be broken after slashes and underscores.

    >>> breakable("a/<b>_c")
    Markup('a/<wbr>&lt;b&gt;_<wbr>c')
    """
    return Markup("<wbr>").join(escape(part) for part in re.split(r"(?<=[/_])", name))
