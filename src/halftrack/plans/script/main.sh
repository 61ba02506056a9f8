steps_of() { # part
    case $1 in
    relief) echo "$RELIEF" ;;
    cure) echo "$CURE" ;;
    clear) echo "$CLEAR" ;;
    esac
}
each() { # operation, part
    operation=$1 current=$2
    for number in $(steps_of "$2"); do
        "${current}_$number" "$operation" || return 1
    done
}
each_backwards() { # operation, part
    operation=$1 current=$2 order=
    for number in $(steps_of "$2"); do order="$number $order"; done
    for number in $order; do
        "${current}_$number" "$operation" || return 1
    done
}
usage() {
    cat >&2 <<'END'
usage: sh SCRIPT [--elsewhere] [relief | cure | clear | back [relief | cure] [--force]]
  no part: says what each part would do, changes nothing
  back: puts back what relief and cure changed, and nothing if somebody changed any of it since
  --force: all the same, where that is what a refusal names
  --elsewhere: on a node of another name than the plan's
HALFTRACK_ROOT: where etc and var are, if not in /; HALFTRACK_WAIT: seconds to watch drops (10)
END
    exit 64
}
apply() { # part
    must_be_here
    addresses
    [ -n "$(steps_of "$1")" ] || {
        say "this plan has nothing for $1"
        return 0
    }
    # No file is opened for writing before all of the part's conditions have been looked at.
    find_state look
    for number in $(steps_of "$1"); do "${1}_$number" check; done
    [ "$refused" = 0 ] || stop "$code" "nothing was changed"
    find_state make
    lock
    each note "$1" || stop 76 "nothing was changed: what back needs could not be kept in $STATE"
    sync
    lost=
    [ "$1" != relief ] || measure_drops
    lost_before=$lost thrown_before=${thrown:-}
    if ! each 'do' "$1"; then
        [ "$1" = clear ] || warn "stopped there. What was done before it goes back with: $(again back "$1")"
        exit 76
    fi
    [ "$1" != relief ] || compare_drops
    [ "$1" != clear ] || keep clear.done yes
    unlock
    [ "$partly" = 0 ] || exit 76
}
compare_drops() {
    if [ -z "$lost_before" ] || ! measure_drops; then
        say "this kernel does not show how many connections it drops"
        return 0
    fi
    say "waited $WAIT s: dropped +$lost (was +$lost_before), thrown out early +$thrown (was +$thrown_before)"
}
back() { # parts
    must_be_here
    find_state look || {
        say "nothing to put back: this script changed nothing here"
        return 0
    }
    lock
    for part in "$@"; do
        for number in $(steps_of "$part"); do "${part}_$number" may_go_back; done
    done
    if [ "$refused" != 0 ] && [ "$force" = no ]; then
        stop 76 "nothing was put back (back --force does it all the same)"
    fi
    for part in "$@"; do
        each_backwards back "$part" || stop 76 "stopped there; what is left goes back with: $(again back)"
    done
    [ "$changed" = 1 ] || say "all was as before already"
    unlock
    # shellcheck disable=SC2010  # names of our own
    ls "$STATE" | grep -q '[.]before$' || rm -f "$STATE/made.directories"
    rmdir "$STATE" 2>/dev/null && rmdir "${STATE%/*}" 2>/dev/null
    sync
}
look() {
    by_name
    say "plan $PLAN for ${NODE:-a node it does not name}; each part can be run alone"
    for part in relief cure clear; do
        [ -n "$(steps_of "$part")" ] || continue
        about "$part"
        each show "$part"
    done
    say "nothing was changed; to do a part: $(again PART)"
}
main() {
    trap - EXIT
    part='' target='' force=no elsewhere=no
    for word in "$@"; do
        case $word in
        --force) force=yes ;;
        --elsewhere) elsewhere=yes ;;
        relief | cure | clear | back)
            if [ -z "$part" ]; then
                part=$word
            elif [ "$part" = back ] && [ -z "$target" ]; then
                target=$word
            else
                usage
            fi
            ;;
        *) usage ;;
        esac
    done
    trap unlock EXIT
    trap 'warn "interrupted; what was changed goes back with: $(again back)"; exit 130' INT TERM HUP
    case $part/$target in
    /) look ;;
    back/) back cure relief ;;
    back/relief | back/cure) back "$target" ;;
    back/clear) stop 64 "entries that are gone do not come back; a list of them is in ${ROOT}/var/lib/halftrack-script" ;;
    back/back) usage ;;
    *) apply "$part" ;;
    esac
}
main "$@" </dev/null
exit
