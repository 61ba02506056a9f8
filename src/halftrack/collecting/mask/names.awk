# --- names

function add_name(name,    low, i) {
    name = bare_of(name)
    low = tolower(name)
    if (name == "" || name ~ /^[0-9]+$/ || low in stand_in) { return }
    stand_in[low] = ""
    # The longest first: a shorter one may be a part of it.
    for (i = ++name_count; i > 1 && length(name_at[i - 1]) < length(low); i--) { name_at[i] = name_at[i - 1] }
    name_at[i] = low
    original[low] = name
    if (low ~ /^[0-9a-f]+$/ && length(low) > 12) { add_name(substr(low, 1, 12)) }
}

# bare_of NAME: from its first letter to its last, of any script: signs are those of ASCII. As strings: how a
# slash stands in the class of a literal, no two of them agree.
function bare_of(name) {
    sub("^[\t !-/:-@[-`{-~]+", "", name); sub("[\t !-/:-@[-`{-~]+$", "", name)
    return name
}

function choose_stem(    i) {
    for (i = 1; i <= name_count; i++) { while (index(name_at[i], stem) == 1) { stem = stem "x" } }
}

# named NAME HERE: here: what is called so is one by its place alone, as a process is, and not in any text.
function named(name, here,    low) {
    low = tolower(name)
    if (low ~ /^[0-9]*$/) { return name }
    if (!(low in stand_in)) {
        if (!here) { add_name(name) }
        if (!(low in stand_in)) { stand_in[low] = ""; original[low] = name }
    }
    if (stand_in[low] == "") {
        stand_in[low] = low ~ /^[0-9a-f]+$/ && length(low) >= 12 && length(low) <= 64 ? identity(low) : stem "-" (++given)
        if (stand_in[low] ~ /^masked/) { note("name", "\t" escaped(original[low]) "\t" stand_in[low]) }
    }
    return stand_in[low]
}

function identity(name,    head, its) {
    if (name !~ /^[0-9a-f]+$/ || length(name) < 12) { return named(name) }
    head = substr(name, 1, 12)
    if (!(head in identity_of)) {
        identity_of[head] = sprintf("5eed%08x", ++identities)
        if (!(head in stand_in)) { add_name(head) }
    }
    its = identity_of[head] substr("0000000000000000000000000000000000000000000000000000", 1, length(name) - 12)
    if (!(head in noted) || length(name) > noted[head]) {
        noted[head] = length(name)
        note("identity", "\t" name "\t" its)
    }
    return its
}

function escaped(name) {
    gsub(/\\/, "\\\\", name); gsub(/\t/, "\\t", name)
    return name
}

# names LINE BLANK: with stand-ins in the place of names; with BLANK, a sign that stands nowhere else.
function names(line, blank,    i, low, at, name, before, after, done, rest) {
    low = tolower(line)
    for (i = 1; i <= name_count; i++) {
        name = name_at[i]
        if (name in is_plain || length(name) < 2 || !index(low, name)) { continue }
        done = ""; rest = line
        while ((at = index(low, name))) {
            before = at > 1 ? substr(low, at - 1, 1) : substr(done, length(done), 1)
            after = substr(low, at + length(name), 1)
            if (before ~ /[0-9A-Za-z]/ || after ~ /[0-9A-Za-z]/ ||
                (name ~ /^[0-9a-f]+$/ && in_address(done substr(rest, 1, at - 1), name, substr(rest, at + length(name))))) {
                done = done substr(rest, 1, at)
                rest = substr(rest, at + 1); low = substr(low, at + 1)
                continue
            }
            done = done substr(rest, 1, at - 1) (blank ? "\001" : named(name))
            rest = substr(rest, at + length(name)); low = substr(low, at + length(name))
        }
        line = done rest
        low = tolower(line)
    }
    return line
}

# in_address BEFORE NAME AFTER: whether it is digits of an address there, which is nobody's or a stand-in by now.
function in_address(before, name, after) {
    if (match(before, /[0-9A-Fa-f:.]+$/)) {
        if (RSTART > 1 && substr(before, RSTART - 1, 1) ~ /[0-9A-Za-z]/) { return 0 }
        name = substr(before, RSTART) name
    }
    if (match(after, /^[0-9A-Fa-f:.]+/)) {
        name = name substr(after, 1, RLENGTH)
        if (substr(after, RLENGTH + 1, 1) ~ /[0-9A-Za-z]/) { return 0 }
    }
    if (name ~ /^:[^:]/) { name = substr(name, 2) }
    if (name ~ /([^:]|::):$/) { name = substr(name, 1, length(name) - 1) }
    return name ~ /:.*:/ && (is_mac(name) || expanded(name) != "")
}

# comments LINE: the words of comments in a line of rules.
function comments(line,    done, at, size, word) {
    done = ""
    while (match(line, /comment "|--comment |\/\* /)) {
        at = RSTART + RLENGTH
        done = done substr(line, 1, at - 1)
        word = substr(line, RSTART, RLENGTH)
        line = substr(line, at)
        if (word ~ /"$/) { match(line, /^([^"\\]|\\.)*/) }
        else if (word ~ /\*/) { size = index(line, " */"); RLENGTH = size ? size - 1 : length(line) }
        else if (line ~ /^"/) { match(line, /^"([^"\\]|\\.)*/) }
        else { match(line, /^[^ ]*/) }
        size = RLENGTH
        done = done words_of(substr(line, 1, size))
        line = substr(line, size + 1)
    }
    return done line
}

function words_of(comment,    done, word, n, p, i) {
    done = ""
    while (match(comment, /[0-9A-Za-z_.@:-]+/)) {
        word = substr(comment, RSTART, RLENGTH)
        done = done substr(comment, 1, RSTART - 1)
        comment = substr(comment, RSTART + RLENGTH)
        if (word ~ /:.*:/ && all_six(word)) { done = done word; continue }
        n = split(word, p, ":")
        for (i = 1; i <= n; i++) { done = done (i > 1 ? ":" : "") spoken(p[i]) }
    }
    return done comment
}

# Whether a word is an address or a range, which those who look for addresses are to see as it is.
function all_six(word,    n, p, i) {
    if (word ~ /([^:]|::):$/) { word = substr(word, 1, length(word) - 1) }
    n = split(word, p, "-")
    for (i = 1; i <= n; i++) { if (!is_mac(p[i]) && expanded(p[i]) == "") { return 0 } }
    return 1
}

function spoken(word,    tail) {
    tail = ""
    if (match(word, /[_.@-]+$/)) { tail = substr(word, RSTART); word = substr(word, 1, RSTART - 1) }
    if (length(word) < 2 || word ~ /^[0-9.]+$/ || tolower(word) in is_plain) { return word tail }
    if (job == "networks") { print "7 " word; return word tail }
    return named(word) tail
}
