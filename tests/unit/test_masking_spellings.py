"""Masks in text: no spelling of an address is left, what is nobody's stays, and all of it comes back."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from halftrack import masking
from halftrack.masking import key as maps
from leaks import leaks
from unit.masked import FORMS_V4, FORMS_V6, V4, V6, masked_text


@given(st.lists(V4, min_size=1, max_size=6, unique=True), st.data())
def test_no_spelling_of_ipv4_is_left(addresses: list[ipaddress.IPv4Address], data: st.DataObject) -> None:
    texts = [data.draw(st.sampled_from([*FORMS_V4.values()]))(each) for each in addresses]
    # Some spellings could be anything: they go because it is known that there are such addresses.
    found, key = masked_text(*map(str, addresses), *texts)
    assert leaks("\n".join(found).encode(), map(str, addresses), ()) == []
    assert masking.unmasked_text("\n".join(found), key)[0] == "\n".join([*map(str, addresses), *texts])


@given(st.lists(V6, min_size=1, max_size=6, unique=True), st.data())
def test_no_spelling_of_ipv6_is_left(addresses: list[ipaddress.IPv6Address], data: st.DataObject) -> None:
    texts = [data.draw(st.sampled_from([*FORMS_V6.values()]))(each) for each in addresses]
    found, key = masked_text(*map(str, addresses), *texts)
    assert leaks("\n".join(found).encode(), map(str, addresses), ()) == []
    assert masking.unmasked_text("\n".join(found), key)[0] == "\n".join([*map(str, addresses), *texts])


@pytest.mark.parametrize(
    ("written", "back"),
    [
        ("2001:db8:0:0::1", "2001:db8::1"),
        ("2001:0db8::0001", "2001:db8::1"),
        ("2001:DB8:0::1", "2001:DB8::1"),
        ("2001:0DB8:0000:0000:0000:0000:0000:0001", "2001:0DB8:0000:0000:0000:0000:0000:0001"),
    ],
)
def test_what_is_written_as_nobody_does_comes_back_as_everybody_does(written: str, back: str) -> None:
    (found,), key = masked_text(written)
    assert masking.unmasked_text(found, key)[0] == back


@pytest.mark.parametrize("form", FORMS_V4)
def test_each_spelling_of_ipv4(form: str) -> None:
    """One is a prefix of another's text, and each has its own stand-in."""
    first, second = ipaddress.IPv4Address("192.0.2.1"), ipaddress.IPv4Address("192.0.2.10")
    texts = [FORMS_V4[form](first), FORMS_V4[form](second)]
    found, key = masked_text(str(first), str(second), *texts)
    assert leaks("\n".join(found).encode(), [str(first), str(second)], ()) == []
    assert found[2] != texts[0]
    assert masking.unmasked_text("\n".join(found[2:]), key)[0] == "\n".join(texts)


@pytest.mark.parametrize(
    "text",
    [
        "0.0.0.0/0", "127.0.0.1:53", "127.0.0.0/8", "255.255.255.255", "255.255.255.0", "224.0.0.251", "::",
        "::1", "::/0", "fe80::/10", "ff02::1", "00000000:0000", "0100007F:0035", "169.254.0.0/16", "12:34:56",
        "00000000000000000000000001000000:0016", "1:10", "[12:3456]", "00:00:00:00:00:00", "1.2.3", "a::",
    ],
)  # fmt: skip
def test_what_is_nobodys_own_stays(text: str) -> None:
    found, key = masked_text(text)
    assert found == [text] or (text == "a::" and masking.unmasked_text(found[0], key)[0] == text)


def test_mac_addresses() -> None:
    mac, other = "02:42:ac:11:00:02", "02:42:ac:11:00:20"
    texts = (
        f"ether saddr {mac} drop",
        f"MAC={other}:{mac}:08:00 SRC=192.0.2.1",
        f"link/infiniband 80:00:02:08:fe:80:00:00:00:00:00:00:f4:52:14:03:00:7b:cb:a1 {mac.upper()}",
        f"enx{mac.replace(':', '')}: ff:ff:ff:ff:ff:ff",
    )
    found, key = masked_text(*texts)
    assert leaks("\n".join(found).encode(), ["192.0.2.1"], (), [mac, other, "80:00:02:08:fe:80"]) == []
    assert [masking.unmasked_text(text, key)[0].lower() for text in found] == [text.lower() for text in texts]
    assert "ff:ff:ff:ff:ff:ff" in found[3]


@pytest.mark.parametrize(
    "text",
    [
        "bridge_id 8000.2:a:ac:1b:0:7e designated_root 8000.2:a:ac:1b:0:7e", "br0 8000.020aac1b007e no", "Hooli's 02-0A-AC-1B-00-7E.",
        "020a.ac1b.007e", "at 020A.AC1B.007E", "enx020aac1b007e", "wlx020aac1b007e: <UP>", "wwx020aac1b007e.5",
    ],
)  # fmt: skip
def test_other_spellings_of_mac_addresses(text: str) -> None:
    [found], key = masked_text(text)
    assert leaks(found.encode(), (), (), ["02:0a:ac:1b:00:7e"]) == []
    assert masking.unmasked_text(found, key)[0] == text


@pytest.mark.parametrize(
    "text", ["eth-020aac1b007e", "020AAC1B007E", "sci 020aac1b007e0001", "10-11-12-13-14-15"]
)
def test_what_may_be_a_mac_address_is_one_where_there_is_such_a_one(text: str) -> None:
    assert masked_text(text)[0] == [text]
    macs = ["02:0a:ac:1b:00:7e", "10:11:12:13:14:15"]
    [*_, found], key = masked_text(*macs, text)
    assert leaks(found.encode(), (), (), macs) == []
    assert masking.unmasked_text(found, key)[0] == text


def test_a_name_in_which_a_shell_finds_more_is_not_put_back_into_text() -> None:
    key = maps.Key(
        names={"a;reboot": "masked-1", "$(id)": "masked-2", "'x": "masked-12", "über-ost": "masked-3"}
    )
    found, left = masking.unmasked_text("ip netns exec masked-1 true; NODE='masked-12' in masked-3", key)
    assert found == "ip netns exec masked-1 true; NODE='masked-12' in über-ost"
    assert left == ["masked-1", "masked-12"]
