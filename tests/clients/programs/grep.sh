#!/usr/bin/env bash
# A one-liner at a terminal: curl, grep, sed and tr, no JSON parser anywhere.
set -euo pipefail
url=$1 key=$2 question=$3
body=$(printf '%s' "$question" | sed 's/\\/\\\\/g; s/"/\\"/g')
curl --silent --show-error --fail --no-buffer "$url" \
  --header "Authorization: Bearer $key" --header 'Content-Type: application/json' \
  --data "{\"message\":\"$body\"}" |
  grep -Eo '"(response|error)":"[^"]*"' |
  sed -E 's/^"response":"//; s/^"error":"/error: /; s/"$//' |
  tr -d '\n'
