# --- IPv4

function number(text,    p, i) {
    if (split(text, p, ".") != 4) { return -1 }
    for (i = 1; i <= 4; i++) { if (p[i] !~ /^[0-9]+$/ || p[i] > 255) { return -1 } }
    return ((p[1] * 256 + p[2]) * 256 + p[3]) * 256 + p[4]
}

function quad(v) {
    return int(v / power[24]) "." int(v / power[16]) % 256 "." int(v / 256) % 256 "." v % 256
}

function four(text,    v, it, its) {
    if (text in spelled) { return spelled[text] }
    v = number(text)
    if (v < 0 || v == 0 || text ~ /^(127|255)\./ || text ~ /^224\.0\.0\./) {
        its = text
    } else if (text ~ /^169\.254\./) {
        its = quad(next_link++)
    } else if (text ~ /^2(2[4-9]|3[0-9])\./) {
        its = quad(next_group++)
    } else if ((it = innermost(v)) != "" && v == int(v / power[32 - length_of[it]]) * power[32 - length_of[it]]) {
        its = quad(image[it])
    } else if (it != "" && free[it] < image[it] + power[32 - bits_of[it]]) {
        its = quad(free[it]++)
    } else {
        its = quad(next_loose++)
    }
    spelled[text] = its
    if (its != text) { note("address", "\t" text "\t" its) }
    return its
}

function innermost(v,    i, it) {
    for (i = 1; i <= lengths; i++) {
        it = int(v / power[32 - length_at[i]]) "/" length_at[i]
        if (it in image) { return it }
    }
    return ""
}
