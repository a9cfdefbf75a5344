"""Sizes and quantities: parsing what people write, and formatting numbers, bytes, times and shapes for people."""

from __future__ import annotations

import re
from math import floor, log10
from typing import TYPE_CHECKING

from rnncli.errors import quote, shorten
from rnncli.immutable import NamedTuple

if TYPE_CHECKING:
    from fractions import Fraction

Shape = tuple[int | None, ...]
"""A shape in Keras's form: (batch, timesteps, features) or (batch, features); None is unknown."""

MAX_SIZE = 2**31 - 1
"""The largest size of any kind."""

MULTIPLES = {"k": 10**3, "M": 10**6, "G": 10**9}
"""The suffixes of a number: 10k, 1M, 2G."""

SCALES = {
    **dict.fromkeys(("thousand", "tausend", "tsd", "mille", "mil"), "k"),
    **dict.fromkeys(("million", "mio"), "M"),
    **dict.fromkeys(("billion", "bn"), "G"),
}
"""The suffix for each word after a number."""

_SMALL = (
    *("two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve", "thirteen"),
    *("fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"),
)
TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
ONES = ("", "-one", "-two", "-three", "-four", "-five", "-six", "-seven", "-eight", "-nine")
"""The words for tens, and what follows them: `FEW` has each of them with each."""

FEW = {
    **{word: str(count) for count, word in enumerate(_SMALL, 2)},
    **{f"{ten}{one}": f"{tens}{ones}" for tens, ten in enumerate(TENS, 2) for ones, one in enumerate(ONES)},
    **{f"{word} hundred": f"{count}00" for count, word in enumerate(_SMALL[:8], 2)},
    **dict.fromkeys(("double", "zwei", "dos", "deux"), "2"),
    **dict.fromkeys(("triple", "drei", "tres", "trois"), "3"),
    **dict(it.split() for it in ("sechzehn 16", "dieciseis 16", "seize 16", "zweiunddreissig 32", "trente-deux 32")),
    **dict(it.split() for it in ("acht 8", "ocho 8", "huit 8", "zehn 10", "diez 10", "dix 10")),
    **dict.fromkeys(("vierundsechzig", "soixante-quatre", "sesenta y cuatro"), "64"),
    **dict.fromkeys(("one hundred", "hundred", "hundert", "cien", "cent"), "100"),
    **dict.fromkeys(("twice", "zweimal", "dos veces", "deux fois"), "2 times"),
}
"""Small numbers and common sizes in words."""

FEW |= {word.replace("-", " "): number for word, number in FEW.items()}

_LARGE = {"hundred": 100, "thousand": 1000}
"""The words that multiply the number before them."""

_SPOKEN = f"(?i:{'|'.join((*_SMALL, *TENS, *_LARGE, 'one'))})"
"""A word of an English number."""

_MEMORY_UNITS = ("B", "KB", "MB", "GB", "TB", "PB", "EB", "ZB", "YB")

_SEPARATOR = "[,'\u2019 _\u00a0\u2009\u202f]"
_GROUPED = rf"[1-9][0-9]{{0,2}}({_SEPARATOR})[0-9]{{3}}(?:\1[0-9]{{3}})*(?!{_SEPARATOR}?[0-9])"
"""A number with thousands separators, at the start of a text."""


def without_thousands(text: str) -> str:
    """Return a text without the thousands separators of its number, as printed by people and tables.

    >>> [without_thousands(text) for text in ("92,400", "1 234 567", "1'024.5 KB", "92,40")]
    ['92400', '1234567', '1024.5 KB', '92,40']
    """
    grouped = re.match(_GROUPED, text)
    return text if grouped is None else grouped[0].replace(grouped[1], "") + text[grouped.end() :]


def parse_number(text: str) -> int:
    """Parse an integer as written in a spec, 128, 10k, 10_000, or raise a ValueError that says what is expected."""
    multiple = MULTIPLES.get(text[-1:], 1)
    groups = (text[:-1] if multiple > 1 else text).split("_")
    if not all(group.isascii() and group.isdigit() for group in groups):
        raise ValueError(f"{shorten(text) or quote(text)} is not a whole number such as 128, 10k or 10_000")
    # Python refuses to parse numbers with thousands of digits, which cannot be sizes anyway.
    return int("".join(groups).lstrip("0")[:40] or "0") * multiple


