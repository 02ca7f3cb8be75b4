"""What lint goes by beyond a runbook itself: what telemetry measures, and what the network has."""

from collections.abc import Collection, Mapping

from bot.model.network import Network
from bot.telemetry.catalogue import CATALOGUE


def signal_kinds() -> Mapping[str, str]:
    """Each signal that telemetry knows, with the kind of place that it is measured of: link or node."""
    return {name: signal.of for name, signal in CATALOGUE.items()}


def place_names(network: Network) -> Mapping[str, Collection[str]]:
    """The names of all links, nodes and flows of a network, by kind."""
    return {"link": network.links, "node": network.nodes, "flow": network.flows}
