"""One message on its way through a worker."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from app.sending.pacing.limits import Limit


class Parcel:
    """A claimed message, later with its bytes. One object that walks, not a value per step: this is the hot path.

    `permitted_at` is the moment (desk.boottime) when campaign, run and person were last seen to allow it. `limit` is
    its provider's, once it waits for its turn there; `round`: how often that one had been slowed when it was taken.
    """

    __slots__ = (
        "address",
        "cuts",
        "data",
        "limit",
        "list_id",
        "message_id",
        "needs_smtputf8",
        "permitted_at",
        "person",
        "provider",
        "recipient",
        "return_path",
        "round",
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
        provider: str = "",
    ) -> None:
        self.message_id = message_id
        self.subscriber_id = subscriber_id
        self.list_id = list_id
        self.variant_id = variant_id
        self.person = person
        self.address = address
        self.provider = provider
        self.limit: Limit | None = None
        self.round = 0
        self.recipient = ""
        self.return_path = ""
        self.token = ""
        self.data = b""
        self.needs_smtputf8 = False
        self.permitted_at = 0.0
        self.cuts = 0
