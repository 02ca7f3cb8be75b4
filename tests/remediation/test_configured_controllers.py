"""Controllers as bellhop.yaml names them: built as the bot builds them, checked by the doctor, one line each."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from bot.clock import FastClock, SystemClock
from bot.controllers import build_controller
from bot.doctor import examine
from bot.http import free_port, running
from bot.settings import Settings, load_settings
from bot.simulator.scenarios import demo_network
from bot.simulator.server import create_app
from bot.simulator.simulation import Simulation
from remediation.contract import Target
from remediation.controllers.routed import RoutedController
from remediation.controllers.simulator import SimulatorController
from remediation.controllers.unconfigured import UnconfiguredController
from remediation.errors import FileFaultsError, RemediationError
from tests.remediation.cluster import TOKEN as CLUSTER_TOKEN
from tests.remediation.cluster import Kube
from tests.remediation.lines import MAPPING, TOKEN, Lines
from tests.remediation.qkd_node import APPLICATION, LINK, QkdNode
from tests.remediation.simulated import START
from tests.remediation.test_quantnet_controller import OK, Quantnet

NOWHERE = "http://127.0.0.1:9"


def written(folder: Path, **blocks: Any) -> Path:
    """A bellhop.yaml with these blocks."""
    (folder / "mapping.yaml").write_text(MAPPING, encoding="utf-8")
    (folder / "token").write_text(TOKEN, encoding="utf-8")
    (folder / "cluster-token").write_text(CLUSTER_TOKEN, encoding="utf-8")
    telemetry = {"source": "embedded", "exporters": [NOWHERE]}
    file = folder / "bellhop.yaml"
    file.write_text(yaml.safe_dump({"network": "network.yaml", "telemetry": telemetry, **blocks}), encoding="utf-8")
    return file


@asynccontextmanager
async def far_sides(folder: Path) -> AsyncIterator[dict[str, dict[str, Any]]]:
    """One of each kind, listening, as blocks of the configuration."""
    simulation = Simulation(demo_network(), seed=7, start=START)
    apps = {
        "simulator": create_app(simulation, FastClock(start=START, speed=1)),
        "http": Lines().app(),
        "restconf": QkdNode().app(),
        "quantnet": Quantnet((OK, {})).app(),
        "kubernetes": Kube().app(),
    }
    async with AsyncExitStack() as stack:
        at = {kind: await stack.enter_async_context(running(app, free_port())) for kind, app in apps.items()}
        calibration = {"src": "LBNL-Q", "dst": "UCB-Q"}
        flows = {"keys": {"application": APPLICATION, "route": ["ams-utr"]}}
        manager = {"url": at["restconf"], "peers": {"ams-utr": "SAE-B"}}
        yield {
            "simulator": {"url": at["simulator"]},
            "http": {
                "kind": "http",
                "url": at["http"],
                "mapping": "mapping.yaml",
                "bearer_token": {"file": str(folder / "token")},
            },
            "restconf": {
                "kind": "restconf",
                "url": at["restconf"],
                "node": "ams",
                "links": {"ams-utr": LINK},
                "flows": flows,
                "key_manager": manager,
            },
            "quantnet": {
                "kind": "quantnet",
                "url": at["quantnet"],
                "nodes": {"lbl": "LBNL-Q"},
                "calibrations": {"lbl": calibration},
            },
            "kubernetes": {
                "kind": "kubernetes",
                "api": {"url": at["kubernetes"], "bearer_token": {"file": str(folder / "cluster-token")}},
                "operations": {
                    "decoder.scale": {
                        "deployment": "decoder-{{ inputs.target }}",
                        "namespace": "quantum",
                        "scale": "{{ inputs.parameters.replicas }}",
                    }
                },
            },
        }


async def lines_of_doctor(settings: Settings) -> list[tuple[bool, str]]:
    """What the doctor says of controllers."""
    return [(each.good, each.message) for each in await examine(settings) if each.part == "controller"]


async def test_doctor_says_one_line_of_each_controller(tmp_path: Path) -> None:
    """All well, with what each has."""
    pytest.importorskip("kubernetes")
    async with far_sides(tmp_path) as blocks:
        routes = [{"operations": [f"{kind}.*"], "controller": block} for kind, block in blocks.items()]
        settings = load_settings(written(tmp_path, controllers=routes))
        said = await lines_of_doctor(settings)
    assert [good for good, _ in said] == [True] * 5
    assert [line.rpartition(": ")[2] for _, line in said] == [
        "answers",
        "1 operations mapped",
        "2 links, 1 applications",
        "2 nodes",
        "v1.31.0, 1 operations",
    ]


@pytest.mark.parametrize("kind", ["simulator", "http", "restconf", "quantnet", "kubernetes"])
async def test_doctor_tells_of_a_controller_that_is_not_there(tmp_path: Path, kind: str) -> None:
    """In one line without its token."""
    pytest.importorskip("kubernetes")
    async with far_sides(tmp_path) as blocks:
        block = blocks[kind]
    (block.get("api") or block)["url"] = NOWHERE
    ((good, line),) = await lines_of_doctor(load_settings(written(tmp_path, controller=block)))
    assert good is False
    assert "cannot be reached" in line
    assert "\n" not in line
    assert TOKEN not in line


async def test_doctor_says_so_when_no_controller_is_configured(tmp_path: Path) -> None:
    """Runbooks still look and tell."""
    said = await lines_of_doctor(load_settings(written(tmp_path)))
    assert said == [(True, "none configured: runbooks can observe and notify, not act")]


async def test_several_controllers_are_one_and_the_single_one_takes_the_rest(tmp_path: Path) -> None:
    """In the order of the file."""
    async with far_sides(tmp_path) as blocks, AsyncExitStack() as stack:
        routes = [{"operations": ["link.set_power"], "targets": ["link:*"], "controller": blocks["http"]}]
        both = load_settings(written(tmp_path, controllers=routes, controller=blocks["simulator"]))
        controller = build_controller(both, SystemClock(), stack)
        assert isinstance(controller, RoutedController)
        link = Target("link", "ams-utr")
        assert (await controller.state(link, "link.set_power"))["settings"] == {"power": 0.0}
        assert "replicas" in (await controller.state(link, "decoder.scale"))["settings"]
        single = load_settings(written(tmp_path, controller=blocks["simulator"]))
        assert isinstance(build_controller(single, SystemClock(), stack), SimulatorController)
        none = load_settings(written(tmp_path))
        assert isinstance(build_controller(none, SystemClock(), stack), UnconfiguredController)


@pytest.mark.parametrize(
    ("block", "said"),
    [
        ({"kind": "ansible", "url": NOWHERE}, "kind must be simulator, http, restconf, quantnet or kubernetes"),
        ({"kind": ["http"], "url": NOWHERE}, "kind must be simulator, http, restconf, quantnet or kubernetes"),
        ({"kind": "http", "url": NOWHERE}, "mapping: is missing"),
        ({"kind": "http", "url": NOWHERE, "mapping": "m", "bearer_token": "s3cret"}, "does not belong in this file"),
        ({"kind": "restconf", "url": NOWHERE, "node": "ams", "links": {}}, "links"),
        (
            {
                "kind": "restconf",
                "url": NOWHERE,
                "node": "ams",
                "links": {"a": "1"},
                "key_manager": {"url": NOWHERE, "peers": {"b": "S"}},
            },
            "peers names b",
        ),
        (
            {"kind": "quantnet", "url": NOWHERE, "calibrations": {"a": {"src": "x", "dst": "y"}}},
            "calibrations names a, which nodes does not",
        ),
        ({"kind": "kubernetes", "operations": {}}, "operations"),
        (
            {"kind": "kubernetes", "operations": {"a.b": {"deployment": "d", "restart": True, "undo": True}}},
            "say one of scale, restart, undo and patch",
        ),
        (
            {"kind": "kubernetes", "operations": {"a.b": {"deployment": "{{ inputs.x }}", "restart": True}}},
            "inputs.x is not known",
        ),
        ({"kind": "simulator", "url": NOWHERE, "mapping": "m"}, "is not a known setting here"),
    ],
)
def test_block_that_cannot_work_is_refused_at_its_place(tmp_path: Path, block: dict[str, Any], said: str) -> None:
    """When the file is read; a secret in it is not repeated."""
    with pytest.raises(FileFaultsError) as caught:
        load_settings(written(tmp_path, controller=block))
    assert said in str(caught.value)
    assert "bellhop.yaml:" in str(caught.value)
    assert "s3cret" not in str(caught.value)


def test_bot_refuses_a_mapping_that_is_not_there(tmp_path: Path) -> None:
    """Before it takes any alert: the doctor and the start say the same."""
    block = {"kind": "http", "url": NOWHERE, "mapping": "gone.yaml"}
    settings = load_settings(written(tmp_path, controller=block))
    with pytest.raises(RemediationError, match=r"gone\.yaml"):
        build_controller(settings, SystemClock(), AsyncExitStack())
