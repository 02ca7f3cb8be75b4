"""What takes an act back to what stood before it, where its plain compensation would do more or less than that. Pure.

A runbook says `rollback: {action: flow.unthrottle, with: {link: …}}`: which rate, quota, route or version stood there
before is in the snapshot that was taken ahead of the act, and what is instructed puts back just that.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from remediation.errors import RemediationError

Json = Mapping[str, Any]
_PLACES = ("link", "node", "flow")


class Back(NamedTuple):
    """An act that takes another back."""

    action: str
    parameters: Json


class _Done(NamedTuple):
    """An act to be taken back: what it was asked for, the settings before it, and how the runbook takes it back."""

    asked: Json
    settings: Json
    written: Back

    def with_more(self, **more: object) -> Back:
        """As written, with these parameters as well; those that are None are left out."""
        found = {name: value for name, value in more.items() if value is not None}
        return Back(self.written.action, {**self.written.parameters, **found})

    def instead(self, action: str, **more: object) -> Back:
        """Another act on the same place."""
        return Back(action, {**self.written.parameters, **more})


class _Rule(NamedTuple):
    """How an act is taken back, and what that puts back in the words of the reference."""

    back: Callable[[_Done], Back]
    told: str


def taken_back(action: str, asked: Json, before: Json, written: Back) -> Back:
    """What takes an act back to `before`: what the runbook has `written`, made exact where it names the place alone.

    Where nobody told the settings before the act it is done as written. Raises RemediationError where what stood
    there before cannot be put back: people have to.
    """
    rule, settings = _RULES.get((action, written.action)), before.get("settings")
    is_plain = set(written.parameters) <= set(_PLACES)
    is_same = all(asked.get(kind) == name for kind, name in written.parameters.items())
    if rule is None or not is_plain or not is_same or not isinstance(settings, Mapping):
        return written
    return rule.back(_Done(asked, settings, written))


def puts_back(action: str, compensation: str) -> str:
    """What the compensation of an act puts back when it names the place alone; empty where it does as it is told."""
    rule = _RULES.get((action, compensation))
    return rule.told if rule else ""


def _of_throttle(done: _Done) -> Back:
    held, priority = done.settings.get("throttle"), done.asked["priority"]
    rate = held.get(priority) if isinstance(held, Mapping) else None
    if rate is None:
        return done.with_more(priority=priority)
    return done.instead("flow.throttle", priority=priority, rate=rate)


def _of_quota(done: _Done) -> Back:
    if "quota_logical_per_s" not in done.settings:
        return done.written
    return done.instead("flow.set_quota", logical_per_s=done.settings["quota_logical_per_s"])


def _of_move(done: _Done) -> Back:
    route, home = _list(done.settings.get("route")), _list(done.settings.get("home_route"))
    if done.settings.get("classical") is True:
        return done.instead("flow.fail_over", to="classical", **({"route": route} if route else {}))
    if not route or route == home:
        return done.with_more(quota_logical_per_s=done.settings.get("quota_logical_per_s"))
    return done.instead("flow.reroute", route=route)


def _of_firmware(done: _Done) -> Back:
    version, archive = done.settings.get("firmware"), done.settings.get("firmware_archive")
    if version is not None and isinstance(archive, list | tuple) and version not in archive:
        return done.instead("firmware.canary", version=version)
    return done.with_more(version=version)


def _of_schedule(done: _Done) -> Back:
    due = done.settings.get("calibration_due_at")
    if due is not None:
        message = f"a calibration was scheduled for {due} before it: schedule that again, or cancel this one"
        raise RemediationError(message)
    return done.written


def _unless(setting: str, *, was: bool, again: str) -> Callable[[_Done], Back]:
    """Where the setting already was as the act leaves it, the act itself keeps it so."""
    return lambda done: done.instead(again) if done.settings.get(setting) is was else done.written


def _filled(**settings: str) -> Callable[[_Done], Back]:
    """Parameters that are left out, from the settings of these names."""

    def back(done: _Done) -> Back:
        found = {name: done.settings.get(setting) for name, setting in settings.items()}
        return done.with_more(**{name: _whole(value) for name, value in found.items()})

    return back


def _list(value: object) -> list[object] | None:
    return list(value) if isinstance(value, list | tuple) else None


def _whole(value: object) -> object:
    return int(value) if isinstance(value, float) and value.is_integer() else value


_MOVED = _Rule(_of_move, "the route from before, home or another, with the quota from before; classical where it was")
_VERSION = _Rule(_of_firmware, "the version from before")
_RULES: Mapping[tuple[str, str], _Rule] = {
    ("flow.throttle", "flow.unthrottle"): _Rule(_of_throttle, "the rate from before of this priority alone, or none"),
    ("flow.set_quota", "flow.restore"): _Rule(_of_quota, "the quota from before, or none; the route stays"),
    ("flow.reroute", "flow.restore"): _MOVED,
    ("flow.fail_over", "flow.restore"): _MOVED,
    ("firmware.canary", "firmware.roll_back"): _VERSION,
    ("firmware.roll_back", "firmware.roll_back"): _VERSION,
    ("firmware.pin", "firmware.unpin"): _Rule(
        _unless("pinned", was=True, again="firmware.pin"), "the pin from before, or none"
    ),
    ("firmware.unpin", "firmware.pin"): _Rule(
        _unless("pinned", was=False, again="firmware.unpin"), "the pin from before, or none"
    ),
    ("device.drain", "device.undrain"): _Rule(
        _unless("drained", was=True, again="device.drain"), "back into service, unless it was out of service before"
    ),
    ("calibration.schedule", "calibration.cancel"): _Rule(
        _of_schedule, "it is forgotten; where one was scheduled before, nothing is done and people are called"
    ),
    ("entanglement.set_policy", "entanglement.set_policy"): _Rule(
        _filled(attempt_share="attempt_share", target_level="target_level"), "the share and the level from before"
    ),
    ("scheduler.set_slots", "scheduler.set_slots"): _Rule(_filled(slots="slots"), "the slots from before"),
}
"""Act and what the runbook takes it back by -> what is instructed."""
