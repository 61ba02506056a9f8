"""Support reports, packed and not, with bytes of them changed: an answer or one error."""

from __future__ import annotations

import gzip
import io
import json

from hypothesis import given
from hypothesis import strategies as st

from fuzz.answers import answered
from fuzz.mutations import examples, mutated
from halftrack import formats
from halftrack.errors import UnreadableInput
from halftrack.formats import members
from halftrack.formats.members import Walk
from halftrack.live import reports
from unit.listings import TABLES
from unit.reports import INSIDE, archive, entries, whole
from unit.test_owners_sent import SANDBOXED, inspected
from unit.test_rulesets_listed import OLD

_FILES = whole() | {
    INSIDE: entries(3),
    INSIDE.replace("-L_-o_extended", "-S"): "cpu=0 found=1 insert_failed=0 drop=4\n",
    "sos_commands/networking/ip_-o_addr": "1: lo    inet 127.0.0.1/8 scope host lo\\ \n",
    "sos_commands/networking/ip_route_show_table_all": "default via 10.1.0.1 dev eth0 proto static metric 5\n"
    "203.0.113.9 dev eth1 proto kernel\nlocal 10.1.0.2 dev eth0 table local proto kernel scope host\n",
    "sos_commands/networking/ip_-4_rule_list": "0:\tfrom all lookup local\n9:\tnot from 10.1.0.0/16 fwmark 1/3"
    " lookup 7\n32766:\tfrom all lookup main\n",
    "sos_commands/networking/ss_-peaonmi": "Netid State Recv-Q Send-Q Local Address:Port Peer Address:Port\n"
    "tcp LISTEN 0 128 0.0.0.0:80 0.0.0.0:* uid:7 ino:44 sk:1 <->\n",
    "sos_commands/networking/nstat_-zas": "#kernel\nTcpActiveOpens 5 0.0\n",
    "proc/net/stat/nf_conntrack": "entries searched insert_failed drop\n0000001e 0 0 0\n",
    "proc/sys/net/netfilter/nf_conntrack_max": "300\n",
    "sos_commands/kernel/dmesg": "[ 5.000000] nf_conntrack: table full, dropping packet\n"
    "[ 6.000000] net_ratelimit: 7 callbacks suppressed\n[ 7.0] TCP: Possible SYN flooding on port 80. Sending\n",
    "var/log/messages": "Nov 27 12:00:00 node kernel: VE101: nf_conntrack: table full, dropping packet\n"
    "2026-11-27T12:00:00+01:00 node kernel: [ 5.0] neighbour: arp_cache: neighbor table overflow!\n",
    "sos_commands/docker/docker_inspect_web": json.dumps([inspected()], indent=4),
    "sos_commands/crio/crictl_inspectp_aa": json.dumps(SANDBOXED, indent=2),
    **{f"sos_commands/tables/{name}": text for name, (_, text) in TABLES.items()},
    "sos_commands/vz/vzlist": "      CTID      NPROC STATUS    IP_ADDR         HOSTNAME\n"
    "       101         23 running   203.0.113.73    web-1\n",
    "sos_commands/networking/netstat_-s": "Ip:\n    Forwarding: 1\nTcpExt:\n    5 SYN cookies sent\n",
    "sos_commands/networking/tc_-s_class_show_dev_eth0": "class htb 1:1 root rate 8Mbit ceil 8Mbit\n",
    "sos_commands/firewall_tables/nft_-a_list_ruleset": "table inet t {\n\tchain c {\n\t\taccept\n\t}\n}\n",
    "sos_commands/firewall_tables/iptables_-vnxL": OLD,
    "proc/uptime": "120.00 9.00\n",
    "etc/sysctl.d/a.conf": "net.netfilter.nf_conntrack_max = 1\n",
}
_ARCHIVE = archive(_FILES)


@examples
@given(mutated(_ARCHIVE), st.booleans())
def test_any_archive_gives_an_answer_or_one_error(content: bytes, zipped: bool) -> None:
    packed = gzip.compress(content, mtime=0) if zipped else content
    try:
        evidence = formats.read(["-"], stdin=io.BytesIO(packed), reported=reports.read)
    except UnreadableInput as error:
        said = [str(error)]
    else:
        answered(evidence)
        said = [*evidence.input.notes, *evidence.input.files]
    assert all(text.isprintable() for text in said)


@examples
@given(st.sampled_from(sorted(_FILES)), st.data())
def test_any_file_in_a_report_gives_an_answer(name: str, data: st.DataObject) -> None:
    """The archive is sound, one member is not."""
    files: dict[str, str | bytes] = {**_FILES, name: data.draw(mutated(_FILES[name].encode()))}
    evidence = formats.read(["-"], stdin=io.BytesIO(archive(files)), reported=reports.read)
    answered(evidence)
    assert evidence.tables
    assert all(each.netns.isprintable() for each in evidence.tables)


@examples
@given(st.lists(st.binary(max_size=700), max_size=5), st.booleans())
def test_any_bytes_end(pieces: list[bytes], begun: bool) -> None:
    begin = [_ARCHIVE[:512]] if begun else []
    found = members.of_archive(iter([*begin, *pieces]), Walk())
    assert sum(1 for _ in found) <= 4
