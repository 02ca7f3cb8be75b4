"""`bellhop simulate`: a simulated network to try Bellhop on, served over HTTP."""

from pathlib import Path

import click

_EXAMPLE = "\b\nExample:\n  bellhop simulate --port 8090 --speed 10 --fault F1:ams-rtm@60s"


@click.command(epilog=_EXAMPLE)
@click.option("--network", type=click.Path(path_type=Path, dir_okay=False), help="A network file.")
@click.option("--config", "-c", type=click.Path(path_type=Path, dir_okay=False), help="Take the network of this bot.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=8090, show_default=True, type=click.IntRange(0, 65535), help="0 takes a free port.")
@click.option("--speed", default=1.0, show_default=True, type=click.FloatRange(0.1, 3600), help="Simulated s per s.")
@click.option("--seed", default=7, show_default=True, type=int, help="Seed of all noise.")
@click.option("--fault", "faults", multiple=True, metavar="MODE:SUBJECT@DELAY", help="Inject a fault; repeatable.")
@click.option("--token-env", metavar="NAME", help="Environment variable with the bearer token that changes need.")
@click.option("--ready-file", type=click.Path(path_type=Path, dir_okay=False), help="Write the address here once up.")
@click.option("--history", type=click.Path(path_type=Path, dir_okay=False), help="First write OpenMetrics history.")
@click.option("--hours", default=6.0, show_default=True, type=click.FloatRange(0.01, 720), help="Length of history.")
def simulate(
    network: Path | None,
    config: Path | None,
    host: str,
    port: int,
    speed: float,
    seed: int,
    faults: tuple[str, ...],
    token_env: str | None,
    ready_file: Path | None,
    history: Path | None,
    hours: float,
) -> None:
    """Serve a simulated quantum network: /metrics for Prometheus and a controller that runbooks drive.

    Without --network or --config it is the network that ships with Bellhop. With --history, a file for
    `promtool tsdb create-blocks-from openmetrics` is written first and the live network goes on where it ends.
    """
    from bot.simulator.command import Options, serve

    serve(
        Options(
            network=network,
            config=config,
            host=host,
            port=port,
            speed=speed,
            seed=seed,
            faults=faults,
            token_env=token_env,
            ready_file=ready_file,
            history=history,
            hours=hours,
        ),
        say=click.echo,
    )
