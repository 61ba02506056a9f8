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
# Both what became of main and whether it could be written: the one comes by descriptor 3.
code=$({
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
        printf '%s\n' "$code" >&3
    } | bounded 3>&- 4>&- | packed 3>&- >&4 4>&-
} 3>&1)
written=$?
# Ended by SIGPIPE, as shells count: nobody reads it any more. Whatever else ends it cuts it short.
case $written in 141 | 269 | 397) exit 141 ;; esac
[ "$written" -eq 0 ] || refuse 74 'it could not be written'
case $code in
    0) ;;
    76) refuse 76 "the time was up after $MOST_S s: what was read until then is in it" ;;
    141 | 269 | 397) refuse 76 "more than $((MOST_BYTES >> 20)) MB: the rest is not in it" ;;
    *) refuse 76 'it was ended before its time: what was read until then is in it' ;;
esac
