"""`bellhop dashboards`: Grafana dashboards whose queries are those of the diagnosis."""

import json
from pathlib import Path

import click

_RATE_WINDOW_S = 300.0


@click.command(epilog="\b\nExample:\n  bellhop dashboards grafana/ --config bellhop.yaml")
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.option(
    "--config",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="Take renamed metrics, matchers and the rate window from here.",
)
def dashboards(folder: Path, config: Path | None) -> None:
    """Write four Grafana dashboards into FOLDER: the network, a link, a device, and Bellhop itself.

    Import them in Grafana 10 or newer and choose the Prometheus data source at their top.
    """
    from bot import dashboards as drawn
    from bot.errors import UsageError
    from bot.settings import load_settings

    known = load_settings(config).telemetry if config else None
    found = drawn.dashboards(
        rate_window_s=known.rate_window if known else _RATE_WINDOW_S,
        names=known.metrics if known else {},
        matchers=known.matchers if known else {},
    )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in found.items():
            (folder / name).write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
            click.echo(folder / name)
    except OSError as error:
        raise UsageError(f"{folder} cannot be written: {error.strerror}") from None