def in_words(text: str) -> str:
    """Return the number that words stand for: 128 for one hundred and twenty-eight, 10000 for ten thousand."""
    number = group = 0
    for word in re.findall("[a-z]+", text.lower()):
        if word in _LARGE:
            group = (group or 1) * _LARGE[word]
        else:
            group += int(FEW.get(word, "1" if word == "one" else "0").split()[0])
        if word == "thousand":
            number, group = number + group, 0
    return str(number + group)


def parse_count(text: str) -> int:
    """Parse an integer of any size as `parse_number` does, or written with a point: 5.4M is 5,400,000."""
    pointed = re.fullmatch("([0-9]{1,9})[.]([0-9]{1,9})([kMG])", text)
    if pointed is not None:
        digits, places = pointed[2].rstrip("0"), len(str(MULTIPLES[pointed[3]])) - 1
        if len(digits) <= places:
            return int(pointed[1] + digits.ljust(places, "0"))
    return parse_number(text)


def parse_size(text: str, most: int = MAX_SIZE) -> int:
    """Parse a number from 1 to `most`, or raise a ValueError that says what is expected. No size exceeds 2**31-1."""
    number = parse_number(text)
    if not 1 <= number <= most:
        raise ValueError(f"{shorten(text)} is not between 1 and {most:,}")
    return number


_LONGEST = 400
"""The most characters of a text to examine for the intended number."""


def nearest_size(text: str) -> str | None:
    """Return the size that was probably meant, or None: 1e3 is 1000, 2^5 is 32, 1.5k is 1500, 2.5 is not a size."""
    if power := re.fullmatch(r"([0-9]{1,4})(?:\^|\*\*)([0-9]{1,2})", text[:_LONGEST]):
        return nearest_size(str(int(power[1]) ** int(power[2])))
    thousands = re.fullmatch(r"[0-9]{1,3}(?:[.,' ][0-9]{3})+", text[:_LONGEST])
    if thousands is not None:
        return nearest_size("".join(filter(str.isdigit, text)))
    number = re.fullmatch(r"[-+]?([0-9]*\.?[0-9]+)(?:[eE]\+?([0-9]))?([kmgxKMGX]?)", text.replace("_", "")[:_LONGEST])
    if number is None:
        return None
    suffix = {name.lower(): size for name, size in MULTIPLES.items()}.get(number[3].lower(), 1)
    value = float(number[1]) * 10 ** int(number[2] or 0) * suffix
    return str(int(min(value, MAX_SIZE))) if value >= 1 and value.is_integer() else None


def _with_point(text: str) -> str:
    """Return a text with a decimal point instead of a comma: 1,5M is 1.5M."""
    return re.sub(r"^([0-9]+),([0-9]{1,2})(?![0-9,])", r"\1.\2", text)


def nearest_number(text: str) -> str | None:
    """Return the number that was probably meant: 92400 for 92,400, 1500000 for < 1.5M, 10000 for ten thousand."""
    text = re.sub(rf"^{_SPOKEN}(?:(?: and |[ -]){_SPOKEN})*\b", lambda found: in_words(found[0]), text)
    text = re.sub(rf"^(?i:{'|'.join(FEW)})\b", lambda found: FEW[found[0].lower()], text)
    text = re.sub("^([1-9]) hundred\\b", r"\g<1>00", text)
    text = re.sub(r"^[<=≤~]+ ?| ?(?i:(?:param|parameter|weight|mac|step|unit)s?)$", "", text.strip(" ,;").rstrip("."))
    if re.fullmatch("[0-9OIl]*[0-9][0-9OIl]*", text):
        text = text.translate(_LIKE_DIGITS)
    text = re.sub(rf" ?((?i:{'|'.join(SCALES)})|B)$", lambda found: SCALES.get(found[1].lower(), "G"), text)
    if text.startswith("-"):
        return None
    text = re.sub("(?<=[0-9]) (?=[kKMG]$)", "", text)
    plain = re.fullmatch(r"\+?([0-9]{1,40})", without_thousands(text).replace("_", ""))
    return plain[1].lstrip("0") or "0" if plain is not None else nearest_size(_with_point(text))


