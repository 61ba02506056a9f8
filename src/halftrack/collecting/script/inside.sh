# enter COMMAND...: become that, in the namespace at hand. Nothing where there is no way in.
enter() {
    case $way in
        own) exec "$@" ;;
        mount) exec nsenter "--net=$mount" "$@" ;;
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

# counters READING: what is read twice.
counters() {
    for file in "stat/$TRACKED" snmp netstat; do
        there_is "$file" && section "$here/$1/$file" show "$file"
    done
    [ "$QUEUES" = yes ] || return 0
    section "$here/$1/tc" enter "$TC" -s qdisc show
    # Those that have classes, and what packets pass when they come in, and with clsact when they leave.
    asked=
    for each in $(inside "$TC" qdisc show |
        sed -n 's/^qdisc \(htb\|hfsc\|cbq\|drr\|qfq\|ets\|ingress\|clsact\) [^ ]* dev \([^ ]*\) .*/\1=\2/p'); do
        device=${each#*=}
        case $each in
            ingress=*) section "$here/$1/tc-filter/in/$device" enter "$TC" filter show dev "$device" parent ffff: ;;
            clsact=*)
                section "$here/$1/tc-filter/in/$device" enter "$TC" filter show dev "$device" parent ffff:fff2
                section "$here/$1/tc-filter/out/$device" enter "$TC" filter show dev "$device" parent ffff:fff3
                ;;
            *)
                case " $asked " in *" $device "*) continue ;; esac
                asked="$asked $device"
                section "$here/$1/tc-class/$device" enter "$TC" -s class show dev "$device"
                ;;
        esac
    done
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

# surroundings: what tells how those fare who live in the namespace at hand, whoever keeps their entries.
surroundings() {
    for file in tcp tcp6 udp udp6; do
        there_is "$file" && section "$here/net/$file" show "$file"
    done
    can ip && section "$here/addresses" interfaces
    routes
    can ss && known tcp_diag && section "$here/ss" enter ss -tinamo
}

# interfaces: their addresses, and which is the other end of which; the ip of busybox knows less of them.
interfaces() { inside ip -d addr show || enter ip addr show; }

details() {
    section "$here/settings" settings
    surroundings
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

# routes: by ip, of all tables, and the rules that choose between these; without it what /proc shows of them.
# shellcheck disable=SC2016  # expanded inside
OF_ROUTES='for family in 4 6; do printf "ipv%s\n" "$family"; ip "-$family" rule list; ip "-$family" route show table all; done'
routes() {
    if can ip && [ "$way" != none ]; then
        section "$here/routes" most_routes enter sh -c "$OF_ROUTES"
    else
        plain_routes
    fi
}

# Routers may know all of the Internet: the rest is said to be missing.
most_routes() { "$@" | sed -e '20000{' -e 's/.*/and more/' -e q -e '}'; }

plain_routes() {
    for file in route ipv6_route; do
        there_is "$file" && section "$here/net/$file" most_routes show "$file"
    done
    there_is fib_trie && section "$here/net/fib_tables" tables_of_routes
}
tables_of_routes() { show fib_trie | sed -n '/^[A-Z]/p'; }

# saved TOOL NAMES: rules by iptables-save, of the flavours that the kernel has.
saved() {
    known nf_tables && can "$1-nft-save" && section "$here/save/$1-nft" enter "$1-nft-save"
    there_is "$2" || return 0
    for tool in "$1-legacy-save" "$1-save"; do
        can "$tool" && section "$here/save/$1-legacy" enter "$tool" && break
    done
}
