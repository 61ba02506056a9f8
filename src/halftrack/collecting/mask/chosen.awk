# --- names that somebody chose for chains, sets, tables, interfaces and processes

# Prints "8 NAME" of what a line of rules or of "ip -o addr" names; those that hold a hash are nobody's.
function name_chosen(line,    n, p, i, word) {
    n = split(line, p, " ")
    if (p[1] ~ /^[0-9]+:$/ && (p[3] == "inet" || p[3] == "inet6")) { tell_chosen(p[2]); return }
    if (p[1] ~ /^:./) { tell_chosen(substr(p[1], 2)) }
    for (i = 1; i <= n; i++) {
        if (p[i] ~ /^@./) { tell_chosen(substr(p[i], 2)) }
        if (p[i] ~ /^(-[AjgNio]|--(jump|goto|in-interface|out-interface|match-set|set|name))$/ ||
            p[i] ~ /^(chain|set|map|flowtable|jump|goto|name|counter|iifname|oifname|iif|oif)$/) { tell_chosen(p[i + 1]) }
        if (p[i] == "table") { tell_chosen(p[i + 1]); tell_chosen(p[i + 2]) }
    }
}

function tell_chosen(word) {
    gsub(/["{},;]/, "", word)
    if (word !~ /^(KUBE|CNI|cali)-/ && word ~ /[0-9A-Za-z]/ && word !~ /^-/) { print "8 " word }
}

function add_chosen(    i) {
    for (i = 1; i <= choices; i++) { if (telling(chosen[i])) { add_name(chosen[i]) } }
}

# add_word WORD: of a comment. It is looked for where names are, but in no other name.
function add_word(word,    low) {
    word = bare_of(word)
    low = tolower(word)
    if (!(low in stand_in)) { is_word[low] = 1 }
    add_name(word)
}

# telling NAME: whether a name of the node is in it still when names are replaced where they stand alone.
function telling(name,    low, n, p, i) {
    low = tolower(name)
    if (low in is_plain || low in is_target || low ~ /^[0-9.]*$/ || !tells(low)) { return 0 }
    n = split(names(name, 1), p, "\001")
    for (i = 1; i <= n; i++) { if (tells(tolower(p[i]))) { return 1 } }
    return 0
}

# tells TEXT: whether a name is in it, whatever signs are between.
function tells(text,    i) {
    gsub(/[^0-9a-z]/, "", text)
    for (i = 1; i <= name_count; i++) {
        if (!(name_at[i] in bare)) {
            bare[name_at[i]] = name_at[i]
            gsub(/[^0-9a-z]/, "", bare[name_at[i]])
            if (name_at[i] in is_word || name_at[i] in is_plain || length(bare[name_at[i]]) < 3) { bare[name_at[i]] = "" }
        }
        if (bare[name_at[i]] != "" && index(text, bare[name_at[i]])) { return 1 }
    }
    return 0
}
