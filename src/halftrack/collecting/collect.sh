#!/bin/sh
# Collects what Halftrack's doctor looks at on a node where Halftrack cannot run:
#
#     ssh node sh -s < collect.sh > node.collected        halftrack doctor node.collected
#
# Reads only; writes to standard output alone, and what it does to standard error. Runs at the lowest
# priority, ends after 60 s or 512 MB, loads no module, switches nothing on. Needs a POSIX shell and what
# every system has (cat, grep, ls, sed, sleep, sort); of the rest it says what was missing.
#
# HALFTRACK_ROOT=DIR: /proc, /sys and /etc are those below DIR; they are read once, as files, and no tool is
# asked. HALFTRACK_SECONDS, HALFTRACK_BETWEEN: how long it may take, and how far the readings are apart.
#
# What is printed is text in sections between lines that begin with a word made up for this run; it is
# packed with gzip where there is one. Exit codes: 0 done, 64 standard output is a terminal, 69 something
# is missing without which nothing goes, 74 it could not be written, 76 done in part.

set -u
ZONE=$(date +%z 2>/dev/null)
LC_ALL=C
TZ=UTC0
export LC_ALL TZ
PATH=$PATH:/usr/sbin:/sbin:/usr/local/sbin
ROOT=${HALFTRACK_ROOT:-}
PROC=$ROOT/proc
MOST_S=${HALFTRACK_SECONDS:-60}
BETWEEN_S=${HALFTRACK_BETWEEN:-5}
MOST_BYTES=536870912
ONE_S=20
MANY=1000

say() { printf '%s\n' "$*" >&2 2>/dev/null; }
has() { command -v "$1" >/dev/null 2>&1; }
# can TOOL: whether it is there, and what it tells is of the node that is looked at.
can() { [ -z "$ROOT" ] && has "$1"; }
# Not by the shell's own read: one byte at a time, a sysctl gives its first alone.
first_line() { [ -r "$1" ] && sed -n '1{p;q;}' "$1" 2>/dev/null; }
# now: set NOW to the seconds since this machine was booted, and left to those that are left to us.
now() {
    { read -r NOW _ </proc/uptime; } 2>/dev/null || NOW=0
    left=$((MOST_S - ${NOW%%.*} + ${BEGUN_S:-0}))
}
# shellcheck disable=SC2012  # ls shows the links of all at once
# namespace PROCESS: the number of the network namespace that it lives in.
namespace() { ls -l "$PROC/$1/ns/net" 2>/dev/null | sed -n 's/.*net:\[\([0-9]*\)\]$/\1/p'; }
# known MODULE: whether the kernel has it; one that is asked for what it has not may load a module.
known() {
    [ -e "/sys/module/$1" ] || ! [ -e /proc/modules ] ||
        grep -q "/$1\.ko" "/lib/modules/$KERNEL/modules.builtin" 2>/dev/null
}

refuse() {
    code=$1
    shift
    say "halftrack-collect: $*"
    exit "$code"
}

# put FORMAT WORD...: a line of ours. Nothing is done for a reader who is gone.
put() {
    # shellcheck disable=SC2059  # formats of ours
    printf "$@" 2>/dev/null || exit 141
}

# limited COMMAND...: its output, for ONE_S seconds at most.
limited() {
    # What is called becomes the process that is killed: none of ours is left that holds our output open.
    { "$@"; } 2>/dev/null &
    child=$!
    watched "$ONE_S" "$child" KILL &
    watcher=$!
    wait "$child"
    code=$?
    kill -USR1 "$watcher" 2>/dev/null
    return "$code"
}

# watched SECONDS PROCESS SIGNAL: in the background; nothing of it is left when it is sent USR1 itself.
watched() {
    before=$!
    # By exec: shells keep what a redirection of a function replaces, and so hold it open.
    exec >/dev/null 2>&1 3>&- 4>&-
    # Set before anything is begun, and KILL: a process that was forked just now loses a signal that its
    # shell has a trap for. Nobody here has one for USR1.
    trap '[ "$!" = "$before" ] || kill -KILL "$!"; exit 0' USR1
    sleep "$1" &
    wait "$!"
    kill -"$3" "$2"
}