def nearest_memory(text: str) -> str | None:
    """Return the size that was probably meant: 4M is 4MB, 1/2MB is 0.5MB, 4 megabytes is 4MB, 32 Kbit is 4KB."""
    text = re.sub(r"^\.", "0.", text.strip(" <=≤~"))
    if bits := re.fullmatch("([0-9]{1,9}) ?([kmg]?)i?bits?", text.lower()):
        return f"{int(bits[1]) / 8:.9g}{bits[2].upper()}B" if bits[2] or not int(bits[1]) % 8 else None
    if fraction := re.match("([0-9]{1,9})/([1-9][0-9]{0,8}) ?(?=[KMGTkmgt])", text):
        text = f"{int(fraction[1]) / int(fraction[2]):.9f}".rstrip("0") + text[fraction.end() :]
    written = re.match(
        r"\+?([0-9]{1,20}(?:\.[0-9]{1,9})?) ?(?:([KMGTPZY]|E(?![0-9]))|(?![A-Z])|(?=B))(?![^,/]*[,/][0-9])(?!.*%)",
        _with_point(without_thousands(text)).upper(),
    )
    if written is None or ("." in written[1] and not written[2]):  # a fraction of a byte
        return f"{nearest_size(text)}B" if re.fullmatch("[0-9.]+e[0-9]", text) else None
    return f"{written[1]}{written[2] or ''}B"


_LIKE_DIGITS = str.maketrans("OIl", "011")

_PER_SECOND = r"(?:hz|fps|(?:(?:time)?steps?|samples?|frames?)? ?(?:/|per) ?s.*)?"
"""The units that may follow a number of timesteps per second."""


def nearest_rate(text: str) -> str | None:
    """Return the rate that was probably meant: 50fps is 50, 1/3 is 0.333333333, 20 ms per step is 50 per second."""
    text = _with_point(text.strip()).lower()
    number = r"[-+]?([0-9]{1,9}(?:\.[0-9]{1,9})?)"
    if (every := re.fullmatch(rf"{number} ?(m?)s", text)) and float(every[1]):
        return _without_exponent((1000 if every[2] else 1) / float(every[1]))
    if (fraction := re.fullmatch(rf"{number} ?/ ?{number}", text)) and float(fraction[2]):
        return _without_exponent(float(fraction[1]) / float(fraction[2]))
    if a_second := re.fullmatch(rf"{number} ?(k?) ?{_PER_SECOND}", text):
        return f"{a_second[1]}{a_second[2]}" if float(a_second[1]) else None
    return nearest_size(text)


def _without_exponent(number: float) -> str | None:
    text = f"{number:.9g}"
    return None if not number or "e" in text else text


def memory(size: float) -> str:
    """Return a number of bytes for people: 128 B, 1.23 MB, in steps of 1024."""
    if size < 1024 and size == int(size):
        return f"{int(size)} B"
    for unit in _MEMORY_UNITS[:-1]:
        if round(size, 2) < 1024:  # 1023.999 KB is printed as 1.00 MB
            return f"{size:.2f} {unit}"
        size /= 1024
    return f"{size:.2f} {_MEMORY_UNITS[-1]}"


def parse_memory(text: str) -> int:
    """Parse a size in bytes as printed by `memory`, 4MB or 1.5 GB, or a plain number, 4096, or raise a ValueError.

    KB and KiB both mean 1024 bytes, and so on; case does not matter. A fraction of a byte is dropped.
    """
    number_and_unit = r"([0-9]+(?:_[0-9]+)*)(?:\.([0-9]{1,20}))?\s*(?:(?:([KMGTPEZY])I?)?B)?"
    written = re.fullmatch(number_and_unit, text.strip().upper())
    if written is None or not text.isascii():  # upper() turns a dotless ı into I
        raise ValueError(f"{shorten(text)} is not a size such as 512KB, 4MB or 1.5GB, or a number of bytes")
    whole, fraction, prefix = written[1], written[2] or "", written[3] or ""
    tenths: int = 10 ** len(fraction)
    number = parse_number(whole) * tenths + int(fraction or "0")
    return (number << 10 * _MEMORY_UNITS.index(f"{prefix}B")) // tenths


