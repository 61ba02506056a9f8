# Chains of our own in the table `inet halftrack`, loaded in one transaction.
nft_rules() { # operation, step, namespace, inode, ruleset, names of chains, names of timeouts
    step=$2 space=$3 inode=$4 text=$5 chains=$6
    timeouts=$7
    case $1 in
    show) say "  nft, table inet halftrack: chains $chains" && return 0 ;;
    esac
    at_place "$1" || return "$gone"
    if ! have nft; then
        missing nft 'the rules of this plan are for it'
        return 1
    fi
    case $1 in
    check) check_nft ;;
    note)
        kept "$step.before" && return 0
        before=none
        ! nft_in list table inet halftrack >/dev/null 2>&1 || before=table
        keep "$step.after" "$text" && keep "$step.before" "$before"
        ;;
    do) load_nft ;;
    may_go_back) nft_as_left || refuse "our chains $chains were changed since" ;;
    back) nft_back ;;
    esac
}
nft_in() { inside "$space" nft "$@"; }
nft_listing() {
    for chain in $chains; do nft_in list chain inet halftrack "$chain" 2>/dev/null || return 1; done
    for each in $timeouts; do nft_in list ct timeout inet halftrack "$each" 2>/dev/null || return 1; done
}
nft_any() {
    for chain in $chains; do nft_in list chain inet halftrack "$chain" >/dev/null 2>&1 && return 0; done
    return 1
}
check_nft() {
    if nft_any; then
        kept "$step.before" || refuse "the table inet halftrack has chains of these names already: $chains"
        nft_as_left || refuse "our chains $chains were changed since"
        return 0
    fi
    said=$(printf '%s\n' "$text" | inside "$space" nft -c -f - 2>&1) ||
        refuse "nft does not take the rules: $(printf '%s' "$said" | sed -n 1p)"
    say "checking: nft takes the rules ... yes"
}
load_nft() {
    if nft_any; then
        say "our chains $chains are there already"
    else
        said=$(printf '%s\n' "$text" | inside "$space" nft -f - 2>&1) || warn "nft: $(printf '%s' "$said" | sed -n 1p)"
    fi
    if listing=$(nft_listing); then
        keep "$step.listing" "$listing"
        say "nft, table inet halftrack: $chains ... loaded"
    else
        warn "the rules did not hold: chains $chains are not all there"
        return 1
    fi
}
nft_as_left() {
    kept "$step.listing" && nft_any || return 0
    [ "$(nft_listing)" = "$(value_of "$step.listing")" ]
}
nft_back() {
    kept "$step.before" || return 0
    if nft_any; then
        {
            for chain in $chains; do
                ! nft_in list chain inet halftrack "$chain" >/dev/null 2>&1 ||
                    printf 'flush chain inet halftrack %s\ndelete chain inet halftrack %s\n' "$chain" "$chain"
            done
            for each in $timeouts; do printf 'delete ct timeout inet halftrack %s\n' "$each"; done
        } | inside "$space" nft -f - || {
            warn "our chains $chains could not be removed"
            return 1
        }
        say "nft, table inet halftrack: $chains ... removed"
        changed=1
    fi
    if [ "$(value_of "$step.before")" = none ] && [ -z "$(nft_in list table inet halftrack 2>/dev/null | sed '1d; $d')" ]; then
        nft_in delete table inet halftrack 2>/dev/null
    fi
    forget "$step"
}