# section NAME COMMAND...: what a command prints, whatever it is.
section() {
    name=$1
    shift
    kill -0 "$$" 2>/dev/null || exit 76 # whoever began this is gone
    now
    put '\n%s begin %s %s\n' "$TOKEN" "$NOW" "$name"
    limited "$@"
    put '\n%s end %s %s\n' "$TOKEN" "$?" "$name"
}

# copied PATTERN...: files as they are, those that can be read.
copied() {
    for pattern; do
        for file in "$ROOT"$pattern; do
            if [ -f "$file" ] && [ -r "$file" ]; then section "file${file#"$ROOT"}" cat "$file"; fi
        done
    done
}

# enter COMMAND...: become that, in the namespace at hand. Nothing where there is no way in.
enter() {
    case $way in
        own) exec "$@" ;;
        nsenter*) exec $way "$@" ;;
        *) exit 1 ;;
    esac
}

# inside COMMAND...: the same, and come back.
inside() { (enter "$@") 2>/dev/null; }

# settings: name and value of every sysctl that bears on tracking, as the namespace at hand has them.
settings() {
    # shellcheck disable=SC2016  # expanded inside
    enter sh -c 'cd "$1/sys" && grep "" net/netfilter/nf_conntrack_* net/ipv4/netfilter/ip_conntrack_* \
        net/nf_conntrack_max net/ipv4/ip_conntrack_max net/ipv4/ip_forward net/ipv4/ip_local_port_range \
        net/ipv4/tcp_keepalive_* net/ipv4/tcp_max_syn_backlog net/ipv4/tcp_syncookies \
        net/ipv4/conf/*/rp_filter /dev/null || :' sh "$PROC"
}

# show FILE: one of /proc/net; through a process that lives there, or from inside.
show() { if [ -n "$net" ]; then exec cat "$net/$1"; else enter cat "/proc/net/$1"; fi; }
there_is() { if [ -n "$net" ]; then [ -r "$net/$1" ]; else inside test -r "/proc/net/$1"; fi; }

exists() { if [ -n "$net" ]; then [ -e "$net/$1" ]; else inside test -e "/proc/net/$1"; fi; }

counters() {
    for file in stat/nf_conntrack stat/ip_conntrack snmp netstat; do
        there_is "$file" && section "$here/$1/$file" show "$file"
    done
    if can tc; then
        section "$here/$1/tc" enter tc -s qdisc show
        inside ls /sys/class/net >/dev/null 2>&1 || return 0
        for device in $(inside tc qdisc show 2>/dev/null | sed -n 's/.* \(htb\|hfsc\|cbq\|drr\|qfq\) .* dev \([^ ]*\) .*/\2/p; s/^qdisc \(htb\|hfsc\|cbq\|drr\|qfq\) [^ ]* dev \([^ ]*\) .*/\2/p' | sort -u); do
            section "$here/$1/tc-class/$device" enter tc -s class show dev "$device"
        done
    fi
}

# entries: the table; a large one may take what time there is, less what the rest takes.
entries() {
    ONE_S=$((left - reserve - 5))
    [ "$ONE_S" -ge 5 ] || ONE_S=5
    table=
    for file in nf_conntrack ip_conntrack; do
        there_is "$file" && table=$file && break
    done
    # Kernels walk from the beginning for every page of the file.
    if can conntrack && known nf_conntrack_netlink && [ "$way" != none ] &&
        { [ "$count" -gt 50000 ] || [ -z "$table" ]; }; then
        for family in ipv4 ipv6; do
            section "$here/entries/$family" enter conntrack -L -f "$family" -o extended,id,labels,ktimestamp
        done
    elif [ -n "$table" ]; then
        section "$here/entries/$table" show "$table"
    fi
    ONE_S=20
}

