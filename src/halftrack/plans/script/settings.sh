# One sysctl. The second path is the name that older kernels know it by.
setting() { # operation, step, namespace, inode, name, path, older path, value in the plan, value to set
    step=$2 space=$3 inode=$4 name=$5 path=$6 older=$7 planned=$8
    wanted=$9
    if [ "$1" = show ]; then
        say "  $name: ${planned:-as it is} -> $wanted"
        return 0
    fi
    at_place "$1" || return "$gone"
    if ! inside "$space" test -e "/proc/sys/$path"; then
        if [ -n "$older" ] && inside "$space" test -e "/proc/sys/$older"; then path=$older; fi
    fi
    now=$(read_setting)
    case $1 in
    check) check_setting ;;
    note) [ "$now" = "$wanted" ] || kept "$step.before" || { keep "$step.after" "$wanted" && keep "$step.before" "$now"; } ;;
    do) set_setting ;;
    may_go_back) setting_as_left || refuse "$name was changed since: it is $now, this script left $wanted" ;;
    back) setting_back ;;
    esac
}
read_setting() {
    # shellcheck disable=SC2046  # several values are set apart by one space
    set -- $(inside "$space" cat "/proc/sys/$path" 2>/dev/null)
    printf '%s' "$*"
}
write_setting() { # value
    # shellcheck disable=SC2016  # for the shell inside
    inside "$space" sh -c 'printf "%s\n" "$1" >"$2"' sh "$1" "/proc/sys/$path" 2>/dev/null
    now=$(read_setting)
    [ "$now" = "$1" ]
}
check_setting() {
    if [ -z "$now" ]; then
        refuse "$name is not there"
    elif [ "$now" = "$wanted" ]; then
        say "checking: $name is $now already"
    elif kept "$step.before"; then
        [ "$now" = "$(value_of "$step.before")" ] ||
            refuse "$name is $now: somebody changed it after this script did"
    elif [ -z "$planned" ]; then
        say "checking: $name is $now"
    elif [ "$now" = "$planned" ]; then
        say "checking: $name is $now as planned ... yes"
    else
        refuse "$name is $now, not $planned as planned"
    fi
}
set_setting() {
    [ "$now" != "$wanted" ] || return 0
    was=$now
    if write_setting "$wanted"; then
        say "$name $was -> $wanted ... $now"
    else
        warn "$name $was -> $wanted did not hold: it is $now"
        return 1
    fi
}
setting_as_left() {
    ! kept "$step.before" || [ "$now" = "$wanted" ] || [ "$now" = "$(value_of "$step.before")" ]
}
setting_back() {
    kept "$step.before" || return 0
    was=$(value_of "$step.before")
    if [ "$now" != "$was" ]; then
        left=$now
        if ! write_setting "$was"; then
            warn "$name $left -> $was did not hold: it is $now"
            return 1
        fi
        say "$name $left -> $was ... $now"
        changed=1
    fi
    forget "$step"
}
