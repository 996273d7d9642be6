#!/bin/sh
# Opens a PassKit URL with the openssl command alone and prints its JSON.
#
#     openssl_check.sh URL KEY_FILE      # KEY_FILE holds the key in hex
#
# For a check with a throwaway key only: openssl takes the key on its command line, where every user of the machine
# can read it.
set -eu

[ $# -eq 2 ] || { echo "usage: openssl_check.sh URL KEY_FILE" >&2; exit 2; }
url=$1
key=$(tr -d '[:space:]' < "$2")

decode_base64() { # either alphabet, padded or not, to bytes on stdout
    text=$(printf %s "$1" | tr -- '-_' '+/' | tr -d '=')
    while [ $((${#text} % 4)) -ne 0 ]; do text="$text="; done
    printf %s "$text" | openssl base64 -d -A
}

data=${url#*\?data=}
case $data in
*"&iv="*)
    iv=${data#*&iv=}
    data=${data%%&iv=*}
    [ ${#iv} -eq 32 ] || iv=$(decode_base64 "$iv" | od -An -v -tx1 | tr -d ' \n')
    bits=$((${#key} * 4))
    decode_base64 "$data" | openssl enc -d "-aes-$bits-cbc" -K "$key" -iv "$iv"
    ;;
*"&sig="*)
    signed=${url%%&sig=*}
    signature=${url#*&sig=}
    data=${data%%&sig=*}
    case ${#signature} in
    64) hash=sha256 ;;
    40) hash=sha1 ;;
    *) echo "the signature has neither 64 nor 40 digits" >&2; exit 1 ;;
    esac
    expected=$(printf %s "$signed" | openssl dgst "-$hash" -mac HMAC -macopt "hexkey:$key" -r)
    [ "${expected%% *}" = "$signature" ] || { echo "the signature is wrong" >&2; exit 1; }
    decode_base64 "$data"
    ;;
*)
    echo "not a PassKit URL" >&2
    exit 1
    ;;
esac