details() {
    section "$here/settings" settings
    for file in tcp tcp6 udp udp6; do
        there_is "$file" && section "$here/net/$file" show "$file"
    done
    can ip && section "$here/addresses" enter ip -o addr show
    can ss && known tcp_diag && section "$here/ss" enter ss -tinamo
    if can nft && known nf_tables; then
        section "$here/nft.json" enter nft -j list ruleset
        section "$here/nft" enter nft -a list ruleset
    fi
    saved iptables ip_tables_names
    saved ip6tables ip6_tables_names
    there_is ip_vs && section "$here/net/ip_vs" show ip_vs
    # Where there is no such file there are no such tables; one that may not be read tells nothing.
    for file in ip_tables_names ip6_tables_names; do
        if there_is "$file"; then section "$here/net/$file" show "$file"; elif ! exists "$file"; then section "$here/net/$file" :; fi
    done
}

# saved TOOL NAMES: rules by iptables-save, of the flavours that the kernel has.
saved() {
    known nf_tables && can "$1-nft-save" && section "$here/save/$1-nft" enter "$1-nft-save"
    there_is "$2" || return 0
    for tool in "$1-legacy-save" "$1-save"; do
        can "$tool" && section "$here/save/$1-legacy" enter "$tool" && break
    done
}

# spaces: "INODE=PROCESS" or "INODE=PATH" of every network namespace, the lowest process of each.
spaces() {
    if [ -e "$PROC/self/ns/net" ] || ! [ -e "$PROC/vz/veinfo" ]; then
        living | sort -n -k1,1 -k2,2 | lowest
        mounted
    else
        # Containers of OpenVZ, on kernels that do not number namespaces.
        (cd "$PROC" && grep '^envID:' [0-9]*/status /dev/null) |
            sed -n 's|^\([0-9]*\)/status:envID:[^0-9]*\([1-9][0-9]*\)$|\2 \1|p' |
            sort -n -k1,1 -k2,2 | lowest | sed 's/^/ve/'
    fi 2>/dev/null
}

# mounted: "INODE=PATH" of those that somebody gave a name.
mounted() {
    sed -n 's|^[^ ]* [^ ]* [^ ]* net:\[\([0-9]*\)\] \([^ ]*\) .* - nsfs .*|\1=\2|p' "$PROC/self/mountinfo"
}

# living: "INODE PROCESS" of every process.
living() {
    (cd "$PROC" && ls -l [0-9]*/ns/net) 2>/dev/null |
        sed -n 's|.* \([0-9]*\)/ns/net -> net:\[\([0-9]*\)\]$|\2 \1|p'
}

lowest() {
    last=
    while read -r inode pid; do
        [ "$inode" = "$last" ] || printf '%s=%s\n' "$inode" "$pid"
        last=$inode
    done
}

# visit INODE WHERE: choose the way into a namespace. WHERE: a process, a path, or own.
visit() {
    here=ns/$1
    way=none
    case $2 in
        own) way=own; net=$PROC/net ;;
        /*)
            can nsenter || return 1
            way="nsenter --net=$2"
            net=
            ;;
        *)
            net=$PROC/$2/net
            case $1 in ve*) ;; *) can nsenter && way="nsenter -t $2 -n" ;; esac
            ;;
    esac
    [ -n "$net" ] || return 0
    [ -r "$net/stat" ]
}

# how_many: entries of the namespace at hand; the first field of its statistics is hexadecimal.
how_many() {
    count=
    for file in stat/nf_conntrack stat/ip_conntrack; do
        count=$( (show "$file") 2>/dev/null | sed -n '2{s/ .*//;p;}')
        [ -n "$count" ] && count=$((0x$count)) && return 0
    done
    count=0
    return 1
}

describe() { printf 'inode %s\nwhere %s\ncount %s\nread %s\ncomm %s\n' "$@"; }

about_this_run() {
    printf 'kernel %s\nnode %s\nuser %s\nmachine %s\nown %s\nfirst %s\nuptime %s\n' "$KERNEL" \
        "$(first_line "$PROC/sys/kernel/hostname")" "$(me)" "$(digest)" "$OWN" "$FIRST" \
        "$(sed 's/ .*//' "$PROC/uptime")"
    [ -n "$ROOT" ] || printf 'taken_at %s\nzone %s\n' "$(date -u +%Y-%m-%dT%H:%M:%SZ)" "$ZONE"
}

