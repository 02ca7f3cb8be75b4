"""Kubernetes: whom it trusts, rotated tokens, answers without end; its calls held against the official client's own."""

import asyncio
import contextlib
import json
import ssl
from contextlib import AsyncExitStack
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from bot.clock import SystemClock
from bot.controller_settings import KubernetesSettings
from bot.controllers import build_one
from remediation.contract import Controller, Ports, Target
from remediation.controllers.kubernetes import KubernetesController
from remediation.controllers.kubernetes_client import Cluster, KubernetesClient
from remediation.errors import ControllerError
from remediation.execute import perform
from remediation.machine import LONGEST_ACT_S, Act
from remediation.registry import ACTIONS
from tests.remediation.cluster import OPERATIONS, Kube, serving
from tests.remediation.misbehaving import (
    LeapingTime,
    Misbehaving,
    NoReadings,
    Script,
    answers,
    drips,
    floods,
    listening,
)
from tests.remediation.simulated import START, Messages
from tests.remediation.test_far_sides_trust import context, needs_openssl, pems
from tests.remediation.test_misbehaving_far_sides import LONG, PACKED

client = pytest.importorskip("kubernetes.client", reason="the optional extra kubernetes is not installed")

__all__ = ["pems"]
DEPLOYMENT = {
    "metadata": {"generation": 1, "resourceVersion": "7"},
    "spec": {"replicas": 2},
    "status": {"observedGeneration": 1},
}
SCALE = {"link": "ams-utr", "replicas": 4}
ACTS: dict[str, dict[str, Any]] = {
    "decoder.scale": SCALE,
    "decoder.restart": {"link": "ams-utr"},
    "decoder.switch": {"link": "ams-utr", "decoder": "fast"},
    "firmware.roll_back": {"node": "utr", "version": "1"},
}


def settings(address: str, **api: Any) -> KubernetesSettings:
    """A cluster that scales decoders."""
    scale = {"deployment": "decoder-{{ inputs.target }}", "namespace": "quantum", "scale": 4}
    block = {"kind": "kubernetes", "api": {"url": address, **api}, "operations": {"decoder.scale": scale}}
    return KubernetesSettings.model_validate(block)


async def scaled(controller: Controller, key: str = "INC-1-R1:scale:run") -> dict[str, Any]:
    """The envelope of an act that scales."""
    ports = Ports(controller, NoReadings(), Messages(), LeapingTime(START))
    act = Act("scale", "Scale", "run", 1, "decoder.scale", SCALE, key, LONGEST_ACT_S)
    return await perform(act, ports, ACTIONS)


async def done(block: KubernetesSettings) -> dict[str, Any]:
    """The same through a controller as the bot builds it."""
    async with AsyncExitStack() as stack:
        return await scaled(build_one(block, SystemClock(), stack).controller)


async def test_token_that_is_rotated_counts_from_the_next_request_on(tmp_path: Path) -> None:
    """While its file is away the last one goes on."""
    file, server = tmp_path / "token", Misbehaving(state=answers({}, status=404))
    file.write_text("the-first-token", encoding="utf-8")
    async with listening(server) as address, AsyncExitStack() as stack:
        block = settings(address, bearer_token={"file": str(file)})
        controller = build_one(block, SystemClock(), stack).controller
        for token in ("the-first-token", "the-second-token", None):
            file.write_text(token, encoding="utf-8") if token else file.unlink()
            await scaled(controller)
    sent = [request.headers["authorization"] for request in server.requests]
    assert sent == ["Bearer the-first-token", "Bearer the-second-token", "Bearer the-second-token"]


@needs_openssl
async def test_cluster_with_a_wrong_certificate_is_asked_nothing(pems: dict[str, Path]) -> None:
    """Trying again does not help."""
    server = Misbehaving()
    tls: ssl.SSLContext = context(pems, asks=False)
    async with listening(server, tls) as address:
        envelope = await done(settings(address, ca_file=str(pems["own"])))
    assert (envelope["ok"], envelope["retryable"], envelope["happened"]) == (False, False, False)
    assert "is not trusted: self-signed certificate; check ca_file and the address" in envelope["error"]
    assert server.requests == []


@needs_openssl
async def test_cluster_that_does_not_know_our_certificate_did_nothing(pems: dict[str, Path]) -> None:
    """It refuses before it reads a request."""
    server = Misbehaving()
    async with listening(server, context(pems, asks=True)) as address:
        envelope = await done(settings(address, ca_file=str(pems["far"])))
    assert (envelope["ok"], envelope["happened"]) == (False, False)
    assert "does not trust us" in envelope["error"] or "broke off" in envelope["error"]
    assert server.requests == []


