"""One message on its way through a worker."""

from typing import Any


class Parcel:
    """A claimed message, later with its bytes. One object that walks, not a value per step: this is the hot path.

    `permitted_at` is the moment (desk.boottime) when campaign, run and person were last seen to allow it.
    """

    __slots__ = (
        "address",
        "cuts",
        "data",
        "list_id",
        "message_id",
        "needs_smtputf8",
        "permitted_at",
        "person",
        "recipient",
        "return_path",
        "subscriber_id",
        "token",
        "variant_id",
    )

    def __init__(
        self,
        message_id: int,
        subscriber_id: int | None,
        list_id: int | None,
        variant_id: int,
        address: str,
        person: tuple[Any, ...] = (),
    ) -> None:
        self.message_id = message_id
        self.subscriber_id = subscriber_id
        self.list_id = list_id
        self.variant_id = variant_id
        self.person = person
        self.address = address
        self.recipient = ""
        self.return_path = ""
        self.token = ""
        self.data = b""
        self.needs_smtputf8 = False
        self.permitted_at = 0.0
        self.cuts = 0
