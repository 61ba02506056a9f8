# Addresses that were masked in the source and are filled in at the top.
is_ipv4() {
    case $1 in '' | *[!0-9.]* | .* | *. | *..*) return 1 ;; esac
    rest=$1.
    parts=0
    while [ -n "$rest" ]; do
        octet=${rest%%.*}
        rest=${rest#*.}
        parts=$((parts + 1))
        case $octet in ????* | 0?*) return 1 ;; esac
        [ "$octet" -le 255 ] || return 1
    done
    [ "$parts" = 4 ]
}
is_ipv6() {
    case $1 in '' | *[!0-9a-fA-F:]* | *:::* | *::*::*) return 1 ;; esac
    case $1 in :[!:]* | *[!:]:) return 1 ;; *:*:*) ;; *) return 1 ;; esac
    case $1 in *::*) zeros=1 ;; *) zeros=0 ;; esac
    rest=$1:
    parts=0
    while [ -n "$rest" ]; do
        group=${rest%%:*}
        rest=${rest#*:}
        case $group in
        '') ;;
        ?????*) return 1 ;;
        *) parts=$((parts + 1)) ;;
        esac
    done
    [ "$parts" = 8 ] || { [ "$zeros" = 1 ] && [ "$parts" -lt 8 ]; }
}
filled() { # variable's name, its value, how it was shown, family: ip or ip6
    if [ -z "$2" ]; then
        refuse "$1 at the top of this script is empty: fill in the address shown as $3"
    elif [ "$4" = ip6 ]; then
        is_ipv6 "$2" || refuse "$1 is not an IPv6 address: $2"
    else
        is_ipv4 "$2" || refuse "$1 is not an IPv4 address: $2"
    fi
}
