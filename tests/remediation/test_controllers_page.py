"""The page for people who connect their equipment: its settings load, its mapping runs, and no field is left out."""

import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from importlib import resources
from pathlib import Path
from types import ModuleType
from typing import get_args

import httpx
import pytest
import yaml
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from bot import controller_settings, far_settings
from bot.http import free_port, running
from bot.settings import load_settings
from remediation.contract import Controller, Ports, Target
from remediation.controllers import mapping
from remediation.controllers.http import HttpController
from remediation.duration import format_duration
from remediation.execute import perform
from remediation.machine import LONGEST_ACT_S, Act
from remediation.registry import ACTIONS
from tests.remediation.lines import TOKEN, Lines
from tests.remediation.misbehaving import LeapingTime, NoReadings
from tests.remediation.simulated import START, Messages

PAGE = Path(str(resources.files("runbooks"))).joinpath("CONTROLLERS.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```yaml\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
(MAPPING,) = [block for block in BLOCKS if "kind: HttpMapping" in block]
SETTINGS = [block for block in BLOCKS if block != MAPPING]
INLINE = re.findall(r"In `bellhop\.yaml`: `([^`]+)`", PAGE)
LINK = Target("link", "ams-utr")
PLACES: tuple[tuple[type[BaseModel], str], ...] = (
    (mapping.HttpMapping, ""),
    (mapping.MappedState, "state.KIND."),
    (mapping.MappedOperation, ""),
    (mapping.Job, "job."),
    (mapping.Match, "job.done."),
    (mapping.Match, "job.failed."),
)
"""Every model of a mapping, and what the table puts before its fields; an operation's own stand there bare."""
HOLDERS = ("state", "operations", "job", "job.done", "job.failed")


class Plant(Lines):
    """Lines with the two things more that the page's mapping asks for: its health, and jobs named by a Location."""

    def routes(self) -> list[Route]:
        """Ahead of those of all lines."""
        align = Route("/lines/{id}/alignment", self._align, methods=["POST"])
        return [Route("/health", lambda request: JSONResponse({"well": True})), align]

    async def _align(self, request: Request) -> Response:
        name, line = f"J{len(self.jobs) + 1}", request.path_params["id"]
        key, power = request.headers["idempotency-key"], self.settings[line]["power"]
        self.jobs[name] = {"key": key, "looks": 0, "line": line, "db": power}
        return Response(status_code=202, headers={"Location": f"/elsewhere/{name}"})


@asynccontextmanager
async def mapped(plant: Plant, folder: Path) -> AsyncIterator[tuple[HttpController, Ports]]:
    """The controller that the page's mapping makes of this far side."""
    (folder / "lines.yaml").write_text(MAPPING, encoding="utf-8")
    app, clock = plant.app(), LeapingTime(START)
    app.router.routes[:0] = plant.routes()
    async with (
        running(app, free_port()) as address,
        httpx.AsyncClient(
            base_url=address, trust_env=False, timeout=20, headers={"Authorization": f"Bearer {TOKEN}"}
        ) as client,
    ):
        controller = HttpController(client, mapping.load_mapping(folder / "lines.yaml"), now=clock.now)
        yield controller, Ports(controller, NoReadings(), Messages(), clock)


def act(action: str, key: str, **parameters: object) -> Act:
    """An instruction about the link."""
    return Act("step", action, "run", 1, action, {"link": LINK.id, **parameters}, key, LONGEST_ACT_S)


@pytest.mark.parametrize("block", [*SETTINGS, *INLINE], ids=lambda block: block.split(":")[0])
def test_every_block_of_settings_loads(tmp_path: Path, block: str) -> None:
    """As a part of a bellhop.yaml."""
    whole = {"network": "network.yaml", "telemetry": {"source": "embedded", "exporters": ["http://127.0.0.1:9"]}}
    file = tmp_path / "bellhop.yaml"
    file.write_text(f"{yaml.safe_dump(whole)}{block}\n", encoding="utf-8")
    load_settings(file)


def test_every_kind_has_its_example() -> None:
    """The five of them, in the blocks of settings."""
    kinds = {get_args(each.model_fields["kind"].annotation)[0] for each in _controllers()}
    assert len(kinds) == 5
    assert [kind for kind in sorted(kinds) if not re.search(rf"\bkind: {kind}\b", "".join(SETTINGS))] == []


async def test_act_of_the_example_is_confirmed_and_knows_what_stood_before(tmp_path: Path) -> None:
    """The line's `power` is `gain_db` to Bellhop: 0 dB before, as the lines begin, and 3 dB as asked."""
    plant = Plant(honours_key=True)
    async with mapped(plant, tmp_path) as (controller, ports):
        assert await controller.check() == "2 operations mapped"
        envelope = await perform(act("link.set_power", "first", gain_db=3), ports, ACTIONS)
        assert (envelope["error"], envelope["ok"], envelope["confirmed"]) == ("", True, ["gain_db"])
        assert envelope["before"]["settings"] == {"gain_db": 0.0}
        back = envelope["before"]["settings"]["gain_db"]
        undone = await perform(act("link.set_power", "back", gain_db=back), ports, ACTIONS)
    assert (undone["error"], undone["confirmed"]) == ("", ["gain_db"])
    assert plant.settings[LINK.id] == {"power": 0.0}
    assert [each["key"] for each in plant.asked] == ["first", "back"]


async def test_job_of_the_example_that_a_location_names_is_followed(tmp_path: Path) -> None:
    """To its end, at the path of the mapping."""
    plant = Plant(polls=3)
    async with mapped(plant, tmp_path) as (_, ports):
        envelope = await perform(act("link.realign", "align"), ports, ACTIONS)
    assert (envelope["error"], envelope["ok"]) == ("", True)
    assert plant.jobs["J1"]["looks"] == 3


async def test_line_of_the_example_that_changed_meanwhile_is_left_alone(tmp_path: Path) -> None:
    """412 is a no, as the table says."""

    class Changing(Plant):
        async def _line(self, request: Request) -> Response:
            answer = await super()._line(request)
            self.version += 1
            return answer

    plant = Changing(honours_key=True)
    async with mapped(plant, tmp_path) as (_, ports):
        envelope = await perform(act("link.set_power", "first", gain_db=3), ports, ACTIONS)
    assert (envelope["ok"], envelope["happened"], plant.asked) == (False, False, [])


def test_table_has_every_field_of_a_mapping_with_what_counts_when_it_is_left_out() -> None:
    """Read from the models: names, defaults, and which are required."""
    assert sorted(_told()) == sorted(_fields())
    assert {model for model, _ in PLACES} == {each for each in _models(mapping) if not each.__name__.startswith("_")}


@pytest.mark.parametrize("module", [far_settings, controller_settings], ids=lambda module: str(module.__name__))
def test_page_names_every_setting_of_a_controller(module: ModuleType) -> None:
    """Those of every kind, and how far sides are reached."""
    names = {name for model in _models(module) for name in model.model_fields}
    assert [name for name in sorted(names) if not re.search(rf"\b{name}\b", PAGE)] == []


def test_page_names_every_setting_that_confirms_an_act() -> None:
    """What a mapping must tell, from the registry."""
    names = {name for action in ACTIONS.values() for name in action.leaves}
    assert [name for name in sorted(names) if f"`{name}`" not in PAGE] == []


def test_page_names_the_functions_of_a_controller() -> None:
    """All of them."""
    assert [name for name in vars(Controller) if not name.startswith("_") and f"`{name}`" not in PAGE] == []


def test_page_is_short() -> None:
    """It can be read before the first act."""
    assert len(PAGE.splitlines()) <= 120


def _controllers() -> list[type[BaseModel]]:
    union = get_args(get_args(controller_settings.ControllerSettings)[0])
    return [get_args(each)[0] for each in union]


def _models(module: ModuleType) -> list[type[BaseModel]]:
    found = [each for each in vars(module).values() if isinstance(each, type) and issubclass(each, BaseModel)]
    return [each for each in found if each is not BaseModel]


def _told() -> Iterator[tuple[str, str]]:
    """Fields of the table with their defaults; one default stands for all fields of its row."""
    for line in re.findall(r"^\| (`(?:apiVersion|check|state|method|headers|if_|hon|job).*) \|$", PAGE, re.MULTILINE):
        names, defaults, _ = line.split(" | ", 2)
        each = defaults.split(", ") if ", " in defaults else [defaults] * len(names.split(", "))
        for name, default in zip(names.split(", "), each, strict=True):
            yield name.strip("`"), default.strip("`")


def _fields() -> Iterator[tuple[str, str]]:
    """The fields of a mapping as the table calls them; those that hold others are told by these."""
    for model, prefix in PLACES:
        for name, field in model.model_fields.items():
            if f"{prefix}{name}" not in HOLDERS:
                default = "required" if field.is_required() else _default(field.default)
                yield f"{prefix}{field.alias or name}", default


def _default(value: object) -> str:
    if value is None:
        return "nothing"
    return format_duration(value) if isinstance(value, float) else str(value).lower() if value is False else str(value)
