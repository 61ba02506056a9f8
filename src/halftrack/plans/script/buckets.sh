# The size of the hash, one for the node. The kernel rounds it up to whole pages.
buckets() { # operation, step, value in the plan, value to set
    step=$2 planned=$3
    wanted=$4
    if [ "$1" = show ]; then
        say "  hashsize: ${planned:-as it is} -> $wanted"
        return 0
    fi
    file=/sys/module/nf_conntrack/parameters/hashsize
    [ -e "$file" ] || file=/sys/module/ip_conntrack/parameters/hashsize
    now=$(cat "$file" 2>/dev/null)
    case $now in *[!0-9]*) now= ;; esac
    case $1 in
    check) check_buckets ;;
    note) buckets_as_wanted || kept "$step.before" || { keep "$step.after" "$wanted" && keep "$step.before" "$now"; } ;;
    do) set_buckets "$wanted" ;;
    may_go_back)
        ! kept "$step.before" || buckets_as_wanted || [ "$now" = "$(value_of "$step.before")" ] ||
            refuse "hashsize was changed since: it is $now, this script left $wanted"
        ;;
    back)
        kept "$step.before" || return 0
        wanted=$(value_of "$step.before")
        [ "$now" = "$wanted" ] || { set_buckets "$wanted" && changed=1; } || return 1
        forget "$step"
        ;;
    esac
}
buckets_as_wanted() { [ -n "$now" ] && [ "$now" -ge "$wanted" ] && [ "$now" -lt $((wanted + 1024)) ]; }
check_buckets() {
    if [ -z "$now" ]; then
        refuse "hashsize cannot be read: $file"
    elif buckets_as_wanted; then
        say "checking: hashsize is $now already"
    elif kept "$step.before"; then
        [ "$now" = "$(value_of "$step.before")" ] ||
            refuse "hashsize is $now: somebody changed it after this script did"
    elif [ -n "$planned" ] && [ "$now" != "$planned" ]; then
        refuse "hashsize is $now, not $planned as planned"
    else
        say "checking: hashsize is $now${planned:+ as planned ... yes}"
    fi
}
set_buckets() { # value
    was=$now
    buckets_as_wanted && return 0
    { echo "$1" >"$file"; } 2>/dev/null
    now=$(cat "$file" 2>/dev/null)
    if buckets_as_wanted; then
        say "hashsize $was -> $1 ... $now"
    else
        warn "hashsize $was -> $1 did not hold: it is ${now:-unreadable}"
        return 1
    fi
}
