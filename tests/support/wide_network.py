"""Networks of any size: a ring with chords, each link like one of the demo network."""

import msgspec

from bot.model.network import Network, Node
from bot.simulator.scenarios import demo_network


def wide_network(links: int) -> Network:
    """`links` links over half as many nodes, four at each; names are link-00000, node-00000 and so on."""
    template = next(iter(demo_network().links.values()))
    count = max(2, links // 2)
    nodes = [f"node-{number:05}" for number in range(count)]
    ends = ((nodes[number % count], nodes[(number + 1 + number // count) % count]) for number in range(links))
    made = [msgspec.structs.replace(template, id=f"link-{number:05}", ends=pair) for number, pair in enumerate(ends)]
    return Network(
        name="wide",
        nodes={node: Node(id=node) for node in nodes},
        links={link.id: link for link in made},
        flows={},
    )
