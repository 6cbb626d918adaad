"""A local web page of all exported models: noise, walks between samples, labels, texts, pictures drawn or uploaded.

    python -m tfgan_zoo.gallery
    python -m tfgan_zoo.gallery exported/dcgan --port=8600 --no-browser

`make gallery` installs what it needs. What a model gets is decided by its signatures alone, so that any SavedModel
that makes pictures [B, H, W, C] in [-1, 1] can be put there.
"""

import dataclasses
import importlib.util
import socket
from pathlib import Path
from typing import Annotated

import tyro

from tfgan_zoo import errors, gallery

# isort: split
import keras  # after tfgan_zoo, which keeps TensorFlow's start-up messages off the terminal

from tfgan_zoo.errors import InputError


@dataclasses.dataclass(kw_only=True)
class Config:
    """Show exported models on a local web page."""

    folder: Annotated[str, tyro.conf.Positional] = ""
    """Where the models are: a folder like exported/, a family's in it, or one version. Default: exported/, if it holds
    any, and those that came with the package."""
    host: str = "127.0.0.1"
    """Address to listen on. Any other than the default lets other machines use the models; there is no password."""
    port: int = 8501
    browser: bool = True
    """Open the page in the browser."""
    trust: bool = False
    """Also open models whose graph reads or writes files, calls Python or the network."""


def main(argv=None):
    """Runs the server until it is interrupted. Exits with 2 for bad input."""
    config = tyro.cli(Config, args=argv, prog="python -m tfgan_zoo.gallery")
    with errors.one_line():
        if importlib.util.find_spec("streamlit") is None:
            raise InputError("the gallery needs Streamlit; make gallery, or pip install streamlit")
        gallery.find(config.folder)
        _check_free(config.host, config.port)
    from streamlit import net_util
    from streamlit.web import cli

    # To tell whether a page of elsewhere may connect, Streamlit asks a server on the internet for its own address.
    net_util.get_external_ip = lambda: None
    # Streamlit calls it after each run of the page; then each answer would take as long as the first.
    keras.backend.clear_session = lambda: None
    flags = {
        "server.address": config.host,
        "server.port": config.port,
        "server.headless": not config.browser,
        "server.showEmailPrompt": False,
        "server.fileWatcherType": "none",
        "server.maxUploadSize": 20,
        "browser.gatherUsageStats": False,
        "browser.serverAddress": config.host,
        "client.toolbarMode": "minimal",
    }
    page = Path(__file__).with_name("page.py")
    arguments = [f"--{name}={value}" for name, value in flags.items()]
    arguments += [f"--server.allowedHosts={name}" for name in _names(config.host)]
    cli.main(["run", str(page), *arguments, "--", config.folder, *["--trust"][: config.trust]])


def _names(host):
    """What the page may be called in a request: a page of elsewhere whose name was turned to here has another."""
    if host in ("0.0.0.0", "::"):
        return ["*"]  # all names of this machine, which are not known
    return ["127.0.0.1", "localhost"] if host == "127.0.0.1" else [host]


def _check_free(host, port):
    if not 0 < port < 65536:
        raise InputError(f"--port={port} must be from 1 to 65535")
    try:
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
    except OSError as error:
        raise InputError(f"{host}:{port} cannot be listened on ({error.strerror}); give another --port") from error


if __name__ == "__main__":
    main()
