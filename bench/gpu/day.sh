#!/usr/bin/env bash
# Runs on the machine with the GPU, and needs nothing there but NVIDIA's driver, python3 with PyTorch, and xz or python3:
#   bash day.sh OUT STEP...      steps in order: unpack smoke parity speed batches table4 manifest
# Loads that pack.sh made are taken from the folder of this script, one or all at a time. Settings by environment:
#   DAY=folder to unpack to   SPEED_SECONDS=90   TABLE4_SECONDS=150   TABLE4_DEVICE=cuda   QUICK=--quick
set -u
here=$(cd "$(dirname "$0")" && pwd)
out=$(realpath -m "$1")
shift
export BUNDLE=${DAY:-/tmp/fedunify-gpu}
speed_seconds=${SPEED_SECONDS:-90}
table4_seconds=${TABLE4_SECONDS:-150}
table4_device=${TABLE4_DEVICE:-cuda}
quick=${QUICK:-}
mkdir -p "$out" "$BUNDLE/loads"
log=$out/log.txt

unpack() {
  cp -r "$here/bench" "$BUNDLE/"
  for load in "$here"/load.*; do
    [ -e "$load" ] && cp "$load" "$BUNDLE/loads/"
  done
  # The last stream breaks off while a load is still to come: what is whole is used.
  cat "$BUNDLE"/loads/load.* | unxz_all | tar -xi -C "$BUNDLE"
  local runtime=$BUNDLE/cuda/onnxruntime-node
  if [ -e "$BUNDLE/data/train-labels-idx1-ubyte" ] && [ -d "$runtime" ] && [ ! -d "$BUNDLE/app-cuda" ]; then
    # The same program on the runtime that the CUDA library goes with.
    cp -al "$BUNDLE/app" "$BUNDLE/app-cuda"
    rm -r "$BUNDLE/app-cuda/node_modules/onnxruntime-node"
    mv "$runtime" "$BUNDLE/app-cuda/node_modules/"
  elif [ -d "$BUNDLE/app-cuda" ]; then
    rm -rf "$runtime" # unpacked once more
  fi
  # A run of Table 4 that was cut short goes on.
  if [ -e "$here/table4.tar.gz" ]; then tar -xzf "$here/table4.tar.gz" -C "$BUNDLE"; fi
  du -sh "$BUNDLE"/*
}

unxz_all() {
  if command -v xz >/dev/null; then xz -dc; else
    python3 -c 'import lzma, shutil, sys; shutil.copyfileobj(lzma.open(sys.stdin.buffer), sys.stdout.buffer)'
  fi
}

# What programs find: Node, the libraries that this system lacks, NVIDIA's Vulkan driver, the CUDA libraries of PyTorch.
environment() {
  export PATH=$BUNDLE/node/bin:$PATH
  mkdir -p "$BUNDLE/lib"
  local known file
  known=$(PATH=$PATH:/usr/sbin:/sbin ldconfig -p)
  for file in "$BUNDLE"/gl/*; do
    case $known in *"${file##*/} "*) ;; *) cp "$file" "$BUNDLE/lib/" ;; esac
  done
  export LD_LIBRARY_PATH=$BUNDLE/lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
  if [ -d /usr/local/nvidia/lib64 ]; then LD_LIBRARY_PATH=$LD_LIBRARY_PATH:/usr/local/nvidia/lib64; fi
  local driver=/usr/local/nvidia/share/vulkan/icd.d/nvidia_icd.json
  if [ -e $driver ] && [ -z "${VK_ICD_FILENAMES:-}${VK_DRIVER_FILES:-}" ]; then export VK_DRIVER_FILES=$driver; fi
  export XDG_RUNTIME_DIR=${XDG_RUNTIME_DIR:-/tmp}
  CUDA_LIBRARIES=$(python3 - <<'PYTHON'
import glob, os, sys
names = ["libcublas.so.1?", "libcudart.so.1?", "libcurand.so.10", "libcudnn.so.9", "libnvrtc.so.1?", "libcufft.so.1?"]
files = [f for place in sys.path if place for name in names for f in glob.glob(f"{place}/nvidia/**/{name}", recursive=True)]
print(":".join(sorted({os.path.dirname(file) for file in files}) + ["/usr/local/cuda/lib64"]))
PYTHON
)
  export CUDA_LIBRARIES
}

