#!/bin/sh
# Collects what Halftrack's doctor looks at on a node where Halftrack cannot run:
#
#     ssh node sh -s < collect.sh > node.collected        halftrack doctor node.collected
#
# Reads only; writes to standard output alone, and what it does to standard error. Runs at the lowest
# priority, ends after 60 s or 512 MB, loads no module, switches nothing on. Needs a POSIX shell and what
# every system has (cat, ls, sed, sort, head); of the rest it says what was missing.
#
# What is printed is text in sections between lines that begin with a word made up for this run; it is
# packed with gzip where there is one.

set -u
LC_ALL=C
export LC_ALL
PATH=$PATH:/usr/sbin:/sbin:/usr/local/sbin
MOST_S=${HALFTRACK_SECONDS:-60}
BETWEEN_S=${HALFTRACK_BETWEEN:-5}
MOST_BYTES=536870912
ONE_S=20
MANY=1000
renice 19 $$ >/dev/null 2>&1

say() { printf '%s\n' "$*" >&2; }
has() { command -v "$1" >/dev/null 2>&1; }
# Not by the shell's own read: one byte at a time, a sysctl gives its first alone.
first_line() { [ -r "$1" ] && head -n 1 "$1" 2>/dev/null | tr -d '\n'; }
uptime_s() { sed 's/ .*//' /proc/uptime 2>/dev/null | tr -d '\n'; }

TOKEN=$(first_line /proc/sys/kernel/random/uuid)
TOKEN=${TOKEN:-$$-$(date +%s)}

# limited COMMAND...: its output, for ONE_S seconds at most.
limited() {
    # What is called becomes the process that is killed: none of ours is left that holds our output open.
    { "$@"; } 2>/dev/null &
    child=$!
    killed_after "$ONE_S" "$child" >/dev/null 2>&1 &
    watcher=$!
    wait "$child"
    code=$?
    kill "$watcher" 2>/dev/null
    return "$code"
}

# killed_after SECONDS PROCESS: in the background; nothing of it is left when it is killed itself.
killed_after() {
    before=$!
    # Set before anything is begun, and KILL: a process that was forked just now loses a signal that its
    # shell has a trap for.
    trap '[ "$!" = "$before" ] || kill -KILL "$!"; exit 0' TERM
    sleep "$1" &
    wait "$!"
    kill "$2"
}

# section NAME COMMAND...: what a command prints, whatever it is.
section() {
    name=$1
    shift
    printf '\n%s begin %s %s\n' "$TOKEN" "$(uptime_s)" "$name"
    limited "$@"
    printf '\n%s end %s %s\n' "$TOKEN" "$?" "$name"
}

