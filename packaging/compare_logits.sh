#!/usr/bin/env bash
# Compares the logits that packaging/check_static.sh wrote to two folders with the tolerance of the
# golden tests. The programs of the first folder must run on this machine. Usage: packaging/compare_logits.sh FOLDER FOLDER
set -euo pipefail
bound=1e-5
# Status 1 means that there are differences.
text="$("$1/quantring-weights" diff "$1/logits.safetensors" "$2/logits.safetensors")" || [ $? -eq 1 ]
echo "$text"
difference="$(sed -n 's/.*relative L2 \([0-9.e+-]*\).*/\1/p' <<<"$text")"
[[ "$text" != same:* ]] || difference=0
awk -v difference="${difference:-1}" -v bound=$bound 'BEGIN { exit !(difference + 0 <= bound) }' || {
  echo "error: the logits differ by more than $bound" >&2
  exit 1
}
