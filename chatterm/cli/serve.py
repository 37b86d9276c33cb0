"""``chatterm serve``: this machine's models for other programs and other people."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from chatterm.cli.context import context_of
from chatterm.errors import ConfigError


def serve(
    ctx: typer.Context,
    host: Annotated[
        str | None, typer.Option("--host", help="The address to listen on.", metavar="H")
    ] = None,
    port: Annotated[
        int | None, typer.Option("--port", help="The port; 0 takes a free one.", metavar="P")
    ] = None,
    no_auth: Annotated[
        bool, typer.Option("--no-auth", help="Let everybody in who can reach it.")
    ] = False,
    tls_cert: Annotated[
        str | None,
        typer.Option("--tls-cert", help="Speak https, with this certificate.", metavar="FILE"),
    ] = None,
    tls_key: Annotated[
        str | None, typer.Option("--tls-key", help="The certificate's key.", metavar="FILE")
    ] = None,
) -> int:
    """Answer other programs, terminals and people with the models of this machine.

    On this machine alone nobody has to log in; elsewhere users do. Limits and everything else are
    in [serve] of config.toml. SIGTERM lets answers end, SIGHUP reads a renewed certificate.

    Example: chatterm serve --port 8080
    """
    context = context_of(ctx)
    need_the_extra()
    from chatterm.server.settings import serve_settings

    config = context.config()
    settings = serve_settings(
        config.serve,
        {
            "host": host,
            "port": port,
            "no_auth": no_auth or None,
            "tls_cert": tls_cert,
            "tls_key": tls_key,
        },
    )
    from chatterm.cli.nearest import nearest_commands
    from chatterm.server.certificate import certificate
    from chatterm.server.core import open_server
    from chatterm.server.logs import announce, write_to
    from chatterm.server.running import alone, listen, run

    shown = certificate(settings)
    write_to(sys.stderr, settings.options.log)
    with alone(context.paths()), listen(settings) as listening:
        url = settings.url(listening.getsockname()[1])
        server = open_server(
            settings,
            config=config,
            catalog=context.catalog(),
            paths=context.paths(),
            suggest=nearest_commands,
        )

        def tell(said: str, event: str, **fields: str) -> None:
            if settings.options.log == "json":
                announce(event, fields)
            else:
                context.console.note(said)

        if server.access.local is not None and not settings.is_loopback:
            tell("everybody who reaches this server may use it", "no logins")
        for name, error in server.models.not_here():
            tell(f"{name} cannot be asked yet: {error.message}", "model missing", model=name)
        stops = "; Ctrl-C stops it" if sys.stderr.isatty() else ""
        run(server, listening, lambda: tell(f"serving at {url}{stops}", "serving", url=url), shown)
    return 0


def need_the_extra() -> None:
    """Say what is missing where the server's packages are not installed."""
    from importlib.util import find_spec

    missing = [name for name in ("fastapi", "uvicorn", "argon2") if find_spec(name) is None]
    if missing:
        raise ConfigError(
            f"the server is not installed: {', '.join(missing)} is missing",
            hint="pip install 'chatterm[serve]', or in a checkout pip install '.[serve]'",
        )
