"""Hands a letter to the sender's mail exchanger, as a foreign server would."""

import smtplib

from app.simulator.smtp import NAME

TIMEOUT = 30.0


def post(exchanger: tuple[str, int], sender: str, to: str, letter: bytes) -> int:
    """Deliver and return the SMTP code; 0 when nobody answers. Blocks: call it in a thread."""
    try:
        with smtplib.SMTP(*exchanger, local_hostname=NAME, timeout=TIMEOUT) as talk:
            talk.sendmail(sender, [to], letter)
    except smtplib.SMTPRecipientsRefused as error:
        return next(iter(error.recipients.values()))[0]
    except smtplib.SMTPResponseException as error:
        return error.smtp_code
    except (OSError, smtplib.SMTPException):
        return 0
    return 250
