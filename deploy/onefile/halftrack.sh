#!/bin/sh
# Halftrack out of this tree, wherever it lies. -I: nothing of the caller's directory or environment.
here=$(readlink -f "$0") && here=${here%/*/*} || exit
unset LD_PRELOAD LD_AUDIT # made for the libc of the node
exec "$here/lib/loader" --inhibit-cache --library-path "$here/lib" "$here/python/bin/python" -I -m halftrack "$@"
