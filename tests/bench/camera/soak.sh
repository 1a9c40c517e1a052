#!/usr/bin/env bash
# A camera through a ring of three nodes, for minutes: do memory, latency and drops stay as they are?
# Each node and the head are in a network namespace of their own, on links that tc shapes; ffmpeg plays
# photos as an MJPEG camera over HTTP. Needs root, ffmpeg and curl.
#
#   tests/bench/camera/soak.sh MODEL PHOTOS OUT [MINUTES=10] [MBIT=100] [FPS=15] [PROGRAM]
#
# OUT/memory.csv: seconds and resident kB of the head and each node, every 10 s. OUT/status.json,
# OUT/metrics.txt: the last of the run; OUT/report.txt: what the program said.
set -euo pipefail
model=$(realpath "$1") photos=$(realpath "$2") out=$3
minutes=${4:-10} mbit=${5:-100} fps=${6:-15}
program=${7:-$(dirname "$0")/../../../build/release/quantring}
kind=$(find "$photos" -type f | sed -n '1s/.*\.//p')  # all photos end in the same: JPEG
mkdir -p "$out"
spaces=(qc$$a qc$$b qc$$c qc$$h)
pids=()
cleanup() {
  for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
  wait 2>/dev/null || true
  for space in "${spaces[@]}"; do ip netns del "$space" 2>/dev/null || true; done
  ip link del "qc$$" 2>/dev/null || true
}
trap cleanup EXIT

ip link add "qc$$" type bridge
ip link set "qc$$" up
for i in 0 1 2 3; do
  space=${spaces[$i]}
  ip netns add "$space"
  ip link add "qc$$$i" type veth peer name e0 netns "$space"
  ip link set "qc$$$i" master "qc$$" up
  ip -n "$space" addr add "10.78.0.1$i/24" dev e0
  ip -n "$space" link set e0 up
  ip -n "$space" link set lo up
  tc -n "$space" qdisc add dev e0 root tbf rate "${mbit}mbit" burst 32kb latency 50ms
done

printf 'model = "%s"\n' "$model" >"$out/ring.toml"
for i in 0 1 2; do
  ip netns exec "${spaces[$i]}" "$program" node --model "$model" --threads 1 >"$out/node$i.txt" 2>&1 &
  pids+=($!)
  printf '[[stage]]\naddress = "10.78.0.1%s:7710"\n' "$i" >>"$out/ring.toml"
done
# Into the head's namespace's loopback: the camera is not what is measured.
ip netns exec "${spaces[3]}" ffmpeg -nostdin -loglevel error -re -framerate "$fps" -loop 1 -pattern_type glob \
  -i "$photos/*.$kind" -vf 'scale=640:480:force_original_aspect_ratio=decrease,pad=640:480:(ow-iw)/2:(oh-ih)/2' \
  -f mpjpeg -q:v 3 -listen 1 http://127.0.0.1:8090/cam.mjpg 2>"$out/ffmpeg.txt" &
pids+=($!)
for _ in $(seq 100); do
  ip netns exec "${spaces[3]}" ss -ltn | grep -q :8090 && break
  sleep 0.1
done
ip netns exec "${spaces[3]}" "$program" camera http://127.0.0.1:8090/cam.mjpg --ring "$out/ring.toml" \
  --listen 127.0.0.1:8080 >"$out/answers.txt" 2>"$out/report.txt" &
head=$!
pids+=("$head")

echo "seconds,head_kb,node0_kb,node1_kb,node2_kb" >"$out/memory.csv"
resident() { awk '/^VmRSS/ {print $2}' "/proc/$1/status"; }
begin=$SECONDS
while sleep 10; do
  at=$((SECONDS - begin))
  echo "$at,$(resident "$head"),$(resident "${pids[0]}"),$(resident "${pids[1]}"),$(resident "${pids[2]}")" \
    | tee -a "$out/memory.csv"
  ip netns exec "${spaces[3]}" curl -s http://127.0.0.1:8080/api/status >"$out/status.json"
  ip netns exec "${spaces[3]}" curl -s http://127.0.0.1:8080/metrics >"$out/metrics.txt"
  [ "$at" -lt $((minutes * 60)) ] || break
done
kill -INT "$head"
wait "$head"
cat "$out/report.txt"
