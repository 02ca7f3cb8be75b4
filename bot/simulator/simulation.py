"""The simulated network: time, faults, operations, and the state that a scrape shows.

Time goes in fixed steps of one second, so the same seed and the same acts at the same seconds give the same history
however often one looks. Counters never reset.
"""

from typing import Literal

import numpy as np

from bot.errors import BadPayloadError, NotFoundError
from bot.model.network import Network
from bot.simulator import faults as catalogue
from bot.simulator.environment import SLOW_S, Environment, Wobble, environment, step_devices
from bot.simulator.faults import BURST_SHARE, Fault, Shape
from bot.simulator.jobs import Ledger
from bot.simulator.node_acts import begin_due_calibrations
from bot.simulator.plant import BEST_EFFORT, Plant
from bot.simulator.push import Push
from bot.simulator.state import NEXT_FIRMWARE, Devices, Settings, Traffic
from bot.simulator.traffic import second

BURST_S = 6.0
"""Mean length of a burst of correlated errors."""
GIVE_UP_S = 60.0
"""Clients of a demand surge give up when they have been held this long."""


class Simulation:
    """A network that lives; `start` is Unix seconds, and `time` never goes back."""

    def __init__(self, network: Network, *, seed: int, start: float) -> None:
        self.network = network
        self.plant = Plant.of(network)
        self.settings = Settings.of(self.plant)
        self.devices = Devices.of(self.plant, start)
        self.traffic = Traffic.of(self.plant)
        self.faults: dict[str, Fault] = {}
        self.ledger = Ledger()
        self._rng = np.random.default_rng(seed)
        self._wobble = Wobble.of(self.plant, self._rng)
        self._start = float(start)
        self._ticks = 0
        self._fault_number = 0
        self._bursting = np.zeros(len(self.plant.links), dtype=bool)
        self._environment = self._renewed(Push.of(self.plant, (), start))

    @property
    def time(self) -> float:
        """Unix seconds that the network has reached."""
        return self._start + self._ticks

    @property
    def environment(self) -> Environment:
        """Rates and gauges in force."""
        return self._environment

    def advance_to(self, instant: float) -> None:
        """Live through all whole seconds up to `instant`; an earlier instant changes nothing."""
        while self.time + 1 <= instant:
            self._second()

    def inject(
        self,
        mode: str,
        subject: str,
        *,
        severity: float = 0.7,
        shape: Shape = "step",
        cause: Literal["policy", "demand"] = "policy",
        delay_s: float = 0.0,
    ) -> Fault:
        """Start a fault now or later; raises BadPayloadError, NotFoundError."""
        catalogue.check(mode, severity, shape, cause)
        kind = catalogue.MODES[mode].kind
        places = self.plant.links if kind == "link" else self.plant.nodes
        if subject not in places:
            raise NotFoundError(f"{mode} needs a {kind}, and there is no {kind} {subject}", hint=", ".join(places))
        if any(fault.mode == mode and fault.subject == subject for fault in self.faults.values()):
            raise BadPayloadError(f"{subject} already has {mode}; remove it first", field="subject", status=409)
        self._fault_number += 1
        fault = Fault(
            id=f"fault-{self._fault_number}",
            mode=mode,
            subject=subject,
            severity=severity,
            shape="step" if mode == "F5" else shape,
            cause=cause,
            started_at=self.time + delay_s,
        )
        self.faults[fault.id] = fault
        self.renew()
        return fault

    def heal(self, mode: str, subject: str) -> None:
        """End a fault in force, if there is one: what the right operation does."""
        for fault in tuple(self.faults.values()):
            if fault.mode == mode and fault.subject == subject and fault.started_at <= self.time:
                self.remove(fault.id)

    def remove(self, fault: str) -> Fault:
        """Take a fault away as if it had never been needed; raises NotFoundError."""
        if fault not in self.faults:
            raise NotFoundError(f"no fault {fault} is in force")
        gone = self.faults.pop(fault)
        if gone.mode == "F5":
            self._firmware_back(gone.subject)
        self.renew()
        return gone

    def recalibrated(self, node: int) -> None:
        """Note the time of a calibration."""
        self.devices.calibrated_at[node] = self.time

    def renew(self) -> None:
        """Let an act or a fault be felt in the very next second."""
        self._change_firmware()
        self._environment = self._renewed(Push.of(self.plant, self.faults.values(), self.time))

    def _second(self) -> None:
        self.ledger.work(self)
        if self._ticks % SLOW_S == 0:
            self._slow_step()
        self._burst()
        second(self.plant, self._environment, self.traffic, self._bursting, self._rng)
        self._ticks += 1

    def _slow_step(self) -> None:
        self._change_firmware()
        begin_due_calibrations(self)
        self._give_up()
        push = Push.of(self.plant, self.faults.values(), self.time)
        self._wobble.step(self._rng)
        step_devices(self.devices, self.settings, push, self.time, self._rng)
        self._environment = self._renewed(push)

    def _renewed(self, push: Push) -> Environment:
        return environment(
            plant=self.plant,
            settings=self.settings,
            devices=self.devices,
            push=push,
            wobble=self._wobble,
            held=self.ledger.replenishing(self.plant),
            now=self.time,
        )

    def _burst(self) -> None:
        """Two-state chain: bursts of BURST_S on average, for the share of time that the fault asks for."""
        chance = self._rng.random(len(self.plant.links))
        share = BURST_SHARE * self._environment.burst
        begin = share / (BURST_S * (1 - share))
        self._bursting = np.where(self._bursting, chance > 1 / BURST_S, chance < begin) & (share > 0)

    def _change_firmware(self) -> None:
        """A regression arrives with a version: the label changes at the second at which the step begins."""
        for fault in self.faults.values():
            if fault.mode == "F5" and fault.started_at <= self.time:
                at = self.plant.nodes.index(fault.subject)
                self.settings.firmware[at] = NEXT_FIRMWARE

    def _firmware_back(self, node: str) -> None:
        at = self.plant.nodes.index(node)
        if self.settings.firmware[at] == NEXT_FIRMWARE:
            self.settings.firmware[at] = self.settings.archive[at][-1]

    def _give_up(self) -> None:
        for at in np.flatnonzero(self.time - self.settings.throttled_at >= GIVE_UP_S):
            for fault in tuple(self.faults.values()):
                if fault.mode == "F4" and fault.cause == "demand" and fault.subject == self.plant.links[at]:
                    self.faults.pop(fault.id)

    def throttle(self, link: int, priority: int, rate: float) -> None:
        """Let at most `rate` transfers/s of a priority class on to the link."""
        self.settings.throttle[priority, link] = rate
        if priority == BEST_EFFORT:
            self.settings.throttled_at[link] = self.time if np.isfinite(rate) else np.inf
