"""Places at the bounce mailbox: counted by address and by network, given to those who bring mail."""

from dataclasses import dataclass, field

import pytest

from app.tracking.incoming_house import House


@dataclass(eq=False)
class Somebody:
    """A connection that has been without a mail for so long."""

    house: House
    idle_for: float = 0.0
    told: list[bytes] = field(default_factory=list)

    def idle(self) -> float:
        return self.idle_for

    def give_way(self, words: bytes) -> None:
        self.told.append(words)
        self.house.leave(self)


def enter(house: House, *addresses: str) -> list[bool]:
    return [house.enter(Somebody(house), address) for address in addresses]


def test_of_one_address_ten_may_be_in_unless_it_is_this_machine() -> None:
    house = House()
    assert enter(house, *["192.0.2.1"] * 12) == [True] * 10 + [False] * 2
    assert enter(house, "2001:db8::1", "fe80::1%eth0") == [True, True]
    assert all(enter(house, *["127.0.0.1", "::1"] * 19))
    assert enter(house, "192.0.2.9") == [False]
    house.leave(next(iter(house.guests)))
    assert enter(house, "192.0.2.9", "192.0.2.9") == [True, False]


def test_ipv6_is_counted_by_64_bits() -> None:
    house = House()
    assert enter(house, *(f"2001:db8::{number:x}:1" for number in range(12))) == [True] * 10 + [False] * 2
    assert enter(house, "2001:db8:0:1::1") == [True]


def test_ipv4_in_a_socket_for_both_is_ipv4() -> None:
    house = House()
    assert all(enter(house, *(f"::ffff:192.0.2.{number}" for number in range(20))))
    assert enter(house, *["::ffff:192.0.2.99"] * 5, *["192.0.2.99"] * 6) == [True] * 10 + [False]
    assert all(enter(House(), *["::ffff:127.0.0.1"] * 20))


@pytest.mark.parametrize(("idle", "gone"), [((20.0, 300.0, 0.0), 1), ((9.0, 3.0, 0.0), None), ((0.0, 0.0, 11.0), 2)])
def test_the_idlest_makes_room_once_it_had_its_time(idle: tuple[float, ...], gone: int | None) -> None:
    house = House(connections=3)
    inside = [Somebody(house, seconds) for seconds in idle]
    assert all(house.enter(each, f"192.0.2.{number}") for number, each in enumerate(inside))
    assert enter(house, "192.0.2.50") == [gone is not None]
    assert [number for number, each in enumerate(inside) if each.told] == ([] if gone is None else [gone])
    assert len(house.guests) == 3


def test_an_address_that_has_its_ten_moves_nobody() -> None:
    house = House(connections=10)
    inside = [Somebody(house, 500.0) for _ in range(10)]
    assert all(house.enter(each, "192.0.2.1") for each in inside)
    assert enter(house, "192.0.2.1") == [False]
    assert not any(each.told for each in inside)
