# What the kernel refused and threw out so far, over all processors.
read_drops() {
    stat=/proc/net/stat/nf_conntrack
    [ -r "$stat" ] || stat=/proc/net/stat/ip_conntrack
    [ -r "$stat" ] || return 1
    dropped=0 early=0 columns=''
    while read -r line; do
        if [ -z "$columns" ]; then
            columns=$line
            continue
        fi
        # shellcheck disable=SC2086  # one word a column
        set -- $line
        for column in $columns; do
            [ $# -gt 0 ] || break
            case $column in
            drop) dropped=$((dropped + 0x$1)) ;;
            early_drop) early=$((early + 0x$1)) ;;
            esac
            shift
        done
    done <"$stat"
}
measure_drops() { # sets lost and thrown: how many in the time waited
    lost='' thrown=''
    read_drops || return 1
    lost=$dropped thrown=$early
    sleep "$WAIT"
    read_drops || return 1
    lost=$((dropped - lost)) thrown=$((early - thrown))
}