# copied FILE...: files as they are, those that can be read.
copied() {
    for file; do
        if [ -f "$file" ] && [ -r "$file" ]; then section "file$file" cat "$file"; fi
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
inside() { (enter "$@"); }

# settings: name and value of every sysctl that bears on tracking, as the namespace at hand has them.
settings() {
    # shellcheck disable=SC2016  # expanded inside
    enter sh -c 'cd /proc/sys && grep "" net/netfilter/nf_conntrack_* net/ipv4/netfilter/ip_conntrack_* \
        net/nf_conntrack_max net/ipv4/ip_conntrack_max net/ipv4/ip_forward net/ipv4/ip_local_port_range \
        net/ipv4/tcp_keepalive_* net/ipv4/tcp_max_syn_backlog net/ipv4/tcp_syncookies \
        net/ipv4/conf/*/rp_filter /dev/null || :'
}

# show FILE: one of /proc/net; through a process that lives there, or from inside.
show() { if [ -n "$net" ]; then exec cat "$net/$1"; else enter cat "/proc/net/$1"; fi; }
there_is() { if [ -n "$net" ]; then [ -r "$net/$1" ]; else inside test -r "/proc/net/$1"; fi; }

counters() {
    for file in stat/nf_conntrack stat/ip_conntrack snmp netstat; do
        there_is "$file" && section "$here/$1/$file" show "$file"
    done
    if has tc; then
        section "$here/$1/tc" enter tc -s qdisc show
        inside ls /sys/class/net >/dev/null 2>&1 || return 0
        for device in $(inside tc qdisc show 2>/dev/null | sed -n 's/.* \(htb\|hfsc\|cbq\|drr\|qfq\) .* dev \([^ ]*\) .*/\2/p; s/^qdisc \(htb\|hfsc\|cbq\|drr\|qfq\) [^ ]* dev \([^ ]*\) .*/\2/p' | sort -u); do
            section "$here/$1/tc-class/$device" enter tc -s class show dev "$device"
        done
    fi
}

entries() {
    table=
    for file in nf_conntrack ip_conntrack; do
        there_is "$file" && table=$file && break
    done
    if [ "$count" -gt 50000 ] && has conntrack && [ "$way" != none ]; then
        for family in ipv4 ipv6; do
            section "$here/entries/$family" enter conntrack -L -f "$family" -o extended,id,labels,ktimestamp
        done
    elif [ -n "$table" ]; then
        section "$here/entries/$table" show "$table"
    elif has conntrack; then
        for family in ipv4 ipv6; do
            section "$here/entries/$family" enter conntrack -L -f "$family" -o extended,id,labels,ktimestamp
        done
    fi
}

details() {
    section "$here/settings" settings
    for file in tcp tcp6 udp udp6; do
        there_is "$file" && section "$here/net/$file" show "$file"
    done
    has ip && section "$here/addresses" enter ip -o addr show
    has ip && section "$here/links" enter ip -o link show
    has ss && section "$here/ss" enter ss -tinamo
    if has nft; then
        section "$here/nft.json" enter nft -j list ruleset
        section "$here/nft" enter nft -a list ruleset
    fi
    for tool in iptables ip6tables; do
        for flavour in nft legacy; do
            has "$tool-$flavour-save" && section "$here/save/$tool-$flavour" enter "$tool-$flavour-save"
        done
        has "$tool-nft-save" || has "$tool-legacy-save" || ! has "$tool-save" ||
            section "$here/save/$tool-legacy" enter "$tool-save"
    done
    there_is ip_vs && section "$here/net/ip_vs" show ip_vs
}

# spaces: "INODE PID" or "INODE PATH" of every network namespace, the lowest process of each.
spaces() {
    ls -l /proc/[0-9]*/ns/net 2>/dev/null |
        sed -n 's|.* /proc/\([0-9]*\)/ns/net -> net:\[\([0-9]*\)\]$|\2 \1|p' | sort -n -k1,1 -k2,2 |
        while read -r inode pid; do
            [ "$inode" = "${last:-}" ] || printf '%s %s\n' "$inode" "$pid"
            last=$inode
        done
    sed -n 's|^[^ ]* [^ ]* [^ ]* net:\[\([0-9]*\)\] \([^ ]*\) .* - nsfs .*|\1 \2|p' /proc/self/mountinfo 2>/dev/null
}

# visit INODE WHERE: choose the way into a namespace. WHERE: a process, a path, or own.
visit() {
    here=ns/$1
    net=/proc/self/net
    way=none
    case $2 in
        own) way=own; net=/proc/$$/net ;;
        /*)
            has nsenter || return 1
            way="nsenter --net=$2"
            net=
            ;;
        *)
            net=/proc/$2/net
            has nsenter && way="nsenter -t $2 -n"
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
    printf 'kernel %s\nnode %s\ntaken_at %s\nuptime %s\nuser %s\nmachine %s\n' \
        "$(uname -r)" "$(uname -n)" "$(date -u +%Y-%m-%dT%H:%M:%SZ)" "$(uptime_s)" "$(id -u)" \
        "$(digest)"
    printf 'first %s\nzone %s\n' "$FIRST" "$(date +%z)"
}

# digest: which machine this is; machine-id(5) asks to keep the number itself to oneself.
digest() { has sha256sum && printf 'halftrack %s' "$(first_line /etc/machine-id)" | sha256sum | cut -c1-16; }

# there: what of this exists, by which it is known who writes rules and settings here.
there() {
    for file in /run /run/systemd/system /usr/lib/systemd /sbin/init /etc/inittab /sys/module/nf_conntrack \
        /usr/sbin/nft /sbin/nft /usr/sbin/iptables /sbin/iptables /usr/bin/iptables /usr/bin/nft \
        /etc/iptables/rules.v4 /etc/iptables/iptables.rules /etc/sysconfig/iptables /etc/iptables.rules \
        /etc/systemd/system/sysinit.target.wants/nftables.service /var/lib/kube-proxy \
        /etc/systemd/system/multi-user.target.wants/nftables.service /etc/runlevels/default/nftables \
        /proc/vz/version /var/log/pods/*; do
        [ -e "$file" ] && printf '%s\n' "$file"
    done
}

# running: names of the processes in the namespace of process 1.
running() {
    ls -l /proc/[0-9]*/ns/net 2>/dev/null |
        sed -n "s|.* /proc/\\([0-9]*\\)/ns/net -> net:\\[$FIRST\\]\$|\\1|p" |
        while read -r pid; do first_line "/proc/$pid/comm" && printf '\n'; done | sort -u
}

