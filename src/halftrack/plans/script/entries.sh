# Entries that are stuck, by filters of conntrack(8). conntrack cannot select what has no answer, so
# each filter is looked at before it is used, and what lives under it is taken out one by one instead.
#   proof     what makes an entry one of those meant: unanswered, no-socket, silent
#   others    entries besides those meant that the filter selected when the plan was made
#   planned   those meant, then; longest: seconds they may have left; seconds: what silent ones get
entries() { # operation, step, namespace, inode, filter as conntrack takes it
    operation=$1 step=$2 space=$3 inode=$4
    shift 4
    case $operation in
    show)
        verb='deletes them, if they are still'
        [ "$proof" != silent ] || verb="leaves each $seconds s, if it is still"
        say "  conntrack -L $*: $planned entries; $verb $proof"
        [ "$others" = 0 ] || say "    $others others match it, too, so that each is looked at and taken alone: \
$(seconds_for "$planned" $((planned + others))) s or more"
        return 0
        ;;
    may_go_back | back | note) return 0 ;;
    esac
    reachable "$space" "$inode" && reachable "$sockets" "$sockets_inode" || return 1
    if ! have conntrack; then
        missing conntrack "(conntrack-tools) nothing is deleted. Left alone, these entries go by \
themselves${longest:+, the last within $longest s}"
        return 1
    fi
    case $operation in
    check) check_entries "$@" ;;
    do) drain "$@" ;;
    esac
}
check_entries() {
    if [ "$proof" = no-socket ] && ! have ss; then
        missing ss "whether a socket is left cannot be seen: these entries are left to time${longest:+ ($longest s)}"
        return 1
    fi
    loose=$(inside "$space" cat /proc/sys/net/netfilter/nf_conntrack_tcp_loose 2>/dev/null)
    if [ "$loose" = 0 ] && [ "$force" = no ]; then
        refuse "nf_conntrack_tcp_loose is 0: an entry removed by mistake could not come back (--force)"
        return 1
    fi
    said=$(inside "$space" conntrack -L "$@" 2>&1 >/dev/null)
    matching=$(printf '%s\n' "$said" | sed -n 's/.*: \([0-9][0-9]*\) flow entries ha.*/\1/p')
    if [ -z "$matching" ]; then
        refuse "conntrack -L $* does not work here: $(printf '%s' "$said" | sed -n 1p)"
        return 1
    fi
    say "checking: entries that match now: $matching, in the plan: $planned"
}
drain() {
    list=$STATE/$step.entries
    inside "$space" conntrack -L "$@" >"$list" 2>/dev/null || {
        warn "the list of entries could not be kept: nothing deleted by conntrack -D $*"
        return 1
    }
    inside "$space" conntrack -L "$@" -o save >"$list.save" 2>/dev/null || rm -f "$list.save"
    listed=$(grep -c 'src=' "$list")
    gone=0 touched=0
    if [ "$listed" = 0 ]; then
        say "nothing matches any more: conntrack -L $*"
    elif all_dead; then
        inside "$space" conntrack -D "$@" >"$list.gone" 2>/dev/null
        gone=$(grep -c 'src=' "$list.gone")
        [ "$proof" != unanswered ] || touched=$(grep 'src=' "$list.gone" | grep -vcF '[UNREPLIED]')
        say "deleted at once: $gone (listed right before: $listed), other entries touched: $touched"
    else
        one_by_one
    fi
}
all_dead() { # of what the filter lists
    case $proof in
    unanswered) ! grep 'src=' "$list" | grep -qvF '[UNREPLIED]' ;;
    no-socket) [ -n "$socket_end" ] && [ "$others" = 0 ] && no_socket state connected "$socket_end" ;;
    *) return 1 ;;
    esac
}
no_socket() { # a filter of ss(8); one that it does not understand counts as a socket
    sockets_now=$(inside "$sockets" ss -tan "$@" </dev/null 2>/dev/null) || return 1
    [ -z "$(printf '%s\n' "$sockets_now" | sed 1d)" ]
}
seconds_for() { # entries, of how many in the table; measured
    echo $(($1 * (10 + $2 / 200) / 1000 + 1))
}
one_by_one() {
    side='src=\([0-9a-fA-F.:]*\) dst=\([0-9a-fA-F.:]*\) sport=\([0-9]*\) dport=\([0-9]*\) '
    only='src='
    [ "$proof" != unanswered ] || only='\[UNREPLIED\]'
    grep -e "$only" "$list" |
        sed -n "s/^[^=]*$side.*src=[^ ]* dst=\([0-9a-fA-F.:]*\) sport=[0-9]* dport=\([0-9]*\) .*/\1 \2 \3 \4 \5 \6/p" >"$list.tuples"
    meant=$(grep -c . "$list.tuples")
    total=$(inside "$space" conntrack -C 2>/dev/null)
    case $total in '' | *[!0-9]*) total=$listed ;; esac
    # Two programs a look, and conntrack reads the whole table for each change.
    say "$meant of $listed are looked at one by one, in about $(seconds_for "$meant" "$total") s; \
it can be interrupted and done again"
    looked=0
    while read -r src dst sport dport to to_port; do
        looked=$((looked + 1))
        [ $((looked % 1000)) != 0 ] || say "  $looked of $meant, $gone so far"
        still_dead </dev/null || continue
        ! change_entry </dev/null || gone=$((gone + 1))
    done <"$list.tuples"
    if [ "$proof" = silent ]; then
        say "$gone of $meant have at most $seconds s left now, unless they speak"
    else
        say "deleted $gone of $meant (one by one, each looked at right before)"
    fi
}
this_entry() {
    inside "$space" conntrack -G -p "$protocol" -s "$src" -d "$dst" --sport "$sport" --dport "$dport" 2>/dev/null
}
still_dead() {
    case $proof in
    unanswered) this_entry | grep -qF '[UNREPLIED]' ;;
    no-socket)
        if [ "$peer" = dst ]; then
            no_socket "( dst = $(bare "$dst") and dport = :$dport )"
        else
            no_socket "( dst = $(bare "$src") and dport = :$sport ) or ( dst = $(bare "$to") and dport = :$to_port )"
        fi
        ;;
    silent)
        left=$(this_entry | sed -n 's/^tcp  *6  *\([0-9]*\) ESTABLISHED .*/\1/p')
        [ "${left:-0}" -gt "$seconds" ] && { [ -z "$silent_below" ] || [ "$left" -lt "$silent_below" ]; }
        ;;
    *) return 1 ;;
    esac
}
bare() { if [ "$family" = ipv6 ]; then printf '[%s]' "$1"; else printf '%s' "$1"; fi; }
change_entry() {
    set -- -f "$family" -p "$protocol" ${state:+--state "$state"} -s "$src" -d "$dst" --sport "$sport" --dport "$dport"
    if [ "$proof" = silent ]; then
        inside "$space" conntrack -U "$@" --timeout "$seconds" >/dev/null 2>&1
    else
        inside "$space" conntrack -D "$@" >/dev/null 2>&1
    fi
}
left_to_time() { # operation, entries
    case $1 in show | 'do') say "  $2 more, being made or in smaller groups, are left to time" ;; esac
}
