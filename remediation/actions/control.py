"""Acts on links, decoders, nodes and schedulers, each carried out by the controller."""

from typing import Annotated, Literal

from pydantic import Field

from remediation.actions.base import Id, OnLink, OnNode, Share, controlled, on_link, on_node
from remediation.contract import Action, Risk


class Replenish(OnLink):
    """Fill the pool to `level`, 0..1 of its capacity."""

    level: Share


class Policy(OnLink):
    """How much of the attempt rate may be used, and the level that the pool aims at."""

    attempt_share: Share | None = None
    target_level: Share | None = None


class Power(OnLink):
    """Raise the launch power, dB."""

    gain_db: Annotated[float, Field(ge=0, le=6)]


class Scale(OnLink):
    """How many decoders share the work."""

    replicas: Annotated[int, Field(ge=1, le=64)]


class Decoder(OnLink):
    """Which decoder runs."""

    decoder: Literal["fast", "accurate"]


class Slots(OnLink):
    """How many transfers may run at once."""

    slots: Annotated[int, Field(ge=1, le=100_000)]


class Version(OnNode):
    """A firmware version; the previous one when left out."""

    version: Id | None = None


class PowerMode(OnNode):
    """Full power, or less heat and fewer attempts."""

    mode: Literal["normal", "safe"]


LINK_ACTIONS: tuple[Action, ...] = (
    controlled(
        "entanglement.replenish",
        "Fill the pool of entangled pairs",
        Replenish,
        on="link",
        effect=on_link("replenish", "level"),
    ),
    controlled(
        "entanglement.set_policy",
        "Set how much is generated and what level is aimed at",
        Policy,
        on="link",
        effect=lambda given: (
            on_link("restore_generation")(given)
            if given.attempt_share is None
            else on_link("restore_generation", "attempt_share")(given)
        ),
    ),
    controlled(
        "link.realign",
        "Realign the optics",
        OnLink,
        on="link",
        risk=Risk.DISRUPTIVE,
        effect=on_link("restore_loss"),
    ),
    controlled("link.set_power", "Raise the launch power", Power, on="link", effect=on_link("restore_loss")),
    controlled(
        "control.resynchronise",
        "Resynchronise the clocks of both ends",
        OnLink,
        on="link",
        effect=on_link("restore_noise"),
    ),
    controlled(
        "scheduler.rebalance",
        "Move the work to other hardware",
        OnLink,
        on="link",
        effect=on_link("restore_noise"),
    ),
    controlled("decoder.restart", "Restart the decoder", OnLink, on="link", effect=on_link("restore_decoder")),
    controlled("decoder.scale", "Scale the decoder", Scale, on="link", effect=on_link("restore_decoder")),
    controlled("decoder.switch", "Switch the decoder", Decoder, on="link", effect=on_link("restore_decoder")),
    controlled(
        "scheduler.set_slots",
        "Set how many transfers may run",
        Slots,
        on="link",
        effect=on_link("restore_slots", "slots"),
    ),
)

NODE_ACTIONS: tuple[Action, ...] = (
    controlled(
        "firmware.roll_back",
        "Go back to an earlier firmware",
        Version,
        on="node",
        risk=Risk.DISRUPTIVE,
        effect=on_node("restore_coherence"),
    ),
    controlled("firmware.canary", "Run a firmware on this node alone", Version, on="node", risk=Risk.DISRUPTIVE),
    controlled("firmware.pin", "Keep a firmware version", Version, on="node"),
    controlled(
        "calibration.run",
        "Recalibrate the readout",
        OnNode,
        on="node",
        risk=Risk.DISRUPTIVE,
        effect=on_node("restore_readout"),
    ),
    controlled(
        "device.set_power_mode",
        "Set the device's power mode",
        PowerMode,
        on="node",
        effect=lambda given: on_node("restore_temperature")(given) if given.mode == "safe" else None,
        compensation="device.set_power_mode",
    ),
    controlled(
        "device.restart_cooling",
        "Restart the cooling",
        OnNode,
        on="node",
        effect=on_node("restore_temperature"),
    ),
    controlled(
        "device.drain",
        "Take the device out of service",
        OnNode,
        on="node",
        risk=Risk.DISRUPTIVE,
        compensation="device.undrain",
    ),
    controlled("device.undrain", "Put the device back into service", OnNode, on="node"),
)
