"""What an error of the network means to who set up the mailbox: plain words, and what to do."""

import errno
import socket
import ssl

_FOR_A_WHILE = (socket.EAI_AGAIN, socket.EAI_FAIL)
_NO_WAY = (errno.EHOSTUNREACH, errno.ENETUNREACH)


def why_unknown(host: str, error: OSError | UnicodeError) -> str:
    """Why a name leads nowhere."""
    if isinstance(error, socket.gaierror) and error.errno in _FOR_A_WHILE:
        return f"The name {host} cannot be looked up just now: the DNS does not answer. Try again in a moment."
    return f"There is no server called {host}. Correct its name."


def why_unreached(error: OSError | None) -> str:
    """Why no connection came about; goes on from the server's name and port."""
    if isinstance(error, ConnectionRefusedError):
        return "takes no connections. Correct the port (IMAP 993 or 143, POP3 995 or 110), or ask who runs the server."
    if isinstance(error, TimeoutError):
        return (
            "does not answer. Correct its name or the port, or ask whether a firewall stands between it and this "
            "installation."
        )
    if error is not None and error.errno in _NO_WAY:
        return "cannot be reached from this installation's network. Correct its name, or ask who runs the network."
    return "could not be connected to. Correct its name or the port, or try again in a moment."


def why_broken(error: OSError) -> str:
    """Why a connection that there was came to an end."""
    if isinstance(error, ssl.SSLEOFError | ConnectionError):
        return "it was closed by the server. If that happens again, correct the port and the encryption."
    if isinstance(error, ssl.SSLError):
        if error.reason == "WRONG_VERSION_NUMBER":
            return "the server did not go on in TLS. Correct the port and the encryption."
        words = (error.reason or "no reason given").replace("_", " ").lower()
        return f"no encryption was agreed upon ({words}). Ask who runs the server whether it offers TLS 1.2 or newer."
    return "the network did not carry it further."