# me: the number of the user who looks.
me() { sed -n 's/^Uid:[^0-9]*[0-9]*[^0-9]*\([0-9]*\).*/\1/p' /proc/self/status; }

# digest: which machine this is; machine-id(5) asks to keep the number itself to oneself.
digest() {
    has sha256sum && printf 'halftrack %s' "$(first_line "$ROOT/etc/machine-id")" | sha256sum |
        sed 's/^\(................\).*/\1/'
}

# there: what of this exists, by which it is known who writes rules and settings here, and where this is.
there() {
    for file in /run /run/systemd/system /usr/lib/systemd /sbin/init /etc/inittab /sys/module/nf_conntrack \
        /usr/sbin/nft /sbin/nft /usr/sbin/iptables /sbin/iptables /usr/bin/iptables /usr/bin/nft \
        /etc/iptables/rules.v4 /etc/iptables/iptables.rules /etc/sysconfig/iptables /etc/iptables.rules \
        /etc/systemd/system/sysinit.target.wants/nftables.service /var/lib/kube-proxy \
        /etc/systemd/system/multi-user.target.wants/nftables.service /etc/runlevels/default/nftables \
        /proc/vz /proc/bc /proc/vz/version /proc/sys/net/nf_conntrack_max \
        /proc/sys/net/netfilter/nf_conntrack_max /run/.containerenv /.dockerenv /run/systemd/container \
        "$ROOT"/var/log/pods/*; do
        file=${file#"$ROOT"}
        [ -e "$ROOT$file" ] && printf '%s\n' "$file"
    done
}

# running: names of the processes in the namespace of process 1; without numbers, of those in no container.
running() {
    cd "$PROC" || return
    if [ "$FIRST" != 0 ]; then
        living | sed -n "s|^$FIRST \\([0-9]*\\)\$|\\1/status|p"
    else
        grep -L '^envID:[^0-9]*[1-9]' [0-9]*/status
    fi | while read -r file; do printf '%s ' "$file"; done | {
        read -r files
        # shellcheck disable=SC2086  # a list of words
        grep -h '^Name:' $files /dev/null
    } | sed 's/^Name:[^!-~]*//' | sort -u
}

main() {
    exec 3>&- 4>&-
    trap '{ kill -KILL "$child"; kill -USR1 "$watcher"; } 2>/dev/null; exit 76' TERM
    put 'halftrack-collection 1 %s\n' "$TOKEN"
    names_to_mask
    section about about_this_run
    section namespaces ls -l "$PROC/self/ns" "$PROC/1/ns"
    section mounts mounted
    kernel_log
    list=$(spaces)
    [ -n "$ROOT" ] || owners
    limit=$(first_line "$PROC/sys/net/netfilter/nf_conntrack_max")
    limit=${limit:-$(first_line "$PROC/sys/net/ipv4/netfilter/ip_conntrack_max")}
    limit=${limit:-0}
    seen=' '
    chosen=
    others=
    set -f # a path may look like a pattern
    for each in "$OWN=own" $list; do
        inode=${each%%=*}
        where=${each#*=}
        case $seen in *" $inode "*) continue ;; esac
        seen="$seen$inode "
        visit "$inode" "$where" || continue
        how_many || [ "$inode" = "$OWN" ] || continue
        worth=no
        if [ "$inode" = "$OWN" ] || [ "$inode" = "$FIRST" ] || [ "$count" -ge "$MANY" ] ||
            { [ "$limit" -gt 0 ] && [ $((count * 100)) -ge "$limit" ]; }; then
            worth=yes
            case $inode in
                "$OWN" | "$FIRST") chosen="$each $chosen" ;;
                *) others="$others$count $each