class Rate(NamedTuple):
    """A number of timesteps per second, as an exact fraction."""

    numerator: int
    denominator: int

    def times(self, number: int | Fraction) -> int | float:
        """Return an amount per second, given the amount per timestep: an integer if possible."""
        whole, rest = divmod(self.numerator * number, self.denominator)
        return whole + float(rest / self.denominator) if rest else whole


def parse_rate(text: str) -> Rate:
    """Parse a number of timesteps per second, 50, 12.5, 16k, or raise a ValueError that says what is expected."""
    written = re.fullmatch(r"([0-9]+(?:_[0-9]+)*)?(?:\.([0-9]{1,9}))?\s*([kMG]?)(?:[hH][zZ])?", text.strip())
    if written is None or not (written[1] or written[2]):
        raise ValueError(f"{shorten(text)} is not a number of timesteps per second such as 50, 12.5 or 16k")
    fraction = written[2] or ""
    tenths: int = 10 ** len(fraction)
    number = parse_number(written[1] or "0") * tenths + int(fraction or "0")
    rate = Rate(number * MULTIPLES.get(written[3], 1), tenths)
    if not 0 < rate.numerator <= MAX_SIZE * tenths:
        raise ValueError(f"{shorten(text)} must be above 0 and at most {MAX_SIZE:,}")
    return rate


def duration(seconds: float) -> str:
    """Return a time with three digits and a unit: 1.23 ms."""
    if seconds >= 1:
        return f"{seconds:.2f} s"
    if seconds >= 1e-3:
        return f"{seconds * 1e3:.3g} ms"
    return f"{seconds * 1e6:.0f} µs"


_LONG_UNITS = (("year", 31_557_600), ("day", 86_400), ("hour", 3_600), ("minute", 60), ("second", 1))


def about(seconds: float) -> str:
    """Return a long time roughly, in words: about 12 minutes, about 3 hours, more than a million years."""
    if seconds > 1e6 * _LONG_UNITS[0][1]:
        return "more than a million years"
    unit, size = next((each for each in _LONG_UNITS if seconds >= 2 * each[1]), _LONG_UNITS[-1])
    return f"about {round(seconds / size):,} {unit}s"


def features_of(shape: Shape) -> int:
    """Return the length of the last axis of a layer's input, which is always known."""
    size = shape[-1]
    return 0 if size is None else size


def shape_text(shape: Shape) -> str:
    """Return a shape in Keras's form: (None, None, 32)."""
    inner = ", ".join("None" if size is None else str(size) for size in shape)
    return f"({inner},)" if len(shape) == 1 else f"({inner})"


def count(number: float | None) -> str:
    """Return a number with thousands separators, a fraction with three or more digits; `?` if it is unknown."""
    if isinstance(number, float):
        return f"{number:,.1f}" if number >= 100 else f"{number:.3g}"
    return "?" if number is None else f"{number:,}"


def short(number: float, digits: int = 4) -> str:
    """Return a short form of a number with at most so many digits: 500, 20k, 1.5M."""
    number = float(f"{number:.{digits}g}")
    for unit, size in (("P", 1e15), ("T", 1e12), ("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if number >= size:
            return f"{number / size:.{digits}g}{unit}"
    return f"{number:.{digits}g}"


def ratio_text(ratio: float | None) -> str:
    """Return a ratio with three digits, as an integer from a thousand, or with enough digits to differ from 1."""
    if ratio is None:
        return "?"
    if 0 < abs(ratio - 1) < 0.005:
        return f"{ratio:.{-floor(log10(abs(ratio - 1)))}f}"
    return f"{ratio:,.0f}" if 999.5 <= ratio < 1e15 else f"{ratio:.3g}"


def figure_text(key: str, value: float | None) -> str:
    """Return a figure for people, given its key in JSON: bytes in their units, other numbers with separators."""
    if value is None and key == "streaming_bytes":
        return "-"  # not unknown, but nonexistent
    return memory(value) if key.endswith("_bytes") and value is not None else count(value)


def plural(count: int, noun: str) -> str:
    """Return a count with its noun: `1 step`, `1,024 steps`."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
