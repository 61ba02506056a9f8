# spaces: "INODE=PROCESS" or "INODE=PATH" of every network namespace, the lowest process of each.
spaces() {
    if [ -e "$PROC/self/ns/net" ] || ! [ -e "$PROC/vz/veinfo" ]; then
        living | sort -n -k1,1 -k2,2 | lowest
        mounted
    else
        # Containers of OpenVZ, on kernels that do not number namespaces.
        of_each status grep '^envID:' /dev/null |
            sed -n 's|^\([0-9]*\)/status:envID:[^0-9]*\([1-9][0-9]*\)$|\2 \1|p' |
            sort -n -k1,1 -k2,2 | lowest | sed 's/^/ve/'
    fi 2>/dev/null
}

# mounted: "INODE=PATH" of those that somebody gave a name; paths as proc(5) writes them, without blanks.
mounted() {
    sed -n 's|^[^ ]* [^ ]* [^ ]* net:\[\([0-9]*\)\] \([^ ]*\) .* - nsfs .*|\1=\2|p' "$PROC/self/mountinfo"
}

# plain_path PATH: one as proc(5) writes it, as it is: with its blanks.
plain_path() {
    # shellcheck disable=SC2059  # what is left of it are its octal numbers
    printf "$(printf '%s' "$1" | sed 's/%/%%/g')"
}

# living: "INODE PROCESS" of every process.
living() {
    of_each ns/net ls -l 2>/dev/null |
        sed -n 's|.* \([0-9]*\)/ns/net -> net:\[\([0-9]*\)\]$|\2 \1|p'
}

# of_each FILE COMMAND...: with the names of that file of all processes, of which there may be a great many.
of_each() {
    (
        file=$1
        shift
        set +f
        cd "$PROC" && echo [0-9]*/"$file" | in_batches "$@"
    )
}

lowest() {
    last=
    while read -r inode pid; do
        [ "$inode" = "$last" ] || printf '%s=%s\n' "$inode" "$pid"
        last=$inode
    done
}

# hidden: how many processes do not let us see where they live; "others" where they cannot even be seen.
hidden() {
    [ -e "$PROC/1" ] || { echo others && return; }
    # By name: what may not be looked into no pattern finds.
    (set +f && cd "$PROC" && echo [0-9]* | sed 's|\([0-9][0-9]*\)|\1/ns/net|g' | in_batches ls -l 2>&1) | grep -c 'ermission denied'
}

# visit INODE WHERE: choose the way into a namespace. WHERE: a process, a path, or own. Where there is none
# `why` is the reason: nsenter (it is missing), refused, covered (by another mount), ended.
visit() {
    here=ns/$1
    way=none
    why=
    case $2 in
        own) way=own; net=$PROC/net ;;
        /*)
            net=
            can nsenter || { why=nsenter && return 1; }
            way=mount
            mount=$(plain_path "$2")
            at=$(inside ls -l /proc/self/ns/net | number)
            [ "$at" = "$1" ] || { unreached "$1" "$mount" && return 1; }
            ;;
        *)
            live=$2
            case $1 in
                ve*) ;;
                *)
                    # Others may live there still, and its number be somebody else's.
                    [ "$(namespace "$live")" = "$1" ] || live=$(living | sed -n -e "/^$1 /{" -e 's///p;q;}')
                    [ -n "$live" ] || { why=ended && return 1; }
                    can nsenter && way="nsenter -t $live -n"
                    ;;
            esac
            net=$PROC/$live/net
            [ -r "$net/stat" ] || { why=refused && return 1; }
            ;;
    esac
}

# unreached INODE PATH: why what is mounted there is not come to.
unreached() {
    why=ended
    mounted | grep -q "^$1=" || return 0
    case $(ls -Lid "$2" 2>/dev/null) in *"$1 $2") why=refused ;; *) why=covered ;; esac
}

# how_many: entries of the namespace at hand; the first field of its statistics is hexadecimal.
how_many() {
    count=$( (show "stat/$TRACKED") 2>/dev/null | sed -n '2{s/ .*//;p;}')
    [ -n "$count" ] && count=$((0x$count)) && return 0
    count=0
    return 1
}
