"""Whether a port is free, asked before anything starts."""

import errno
import socket

from app.core.errors import SettingsError
from app.core.settings import host_port


def check_port_free(address: str, *, what: str, setting: str) -> None:
    """Raises SettingsError, in one line, when `what` could not listen on `host:port`, which `setting` names."""
    host, port = host_port(address)
    try:
        family, kind, protocol, _, where = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as listener:
            # As servers do, so that connections which only just closed are no obstacle.
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(where)
    except OSError as error:
        raise SettingsError(f"The {what} cannot listen on {address}: {_reason(error)}, or set {setting}.") from error


def _reason(error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return "another program uses this port. Stop that program"
    if error.errno == errno.EACCES:
        return "ports below 1024 are for root. Choose a higher one"
    if error.errno == errno.EADDRNOTAVAIL or isinstance(error, socket.gaierror):
        return "this machine does not have that address. Use one that it has"
    return f"{error.strerror}. Choose another address"
