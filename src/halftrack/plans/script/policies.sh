# A timeout policy of the kernel for iptables' CT target, by nfct(8).
timeout_policy() { # operation, step, namespace, inode, name, inet or inet6, timeouts as nfct takes them
    step=$2 space=$3 inode=$4 name=$5 family=$6
    times=$7
    case $1 in
    show) say "  nfct: policy $name, $family tcp $times" && return 0 ;;
    esac
    ! without_ipv6 "$family" || return 0
    at_place "$1" || return "$gone"
    if ! have nfct; then
        missing nfct "timeouts of one service need it (Debian: package nfct, Red Hat: conntrack-tools)"
        return 1
    fi
    case $1 in
    check)
        if policy_there && ! kept "$step.before"; then refuse "there is a policy $name already"; fi
        ;;
    note) kept "$step.before" || keep "$step.before" none ;;
    do)
        # shellcheck disable=SC2086  # a word each
        policy_there || inside "$space" nfct add timeout "$name" "$family" tcp $times >/dev/null 2>&1
        policy_there || { warn "nfct did not take the policy $name: $family tcp $times" && return 1; }
        say "nfct: policy $name, $family tcp $times ... there"
        ;;
    may_go_back) ;;
    back)
        kept "$step.before" || return 0
        if policy_there; then
            inside "$space" nfct delete timeout "$name" >/dev/null 2>&1
            ! policy_there || { warn "the policy $name could not be removed: a rule still uses it" && return 1; }
            say "nfct: policy $name ... removed"
            changed=1
        fi
        forget "$step"
        ;;
    esac
}
policy_there() { inside "$space" nfct get timeout "$name" >/dev/null 2>&1; }
