"""Which of many facts can be acted upon at once: in a round, no two speak of the same message, address or person."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence

from app.messages.models import Message
from app.tracking.acting.facts import Told


def rounds(
    told: Sequence[Told], messages: Mapping[int, Message], is_odd: Callable[[Told], bool]
) -> tuple[list[list[int]], list[int]]:
    """Rounds of positions, and the positions left for the way one by one.

    Of one address the order stays: what comes after an odd one is left with it. Messages not given are odd.
    """
    made: dict[int, list[int]] = defaultdict(list)
    left: list[int] = []
    reached: dict[object, int] = {}
    closed: set[object] = set()
    for position, one in enumerate(told):
        keys = _keys(one, messages.get(one.message_id))
        if one.message_id not in messages or is_odd(one) or not closed.isdisjoint(keys):
            closed.update(keys)
            left.append(position)
            continue
        number = 1 + max(reached.get(key, 0) for key in keys)
        reached.update(dict.fromkeys(keys, number))
        made[number].append(position)
    return [made[number] for number in sorted(made)], left


def _keys(one: Told, message: Message | None) -> list[object]:
    if message is None:
        return [one.message_id]
    return [one.message_id, message.address.lower(), ("person", message.subscriber_id or -one.message_id)]
