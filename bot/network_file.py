"""network.yaml: read, check, and turn into the model; every fault at its line and column."""

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Literal, Protocol

from pydantic import BaseModel, ConfigDict, Field

from bot.model import network as model
from remediation import source
from remediation.duration import Duration
from remediation.errors import Fault, FileFaultsError

Id = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.:-]{0,62}$")]
Share = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0)]
NotNegative = Annotated[float, Field(ge=0)]


class _Block(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Region(_Block):
    id: Id


class _Node(_Block):
    id: Id
    region: str = ""
    kind: Literal["endpoint", "repeater"] = "endpoint"
    firmware_channel: str = ""


class _Memory(_Block):
    t1_s: Positive
    t2_s: Positive
    storage_s: NotNegative


class _Errors(_Block):
    gate: Share
    measurement: Share


class _Code(_Block):
    family: model.CodeFamily
    distance: Annotated[int, Field(ge=1, le=101)] = 1


class _Pool(_Block):
    capacity_pairs: Annotated[int, Field(ge=1)]
    target_level: Share = 0.8


class _Slo(_Block):
    logical_success: Annotated[float, Field(gt=0, lt=1)]
    window: Duration


class _Link(_Block):
    id: Id
    ends: tuple[Id, Id]
    medium: Literal["fiber", "free-space", "satellite"] = "fiber"
    length_km: Positive
    attenuation_db_per_km: NotNegative
    excess_loss_db: NotNegative = 0.0
    attempt_rate_hz: Positive
    memory: _Memory
    errors: _Errors
    code: _Code
    decoder_budget_s: Positive
    pool: _Pool
    slo: _Slo
    cost_per_physical_qubit: NotNegative = 0.0
    shared_risk: tuple[Id, ...] = ()


class _Flow(_Block):
    id: Id
    from_: Annotated[Id, Field(alias="from")]
    to: Id
    route: Annotated[tuple[Id, ...], Field(min_length=1)]
    alternates: tuple[tuple[Id, ...], ...] = ()
    priority: model.Priority = "standard"
    demand_logical_per_s: NotNegative = 0.0
    fallback: Literal["classical", "none"] = "none"


class _File(_Block):
    network: str
    regions: tuple[_Region, ...] = ()
    nodes: Annotated[tuple[_Node, ...], Field(min_length=1)]
    links: Annotated[tuple[_Link, ...], Field(min_length=1)]
    flows: tuple[_Flow, ...] = ()


class _HasId(Protocol):
    @property
    def id(self) -> str: ...


def load_network(path: Path) -> model.Network:
    """Read network.yaml; raises FileFaultsError with every fault at its place."""
    document = source.read(path)
    content = document.check(_File)
    faults = tuple(_faults(document, content))
    if faults:
        raise FileFaultsError(faults)
    return model.Network(
        name=content.network,
        nodes={node.id: _node(node) for node in content.nodes},
        links={link.id: _link(link) for link in content.links},
        flows={flow.id: _flow(flow) for flow in content.flows},
    )


def _faults(document: source.Document, content: _File) -> Iterator[Fault]:
    yield from _doubles(document, "nodes", content.nodes)
    yield from _doubles(document, "links", content.links)
    yield from _doubles(document, "flows", content.flows)
    nodes = {node.id for node in content.nodes}
    regions = {region.id for region in content.regions}
    for place, node in enumerate(content.nodes):
        if node.region and regions and node.region not in regions:
            yield document.fault(("nodes", place, "region"), f"node {node.id}: no region {node.region}")
    for place, link in enumerate(content.links):
        for end in link.ends:
            if end not in nodes:
                yield document.fault(("links", place, "ends"), f"link {link.id}: no node {end}")
        if link.memory.t2_s > 2 * link.memory.t1_s:
            yield document.fault(
                ("links", place, "memory", "t2_s"),
                f"link {link.id}: t2_s is {link.memory.t2_s}, above twice t1_s ({link.memory.t1_s}): not physical",
            )
    ends = {link.id: set(link.ends) for link in content.links}
    for place, flow in enumerate(content.flows):
        yield from _route_faults(document, ("flows", place, "route"), flow, flow.route, ends)
        for number, route in enumerate(flow.alternates):
            yield from _route_faults(document, ("flows", place, "alternates", number), flow, route, ends)


def _doubles(document: source.Document, part: str, items: Sequence[_HasId]) -> Iterator[Fault]:
    counts = Counter(item.id for item in items)
    for place, item in enumerate(items):
        if counts[item.id] > 1:
            yield document.fault((part, place), f"{part}: the id {item.id} is used {counts[item.id]} times")


def _route_faults(
    document: source.Document,
    path: tuple[str | int, ...],
    flow: _Flow,
    route: tuple[str, ...],
    ends: dict[str, set[str]],
) -> Iterator[Fault]:
    here = flow.from_
    for link in route:
        if link not in ends:
            yield document.fault(path, f"flow {flow.id}: no link {link}")
            return
        if here not in ends[link]:
            yield document.fault(path, f"flow {flow.id}: link {link} does not start at {here}")
            return
        here = next(iter(ends[link] - {here}), here)
    if here != flow.to:
        yield document.fault(path, f"flow {flow.id}: the route ends at {here}, not at {flow.to}")


def _node(block: _Node) -> model.Node:
    return model.Node(**block.model_dump())


def _link(block: _Link) -> model.Link:
    plain = block.model_dump(exclude={"memory", "errors", "code", "pool", "slo"})
    return model.Link(
        **plain,
        memory=model.Memory(**block.memory.model_dump()),
        errors=model.Errors(**block.errors.model_dump()),
        code=model.Code(**block.code.model_dump()),
        pool=model.Pool(**block.pool.model_dump()),
        slo=model.Slo(logical_success=block.slo.logical_success, window_s=block.slo.window),
    )


def _flow(block: _Flow) -> model.Flow:
    plain = block.model_dump(exclude={"from_", "to"})
    return model.Flow(**plain, source=block.from_, target=block.to)
