"""Each of the eight faults shows in the telemetry contract, spares its neighbours, and yields to the right act only."""

from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest

from bot.clock import FastClock
from bot.model.telemetry import Window
from bot.simulator.faults import MODES
from bot.simulator.scenarios import SCENARIOS, demo_network
from bot.simulator.simulation import Simulation
from bot.telemetry.exposition import parse

Watch = Callable[[float], Awaitable[Window]]
Operate = Callable[..., Awaitable[dict[str, Any]]]

SEEN: dict[str, dict[str, tuple[float, float]]] = {
    "f1": {
        "physical_loss_ratio ams-rtm": (1.2, 1.4),
        "entanglement_rate ams-rtm": (0.08, 0.13),
        "entanglement_pool_level ams-rtm": (0.0, 0.1),
        "secret_key_rate ams-rtm": (0.05, 0.15),
        "logical_success_ratio ams-rtm": (0.0, 0.5),
        "decode_latency_p99 ams-rtm": (0.8, 1.25),
    },
    "f2": {
        "syndrome_correlation rtm-ein": (8, 40),
        "logical_success_ratio rtm-ein": (0.2, 0.9),
        "entanglement_rate rtm-ein": (0.9, 1.1),
    },
    "f3": {
        "decode_latency_p50 utr-ein": (8, 40),
        "decode_latency_p99 utr-ein": (8, 40),
        "retry_ratio utr-ein": (20, 1e9),
        "transfer_queue_length utr-ein": (5, 1e9),
        "logical_success_ratio utr-ein": (0.0, 0.6),
        "entanglement_rate utr-ein": (0.9, 1.1),
    },
    "f4": {
        "entanglement_rate ams-utr": (0.1, 0.15),
        "entanglement_success_ratio ams-utr": (0.9, 1.1),
        "physical_loss_ratio ams-utr": (0.98, 1.02),
        "entanglement_pool_level ams-utr": (0.0, 0.1),
        "logical_success_ratio ams-utr": (0.0, 0.5),
    },
    "f5": {
        "coherence_t1 utr": (0.4, 0.6),
        "coherence_t2 utr": (0.1, 0.25),
        "qber ams-utr": (5, 20),
        "syndrome_error_ratio utr-ens": (3, 10),
        "logical_success_ratio utr-ein": (0.2, 0.8),
        "measurement_variance utr": (0.9, 1.1),
    },
    "f6": {
        "measurement_variance rtm": (3.4, 4.2),
        "syndrome_error_ratio ams-rtm": (3, 10),
        "logical_success_ratio rtm-ein": (0.0, 0.6),
        "coherence_t2 rtm": (0.9, 1.1),
    },
    "f7": {
        "slot_utilisation ein-ens": (1.5, 1e9),
        "transfer_queue_length ein-ens": (20, 1e9),
        "logical_success_ratio ein-ens": (0.0, 0.6),
        "entanglement_pool_level ein-ens": (0.9, 1.1),
    },
    "f8": {
        "device_temperature ein": (2.0, 2.3),
        "coherence_t1 ein": (0.05, 0.2),
        "coherence_t2 ein": (0.05, 0.2),
        "entanglement_rate utr-ein": (0.1, 0.5),
        "logical_success_ratio ein-ens": (0.2, 0.8),
    },
}
"""Signal and subject -> what the fault multiplies it by at severity 0.7: what `bot.simulator.faults` pushes on and what
follows from it. 14 dB x 0.7 leave 0.105 of the pairs, 0.05^0.7 = 0.123 of the attempts, 40^0.7 = 13 times the decode
time, 1 + 4 x 0.7 = 3.8 times the variance, 1 + 6.5 x 0.7 / 4 = 2.14 times 4 K, 0.08^0.7 = 0.17 of the coherence."""

STEADY = ("logical_success_ratio", "entanglement_rate", "physical_loss_ratio", "decode_latency_p99", "channel_fidelity")

RIGHT: dict[str, tuple[str, dict[str, Any]]] = {
    "f1": ("link.realign", {}),
    "f2": ("control.resynchronise", {}),
    "f3": ("decoder.restart", {}),
    "f4": ("entanglement.replenish", {"level": 0.8}),
    "f5": ("firmware.roll_back", {"version": "2.3.1"}),
    "f6": ("calibration.run", {}),
    "f7": ("scheduler.set_slots", {"slots": 11}),
}
WRONG: dict[str, tuple[str, dict[str, Any]]] = {
    "f1": ("entanglement.set_policy", {"attempt_share": 1.0}),
    "f2": ("decoder.restart", {}),
    "f3": ("link.realign", {}),
    "f4": ("link.realign", {}),
    "f5": ("calibration.run", {}),
    "f6": ("firmware.roll_back", {"version": "2.3.1"}),
    "f7": ("decoder.restart", {}),
    "f8": ("firmware.roll_back", {"version": "2.3.1"}),
}


