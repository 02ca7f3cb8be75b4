"""Kubernetes over real HTTP with the official client: one patch per key, done when the rollout is."""

import asyncio
import json
import sys
from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from remediation.contract import Asked, Ports, Target
from remediation.controllers.kubernetes import ANNOTATION, KubernetesController
from remediation.controllers.kubernetes_client import Cluster, KubernetesClient
from remediation.controllers.plain import LARGEST_ANSWER
from remediation.errors import ControllerError, RemediationError
from remediation.execute import perform, probe
from remediation.machine import LONGEST_ACT_S, Act
from remediation.registry import ACTIONS
from tests.remediation.cluster import OPERATIONS, Kube, serving
from tests.remediation.misbehaving import (
    LeapingTime,
    Misbehaving,
    NoReadings,
    Script,
    answers,
    garbles,
    listening,
    resets,
    resets_within_body,
    silent,
)
from tests.remediation.simulated import START, Messages

pytest.importorskip("kubernetes", reason="the optional extra kubernetes is not installed")

LINK = Target("link", "ams-utr")
KEY = "INC-1-R1:step:run"
SCALE = {"link": "ams-utr", "replicas": 4}


def act(action: str, parameters: dict[str, Any], key: str = KEY) -> Act:
    """An instruction."""
    return Act("step", action, "run", 1, action, parameters, key, LONGEST_ACT_S)


def ports(controller: KubernetesController) -> Ports:
    """The doors of an act, in time that passes at once."""
    return Ports(controller, NoReadings(), Messages(), LeapingTime(START))


async def done(kube: Kube, action: str, parameters: dict[str, Any], *, token: str = "") -> dict[str, Any]:
    """The envelope of one act on this cluster."""
    async with serving(kube, **({"token": token} if token else {})) as controller:
        return await perform(act(action, parameters), ports(controller), ACTIONS)


async def test_deployment_is_scaled_and_done_when_all_replicas_are_available() -> None:
    """With the replicas that were there before."""
    kube = Kube(delay=3)
    envelope = await done(kube, "decoder.scale", SCALE)
    assert (envelope["error"], envelope["ok"], envelope["happened"]) == ("", True, True)
    assert envelope["before"]["settings"] == {"replicas": 2, "images": ["decoder:2"], "revision": "2"}
    assert envelope["output"]["replicas"] == kube.deployment["spec"]["replicas"] == 4


async def test_deployment_is_restarted_by_a_new_template() -> None:
    """Its pods are replaced, its number is not."""
    kube = Kube()
    assert (await done(kube, "decoder.restart", {"link": "ams-utr"}))["ok"] is True
    assert (kube.deployment["metadata"]["generation"], kube.deployment["spec"]["replicas"]) == (2, 2)
    assert "bellhop.dev/restarted-by" in kube.deployment["spec"]["template"]["metadata"]["annotations"]


async def test_rollout_goes_back_to_the_revision_before() -> None:
    """Its own one, without the hash that only its replica set bears."""
    kube = Kube()
    envelope = await done(kube, "firmware.roll_back", {"node": "utr", "version": "1"})
    assert (envelope["error"], envelope["ok"]) == ("", True)
    template = kube.deployment["spec"]["template"]
    assert template["spec"]["containers"][0]["image"] == "decoder:1"
    assert template["metadata"]["labels"] == {"app": "decoder"}


async def test_rollout_goes_back_to_the_last_revision_where_none_is_named() -> None:
    """As with firmware: what it ran before stands in its settings; one that it never ran is refused."""
    kube = Kube()
    envelope = await done(kube, "firmware.roll_back", {"node": "utr"})
    assert (envelope["error"], envelope["ok"]) == ("", True)
    assert envelope["before"]["settings"]["firmware_archive"] == ["1", "2"]
    assert kube.deployment["spec"]["template"]["spec"]["containers"][0]["image"] == "decoder:1"
    other = Kube()
    refused = await done(other, "firmware.roll_back", {"node": "utr", "version": "9"})
    assert (refused["happened"], "no revision 9 to go back to; there are 1" in refused["error"]) == (False, True)
    assert other.patches == []


async def test_custom_resource_is_patched_and_done_when_it_is_ready() -> None:
    """What the patch does not name stays."""
    kube = Kube(delay=2)
    envelope = await done(kube, "decoder.switch", {"link": "ams-utr", "decoder": "fast"})
    assert (envelope["error"], envelope["ok"]) == ("", True)
    assert envelope["before"]["settings"] == {"decoder": "accurate"}
    assert kube.decoder["spec"] == {"decoder": "fast", "budget": 3}


@pytest.mark.parametrize(
    ("action", "more"), [("decoder.scale", {"replicas": 4}), ("decoder.switch", {"decoder": "fast"})]
)
async def test_rollout_that_was_accepted_and_then_failed_tells_why(action: str, more: dict[str, Any]) -> None:
    """Accepting is not succeeding."""
    envelope = await done(Kube(stuck="no room for the pods"), action, {"link": "ams-utr", **more})
    assert (envelope["ok"], envelope["happened"], envelope["error"]) == (False, True, "no room for the pods")


