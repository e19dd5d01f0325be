#!/usr/bin/env bash
# The steps of the action: gate.sh batch | check. What they need comes in the environment (see action.yml).
set -euo pipefail

read -ra fedunify <<< "$FEDUNIFY"
names=()
while IFS= read -r line || [ -n "$line" ]; do
  line="${line%$'\r'}"
  [ -z "${line// /}" ] || names+=("$line")
done <<< "$GATE"
if [ ${#names[@]} -eq 0 ]; then
  echo '::error title=fedunify gate::gate names nothing: give experiment files or run folders, one a line'
  exit 2
fi

case "$1" in
  batch)
    files=()
    for name in "${names[@]}"; do
      case "$name" in
        # It means its run, as for check.
        manifest.json | */manifest.json) ;;
        *.yaml | *.yml | *.json) files+=("$name") ;;
      esac
    done
    # Of run folders alone there is nothing to run.
    [ ${#files[@]} -eq 0 ] || "${fedunify[@]}" batch "${files[@]}"
    ;;
  check)
    options=()
    [ -z "$EXPECT" ] || options+=(--expect "$EXPECT")
    [ -z "$JUNIT" ] || options+=(--output "junit=$JUNIT")
    code=0
    "${fedunify[@]}" check "${names[@]}" ${options[@]+"${options[@]}"} || code=$?
    {
      [ "$code" -eq 0 ] && echo passed=true || echo passed=false
      echo "junit=$JUNIT"
    } >> "$GITHUB_OUTPUT"
    exit "$code"
    ;;
  *)
    echo "usage: gate.sh batch | check" >&2
    exit 2
    ;;
esac
