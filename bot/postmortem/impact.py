"""Which links and flows were hit, for how long, and about how many transfers that cost."""

from bot.model.network import Flow, Network
from bot.postmortem.facts import FlowImpact, Impact
from bot.postmortem.history import Events, cause, links_of, mitigation, onset, opened, resolution

SUCCESS = "logical_success_ratio"


def impact(events: Events, *, network: Network, at: float) -> Impact:
    """The impact as far as the events tell it; failed transfers are an estimate (see `_flow`)."""
    began = onset(events)
    start = min(began[0], opened(events)[0].at) if began else opened(events)[0].at
    over = resolution(events)
    end = min((event.at for event in (mitigation(events), over) if event is not None), default=at) if over else at
    links = links_of(events, network)
    ratio = _observed_success(events)
    flows = {flow.id: flow for link in links for flow in network.flows_over(link)}
    return Impact(
        links=links,
        flows=tuple(_flow(flow, ratio, max(0.0, end - start)) for flow in flows.values()),
        start=start,
        end=end,
        ongoing=over is None,
        success_ratio=ratio,
    )


def _flow(flow: Flow, ratio: float | None, seconds: float) -> FlowImpact:
    """Asked = demand x duration; failed = asked x (1 - success ratio), as if the ratio had held throughout."""
    asked = flow.demand_logical_per_s * seconds or None
    return FlowImpact(
        flow=flow.id,
        priority=flow.priority,
        source=flow.source,
        target=flow.target,
        demand_logical_per_s=flow.demand_logical_per_s,
        asked=asked,
        failed=None if asked is None or ratio is None else asked * (1.0 - ratio),
    )


def _observed_success(events: Events) -> float | None:
    """The logical success ratio that the cause's evidence quotes, or what it was when it was made; None: not known."""
    diagnosis = cause(events)
    if diagnosis is None:
        return None
    quoted = (
        item.observed
        for found in diagnosis.findings
        for item in (*found.evidence, *found.against)
        if item.signal == SUCCESS and item.observed is not None and 0.0 <= item.observed <= 1.0
    )
    last = (
        value
        for trace in diagnosis.traces
        if trace.signal == SUCCESS and trace.subject.id == diagnosis.link
        for value in reversed(trace.values)
        if value is not None
    )
    return next(quoted, next(last, None))
