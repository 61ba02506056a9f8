#!/bin/sh
# Halftrack @VERSION@ in one file, for Linux @FLOOR@ or newer on @MACHINE@: no Python, no libc and no network of the
# node's are needed; sh, tar, gzip and @MIB@ MiB of disk are.
#
#   sh FILE [VERB ...]      runs it; the first time it unpacks itself into a directory that only you can write to:
#                           $HALFTRACK_CACHE_DIR, else /var/cache/halftrack (root) or ~/.cache/halftrack
#   sh FILE --unpack DIR    only unpacks, for a node where it stays; then DIR/bin/halftrack is the program
set -u
PATH=${PATH:+$PATH:}/usr/sbin:/usr/bin:/sbin:/bin
SIZE=@SIZE@
TOTAL=@TOTAL@
SUM=@SUM@
NAME=@NAME@

die() { # CODE WORD...
    code=$1
    shift
    echo "halftrack: $*" >&2
    exit "$code"
}

payload() { tail -c "$SIZE" "$0"; }

whole() {
    [ "$(wc -c <"$0")" -eq "$TOTAL" ] || die 65 "$0 is cut short or was changed: copy it anew"
    if command -v sha256sum >/dev/null; then
        [ "$(payload | sha256sum | cut -c 1-64)" = "$SUM" ]
    else
        payload | gzip -t 2>/dev/null
    fi || die 65 "$0 was changed on its way: copy it anew"
}

unpack() { # DIR: all of it in $fresh beside it, or nothing, however this ends
    whole
    fresh=$1.$$
    rm -rf "$fresh"
    trap 'code=$?; rm -rf "$fresh"; exit "$code"' EXIT
    trap 'exit 130' HUP INT TERM
    (umask 022 && mkdir "$fresh") 2>/dev/null || die 74 "cannot make $fresh"
    # What tar could not write it leaves out or short, and goes on: its exit code counts.
    said=$(payload | gzip -dc 2>/dev/null | (cd "$fresh" && umask 022 && tar xof - 2>&1)) || rm -f "$fresh/complete"
    [ -f "$fresh/complete" ] ||
        die 74 "cannot unpack into $1: @MIB@ MiB are needed there ($(echo "$said" | head -n 1))"
    # All of it is on the disk before it takes its name. Where nothing is said nothing of it ran.
    said=$("$fresh/bin/python" -I -W ignore -c '
import ctypes, os, sys, numpy, polars
print("not written" if ctypes.CDLL(None).syncfs(os.open(sys.prefix, os.O_RDONLY)) else "written")' 2>&1)
    case $said in
        written) ;;
        "not written") die 74 "cannot unpack into $1: the disk did not take it" ;;
        *)
            die 69 "cannot run what was unpacked to $1: is it mounted noexec (HALFTRACK_CACHE_DIR names another place)," \
                "Linux older than @FLOOR@, or the processor without SSE4.2? halftrack collect --script needs none of" \
                "these ($(echo "$said" | tail -n 1))"
            ;;
    esac
    trap '' HUP INT TERM # no signal ends halfway what follows
}

settle() { # DIR: what was unpacked takes this name
    mv "$fresh" "$1" 2>/dev/null || return
    # Where a directory came meanwhile it lies in that one: of somebody who unpacked the same, or of none of us.
    rm -rf "${1:?}/${fresh##*/}"
    [ -f "$1/complete" ]
}

mine() { # DIR: nobody else can put anything into it
    [ -n "$(find "$1/." -prune -user "$me" ! -perm -020 ! -perm -002)" ]
}

kept() { # DIR: nobody but root and the caller can put something else in the place of what lies in it
    # shellcheck disable=SC2086  # words
    [ -n "$(find "$1/." -prune \( -user "$me" -o -user 0 -o -user "$top" \) \( -perm -1000 -o ! -perm -002 $group \))" ]
}

if [ "${1-}" = --unpack ]; then
    if [ $# -ne 2 ] || [ -z "$2" ]; then die 64 "one directory: sh $0 --unpack DIR"; fi
    into=${2%/}
    case $into in /*) ;; *) into=$PWD/$into ;; esac
    [ ! -e "$into" ] || [ -f "$into/complete" ] || die 64 "$into is there already and is none of ours"
    unpack "$into"
    [ ! -e "$into" ] || mv "$into" "$fresh.old" || die 74 "cannot replace $into"
    if ! settle "$into"; then
        [ -e "$into" ] || [ ! -e "$fresh.old" ] || mv "$fresh.old" "$into"
        die 74 "cannot make $into"
    fi
    rm -rf "$fresh.old"
    echo "$into/bin/halftrack"
    exit
fi

me=$(id -u)
top=$(stat -c %u / 2>/dev/null) || top=0
# Whoever is in a group of root's is not root; the group of an ordinary user is mostly his alone.
group=
[ "$me" -ne 0 ] || group='! -perm -020'
if [ -n "${HALFTRACK_CACHE_DIR-}" ]; then
    cache=$HALFTRACK_CACHE_DIR
elif [ "$me" -eq 0 ]; then
    cache=/var/cache/halftrack
else
    cache=${XDG_CACHE_HOME:-${HOME:-/nonexistent}/.cache}/halftrack
fi
case $cache in /*) ;; *) cache=$PWD/$cache ;; esac
# From here on without links, which somebody could turn elsewhere.
if ! { (umask 077 && mkdir -p "$cache") 2>/dev/null && real=$(cd -P "$cache" && pwd -P); }; then
    die 74 "cannot make $cache to unpack into: HALFTRACK_CACHE_DIR names another place"
fi
cache=$real
# What lies in it is run, perhaps by root: nobody else may have put it there, or a whole directory in its place.
mine "$cache" ||
    die 77 "$cache belongs to somebody else or others can write to it: HALFTRACK_CACHE_DIR names another place"
above=$cache
while [ -n "$above" ]; do
    above=${above%/*}
    kept "$above" ||
        die 77 "others can put what they like in the place of $cache: HALFTRACK_CACHE_DIR names another place"
done
if [ ! -f "$cache/$NAME/complete" ]; then
    # What is there without it is torn, unless it came just now; what was ended by force still lies beside.
    if [ -e "$cache/$NAME" ] && [ ! -f "$cache/$NAME/complete" ]; then rm -rf "${cache:?}/$NAME"; fi
    find "$cache" -name 'halftrack-*-*.[0-9]*' -prune -mmin +60 -exec rm -rf {} + 2>/dev/null
    unpack "$cache/$NAME"
    settle "$cache/$NAME" || die 74 "cannot make $cache/$NAME"
    trap - EXIT HUP INT TERM
fi
case $0 in */*) HALFTRACK_STARTED_AS=$0 ;; *) HALFTRACK_STARTED_AS=./$0 ;; esac
export HALFTRACK_STARTED_AS
exec "$cache/$NAME/bin/halftrack" "$@"
