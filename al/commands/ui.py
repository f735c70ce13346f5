"""al ui."""

from __future__ import annotations

import click

from al.cli import SETTINGS, OneLine, shown
from al.commands import commands
from al.progress import loading

EXAMPLES = ("al ui", "al ui --store sqlite:////data/mlflow.db --port 5001")


@commands.register("ui")
@click.command("ui", cls=OneLine, epilog=shown(EXAMPLES), context_settings=SETTINGS)
@click.option("--store", metavar="URI", help="The store; by default that of MLFLOW_TRACKING_URI.")
@click.option("--port", default=5000, show_default=True, help="Port on 127.0.0.1.")
def ui(store: str | None, port: int) -> None:
    """Show the runs, curves and models of this folder's store in MLflow's UI, until Ctrl-C."""
    with loading():
        from al.tracking.ui import pages, serving
    with serving(store, port) as server:
        click.echo("click 'Model training' at the top left, once; Ctrl-C stops")
        for what, address in pages(store, port):
            click.echo(f"{what + ':':8}{address}")
        for _ in server.stdout or ():  # a full pipe would stop it
            pass