" ;;
            esac
        fi
        comm=
        case $where in
            own) comm=$(first_line "$PROC/1/comm") ;;
            /*) ;;
            *) comm=$(sed -n 's/^Name:[^!-~]*//p' "$PROC/$where/status" 2>/dev/null) ;;
        esac
        section "$here/about" describe "$inode" "$where" "$count" "$worth" "$comm"
        counters 1
    done
    # The largest first: the time may be up before all are read.
    chosen="$chosen $(printf '%s' "$others" | sort -rn | sed 's/^[^ ]* //')"
    networks_to_mask
    late=
    now
    reserve=$((BETWEEN_S + 1 + MOST_S - left)) # the counters will take as long once more
    for each in $chosen; do
        now
        [ "$left" -gt "$reserve" ] || { late="$late ${each%%=*}" && continue; }
        visit "${each%%=*}" "${each#*=}" || continue
        how_many
        say "  table of namespace ${each%%=*}: $count entries"
        entries
        details
    done
    set +f
    copied /etc/hostname /etc/sysctl.conf '/etc/sysctl.d/*.conf' '/run/sysctl.d/*.conf' \
        '/usr/lib/sysctl.d/*.conf' '/lib/sysctl.d/*.conf' /etc/modules '/etc/modules-load.d/*.conf' \
        '/etc/modprobe.d/*.conf' /etc/vz/vz.conf '/etc/vz/conf/*.conf' /proc/vz/veinfo /proc/modules \
        /proc/slabinfo /proc/user_beancounters /proc/self/cgroup /sys/kernel/slab/nf_conntrack/object_size \
        /sys/module/nf_conntrack/parameters/hashsize
    section there there
    section running running
    if [ -z "$ROOT" ]; then
        say "  counters again in $BETWEEN_S s"
        sleep "$BETWEEN_S"
        set -f
        for each in $chosen; do
            visit "${each%%=*}" "${each#*=}" && counters 2
        done
    fi
    missing=
    for tool in nsenter conntrack ip tc nft; do
        can "$tool" || missing="$missing $tool"
    done
    { can ss && known tcp_diag; } || missing="$missing ss"
    # shellcheck disable=SC2086  # lists of words
    {
        section missing printf '%s\n' $missing
        section late printf '%s\n' $late
    }
    put '\n%s complete\n' "$TOKEN"
    # shellcheck disable=SC2086  # likewise
    [ -z "$late" ] || { set -- $late && say "  tables not read, for the time was up: $#"; }
    for tool in date gzip head renice; do
        has "$tool" || missing="$missing $tool"
    done
    say "done${missing:+. Missing:$missing}"
    [ -z "$late" ] || exit 76
}

# owners: whose the namespaces and their addresses are. Only who runs here is asked: no daemon is begun.
owners() {
    pids=
    for each in $list; do
        case $each in
            "$OWN="* | "$FIRST="* | *=/*) ;;
            *) pids="$pids ${each#*=}" ;;
        esac
    done
    has xargs && section owners/lines owner_lines
    section owners/processes processes_elsewhere
    has vzlist && section owners/vzlist vz_listing
    if has docker && cat /proc/[0-9]*/comm 2>/dev/null | grep -qx dockerd; then
        section owners/docker docker_listing
    fi
    if has podman && { [ -e /run/libpod/alive ] || [ -e /run/containers/storage ]; }; then
        section owners/podman podman ps --no-trunc --format \
            'podman {{.ID}} {{.Pid}} {{.Names}} pod={{.Pod}}/{{.PodName}} {{if .IsInfra}}infra{{end}} {{.Ports}}'
    fi
}