smoke() {
  nvidia-smi
  python3 -c 'import torch; print("torch", torch.__version__, "CUDA", torch.version.cuda, torch.cuda.is_available())'
  python3 -c 'import glob, os, onnxruntime as o; print("python onnxruntime", o.__version__, o.get_available_providers(), glob.glob(os.path.dirname(o.__file__) + "/capi/*providers*"))'
  echo "CUDA libraries: $CUDA_LIBRARIES"
  echo "brought along: $(ls "$BUNDLE/lib" | tr '\n' ' ')"
  ls /etc/vulkan/icd.d /usr/share/vulkan/icd.d /usr/local/nvidia/share/vulkan/icd.d 2>/dev/null
  python3 "$BUNDLE/bench/gpu/vulkan.py" || VK_LOADER_DEBUG=error,warn,driver python3 "$BUNDLE/bench/gpu/vulkan.py"
  for app in app app-cuda; do
    [ -d "$BUNDLE/$app" ] || continue
    local dist=$BUNDLE/$app/node_modules/fedunify/dist device
    for device in webgpu cuda; do
      # What the runtime itself says, at full length; nothing if the device works.
      echo "$app: $device: $(LD_LIBRARY_PATH=$CUDA_LIBRARIES:$LD_LIBRARY_PATH timeout 60 node "$dist/probe.js" $device 2>&1)"
    done
    LD_LIBRARY_PATH=$CUDA_LIBRARIES:$LD_LIBRARY_PATH node "$dist/bin.js" doctor
  done
  ldd "$BUNDLE"/app-cuda/node_modules/onnxruntime-node/bin/napi-v6/linux/x64/*_cuda.so 2>/dev/null | grep 'not found'
  true
}

table4() {
  local app=app
  if [ "$table4_device" = cuda ]; then app=app-cuda; export LD_LIBRARY_PATH=$CUDA_LIBRARIES:$LD_LIBRARY_PATH NVIDIA_TF32_OVERRIDE=0; fi
  local runs=$BUNDLE/table4-$table4_device
  (
    cd "$BUNDLE"
    timeout -s INT -k 20 "$table4_seconds" node "$app/node_modules/fedunify/dist/bin.js" batch --quiet \
      "$app/node_modules/fedunify/experiments/table4.yaml" \
      --set device="$table4_device" --set data=data --set out="$runs" ${quick:+--set images=700 --set rounds=2}
  )
  local code=$?
  tar -czf "$out/table4.tar.gz" -C "$BUNDLE" --exclude=model.onnx "table4-$table4_device"
  tail -n 1 "$runs"/*/*/unified.csv
  # Interrupted is what it is meant to be if time does not do for all rounds.
  if [ $code = 124 ] || [ $code = 130 ]; then echo "table4: cut short after $table4_seconds s"; return 0; fi
  return $code
}

bench() { node "$BUNDLE/bench/gpu/$1.mjs" "${@:2}" $quick; }
parity() { bench parity "$out/parity.csv"; }
batches() { bench batches "$out/webgpu-batches.csv"; }
speed() { bench speed "$out" "$speed_seconds"; }
manifest() { node "$BUNDLE/bench/gpu/manifest.mjs" "$out" "$BUNDLE"; }

for step in "$@"; do
  [ "$step" = unpack ] || environment
  echo "== $step" | tee -a "$log"
  begin=$SECONDS
  if [ "$step" != unpack ] && command -v nvidia-smi >/dev/null; then
    nvidia-smi --query-gpu=timestamp,utilization.gpu,memory.used,clocks.sm,power.draw --format=csv,noheader -l 1 >>"$out/gpu-use.csv" &
    watch=$!
  fi
  "$step" 2>&1 | tee -a "$log"
  code=${PIPESTATUS[0]}
  [ -n "${watch:-}" ] && kill "$watch" && wait "$watch" 2>/dev/null
  watch=
  # If a step fails, the others still run.
  echo "$step $((SECONDS - begin)) $code" >>"$BUNDLE/steps.txt"
  echo "== $step: $((SECONDS - begin)) s, exit code $code" | tee -a "$log"
done
