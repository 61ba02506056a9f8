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
        ! kept "$step.before" || buckets_about "$wanted" || [ "$now" = "$(value_of "$step.before")" ] ||
            refuse "hashsize was changed since: it is $now, this script left $wanted"
        ;;
    back)
        kept "$step.before" || return 0
        wanted=$(value_of "$step.before")
        [ "$now" = "$wanted" ] || { write_buckets "$wanted" && changed=1; } || return 1
        forget "$step"
        ;;
    esac
}
# Never fewer than there are: where the plan could not see how many, there may be more already.
buckets_as_wanted() { [ -n "$now" ] && [ "$now" -ge "$wanted" ]; }
buckets_about() { [ -n "$now" ] && [ "$now" -ge "$1" ] && [ "$now" -lt $(($1 + 1024)) ]; }
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
    buckets_as_wanted || write_buckets "$1"
}
write_buckets() { # value
    was=$now
    { echo "$1" >"$file"; } 2>/dev/null
    now=$(cat "$file" 2>/dev/null)
    if buckets_about "$1"; then
        say "hashsize $was -> $1 ... $now"
    else
        warn "hashsize $was -> $1 did not hold: it is ${now:-unreadable}"
        return 1
    fi
}
