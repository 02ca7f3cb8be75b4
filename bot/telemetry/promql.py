"""Signals as PromQL: one query per signal, whatever the number of links."""

import re
from collections.abc import Mapping, Sequence
from typing import Final

from bot.telemetry.signal import Selector, Signal

DEFAULT_STALE_AFTER_S: Final = 75.0
"""Five scrape intervals of 15 s, the contract's limit."""

_PLAIN_NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*\Z")
_REGEX_SIGNS = re.compile(r"([\\.+*?()|\[\]{}^$])")


def promql(
    signal: Signal,
    *,
    rate_window_s: float,
    names: Mapping[str, str],
    matchers: Mapping[str, str],
    subjects: Sequence[str] | None = None,
    stale_after_s: float = DEFAULT_STALE_AFTER_S,
) -> str:
    """The query whose answer is `signal` for all its subjects, or for `subjects` only.

    Every query groups by the subject's label, so that other labels never break it. A gauge counts for
    `stale_after_s` after its sample; a rate needs a sample within that time. `names` maps contract metrics to
    the user's; `matchers` are label equalities added to each selector. An info signal's value is the Unix time
    of the newest sample of each version.
    """
    picker = _Picker(signal, names, matchers, subjects)
    window, fresh = f"[{_span(rate_window_s)}]", f"[{_span(stale_after_s)}]"
    match signal.kind:
        case "info":
            return f"max by ({signal.of}, version) (timestamp({picker.pick(signal.top)}))"
        case "gauge" | "gauge-ratio":
            parts = [_gauge(signal, picker.pick(part), fresh) for part in _parts(signal)]
            return " / ".join(parts)
        case "quantile":
            rate = f"sum by ({signal.of}, le) (rate({picker.pick(signal.top, '_bucket')}{window}))"
            seen = picker.pick(signal.top, "_bucket", (("le", "+Inf"),))
            return f"histogram_quantile({signal.quantile!r}, {rate}){_guard(signal, seen, fresh)}"
        case "rate" | "rate-ratio":
            rates = [f"sum by ({signal.of}) (rate({picker.pick(part)}{window}))" for part in _parts(signal)]
            scale = "" if signal.scale == 1.0 else f"{signal.scale:g} * "
            return f"({scale}{' / '.join(rates)}){_guard(signal, picker.pick(signal.top), fresh)}"


def quote(text: str) -> str:
    """`text` as a PromQL string literal: nothing in it can end the literal or the selector around it."""
    whole = text.encode("utf-8", "replace").decode("utf-8")
    escaped = whole.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\r", "\\r")
    return f'"{escaped}"'


def escape_regex(text: str) -> str:
    """`text` so that an RE2 pattern matches it and nothing else."""
    return _REGEX_SIGNS.sub(r"\\\1", text)


def select(name: str, equal: Sequence[tuple[str, str]] = (), *, one_of: tuple[str, Sequence[str]] | None = None) -> str:
    """A selector: metric `name`, label equalities, and optionally one label whose value is one of several."""
    pairs = [f"{label}={quote(value)}" for label, value in equal]
    if not _PLAIN_NAME.match(name):
        pairs.insert(0, f"__name__={quote(name)}")
        name = ""
    if one_of is not None:
        label, values = one_of
        pairs.append(f"{label}=~{quote('|'.join(escape_regex(value) for value in values))}")
    return f"{name}{{{','.join(pairs)}}}" if pairs else name


class _Picker:
    """Selectors of one signal."""

    def __init__(
        self, signal: Signal, names: Mapping[str, str], matchers: Mapping[str, str], subjects: Sequence[str] | None
    ) -> None:
        self._names = names
        self._equal = tuple(matchers.items())
        self._one_of = None if subjects is None else (signal.of, subjects)

    def pick(self, part: Selector, suffix: str = "", more: tuple[tuple[str, str], ...] = ()) -> str:
        name = self._names.get(part.metric, part.metric) + suffix
        return select(name, (*part.where, *more, *self._equal), one_of=self._one_of)


def _parts(signal: Signal) -> tuple[Selector, ...]:
    return (signal.top,) if signal.bottom is None else (signal.top, signal.bottom)


def _gauge(signal: Signal, selector: str, fresh: str) -> str:
    return f"{signal.across} by ({signal.of}) (last_over_time({selector}{fresh}))"


def _guard(signal: Signal, selector: str, fresh: str) -> str:
    """A rate looks back over its whole window; this drops it as soon as the samples are stale."""
    return f" and on ({signal.of}) present_over_time({selector}{fresh})"


def _span(seconds: float) -> str:
    return f"{max(1, round(seconds * 1000))}ms"
