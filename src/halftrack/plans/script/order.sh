# Strict pick-up comes after the clearing: an entry removed by mistake could not come back.
cleared_first() { # operation
    [ "$1" = check ] || return 0
    find_state look || :
    kept clear.done || [ "$force" = yes ] ||
        refuse "strict pick-up comes after the clearing: first $(again clear) (or --force)"
}
