"""Changes of devices that telemetry shows."""

import numpy as np

from bot.diagnosis.changes import CALIBRATION, with_changes
from bot.model.diagnosis import Diagnosis
from bot.model.telemetry import Quality, SignalWindow, Window
from tests.support.incident_story import network

START = 1_795_400_000.0
TIMES = START + np.arange(0.0, 3600.0, 15.0)


def window(signal: str, node: str, values: np.ndarray, labels: tuple[str, ...] = ()) -> Window:
    """One signal of one device over an hour."""
    series = SignalWindow(signal, (node,), TIMES, values[None, :], (Quality.FRESH,), np.zeros(1), labels)
    return Window(start=START, end=float(TIMES[-1]), step=15.0, signals={signal: series})


def changes(seen: Window) -> list[tuple[str, str, str, float]]:
    """(device, kind, description, seconds after the start) of each change near ams-rpt1."""
    asked = Diagnosis(link="ams-rpt1", at=START + 3600, verdict="healthy", summary="")
    found = with_changes(asked, network(), seen).changes
    return [(each.subject.id, each.kind, each.description, each.at - START) for each in found]


def test_a_firmware_change_is_seen_where_its_version_changed() -> None:
    """Also across a gap: then at the first sample of the new version; there and back is two changes."""
    versions = np.where(TIMES < START + 600, 0.0, 1.0)
    versions[TIMES > START + 3000] = 0.0
    versions[(TIMES > START + 500) & (TIMES < START + 700)] = np.nan
    told = changes(window("firmware_version", "ams", versions, ("4.1", "4.2")))
    assert told == [("ams", "firmware", "4.1 → 4.2", 705.0), ("ams", "firmware", "4.2 → 4.1", 3015.0)]


def test_a_calibration_is_seen_when_the_device_says_it_was() -> None:
    """Its value is the time; one from before the window, told late, is none of now."""
    told = np.where(TIMES < START + 900, START - 86_400, START + 880.0)
    assert changes(window(CALIBRATION, "ams", told)) == [("ams", "calibration", "its readout was calibrated", 880.0)]
    assert changes(window(CALIBRATION, "ams", np.where(TIMES < START + 900, START - 90_000, START - 86_400))) == []


def test_devices_elsewhere_are_not_told_of() -> None:
    """Only the two ends of the link."""
    assert changes(window("firmware_version", "dlf", np.where(TIMES < START + 600, 0.0, 1.0), ("1", "2"))) == []
