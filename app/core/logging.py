"""Logs: one line an event, key=value or JSON, without addresses and tokens."""

import logging
import sys

import structlog


def configure_logging(level: str = "info", *, json: bool = False) -> None:
    """Send structlog and the standard library's loggers to stderr in one format."""
    number = logging.getLevelNamesMapping().get(level.upper(), logging.INFO)
    # Plain tracebacks: the richer kind prints local variables, which are addresses and tokens here.
    plain = structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback)
    ending = [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()] if json else [plain]
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            *ending,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
    logging.basicConfig(
        level=max(number, logging.WARNING), stream=sys.stderr, format="%(levelname)s %(name)s: %(message)s"
    )


def log(name: str) -> structlog.stdlib.BoundLogger:
    """A logger bound to the name of a room."""
    logger: structlog.stdlib.BoundLogger = structlog.get_logger(room=name)
    return logger
