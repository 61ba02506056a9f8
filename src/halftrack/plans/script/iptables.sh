# Chains of our own for iptables, jumped to from the top of the built-in ones.
iptables_rules() { # operation, step, namespace, inode, iptables or ip6tables, our chain, lines for restore, jumps
    step=$2 space=$3 inode=$4 tool=$5 chain=$6 text=$7
    jumps=$8
    case $1 in
    show) say "  $tool: chain $chain, from $(printf '%s' "$jumps" | tr '\n' ' ')" && return 0 ;;
    esac
    ! without_ipv6 "$tool" || return 0
    at_place "$1" || return "$gone"
    flavour "$tool"
    if ! have "$save"; then
        missing "$tool" 'the rules of this plan are for it'
        return 1
    fi
    case $1 in
    check) check_iptables ;;
    note) kept "$step.before" || { keep "$step.after" "$(tables_of_nft)" && keep "$step.before" none; } ;;
    do) load_iptables ;;
    may_go_back) iptables_as_left || refuse "our chain $chain of $tool was changed since" ;;
    back) iptables_back ;;
    esac
}
# The flavour that holds the node's rules, where both are installed.
flavour() { # iptables or ip6tables
    tool=$1 save=$1-save restore=$1-restore
    if have "$1-legacy-save" && have "$1-nft-save" &&
        [ "$(inside "$space" "$1-legacy-save" 2>/dev/null | grep -c '^-A')" -gt "$(inside "$space" "$1-nft-save" 2>/dev/null | grep -c '^-A')" ]; then
        tool=$1-legacy save=$1-legacy-save restore=$1-legacy-restore
    fi
}
# Lines of ours, each with its table before it; the counters of chains left away.
ours_in_iptables() {
    table=
    inside "$space" "$save" 2>/dev/null | while read -r line; do
        case $line in
        '*'*) table=${line#?} ;;
        ":$chain "*) printf '%s %s\n' "$table" ":$chain" ;;
        "-A $chain "* | *"-j $chain") printf '%s %s\n' "$table" "$line" ;;
        esac
    done
}
check_iptables() {
    if [ -n "$(ours_in_iptables)" ]; then
        kept "$step.before" || refuse "$tool has a chain $chain already"
        iptables_as_left || refuse "our chain $chain of $tool was changed since"
    else
        said=$(spelled_for_this_kernel | inside "$space" "$restore" -n -t 2>&1) ||
            refuse "$restore does not take the rules: $(printf '%s' "$said" | sed -n 1p)"
        say "checking: $tool has no chain $chain yet ... yes"
    fi
    printf '%s\n' "$jumps" | while read -r table from; do
        inside "$space" "$tool" -t "$table" -n -L "$from" >/dev/null 2>&1 || exit 1
    done || refuse "$tool has not all of the chains that ours is jumped to from: $(printf '%s' "$jumps" | tr '\n' ' ')"
}
load_iptables() {
    if iptables_complete; then
        say "our chain $chain of $tool is there already"
    else
        iptables_remove
        # Another program may hold the lock of the tables for a moment.
        for try in 1 2 3 4 5; do
            said=$(spelled_for_this_kernel | inside "$space" "$restore" -n 2>&1) && break
            iptables_remove
            [ "$try" = 5 ] || sleep 1
        done
    fi
    if iptables_complete; then
        keep "$step.listing" "$(ours_in_iptables)"
        say "$tool: chain $chain, jumped to from $(printf '%s' "$jumps" | tr '\n' ' ')... loaded"
    else
        iptables_remove
        warn "the rules of $chain did not hold: $(printf '%s' "${said:-}" | sed -n 1p)"
        return 1
    fi
}
iptables_complete() {
    there=$(ours_in_iptables)
    [ "$(printf '%s\n' "$there" | grep -c -e "-j $chain\$")" = "$(printf '%s\n' "$jumps" | grep -c .)" ] &&
        [ "$(printf '%s\n' "$there" | grep -c -e " -A $chain ")" = "$(printf '%s\n' "$text" | grep -c -e "^-A $chain ")" ]
}
iptables_as_left() {
    kept "$step.listing" && ! kept "$step.leaving" || return 0
    there=$(ours_in_iptables)
    [ -z "$there" ] || [ "$there" = "$(value_of "$step.listing")" ]
}
iptables_remove() {
    ours_in_iptables | while read -r table rule; do
        case $rule in
        *"-j $chain")
            from=${rule#-A }
            inside "$space" "$tool" -t "$table" -D "${from%% *}" -j "$chain"
            ;;
        esac
    done 2>/dev/null
    for table in $(ours_in_iptables | sed 's/ .*//' | sort -u); do
        inside "$space" "$tool" -t "$table" -F "$chain"
        inside "$space" "$tool" -t "$table" -X "$chain"
    done 2>/dev/null
    [ -z "$(ours_in_iptables)" ]
}
iptables_back() {
    kept "$step.before" || return 0
    if [ -n "$(ours_in_iptables)" ]; then
        keep "$step.leaving" yes || return 1
        iptables_remove || { warn "our chain $chain of $tool could not be removed" && return 1; }
        say "$tool: chain $chain ... removed"
        changed=1
    fi
    drop_new_tables
    forget "$step"
}
# Where iptables is nft's, its first use leaves a table with empty chains, which were not there before.
tables_of_nft() { ! have nft || inside "$space" nft list tables 2>/dev/null; }
drop_new_tables() {
    family=ip
    case $tool in ip6*) family=ip6 ;; esac
    for table in filter raw; do
        tables_of_nft | grep -qx "table $family $table" || continue
        value_of "$step.after" | grep -qx "table $family $table" && continue
        used=$(inside "$space" nft list table "$family" "$table" 2>/dev/null | sed '/^table /d; /^[[:space:]]*chain [A-Z]* {$/d
            /^[[:space:]]*type filter hook .*policy accept;$/d; /^[[:space:]]*}$/d; /^[[:space:]]*$/d; /^#/d')
        [ -n "$used" ] || inside "$space" nft delete table "$family" "$table" 2>/dev/null
    done
}
