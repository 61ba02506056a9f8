#!/bin/sh
# The interpreter of this tree, with this tree's own libc: nothing of the node's is loaded.
here=$(readlink -f "$0") && here=${here%/*/*} || exit
unset LD_PRELOAD LD_AUDIT # made for the libc of the node
exec "$here/lib/loader" --inhibit-cache --library-path "$here/lib" "$here/python/bin/python" "$@"