def value(window: Window, place: str) -> float:
    """The last value of `signal subject`."""
    signal, _, subject = place.partition(" ")
    last = window.signals[signal].last(subject)
    assert last is not None, place
    return last


def links_beside(subject: str) -> set[str]:
    """The links that neither are the subject nor end at it."""
    return {link.id for link in demo_network().links.values() if subject not in (link.id, *link.ends)}


async def break_it(controller: httpx.AsyncClient, name: str) -> None:
    """Inject a scenario's fault through the controller."""
    scenario = SCENARIOS[name]
    content = {key: getattr(scenario, key) for key in ("mode", "subject", "severity", "shape")}
    assert (await controller.post("/api/v1/faults", json=content)).status_code == 201


def target(name: str) -> str:
    """What the scenario's fault is on, as kind:id."""
    return f"{MODES[SCENARIOS[name].mode].kind}:{SCENARIOS[name].subject}"


def test_every_mode_has_its_scenario() -> None:
    """F1 to F8, one each, and all of them are in the table above."""
    assert sorted(scenario.mode for scenario in SCENARIOS.values()) == sorted(MODES)
    assert SEEN.keys() == SCENARIOS.keys()


@pytest.mark.parametrize("name", SCENARIOS)
async def test_a_fault_shows_in_its_metrics_and_spares_its_neighbours(
    name: str, controller: httpx.AsyncClient, watch: Watch
) -> None:
    """Fifteen minutes after the fault, against the five before; links that do not touch it stay within a tenth."""
    before = await watch(300)
    await break_it(controller, name)
    after = await watch(900)
    for place, (low, high) in SEEN[name].items():
        base = max(value(before, place), 1.0 if "queue" in place else 1e-3)
        assert low <= value(after, place) / base <= high, f"{place}: {value(before, place)} -> {value(after, place)}"
    for link in links_beside(SCENARIOS[name].subject):
        for signal in STEADY:
            place = f"{signal} {link}"
            tolerance = 0.25 if signal == "decode_latency_p99" else 0.1
            assert value(after, place) == pytest.approx(value(before, place), rel=tolerance), place


@pytest.mark.parametrize("name", RIGHT)
async def test_the_right_operation_heals(
    name: str, controller: httpx.AsyncClient, watch: Watch, operate: Operate
) -> None:
    """Ten minutes later the promise is kept again, and no fault is in force."""
    await watch(300)
    await break_it(controller, name)
    hurt = await watch(900)
    operation, parameters = RIGHT[name]
    job = await operate(operation, target(name), **parameters)
    assert (job["state"], job["error"]) == ("succeeded", "")
    assert (await controller.get("/api/v1/faults")).json() == []
    healed = await watch(600)
    links = set(demo_network().links) - links_beside(SCENARIOS[name].subject)
    for link in links:
        place = f"logical_success_ratio {link}"
        assert value(hurt, place) < 0.9, place
        assert value(healed, place) > 0.98, place


@pytest.mark.parametrize("name", WRONG)
async def test_a_wrong_operation_does_not_heal(
    name: str, controller: httpx.AsyncClient, watch: Watch, operate: Operate
) -> None:
    """It is accepted and carried out, the fault stays, and so does the damage."""
    await break_it(controller, name)
    await watch(900)
    operation, parameters = WRONG[name]
    job = await operate(operation, target(name), **parameters)
    assert job["state"] == "succeeded", job
    assert len((await controller.get("/api/v1/faults")).json()) == 1
    later = await watch(300)
    hurt = [place for place in SEEN[name] if place.startswith("logical_success_ratio")]
    assert all(value(later, place) < 0.9 for place in hurt)


@pytest.mark.parametrize("name", RIGHT)
async def test_the_right_operation_elsewhere_does_not_heal(
    name: str, controller: httpx.AsyncClient, operate: Operate, clock: FastClock
) -> None:
    """The cure for one link or node is no cure for another."""
    await break_it(controller, name)
    clock.leap(60)
    kind, _, subject = target(name).partition(":")
    network = demo_network()
    other = next(each for each in (network.links if kind == "link" else network.nodes) if each != subject)
    operation, parameters = RIGHT[name]
    await operate(operation, f"{kind}:{other}", **parameters)
    assert [fault["subject"] for fault in (await controller.get("/api/v1/faults")).json()] == [subject]