async def test_same_key_is_one_patch_for_all_processes_at_once() -> None:
    """The key stands in the object together with the change, and only the version that was read is changed."""
    kube = Kube()

    async def process() -> None:
        async with serving(kube) as controller:
            await controller.submit("decoder.scale", LINK, {"replicas": 4}, key=KEY)

    ends = await asyncio.gather(*(process() for _ in range(5)), return_exceptions=True)
    refused = [end for end in ends if end is not None]
    assert len(refused) < 5
    assert all("answers 409: the object has been modified" in str(end) for end in refused)
    assert [len(json.loads(kube.deployment["metadata"]["annotations"][ANNOTATION])), len(kube.patches)] == [1, 1]
    async with serving(kube) as later:
        await later.submit("decoder.scale", LINK, {"replicas": 4}, key=KEY)
        with pytest.raises(ControllerError, match="was used for another operation"):
            await later.submit("decoder.scale", LINK, {"replicas": 5}, key=KEY)
    assert len(kube.patches) == 1


async def test_act_of_an_earlier_process_is_found_in_the_object() -> None:
    """One that is not there never arrived."""
    kube = Kube()
    scale = act("decoder.scale", SCALE)
    async with serving(kube) as before:
        assert await probe(scale, ports(before), ACTIONS) is None
        await before.submit("decoder.scale", LINK, {"replicas": 4}, key=KEY)
    async with serving(kube) as after:
        envelope = await probe(scale, ports(after), ACTIONS)
    assert envelope is not None
    assert (envelope["ok"], envelope["happened"]) == (True, True)


async def test_patch_whose_answer_was_lost_is_found_again() -> None:
    """The cluster made it and then broke off with an error of its own."""
    kube = Kube()

    async def breaks_off(request: Request) -> Response | None:
        if request.method != "PATCH":
            return None
        kube.before = None
        await kube._thing(request)
        return JSONResponse({"message": "etcd is gone"}, status_code=500)

    kube.before = breaks_off
    async with serving(kube) as controller:
        envelope = await perform(act("decoder.scale", SCALE), ports(controller), ACTIONS)
        assert (envelope["ok"], envelope["happened"]) == (False, None)
        assert (await controller.status(KEY, Asked("decoder.scale", LINK))).state in ("running", "succeeded")


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (Response(b"x" * (LARGEST_ANSWER + 1)), "longer than 1048576 bytes"),
        (Response(b"<html>", media_type="text/html"), "is not JSON"),
        (Response(b"[1]", media_type="application/json"), "is not a JSON object"),
        (RedirectResponse("http://127.0.0.1:9/elsewhere"), "answers 307"),
        (JSONResponse({"message": "no"}, status_code=403), "answers 403: no; check its credentials and role"),
    ],
)
async def test_answer_that_makes_no_sense_is_told_and_nothing_is_done(answer: Response, said: str) -> None:
    """Nothing was patched yet."""
    kube = Kube()

    async def instead(request: Request) -> Response | None:
        return answer

    kube.before = instead
    envelope = await done(kube, "decoder.scale", SCALE)
    assert (envelope["ok"], envelope["happened"]) == (False, False)
    assert said in envelope["error"]
    assert kube.patches == []


async def test_token_that_the_cluster_echoes_is_not_told() -> None:
    """An error never holds a secret."""
    envelope = await done(Kube(), "decoder.scale", SCALE, token="stale-token-of-ours")
    assert "answers 401: Unauthorized: (secret); check its credentials" in envelope["error"]


@pytest.mark.parametrize(
    ("action", "parameters", "said"),
    [
        ("link.realign", {"link": "ams-utr"}, "not configured for this cluster; it has decoder.scale"),
        ("decoder.restart", {"link": "nowhere"}, "answers 404: not found"),
        ("decoder.restart", {"link": "../secrets/x"}, "answers 404"),
    ],
)
async def test_what_is_not_there_is_refused(action: str, parameters: dict[str, Any], said: str) -> None:
    """Nothing is changed."""
    kube = Kube()
    envelope = await done(kube, action, parameters)
    assert (envelope["ok"], envelope["happened"]) == (False, False)
    assert said in envelope["error"]
    assert kube.patches == []


async def test_check_names_the_version_and_a_cluster_that_is_not_there() -> None:
    """One line each."""
    async with serving(Kube()) as controller:
        assert await controller.check() == "v1.31.0, 4 operations"
    gone = KubernetesController(KubernetesClient(Cluster(url="http://127.0.0.1:9", timeout_s=2)), OPERATIONS)
    with pytest.raises(ControllerError, match="cannot be reached") as caught:
        await gone.check()
    assert (caught.value.retryable, caught.value.happened) == (True, False)


@pytest.mark.parametrize("script", [silent, resets, resets_within_body, garbles])
async def test_nobody_knows_whether_a_patch_that_broke_off_was_made(script: Script) -> None:
    """It is asked for once; before it, nothing was done."""
    deployment = {"metadata": {"resourceVersion": "1"}, "spec": {"replicas": 2}}
    for scripts, happened, patches in (
        ({"state": answers(deployment), "submit": script}, None, 1),
        ({"state": script}, False, 0),
    ):
        server = Misbehaving(**scripts)
        async with listening(server) as address:
            client = KubernetesClient(Cluster(url=address, timeout_s=server.patience_s))
            controller = KubernetesController(client, OPERATIONS)
            envelope = await perform(act("decoder.scale", SCALE), ports(controller), ACTIONS)
            controller.close()
        assert (envelope["ok"], envelope["happened"], server.count("submit")) == (False, happened, patches)


def test_missing_extra_and_missing_account_are_told_with_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before an incident needs them."""
    with pytest.raises(RemediationError, match="the Kubernetes account cannot be read"):
        KubernetesClient(Cluster(kubeconfig="/nonexistent"))
    monkeypatch.setitem(sys.modules, "kubernetes", None)
    with pytest.raises(RemediationError, match=r"need an extra: pip install 'bellhop-bot\[kubernetes\]'"):
        KubernetesClient(Cluster(url="http://127.0.0.1:9"))
