"""Acts on links, decoders, nodes and schedulers, each carried out by the controller."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field

from remediation.actions.base import Id, OnLink, OnNode, Share, controlled, on_link, on_node
from remediation.actions.settled import always, given
from remediation.contract import Action, Effect, Risk, Target
from remediation.duration import Duration


class Replenish(OnLink):
    """Fill the pool to `level`, 0..1 of its capacity."""

    level: Share


class Policy(OnLink):
    """How much of the attempt rate may be used (as before when left out), and the level that the pool aims at."""

    attempt_share: Share | None = None
    target_level: Share | None = None


class Purification(OnLink):
    """How many rounds of purification a pair goes through before it is used; each takes two pairs for one better."""

    rounds: Annotated[int, Field(ge=1, le=3)]


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
    """How many transfers may run at once; as many as the link is specified for when left out."""

    slots: Annotated[int, Field(ge=1, le=10_000)] | None = None


class Later(OnNode):
    """After how long, up to a day."""

    after: Annotated[Duration, Field(gt=0, le=86400)]


class Version(OnNode):
    """A firmware version."""

    version: Id


class EarlierVersion(OnNode):
    """A firmware version that the node has run; the last one before the present when left out."""

    version: Id | None = None


class PresentVersion(OnNode):
    """The firmware version that the node runs."""

    version: Id | None = None


class PowerMode(OnNode):
    """Full power, or less heat and fewer attempts."""

    mode: Literal["normal", "safe"]


def _earlier_version(settings: Mapping[str, Any]) -> str | None:
    present, archive = settings.get("firmware"), settings.get("firmware_archive")
    versions = archive if isinstance(archive, list) else []
    return next((str(version) for version in reversed(versions) if version != present), None)


def _specified_slots(settings: Mapping[str, Any]) -> int | None:
    slots = settings.get("specified_slots")
    return int(slots) if isinstance(slots, int | float) and slots >= 1 else None


def _generation(given: Policy) -> Effect | None:
    """What more or fewer attempts do; another level to aim at alone changes no rate."""
    if given.attempt_share is None:
        return None
    return Effect("restore_generation", Target("link", given.link), {"share": given.attempt_share})


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
        effect=_generation,
        unpredicted="without `attempt_share` nothing is",
        left_out={"attempt_share": lambda settings: settings.get("attempt_share")},
        leaves={"attempt_share": given("attempt_share"), "target_level": given("target_level")},
    ),
    controlled(
        "entanglement.purify",
        "Set how often pairs are purified before they are used: fewer errors for more pairs",
        Purification,
        on="link",
        effect=on_link("purify", "rounds"),
        compensation="entanglement.purify",
        consumes_pairs=True,
        leaves={"purification_rounds": given("rounds")},
    ),
    controlled(
        "link.realign",
        "Realign the optics",
        OnLink,
        on="link",
        risk=Risk.DISRUPTIVE,
        effect=on_link("restore_loss"),
        takes_out="while it lasts",
    ),
    controlled(
        "link.set_power",
        "Raise the launch power",
        Power,
        on="link",
        effect=on_link("restore_loss"),
        leaves={"gain_db": given("gain_db")},
    ),
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
    controlled(
        "decoder.scale",
        "Scale the decoder",
        Scale,
        on="link",
        effect=on_link("restore_decoder"),
        leaves={"replicas": given("replicas")},
    ),
    controlled(
        "decoder.switch",
        "Switch the decoder",
        Decoder,
        on="link",
        effect=on_link("restore_decoder"),
        leaves={"decoder": given("decoder")},
    ),
    controlled(
        "scheduler.set_slots",
        "Set how many transfers may run",
        Slots,
        on="link",
        effect=on_link("restore_slots", "slots"),
        left_out={"slots": _specified_slots},
        leaves={"slots": given("slots")},
    ),
)

NODE_ACTIONS: tuple[Action, ...] = (
    controlled(
        "firmware.roll_back",
        "Go back to an earlier firmware",
        EarlierVersion,
        on="node",
        risk=Risk.DISRUPTIVE,
        effect=on_node("restore_coherence"),
        left_out={"version": _earlier_version},
        leaves={"firmware": given("version")},
    ),
    controlled(
        "firmware.canary",
        "Run a firmware on this node alone",
        Version,
        on="node",
        unpredicted="nobody knows what a firmware does before it has run",
        risk=Risk.DISRUPTIVE,
        compensation="firmware.roll_back",
        leaves={"firmware": given("version")},
    ),
    controlled(
        "firmware.pin",
        "Keep a firmware version",
        PresentVersion,
        on="node",
        unpredicted="it keeps things as they are",
        compensation="firmware.unpin",
        left_out={"version": lambda settings: settings.get("firmware")},
        leaves={"pinned": always(value=True)},
    ),
    controlled(
        "firmware.unpin",
        "Let the firmware change again",
        OnNode,
        on="node",
        unpredicted="it lets a later act through and changes nothing by itself",
        leaves={"pinned": always(value=False)},
    ),
    controlled(
        "calibration.run",
        "Recalibrate the readout",
        OnNode,
        on="node",
        risk=Risk.DISRUPTIVE,
        effect=on_node("restore_readout"),
    ),
    controlled(
        "calibration.schedule",
        "Recalibrate the readout at a later time",
        Later,
        on="node",
        unpredicted="it takes effect after the run",
        compensation="calibration.cancel",
    ),
    controlled(
        "calibration.cancel",
        "Forget a scheduled calibration",
        OnNode,
        on="node",
        unpredicted="it takes back an act that has had no effect yet",
    ),
    controlled(
        "device.set_power_mode",
        "Set the device's power mode",
        PowerMode,
        on="node",
        effect=lambda given: on_node("restore_temperature")(given) if given.mode == "safe" else None,
        unpredicted="with the mode `normal` nothing is",
        compensation="device.set_power_mode",
        leaves={"power_mode": given("mode")},
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
        unpredicted="links of the device carry nothing; the guards tell what that cuts off",
        risk=Risk.DISRUPTIVE,
        compensation="device.undrain",
        leaves={"drained": always(value=True)},
        takes_out="until it is taken back",
    ),
    controlled(
        "device.undrain",
        "Put the device back into service",
        OnNode,
        on="node",
        unpredicted="what the device does once it carries again is what it did before",
        leaves={"drained": always(value=False)},
        puts_back=True,
    ),
)