# owner_lines: lines of files, each behind the name of its file: one process of each namespace tells.
owner_lines() {
    # shellcheck disable=SC2086  # a list of words
    {
        printf '/proc/%s/cgroup\n' $pids | xargs grep -s -H ''
        printf '/proc/%s/net/if_inet6\n' $pids | xargs grep -s -H ''
        printf '/proc/%s/net/fib_trie\n' $pids | xargs grep -s -H -e '|-- ' -e 'host LOCAL'
        [ ! -d /proc/vz ] || printf '/proc/%s/status\n' $pids | xargs grep -s -H '^envID:'
    }
    grep -s -H '^lxc.uts' /var/lib/lxc/*/config
}

# processes_elsewhere: "PID INODE" of those that live in no namespace of the node's own.
processes_elsewhere() {
    living | sed -e "/^$OWN /d" -e "/^$FIRST /d" -e 's/^\([0-9]*\) \([0-9]*\)$/\2 \1/'
}

# By what is asked for in a command substitution nothing is held open that has to end.
vz_listing() {
    told=$(vzlist -a -H -t -o ctid,hostname,name,ip) || told=$(vzlist -a -H -o veid,hostname,name,ip)
    printf '%s\n' "$told"
}

docker_listing() {
    ids=$(docker ps -q --no-trunc)
    # shellcheck disable=SC2086,SC2016  # a list of words; expanded by docker
    [ -z "$ids" ] || exec docker inspect --type container --format 'docker {{.Id}} {{.State.Pid}} {{.Name}}{{range .NetworkSettings.Networks}} {{.IPAddress}} {{.GlobalIPv6Address}}{{end}}{{range $p, $all := .NetworkSettings.Ports}}{{range $all}} {{.HostIp}}:{{.HostPort}}->{{$p}}{{end}}{{end}}' $ids
}

# kernel_log: of each log its first lines, which tell how far it goes back, and what bears on tracking.
kernel_log() {
    can dmesg && section log/dmesg log_lines dmesg
    files=
    for file in kern.log messages syslog; do
        if has tail && [ -f "$ROOT/var/log/$file" ] && [ -r "$ROOT/var/log/$file" ]; then
            files=yes
            section "log/$file" log_lines tail -c 16777216 "$ROOT/var/log/$file"
        fi
    done
    [ -n "$files" ] || ! can journalctl ||
        section log/journal log_lines journalctl --no-pager -k -b -n 100000 -o short-iso
}

# log_lines COMMAND...: of what that prints.
log_lines() {
    "$@" | sed -n -e '1,2{' -e p -e d -e '}' -e '/table full/p' -e '/SYN flooding on port/p' \
        -e '/neighbou*r table overflow/p' -e '/Neighbour table overflow/p' -e '/ suppressed/p' -e '/: dropping packet/p'
}

# A reader who is gone is told of once.
bounded() { if has head; then head -c "$MOST_BYTES"; else cat; fi 2>/dev/null; }
packed() { if has gzip; then gzip -1; else cat; fi 2>/dev/null; }
# With --mask these two and packed are others.
names_to_mask() { :; }
networks_to_mask() { :; }

if [ -t 1 ]; then refuse 64 'the bundle is no text: send standard output into a file'; fi
(: 3>&1) 2>/dev/null || refuse 74 'standard output is closed'
lacking=
for tool in cat grep ls sed sleep sort; do
    has "$tool" || lacking="$lacking $tool"
done
[ -z "$lacking" ] || refuse 69 "it takes what is missing here:$lacking"
[ -d "$PROC/net" ] || refuse 69 "there is no $PROC/net"
renice 19 $$ >/dev/null 2>&1
TOKEN=$(first_line /proc/sys/kernel/random/uuid)
now
BEGUN_S=${NOW%%.*}
TOKEN=${TOKEN:-$$-$BEGUN_S}
KERNEL=$(first_line "$PROC/sys/kernel/osrelease")
OWN=$(namespace self)
OWN=${OWN:-0}
FIRST=$(namespace 1)
FIRST=${FIRST:-$OWN}
say "halftrack-collect: reads only, writes only to stdout, at most $MOST_S s, nice 19"
exec 4>&1
# Both what became of main and whether it could be written: the one comes by descriptor 3.
code=$({
    {
        child=
        watcher=
        main &
        main=$!
        # Whatever hangs: what was read until then is whole, and the reader sees that the rest is missing.
        watched "$MOST_S" "$main" TERM &
        watcher=$!
        wait "$main"
        code=$?
        kill -USR1 "$watcher" 2>/dev/null
        printf '%s\n' "$code" >&3
    } | bounded 3>&- 4>&- | packed 3>&- >&4 4>&-
} 3>&1)
written=$?
[ "$written" -lt 128 ] || exit 141 # nobody reads it any more
[ "$written" -eq 0 ] || refuse 74 'it could not be written'
case $code in
    0) ;;
    76) refuse 76 "the time was up after $MOST_S s: what was read until then is in it" ;;
    *) refuse 76 "more than $((MOST_BYTES >> 20)) MB: the rest is not in it" ;;
esac
