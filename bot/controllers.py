"""Controllers as the configuration names them, built and closed together; with a question to each for `doctor`."""

from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass

import httpx

from bot.clock import Clock
from bot.controller_settings import (
    ControllerSettings,
    HttpControllerSettings,
    KubernetesOperationSettings,
    KubernetesSettings,
    QuantnetSettings,
    RestconfSettings,
    SimulatorSettings,
)
from bot.far import fresh, open_client
from bot.settings import Settings
from remediation.contract import Controller
from remediation.controllers.http import HttpController
from remediation.controllers.key_store import KeyStore
from remediation.controllers.kubernetes import KubernetesController, KubernetesOperation
from remediation.controllers.kubernetes_client import Cluster, KubernetesClient
from remediation.controllers.mapping import load_mapping
from remediation.controllers.quantnet import Calibration, Entanglement, QuantnetController, QuantnetNames
from remediation.controllers.restconf import FlowApplication, NodeNames, RestconfController
from remediation.controllers.routed import Route, RoutedController
from remediation.controllers.simulator import SimulatorController
from remediation.controllers.unconfigured import UnconfiguredController


@dataclass(frozen=True, slots=True)
class Built:
    """A controller, how people call it, and a harmless question that raises ControllerError when it is not well."""

    name: str
    controller: Controller
    check: Callable[[], Awaitable[str]]


def build_controller(settings: Settings, clock: Clock, stack: AsyncExitStack) -> Controller:
    """The one controller of a configuration; `stack` closes it. Raises UsageError, RemediationError."""
    fallback = settings.controller and build_one(settings.controller, clock, stack).controller
    if not settings.controllers:
        return fallback or UnconfiguredController()
    routes = [
        Route(build_one(each.controller, clock, stack).controller, each.operations, each.targets)
        for each in settings.controllers
    ]
    return RoutedController([*routes, Route(fallback)] if fallback else routes)


def build_one(settings: ControllerSettings, clock: Clock, stack: AsyncExitStack) -> Built:
    """One controller; `stack` closes it. Raises UsageError, RemediationError."""
    if isinstance(settings, KubernetesSettings):
        return _kubernetes(settings, stack)
    client = open_client(settings)
    stack.push_async_callback(client.aclose)
    name = f"{settings.kind} at {settings.url}"
    if isinstance(settings, SimulatorSettings):
        simulator = SimulatorController(client)
        return Built(name, simulator, simulator.check)
    if isinstance(settings, HttpControllerSettings):
        mapped = HttpController(client, load_mapping(settings.mapping), now=clock.now)
        return Built(name, mapped, mapped.check)
    if isinstance(settings, RestconfSettings):
        node = RestconfController(client, _node_names(settings), _key_store(settings, stack))
        return Built(name, node, node.check)
    quantnet = QuantnetController(client, _quantnet_names(settings))
    return Built(name, quantnet, quantnet.check)


def _node_names(settings: RestconfSettings) -> NodeNames:
    flows = {
        name: FlowApplication(flow.application, flow.route, flow.alternate) for name, flow in settings.flows.items()
    }
    peers = settings.key_manager.peers if settings.key_manager is not None else {}
    return NodeNames(settings.node, settings.links, flows, peers, settings.bits_per_logical)


def _key_store(settings: RestconfSettings, stack: AsyncExitStack) -> KeyStore | None:
    if settings.key_manager is None:
        return None
    client: httpx.AsyncClient = open_client(settings.key_manager)
    stack.push_async_callback(client.aclose)
    return KeyStore(client)


def _quantnet_names(settings: QuantnetSettings) -> QuantnetNames:
    return QuantnetNames(
        nodes=settings.nodes,
        calibrations={name: Calibration(**run.model_dump()) for name, run in settings.calibrations.items()},
        entanglement={name: Entanglement(**ask.model_dump()) for name, ask in settings.entanglement.items()},
    )


def _kubernetes(settings: KubernetesSettings, stack: AsyncExitStack) -> Built:
    controller = KubernetesController(
        KubernetesClient(_cluster(settings)),
        {name: _operation(each) for name, each in settings.operations.items()},
    )
    stack.callback(controller.close)
    place = settings.api.url if settings.api is not None else settings.kubeconfig or "its own cluster"
    return Built(f"kubernetes at {place}", controller, controller.check)


def _cluster(settings: KubernetesSettings) -> Cluster:
    far = settings.api
    if far is None:
        kubeconfig = str(settings.kubeconfig or "")
        return Cluster(kubeconfig=kubeconfig, context=settings.context or "", timeout_s=settings.timeout)
    return Cluster(
        url=far.url,
        token=fresh(far.bearer_token.read) if far.bearer_token is not None else None,
        ca_file=str(far.ca_file or ""),
        cert_file=str(far.cert_file or ""),
        key_file=str(far.key_file or ""),
        timeout_s=far.timeout,
    )


def _operation(settings: KubernetesOperationSettings) -> KubernetesOperation:
    resource = settings.resource or ""
    name, replicas = settings.deployment or settings.name or "", "" if settings.scale is None else str(settings.scale)
    given, done = settings.namespace, settings.done or ""
    if settings.patch is not None:
        return KubernetesOperation("patch", name, given, resource, patch=settings.patch, done=done)
    if settings.scale is not None:
        return KubernetesOperation("scale", name, given, resource, replicas)
    return KubernetesOperation("restart" if settings.restart else "undo", name, given, resource)
