"""Data-centre networks: found in memory, the narrowest first."""

from ipaddress import ip_address, ip_network
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.tracking.networks import Networks, cut, load_networks

NETS = st.lists(
    st.tuples(st.integers(0, 2**32 - 1), st.integers(0, 32)).map(
        lambda pair: ip_network((pair[0], pair[1]), strict=False)
    ),
    max_size=20,
    unique=True,
)


@given(nets=NETS, numbers=st.lists(st.integers(0, 2**32 - 1), max_size=10))
def test_the_name_is_that_of_the_narrowest(nets: list[object], numbers: list[int]) -> None:
    some = [ip_network(str(net)) for net in nets]
    found = Networks([(net.version, int(net[0]), int(net[-1]), str(net)) for net in some])
    for number in [*numbers, *(int(net[0]) for net in some), *(int(net[-1]) for net in some)]:
        address = ip_address(number)
        around = [net for net in some if address in net]
        expected = str(max(around, key=lambda net: net.prefixlen)) if around else ""
        assert found.name(str(address)) == expected


def test_files_are_read_and_faults_passed_over(tmp_path: Path) -> None:
    (tmp_path / "cloud.txt").write_text("# clouds\n192.0.2.0/24\nnonsense\n2001:db8::/32 # v6\n\n")
    networks = load_networks(tmp_path)
    assert networks.name("192.0.2.77") == "cloud"
    assert networks.name("2001:db8::1") == "cloud"
    assert networks.name("198.51.100.1") == ""
    assert networks.name("no address") == ""
    assert load_networks(tmp_path / "missing").name("192.0.2.1") == ""


@pytest.mark.parametrize(
    ("address", "kept"),
    [("192.0.2.77", "192.0.2.0/24"), ("2001:db8:1:2::3", "2001:db8:1::/48"), ("unix", ""), ("", "")],
)
def test_addresses_are_cut(address: str, kept: str) -> None:
    assert cut(address) == kept
