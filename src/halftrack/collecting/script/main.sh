# first_look: of the namespace at hand, whatever becomes of it.
first_look() {
    section "$here/about" describe "$inode" "$where" "$count" "$worth" "$comm"
    counters 1
}

# pass_over INODE: note that there was no way into it any more, and why.
pass_over() {
    case " $shut " in *"=$1 "*) ;; *) shut="$shut $why=$1" ;; esac
}

main() {
    exec 3>&- 4>&-
    trap '{ kill -"$by" "$child"; kill -KILL "$watcher"; } 2>/dev/null; exit 76' TERM
    put 'halftrack-collection 1 %s\n' "$TOKEN"
    names_to_mask
    section about about_this_run
    section namespaces ls -l "$PROC/self/ns" "$PROC/1/ns"
    section mounts mounted
    # Where the rest does not arrive it is to be known all the same what this is.
    copied /etc/hostname /etc/sysctl.conf '/etc/sysctl.d/*.conf' '/run/sysctl.d/*.conf' \
        '/usr/lib/sysctl.d/*.conf' '/lib/sysctl.d/*.conf' /etc/modules '/etc/modules-load.d/*.conf' \
        '/etc/modprobe.d/*.conf' /etc/vz/vz.conf '/etc/vz/conf/*.conf' /proc/vz/veinfo /proc/modules \
        /proc/slabinfo /proc/user_beancounters /proc/self/cgroup /sys/kernel/slab/nf_conntrack/object_size \
        /sys/module/nf_conntrack/parameters/hashsize
    section there there
    section running running
    kernel_log
    list=$(spaces)
    reserve=0
    if [ -z "$ROOT" ]; then
        owners
        runtimes_first
    fi
    limit=$(first_line "$PROC/sys/net/netfilter/nf_conntrack_max")
    limit=${limit:-$(first_line "$PROC/sys/net/ipv4/netfilter/ip_conntrack_max")}
    limit=${limit:-0}
    seen=' '
    chosen=
    others=
    small=
    shut=
    tracked=no
    set -f # a path may look like a pattern
    for each in "$OWN=own" $list; do
        inode=${each%%=*}
        where=${each#*=}
        case $seen in *" $inode "*) continue ;; esac
        seen="$seen$inode "
        visit "$inode" "$where" || { pass_over "$inode" && continue; }
        if how_many; then
            [ "$inode" != "$OWN" ] || tracked=yes
        elif [ "$inode" != "$OWN" ]; then
            # Where not even our own is counted nothing is tracked.
            [ "$tracked" = no ] || { why=uncounted && pass_over "$inode"; }
            continue
        fi
        worth=no
        if [ "$inode" = "$OWN" ] || [ "$inode" = "$FIRST" ] || [ "$count" -ge "$MANY" ] ||
            { [ "$limit" -gt 0 ] && [ $((count * 100)) -ge "$limit" ]; }; then
            worth=yes
            case $inode in
                "$OWN" | "$FIRST") chosen="$each $chosen" ;;
                *) others="$others$count $each
" ;;
            esac
        else
            small="$small $each"
        fi
        comm=
        case $where in
            own) comm=$(first_line "$PROC/1/comm") ;;
            /*) ;;
            *) comm=$(sed -n 's/^Name:[^!-~]*//p' "$PROC/$where/status" 2>/dev/null) ;;
        esac
        together first_look
    done
    # The largest first: the time may be up before all are read.
    chosen="$chosen $(printf '%s' "$others" | sort -rn | sed 's/^[^ ]* //')"
    networks_to_mask
    late=
    unseen=
    tables=0
    now
    reserve=$((BETWEEN_S + 1 + MOST_S - left)) # the counters will take as long once more
    for each in $chosen; do
        now
        [ "$left" -gt "$reserve" ] || { late="$late ${each%%=*}" && continue; }
        visit "${each%%=*}" "${each#*=}" || { pass_over "${each%%=*}" && continue; }
        how_many
        tables=$((tables + 1))
        [ "$tables" -gt "$MOST_TOLD" ] || say "  table of namespace ${each%%=*}: $count entries"
        entries
        together details
    done
    [ "$tables" -le "$MOST_TOLD" ] || say "  tables of $((tables - MOST_TOLD)) more namespaces"
    # Who lives in the others may be at the end of what is stuck in these tables.
    for each in $small; do
        now
        [ "$left" -gt "$reserve" ] || { unseen="$unseen ${each%%=*}" && continue; }
        visit "${each%%=*}" "${each#*=}" || { pass_over "${each%%=*}" && continue; }
        together surroundings
        chosen="$chosen $each"
    done
    set +f
    if [ -z "$ROOT" ]; then
        runtimes_last
        say "  counters again in $BETWEEN_S s"
        sleep "$BETWEEN_S"
        set -f
        for each in $chosen; do
            now
            [ "$left" -gt 1 ] || { unseen="$unseen ${each%%=*}" && continue; }
            visit "${each%%=*}" "${each#*=}" || { pass_over "${each%%=*}" && continue; }
            together counters 2
        done
    fi
    missing=
    for tool in nsenter conntrack ip nft; do
        can "$tool" || missing="$missing $tool"
    done
    [ "$QUEUES" = yes ] || missing="$missing tc"
    { can ss && known tcp_diag; } || missing="$missing ss"
    # shellcheck disable=SC2086  # lists of words
    {
        section missing printf '%s\n' $missing
        section late printf '%s\n' $late
        section unseen printf '%s\n' $unseen
        section shut printf '%s\n' $shut
    }
    [ -n "$ROOT" ] || section hidden hidden
    put '\n%s complete\n' "$TOKEN"
    # shellcheck disable=SC2086  # likewise
    [ -z "$late" ] || { set -- $late && say "  tables not read, for the time was up: $#"; }
    # shellcheck disable=SC2086  # likewise
    [ -z "$unseen" ] || { set -- $unseen && say "  namespaces not looked at in full, for the time was up: $#"; }
    # shellcheck disable=SC2086  # likewise
    [ -z "$shut" ] || { set -- $shut && say "  namespaces that could not be looked into: $#"; }
    for tool in date gzip head renice; do
        has "$tool" || missing="$missing $tool"
    done
    say "done${missing:+. Missing:$missing}"
    [ -z "$late$unseen" ] || exit 76
}
