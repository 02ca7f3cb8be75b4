"""The blocks of bellhop.yaml that say who carries out actions: one controller, or several by operation and target."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Discriminator, Field, Tag, model_validator

from bot.far_settings import Block, Far, PositiveDuration
from remediation.controllers.mapping import JsonPath, checked_body, checked_template

Name = Annotated[str, Field(min_length=1, max_length=200)]
Template = Annotated[str, AfterValidator(checked_template)]
Patch = Annotated[dict[str, Any], AfterValidator(checked_body)]


class SimulatorSettings(Far):
    """Bellhop's simulator."""

    kind: Literal["simulator"] = "simulator"


class HttpControllerSettings(Far):
    """Any HTTP interface with JSON, spoken to as a mapping file says."""

    kind: Literal["http"]
    mapping: Path


class FlowAtNode(Block):
    """A flow's application at a node, and the links of its home route and its alternate."""

    application: Name
    route: tuple[Name, ...] = ()
    alternate: tuple[Name, ...] = ()


class KeyManagerSettings(Far):
    """An ETSI GS QKD 014 key manager, whose stores are only counted: the SAE id of the far end by link."""

    peers: Annotated[Mapping[Name, Name], Field(min_length=1)]


class RestconfSettings(Far):
    """One ETSI GS QKD 015 node: Bellhop's name of the node, its qkdl_id by link, its applications by flow."""

    kind: Literal["restconf"]
    node: Name
    links: Annotated[Mapping[Name, Name], Field(min_length=1)]
    flows: Mapping[Name, FlowAtNode] = {}
    bits_per_logical: Annotated[float, Field(gt=0)] = 1.0
    """Bandwidth of an application, bit/s, for a flow of one logical per second."""
    key_manager: KeyManagerSettings | None = None

    @model_validator(mode="after")
    def _counted(self) -> Self:
        if self.key_manager is not None and (unknown := set(self.key_manager.peers) - set(self.links)):
            raise ValueError(f"key_manager.peers names {', '.join(sorted(unknown))}, which links does not")
        return self


class CalibrationSettings(Block):
    """A calibration between two of QUANT-NET's nodes: type 1 stabilises the link, 2 the polarisation; power in W."""

    src: Name
    dst: Name
    type: Literal[1, 2] = 1
    power: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 0.1
    light: Literal["H", "D"] = "H"


class EntanglementSettings(Block):
    """Pairs to ask for between two of QUANT-NET's nodes."""

    src: Name
    dst: Name
    pairs: Annotated[int, Field(ge=1, le=1_000_000)]
    bell_state: Name
    fidelity: Annotated[float, Field(ge=0.25, le=1)]


class QuantnetSettings(Far):
    """QUANT-NET's control plane: its agent by node, what to calibrate by node, what to entangle by link."""

    kind: Literal["quantnet"]
    nodes: Mapping[Name, Name] = {}
    calibrations: Mapping[Name, CalibrationSettings] = {}
    entanglement: Mapping[Name, EntanglementSettings] = {}

    @model_validator(mode="after")
    def _readable(self) -> Self:
        if missing := sorted(set(self.calibrations) - set(self.nodes)):
            raise ValueError(f"calibrations names {', '.join(missing)}, which nodes does not")
        return self


class KubernetesOperationSettings(Block):
    """What an operation does to one deployment or custom resource; exactly one verb."""

    deployment: Template | None = None
    resource: Annotated[str, Field(pattern=r"^[a-z0-9.-]+/[a-z0-9]+/[a-z0-9]+$")] | None = None
    """group/version/plural."""
    name: Template | None = None
    namespace: Annotated[str, Field(pattern=r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$")] = "default"
    scale: Template | int | None = None
    restart: Literal[True] | None = None
    undo: Literal[True] | None = None
    patch: Patch | None = None
    done: JsonPath | None = None

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if (self.deployment is None) == (self.resource is None) or (self.resource is None) != (self.name is None):
            raise ValueError("name a deployment, or a resource and its name")
        verbs = [each for each in (self.scale, self.restart, self.undo, self.patch) if each is not None]
        if len(verbs) != 1 or (self.resource is not None and self.patch is None):
            raise ValueError("say one of scale, restart, undo and patch; a custom resource can only be patched")
        return self


class KubernetesSettings(Block):
    """A cluster: `api` (an address), a kubeconfig file, or the account of the pod that Bellhop runs in (neither)."""

    kind: Literal["kubernetes"]
    api: Far | None = None
    kubeconfig: Path | None = None
    context: str | None = None
    timeout: PositiveDuration = 10.0
    operations: Annotated[Mapping[Name, KubernetesOperationSettings], Field(min_length=1)]

    @model_validator(mode="after")
    def _one(self) -> Self:
        if self.api is not None and self.kubeconfig is not None:
            raise ValueError("give api or kubeconfig, not both")
        if self.api is not None and (self.api.basic is not None or self.api.headers):
            raise ValueError("api takes bearer_token or cert_file and key_file")
        return self


def _kind(value: Any) -> str | None:  # noqa: ANN401 - YAML data of any shape
    kind = value.get("kind", "simulator") if isinstance(value, Mapping) else getattr(value, "kind", None)
    return kind if isinstance(kind, str) else None


ControllerSettings = Annotated[
    Annotated[SimulatorSettings, Tag("simulator")]
    | Annotated[HttpControllerSettings, Tag("http")]
    | Annotated[RestconfSettings, Tag("restconf")]
    | Annotated[QuantnetSettings, Tag("quantnet")]
    | Annotated[KubernetesSettings, Tag("kubernetes")],
    Discriminator(
        _kind,
        custom_error_type="controller_kind",
        custom_error_message="kind must be simulator, http, restconf, quantnet or kubernetes",
    ),
]
"""One controller; without `kind` it is the simulator."""


class RoutedControllerSettings(Block):
    """A controller for the operations and targets that fit these patterns, e.g. calibration.* and node:ams-*."""

    operations: Annotated[tuple[Name, ...], Field(min_length=1)] = ("*",)
    targets: Annotated[tuple[Name, ...], Field(min_length=1)] = ("*",)
    controller: ControllerSettings
