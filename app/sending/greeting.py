"""From an address to a line that carries messages: connect, EHLO, TLS, AUTH (RFC 5321 §3.1, 3207, 4954)."""

import asyncio
import base64
import socket
import ssl

from app.core.errors import TemporaryFailure
from app.sending.account import Account
from app.sending.giver import Desk
from app.sending.smtp import Line

HANDSHAKE = 12.0
"""Seconds for connecting, and again for everything until AUTH. RFC 5321 §4.5.3.2 allows minutes, but a slice that
waited so long would end without being able to say what it waits for; the next one asks again."""


class NoLine(TemporaryFailure):
    """The transport cannot be used just now, or not as it is set up; the text says why."""

    def __init__(self, message: str, *, is_setup: bool = False) -> None:
        super().__init__(message)
        self.is_setup = is_setup
        """Somebody has to change something: trying again at once is of no use, and may lock the account."""


class _NoTls(Exception):
    """TLS was offered and did not come about."""


async def open_line(account: Account, desk: Desk, *, pipelining: bool = True) -> Line:
    """A line that has begun to take messages from its desk. Raises NoLine."""
    try:
        return await _open(account, desk, pipelining=pipelining, try_tls=True)
    except _NoTls as error:
        if account.security != "none":
            raise NoLine(
                f"The mail server at {account.name} did not agree on encryption: {error}.", is_setup=True
            ) from error
    # Unauthenticated encryption was a gift; without it the connection is what the account asked for.
    return await _open(account, desk, pipelining=pipelining, try_tls=False)


async def _open(account: Account, desk: Desk, *, pipelining: bool, try_tls: bool) -> Line:
    line = await _connect(account, desk)
    greeted = False
    try:
        async with asyncio.timeout(min(account.timeout, HANDSHAKE)):
            extensions = await _shake_hands(account, line, try_tls=try_tls)
        greeted = True
    except TimeoutError:
        raise NoLine(f"The mail server at {account.name} does not answer.") from None
    except OSError as error:
        raise NoLine(f"The mail server at {account.name} closed the connection: {error}.") from error
    except NoLine:
        raise
    except TemporaryFailure as error:
        raise NoLine(f"The mail server at {account.name} ended the conversation: {error}") from error
    finally:
        if not greeted:
            line.transport.abort()
    if not pipelining:
        extensions.pop("PIPELINING", None)
    line.start(extensions)
    return line


async def _shake_hands(account: Account, line: Line, *, try_tls: bool) -> dict[str, str]:
    extensions = await _greet(account, line)
    if try_tls and account.security != "tls" and "STARTTLS" in extensions:
        await _start_tls(account, line)
        extensions = await _hello(account, line)
    elif account.security == "starttls":
        raise NoLine(
            f"The mail server at {account.name} offers no STARTTLS, which this account demands.", is_setup=True
        )
    if account.username:
        await _authenticate(account, line, extensions)
    return extensions


async def _connect(account: Account, desk: Desk) -> Line:
    loop = asyncio.get_running_loop()
    context = account.tls() if account.security == "tls" else None
    try:
        async with asyncio.timeout(min(account.timeout, HANDSHAKE)):
            _transport, line = await loop.create_connection(
                lambda: Line(account, desk),
                account.host,
                account.port,
                ssl=context,
                server_hostname=account.host if context else None,
            )
    except TimeoutError:
        raise NoLine(f"The mail server at {account.name} does not answer.") from None
    except ssl.SSLError as error:
        raise NoLine(
            f"The mail server at {account.name} did not agree on encryption: {_tls_fault(error)}.", is_setup=True
        ) from error
    except ConnectionRefusedError as error:
        raise NoLine(f"The mail server at {account.name} refuses connections.") from error
    except socket.gaierror as error:
        raise NoLine(f"No host named {account.host} was found.") from error
    except OSError as error:
        raise NoLine(f"The mail server at {account.name} cannot be reached: {error.strerror or error}.") from error
    return line


async def _greet(account: Account, line: Line) -> dict[str, str]:
    reply = await line.ask()
    if reply.code != 220:
        raise NoLine(f"The mail server at {account.name} turns us away: {reply.words}")
    return await _hello(account, line)


async def _hello(account: Account, line: Line) -> dict[str, str]:
    reply = await line.ask(f"EHLO {account.hello}".encode())
    if reply.code == 250:
        return _extensions(reply.text.split("\n"))
    if reply.code in (500, 501, 502, 504, 550):
        reply = await line.ask(f"HELO {account.hello}".encode())
        if reply.code == 250:
            return {}
    raise NoLine(f"The mail server at {account.name} does not accept our greeting: {reply.words}")


def _extensions(lines: list[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for text in lines[1:]:
        word, _, rest = text.strip().partition(" ")
        # Old servers write AUTH=LOGIN, as before RFC 2554.
        word, _, old = word.partition("=")
        found[word.upper()] = f"{found.get(word.upper(), '')} {old} {rest}".strip().upper()
    return found


async def _start_tls(account: Account, line: Line) -> None:
    reply = await line.ask(b"STARTTLS")
    if reply.code != 220:
        raise _NoTls(reply.words)
    if line.has_unread:
        raise NoLine(f"The mail server at {account.name} spoke before encryption began: somebody may be in between.")
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(min(account.timeout, HANDSHAKE)):
            transport = await loop.start_tls(line.transport, line, account.tls(), server_hostname=account.host)
    except ssl.SSLError as error:
        raise _NoTls(_tls_fault(error)) from error
    except (OSError, TimeoutError) as error:
        raise _NoTls(str(error) or "no answer") from error
    if transport is None:
        raise _NoTls("the connection was closed")
    line.transport = transport


async def _authenticate(account: Account, line: Line, extensions: dict[str, str]) -> None:
    if not account.is_local and line.transport.get_extra_info("ssl_object") is None:
        raise NoLine(
            f"The connection to {account.name} is not encrypted, so the password was not sent. "
            "Set the account's security to STARTTLS or TLS.",
            is_setup=True,
        )
    offered = extensions.get("AUTH", "").split()
    if "PLAIN" in offered:
        secret = base64.b64encode(f"\0{account.username}\0{account.password}".encode())
        reply = await line.ask(b"AUTH PLAIN " + secret)
    elif "LOGIN" in offered:
        reply = await line.ask(b"AUTH LOGIN")
        for word in (account.username, account.password):
            if reply.code == 334:
                reply = await line.ask(base64.b64encode(word.encode()))
    else:
        known = ", ".join(offered) or "none"
        raise NoLine(
            f"The mail server at {account.name} offers no way to sign in that we know (it offers {known}).",
            is_setup=True,
        )
    if reply.code != 235:
        raise NoLine(
            f"The mail server at {account.name} refuses the user name or password: {reply.words}", is_setup=True
        )


def _tls_fault(error: ssl.SSLError) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate does not hold ({error.verify_message})"
    return (error.reason or str(error)).replace("_", " ").lower()