@pytest.mark.parametrize("script", [floods, drips, LONG, PACKED])
async def test_nobody_knows_of_a_patch_whose_answer_has_no_end_or_no_sense(script: Script) -> None:
    """It is read to one mebibyte and for three timeouts, and never unpacked; no thread waits any longer."""
    server = Misbehaving(state=answers(DEPLOYMENT), submit=script)
    async with listening(server) as address:
        block = settings(address, timeout=server.patience_s / 2)
        envelope = await done(block)
    assert (envelope["ok"], envelope["happened"], server.count("submit")) == (False, None, 1)


@pytest.mark.parametrize("status", [301, 302, 307, 308])
async def test_redirect_to_another_host_is_not_followed_and_takes_no_token_along(status: int, tmp_path: Path) -> None:
    """Neither before the patch nor for it."""
    (tmp_path / "token").write_text("the-token", encoding="utf-8")
    other = Misbehaving()
    async with listening(other) as elsewhere:
        away = answers({}, status=status, more=f"Location: {elsewhere}/")
        for scripts in ({"state": away}, {"state": answers(DEPLOYMENT), "submit": away}):
            async with listening(Misbehaving(**scripts)) as address:
                envelope = await done(settings(address, bearer_token={"file": str(tmp_path / "token")}))
            assert envelope["ok"] is False
            assert f"answers {status}" in envelope["error"]
    assert other.requests == []


@pytest.mark.parametrize("action", ["decoder.scale", "decoder.restart", "firmware.roll_back"])
async def test_object_after_a_patch_is_one_that_the_official_client_reads_whole(action: str) -> None:
    """Its models drop what the API does not have: nothing of ours gets lost."""
    kube = Kube()
    async with serving(kube) as controller:
        ports = Ports(controller, NoReadings(), Messages(), LeapingTime(START))
        act = Act("s", "S", "run", 1, action, ACTS[action], "INC-1-R1:s:run", LONGEST_ACT_S)
        assert (await perform(act, ports, ACTIONS))["error"] == ""
    is_list = action == "firmware.roll_back"
    assert [kind for kind, _ in kube.patches] == [f"application/{'json' if is_list else 'merge'}-patch+json"]
    api = client.ApiClient()
    whole = {name: kube.deployment[name] for name in ("metadata", "spec")}
    read = api.deserialize(SimpleNamespace(data=json.dumps(whole)), "V1Deployment")
    assert api.sanitize_for_serialization(read) == whole


async def test_requests_have_the_paths_of_the_official_client() -> None:
    """A deployment with its replica sets, and a custom resource."""
    thing = {**DEPLOYMENT, "spec": {"replicas": 2, "selector": {"matchLabels": {"app": "decoder"}}}}
    ours, theirs = (Misbehaving(state=answers(thing), submit=answers(thing)) for _ in range(2))
    async with listening(ours) as address:
        kubernetes = KubernetesClient(Cluster(url=address))
        for action in ("decoder.switch", "decoder.scale", "firmware.roll_back"):
            target = Target("link", "ams-utr")
            with contextlib.suppress(ControllerError):
                await KubernetesController(kubernetes, OPERATIONS).submit(action, target, ACTS[action], key="k")
        kubernetes.close()
    async with listening(theirs) as address:
        await asyncio.to_thread(_official, address)
    sent, expected = ({(each.method, each.path) for each in side.requests} for side in (ours, theirs))
    assert sent == expected


def _official(address: str) -> None:
    """What the generated methods send for the same."""
    configuration = client.Configuration()
    configuration.host = address
    api = client.ApiClient(configuration)
    apps, custom = client.AppsV1Api(api), client.CustomObjectsApi(api)
    name, space, raw = "decoder-ams-utr", "quantum", {"_preload_content": False}
    decoder = ("quantum.example", "v1", space, "decoders", "ams-utr")
    custom.get_namespaced_custom_object(*decoder, **raw)
    custom.patch_namespaced_custom_object(*decoder, {}, **raw)
    apps.read_namespaced_deployment(name, space, **raw)
    apps.patch_namespaced_deployment(name, space, {}, **raw)
    apps.list_namespaced_replica_set(space, label_selector="app=decoder", **raw)
