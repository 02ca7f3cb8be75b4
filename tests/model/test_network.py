"""The network as values: who ends where, and what links share."""

from pathlib import Path

import msgspec
import pytest

from bot.network_file import load_network
from bot.simulator.scenarios import demo_network_path
from remediation.errors import FileFaultsError
from tests.diagnosis.story import network


def test_links_are_found_by_their_ends() -> None:
    """Each once, in the order of the file; an unknown node has none."""
    star = network()
    assert [link.id for link in star.links_of("h")] == ["a-h", "b-h", "c-h"]
    assert [link.id for link in star.links_of("c")] == ["c-h", "c-d"]
    assert star.links_of("nowhere") == ()


def test_a_changed_copy_knows_its_own_links() -> None:
    """What was found out about the original is not carried over."""
    star = network()
    assert len(star.links_of("h")) == 3
    smaller = msgspec.structs.replace(star, links={"a-h": star.links["a-h"]})
    assert [link.id for link in smaller.links_of("h")] == ["a-h"]


def test_links_at_risk_together_are_found_by_the_name_that_they_share() -> None:
    """Other links only; a link without shared risk has no company."""
    star = network(a_h=("duct-7", "power-2"), b_h=("duct-7",), c_d=("power-2",))
    assert star.links_at_risk_with("a-h") == {"duct-7": ("b-h",), "power-2": ("c-d",)}
    assert star.links_at_risk_with("b-h") == {"duct-7": ("a-h",)}
    assert star.links_at_risk_with("c-h") == {}


def test_shared_risk_is_read_from_the_network_file(tmp_path: Path) -> None:
    """An optional list of names on a link; without it there is none."""
    text = demo_network_path().read_text(encoding="utf-8")
    first = next(line for line in text.splitlines() if "attempt_rate_hz:" in line)
    indent = first[: len(first) - len(first.lstrip())]
    file = tmp_path / "network.yaml"
    file.write_text(text.replace(first, f"{first}\n{indent}shared_risk: [duct-7, power-2]", 1), encoding="utf-8")
    risks = [link.shared_risk for link in load_network(file).links.values()]
    assert risks[0] == ("duct-7", "power-2")
    assert set(risks[1:]) == {()}


def test_a_shared_risk_that_is_no_name_is_a_fault_at_its_line(tmp_path: Path) -> None:
    """Names follow the rule of all ids."""
    text = demo_network_path().read_text(encoding="utf-8")
    first = next(line for line in text.splitlines() if "attempt_rate_hz:" in line)
    indent = first[: len(first) - len(first.lstrip())]
    file = tmp_path / "network.yaml"
    file.write_text(text.replace(first, f"{first}\n{indent}shared_risk: ['two words']", 1), encoding="utf-8")
    with pytest.raises(FileFaultsError) as caught:
        load_network(file)
    line = 1 + file.read_text(encoding="utf-8").splitlines().index(f"{indent}shared_risk: ['two words']")
    assert [fault.line for fault in caught.value.faults] == [line]