main() {
    trap 'kill "$child" "$watcher" 2>/dev/null; exit 0' TERM
    printf 'halftrack-collection 1 %s\n' "$TOKEN"
    OWN=$(ls -l /proc/self/ns/net 2>/dev/null | sed -n 's/.*net:\[\([0-9]*\)\]$/\1/p')
    OWN=${OWN:-0}
    FIRST=$(ls -l /proc/1/ns/net 2>/dev/null | sed -n 's/.*net:\[\([0-9]*\)\]$/\1/p')
    FIRST=${FIRST:-$OWN}
    section about about_this_run
    kernel_log
    list=$({ printf '%s own\n' "$OWN"; spaces; })
    owners
    limit=$(first_line /proc/sys/net/netfilter/nf_conntrack_max)
    limit=${limit:-$(first_line /proc/sys/net/ipv4/netfilter/ip_conntrack_max)}
    limit=${limit:-0}
    seen=' '
    chosen=
    say "halftrack-collect: reads only, writes only to stdout, at most $MOST_S s, nice 19"
    while read -r inode where; do
        case $seen in *" $inode "*) continue ;; esac
        seen="$seen$inode "
        visit "$inode" "$where" || continue
        how_many || [ "$inode" = "$OWN" ] || continue
        worth=no
        if [ "$inode" = "$OWN" ] || [ "$inode" = "$FIRST" ] || [ "$count" -ge "$MANY" ] ||
            { [ "$limit" -gt 0 ] && [ $((count * 100)) -ge "$limit" ]; }; then
            worth=yes
            chosen="$chosen$inode $where
"
        fi
        comm=
        case $where in own) comm=$(first_line /proc/1/comm) ;; /*) ;; *) comm=$(first_line "/proc/$where/comm") ;; esac
        section "$here/about" describe "$inode" "$where" "$count" "$worth" "$comm"
        counters 1
    done <<EOF
$list
EOF
    while read -r inode where; do
        { [ -n "$inode" ] && visit "$inode" "$where"; } || continue
        how_many
        say "  table of namespace $inode: $count entries"
        entries
        details
    done <<EOF
$chosen
EOF
    copied /etc/hostname /etc/sysctl.conf /etc/sysctl.d/*.conf /run/sysctl.d/*.conf /usr/lib/sysctl.d/*.conf \
        /lib/sysctl.d/*.conf /etc/modules /etc/modules-load.d/*.conf /etc/modprobe.d/*.conf \
        /etc/vz/vz.conf /etc/vz/conf/*.conf /proc/vz/veinfo /proc/modules /proc/slabinfo \
        /sys/kernel/slab/nf_conntrack/object_size /sys/module/nf_conntrack/parameters/hashsize
    section there there
    section running running
    say "  counters again in $BETWEEN_S s"
    sleep "$BETWEEN_S"
    while read -r inode where; do
        [ -n "$inode" ] && visit "$inode" "$where" && counters 2
    done <<EOF
$chosen
EOF
    missing=
    for tool in nsenter conntrack ip tc ss nft; do
        has "$tool" || missing="$missing $tool"
    done
    section missing printf '%s\n' $missing
    printf '\n%s complete\n' "$TOKEN"
    say "done${missing:+. Missing:$missing}"
}

# owners: whose the namespaces and their addresses are. Only who runs here is asked: no daemon is begun.
owners() {
    pids=$(printf '%s\n' "$list" | while read -r inode where; do
        case $where in own | /*) continue ;; esac
        [ "$inode" = "$OWN" ] || [ "$inode" = "$FIRST" ] || printf '%s\n' "$where"
    done)
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
    ls -l /proc/[0-9]*/ns/net 2>/dev/null |
        sed -n -e "/net:\\[$OWN\\]/d" -e "/net:\\[$FIRST\\]/d" \
            -e 's|.* /proc/\([0-9]*\)/ns/net -> net:\[\([0-9]*\)\]$|\1 \2|p'
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
    has dmesg && section log/dmesg log_lines dmesg
    files=
    for file in kern.log messages syslog; do
        if [ -f "/var/log/$file" ] && [ -r "/var/log/$file" ]; then
            files=yes
            section "log/$file" log_lines tail -c 16777216 "/var/log/$file"
        fi
    done
    [ -n "$files" ] || ! has journalctl ||
        section log/journal log_lines journalctl --no-pager -k -b -n 100000 -o short-iso
}

# log_lines COMMAND...: of what that prints.
log_lines() {
    "$@" | sed -n -e '1,2{' -e p -e d -e '}' -e '/table full/p' -e '/SYN flooding on port/p' \
        -e '/neighbou*r table overflow/p' -e '/Neighbour table overflow/p' -e '/ suppressed/p' -e '/: dropping packet/p'
}

packed() { if has gzip; then gzip -1; else cat; fi; }

{
    child=
    watcher=
    main &
    main=$!
    # Whatever hangs: what was read until then is whole, and the reader sees that the rest is missing.
    killed_after "$MOST_S" "$main" >/dev/null 2>&1 &
    watcher=$!
    wait "$main"
    kill "$watcher" 2>/dev/null
} | head -c "$MOST_BYTES" | packed
