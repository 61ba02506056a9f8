#!/bin/sh
# Halftrack @VERSION@ in one file, for Linux @FLOOR@ or newer on @MACHINE@: no Python, no libc and no network of the
# node's are needed; sh, tar, gzip and @MIB@ MiB of disk are.
#
#   sh FILE [VERB ...]      runs it; the first time it unpacks itself into a directory that only you can write to:
#                           $HALFTRACK_CACHE_DIR, else /var/cache/halftrack (root) or ~/.cache/halftrack
#   sh FILE --unpack DIR    only unpacks, for a node where it stays; then DIR/bin/halftrack is the program
set -u
PATH=$PATH:/usr/sbin:/usr/bin:/sbin:/bin
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
    command -v sha256sum >/dev/null || return 0
    [ "$(payload | sha256sum | cut -c 1-64)" = "$SUM" ] || die 65 "$0 was changed on its way: copy it anew"
}

unpack() { # DIR: all of it in $fresh beside it, or nothing, however this ends
    whole
    fresh=$1.$$
    rm -rf "$fresh"
    trap 'code=$?; rm -rf "$fresh"; exit "$code"' EXIT
    trap 'exit 130' HUP INT TERM
    (umask 022 && mkdir "$fresh") || die 74 "cannot make $fresh"
    payload | gzip -dc | (cd "$fresh" && umask 022 && tar xof -)
    [ -f "$fresh/complete" ] || die 74 "cannot unpack into $1: @MIB@ MiB are needed there"
    "$fresh/bin/python" -I -W ignore -c 'import numpy, polars' ||
        die 69 "cannot run what was unpacked to $1: is it mounted noexec (HALFTRACK_CACHE_DIR names another place)," \
            "Linux older than @FLOOR@, or the processor without SSE4.2? halftrack collect --script needs none of these"
}

if [ "${1-}" = --unpack ]; then
    if [ $# -ne 2 ] || [ -z "$2" ]; then die 64 "one directory: sh $0 --unpack DIR"; fi
    into=${2%/}
    [ ! -e "$into" ] || [ -f "$into/complete" ] || die 64 "$into is there already and is none of ours"
    unpack "$into"
    [ ! -e "$into" ] || mv "$into" "$fresh/before" || die 74 "cannot replace $into"
    mv "$fresh" "$into" || die 74 "cannot make $into"
    rm -rf "$into/before"
    echo "$into/bin/halftrack"
    exit
fi

if [ -n "${HALFTRACK_CACHE_DIR-}" ]; then
    cache=$HALFTRACK_CACHE_DIR
elif [ "$(id -u)" -eq 0 ]; then
    cache=/var/cache/halftrack
else
    cache=${XDG_CACHE_HOME:-${HOME:-/nonexistent}/.cache}/halftrack
fi
case $cache in /*) ;; *) cache=$PWD/$cache ;; esac
(umask 077 && mkdir -p "$cache") 2>/dev/null ||
    die 74 "cannot make $cache to unpack into: HALFTRACK_CACHE_DIR names another place"
# What lies in it is run, perhaps by root: nobody else may have put it there.
[ -n "$(find "$cache/." -prune -user "$(id -u)" ! -perm -020 ! -perm -002)" ] ||
    die 77 "$cache belongs to somebody else or others can write to it: HALFTRACK_CACHE_DIR names another place"
if [ ! -f "$cache/$NAME/complete" ]; then
    unpack "$cache/$NAME"
    # Whoever unpacked it meanwhile may be running it.
    if [ -e "$cache/$NAME" ]; then rm -rf "$fresh"; else mv "$fresh" "$cache/$NAME" || die 74 "cannot make $cache/$NAME"; fi
    trap - EXIT HUP INT TERM
fi
case $0 in */*) HALFTRACK_STARTED_AS=$0 ;; *) HALFTRACK_STARTED_AS=./$0 ;; esac
export HALFTRACK_STARTED_AS
exec "$cache/$NAME/bin/halftrack" "$@"
