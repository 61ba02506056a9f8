if [ -t 1 ]; then refuse 64 'the bundle is no text: send standard output into a file'; fi
(: 3>&1) 2>/dev/null || refuse 74 'standard output is closed'
lacking=
for tool in cat grep ls sed sleep sort; do
    has "$tool" || lacking="$lacking $tool"
done
[ -z "$lacking" ] || refuse 69 "it takes what is missing here:$lacking"
[ -d "$PROC/net" ] || refuse 69 "there is no $PROC/net"
renice 19 $$ >/dev/null 2>&1
TOKEN=$(first_line /proc/sys/kernel/random/uuid)
now
BEGUN_S=${NOW%%.*}
TOKEN=${TOKEN:-$$-$BEGUN_S}
KERNEL=$(first_line "$PROC/sys/kernel/osrelease")
# Old kernels call it so; some have both, with the same in them.
TRACKED=nf_conntrack
[ -e "$PROC/net/stat/nf_conntrack" ] || ! [ -e "$PROC/net/stat/ip_conntrack" ] || TRACKED=ip_conntrack
# The tc of busybox has no counters, and its shell may take that in the place of the node's.
QUEUES=no
TC=tc
for each in tc /usr/sbin/tc /sbin/tc; do
    if can "$each" && "$each" -s qdisc show >/dev/null 2>&1; then
        TC=$each QUEUES=yes
        break
    fi
done
OWN=$(namespace self)
OWN=${OWN:-0}
FIRST=$(namespace 1)
FIRST=${FIRST:-$OWN}
say "halftrack-collect: reads only, writes only to stdout, at most $MOST_S s, nice 19"
exec 4>&1
# What became of main, of the packing and of the writing comes by descriptor 3.
ends=$({
    {
        child=
        watcher=
        by=KILL
        among=no
        main &
        main=$!
        # Whatever hangs: what was read until then is whole, and the reader sees that the rest is missing.
        watched "$MOST_S" "$main" TERM &
        watcher=$!
        wait "$main"
        code=$?
        relieve
        now
        # Where it had to be killed: by us, or before its time by somebody else.
        case $code in 137 | 265 | 393) [ "$left" -gt 0 ] || code=76 ;; esac
        printf 'read=%s\n' "$code" >&3
        # Last, as whoever cannot write ends here.
        [ "$code" != 76 ] || [ "$left" -gt 0 ] || put '\n%s stopped %s\n' "$TOKEN" "$MOST_S"
    } | bounded 3>&- 4>&- | {
        packed 3>&- 4>&-
        printf 'packed=%s\n' "$?" >&3
    } | carried 3>&- >&4 4>&- &
    carrier=$!
    still "$((MOST_S + STILL_S))" "$carrier" &
    watcher=$!
    { wait "$carrier"; } 2>/dev/null
    printf 'written=%s\n' "$?" >&3
    relieve
} 3>&1)
read=
packed=
written=
for each in $ends; do
    case $each in
        read=*) read=${each#*=} ;;
        packed=*) packed=${each#*=} ;;
        written=*) written=${each#*=} ;;
    esac
done
# As shells count: ended by SIGPIPE, for nobody reads it any more, or by us. Whatever else ends it cuts it short.
case "$written $packed" in
    "0 0") ;;
    141* | 269* | 397*) exit 141 ;;
    142* | 270* | 398*) refuse 74 "nothing more of it could be written for $STILL_S s and more: the rest was given up" ;;
    *) refuse 74 'it could not be written' ;;
esac
case $read in
    0) ;;
    76) refuse 76 "the time was up after $MOST_S s: what was read until then is in it" ;;
    141 | 269 | 397) refuse 76 "more than $((MOST_BYTES >> 20)) MB: the rest is not in it" ;;
    *) refuse 76 'it was ended before its time: what was read until then is in it' ;;
esac