async def test_a_thermal_event_needs_its_acts_in_order(
    controller: httpx.AsyncClient, watch: Watch, operate: Operate
) -> None:
    """Too warm, the cooling does not start and nothing can be calibrated; safe power first, then it heals."""
    await break_it(controller, "f8")
    await watch(600)
    for operation in ("device.restart_cooling", "calibration.run"):
        job = await operate(operation, "node:ein")
        assert job["state"] == "failed", operation
        assert "7.5 K" in job["error"] or "does not answer" in job["error"]
    assert (await operate("device.set_power_mode", "node:ein", mode="safe"))["state"] == "succeeded"
    await watch(240)
    assert (await operate("device.restart_cooling", "node:ein"))["state"] == "succeeded"
    assert (await controller.get("/api/v1/faults")).json() == []
    await operate("device.set_power_mode", "node:ein", mode="normal")
    healed = await watch(900)
    assert value(healed, "device_temperature ein") == pytest.approx(4.0, abs=0.1)
    assert value(healed, "logical_success_ratio ein-ens") > 0.98


async def test_a_firmware_fault_changes_the_version_at_the_same_second(
    controller: httpx.AsyncClient, clock: FastClock
) -> None:
    """Whoever correlates the change with the damage finds both at once, whenever it begins."""

    async def seen() -> tuple[str, float]:
        page = parse((await controller.get("/metrics")).text)
        found = {sample.name: sample for sample in page if ("node", "utr") in sample.labels}
        return dict(found["qnet_firmware_info"].labels)["version"], found["qnet_coherence_t2_seconds"].value

    clock.leap(62)
    version, coherence = await seen()
    assert version == "2.3.1"
    await break_it(controller, "f5")
    version, hurt = await seen()
    assert version == "2.4.0"
    assert hurt < 0.3 * coherence


async def test_a_surge_of_demand_ends_when_its_clients_are_held_back(
    controller: httpx.AsyncClient, watch: Watch, operate: Operate
) -> None:
    """F4 has two causes; a throttle of best-effort traffic for a minute ends the second."""
    before = await watch(300)
    content = {"mode": "F4", "subject": "ams-utr", "severity": 1.0, "cause": "demand"}
    await controller.post("/api/v1/faults", json=content)
    during = await watch(600)
    consumed = "entanglement_consumption_rate ams-utr"
    assert value(during, consumed) > 1.5 * value(before, consumed)
    assert value(during, "entanglement_rate ams-utr") == pytest.approx(
        value(before, "entanglement_rate ams-utr"), rel=0.1
    )
    await operate("flow.throttle", "link:ams-utr", priority="best-effort", rate=0)
    await watch(90)
    assert (await controller.get("/api/v1/faults")).json() == []
    await operate("flow.unthrottle", "link:ams-utr")
    after = await watch(600)
    assert value(after, "logical_success_ratio ams-utr") > 0.98


async def test_a_removed_fault_leaves_nothing_behind(controller: httpx.AsyncClient, watch: Watch) -> None:
    """For exercises that end early: firmware included."""
    for name in SCENARIOS:
        await break_it(controller, name)
    await watch(60)
    for fault in (await controller.get("/api/v1/faults")).json():
        assert (await controller.delete(f"/api/v1/faults/{fault['id']}")).status_code == 200
    after = await watch(1200)
    assert min(value(after, f"logical_success_ratio {link}") for link in demo_network().links) > 0.98
    signal = after.signals["firmware_version"]
    assert signal.labels[int(signal.last("utr") or 0.0)] == "2.3.1"


@pytest.mark.parametrize("shape", ["ramp", "intermittent"])
async def test_shapes_differ_in_time(shape: str, simulation: Simulation) -> None:
    """A ramp takes three minutes to its severity; an intermittent fault is on for 60% of two minutes."""
    fault = simulation.inject("F1", "ams-rtm", severity=0.5, shape=shape)  # type: ignore[arg-type]
    strengths = [fault.strength(fault.started_at + second) for second in (-1, 0, 60, 90, 119, 180, 1000)]
    ramp = [0.0, 0.0, 0.5 / 3, 0.25, 0.5 * 119 / 180, 0.5, 0.5]
    intermittent = [0.0, 0.5, 0.5, 0.0, 0.0, 0.5, 0.5]
    assert strengths == pytest.approx(ramp if shape == "ramp" else intermittent)
