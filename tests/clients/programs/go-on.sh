#!/usr/bin/env bash
# curl over a line that breaks after some bytes, again and again: the question once more until anything has come, then on
# from the last id until the end. Prints each whole event's JSON, and at last the status of what is asked for behind the end.
#
#   go-on.sh SEED POST-URL BODY READ-ON-URL [HEADER …]
RANDOM=$1 post=$2 body=$3 on=$4 cursor=
shift 4
headers=(--header "Idempotency-Key: $(date +%s%N)")
for each in "$@"; do headers+=(--header "$each"); done

ask() {
  if [[ $cursor ]]; then
    curl --silent --no-buffer "$on" "${headers[@]}" --header "Last-Event-ID: $cursor" "$@"
  else
    curl --silent --no-buffer "$post" "${headers[@]}" --header 'Last-Event-ID;' \
      --header 'Content-Type: application/json' --data "$body"
  fi
}

while [[ $cursor != *.end ]]; do
  id='' data='' cut=$((1 + RANDOM % 900)) # not in a subshell, which has random numbers of its own
  while IFS= read -r line; do # what has no line end was cut
    case $line in
      "id: "*) id=${line#id: } ;;
      "data: "*) data=${line#data: } ;;
      "")
        [[ $data ]] && printf '%s\n' "$data" && cursor=${id:-$cursor}
        id='' data=''
        ;;
      "{"*) [[ $line =~ ,\"cursor\":\"([^\"]+)\"\}$ ]] && printf '%s\n' "$line" && cursor=${BASH_REMATCH[1]} ;;
    esac
  done < <(ask | head --bytes $cut)
done
ask --output /dev/null --write-out '%{http_code}\n'
