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

# mounted: "INODE=PATH" of those that somebody gave a name.
mounted() {
    sed -n 's|^[^ ]* [^ ]* [^ ]* net:\[\([0-9]*\)\] \([^ ]*\) .* - nsfs .*|\1=\2|p' "$PROC/self/mountinfo"
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

# visit INODE WHERE: choose the way into a namespace. WHERE: a process, a path, or own.
visit() {
    here=ns/$1
    way=none
    case $2 in
        own) way=own; net=$PROC/net ;;
        /*)
            can nsenter || return 1
            way="nsenter --net=$2"
            net=
            ;;
        *)
            net=$PROC/$2/net
            case $1 in ve*) ;; *) can nsenter && way="nsenter -t $2 -n" ;; esac
            ;;
    esac
    [ -n "$net" ] || return 0
    [ -r "$net/stat" ]
}

# how_many: entries of the namespace at hand; the first field of its statistics is hexadecimal.
how_many() {
    count=$( (show "stat/$TRACKED") 2>/dev/null | sed -n '2{s/ .*//;p;}')
    [ -n "$count" ] && count=$((0x$count)) && return 0
    count=0
    return 1
}
