"""What was done to the devices lately, as telemetry shows it: for the timeline, whether or not it is the cause."""

from collections.abc import Iterator

import msgspec
import numpy as np

from bot.diagnosis.features import FIRMWARE
from bot.model.alert import Change
from bot.model.diagnosis import Diagnosis
from bot.model.network import Network, Subject
from bot.model.telemetry import SignalWindow, Window

CALIBRATION = "calibrated_at"
"""The signal whose value is the time of a device's last calibration, Unix s; optional."""


def with_changes(diagnosis: Diagnosis, network: Network, window: Window) -> Diagnosis:
    """The diagnosis with the firmware changes and calibrations within the window at both ends of its link."""
    link = network.links.get(diagnosis.link)
    nodes = link.ends if link else ()
    found = [change for node in nodes for change in (*_firmware(node, window), *_calibrations(node, window))]
    return msgspec.structs.replace(diagnosis, changes=tuple(sorted(found, key=lambda change: change.at)))


def _firmware(node: str, window: Window) -> Iterator[Change]:
    for series, before, after in _steps(FIRMWARE, node, window):
        row = series.row(node)
        if row is not None:
            told = f"{series.labels[int(row[before])]} → {series.labels[int(row[after])]}"
            yield _change(node, "firmware", told, float(series.times[after]))


def _calibrations(node: str, window: Window) -> Iterator[Change]:
    for series, _, after in _steps(CALIBRATION, node, window):
        row = series.row(node)
        if row is not None and window.start <= row[after] <= window.end:
            yield _change(node, "calibration", "its readout was calibrated", float(row[after]))


def _steps(signal: str, node: str, window: Window) -> Iterator[tuple[SignalWindow, int, int]]:
    """(series, index before, index after) of each change of a value within the window."""
    series = window.signals.get(signal)
    row = series.row(node) if series is not None else None
    if series is None or row is None:
        return
    known = np.flatnonzero(np.isfinite(row))
    for place in np.flatnonzero(np.diff(row[known]) != 0):
        yield series, int(known[place]), int(known[place + 1])


def _change(node: str, kind: str, description: str, at: float) -> Change:
    subject = Subject(kind="node", id=node)
    return Change(id=f"{kind} {node} {at:.0f}", subject=subject, kind=kind, description=description, at=at)
