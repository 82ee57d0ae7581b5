#!/usr/bin/env bash
# Compiles Sources/CTorch into FOLDER/libCTorch.so against whichever libtorch is there, with g++ alone.
#
#   Scripts/build-shim.sh [FOLDER]      FOLDER is .build/shim by default
#
# A program that was built with CTORCH_SHARED=FOLDER looks for the library beside itself, so it runs on a machine with
# another libtorch (2.11 and newer, CUDA builds too) and without Swift:
#
#   here    Scripts/build-shim.sh && CTORCH_SHARED=$PWD/.build/shim swift build -c release --static-swift-stdlib \
#               --scratch-path .build/shared --product temper
#   there   copy .build/shared/release/temper and Temper_*.resources (suites, phrases and rows that come with Temper) into
#           one folder, where temper looks for them first, and this repository's Scripts and Sources/CTorch anywhere;
#           run Scripts/build-shim.sh FOLDER. The system has to have libcurl.so.4, which downloads go through.
#
#   TORCH_HOME   a libtorch (a folder with include/ and lib/); by default the one that python3 imports, else .deps/libtorch
#   CXX          the compiler instead of g++
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
folder=${1:-.build/shim}
torch=${TORCH_HOME:-$(python3 -c 'import torch; print(torch.__path__[0])' 2>/dev/null || echo .deps/libtorch)}
compiler=${CXX:-g++}

fail() { printf 'build-shim: %s\n' "$*" >&2; exit 2; }
[[ -f $torch/include/ATen/ATen.h ]] || fail "no libtorch at $torch; set TORCH_HOME, or run Scripts/setup"
command -v "$compiler" >/dev/null || fail "$compiler is missing; install g++, or set CXX"
torch=$(cd "$torch" && pwd -P)

mkdir -p "$folder/objects"
pids=()
for source in Sources/CTorch/*.cpp; do
    # -Wno-unknown-pragmas: what Clang is told about floating point, g++ takes from -fassociative-math in kernels.cpp.
    options=()
    [[ $source == */kernels.cpp ]] && options=(-fassociative-math -fno-signed-zeros -fno-trapping-math)
    "$compiler" -std=c++20 -O2 -fPIC -Wno-unknown-pragmas -Wno-deprecated-declarations "${options[@]}" -ISources/CTorch/include \
        -I"$torch/include" -I"$torch/include/torch/csrc/api/include" -c "$source" -o "$folder/objects/$(basename "$source").o" &
    pids+=($!)
    ((${#pids[@]} % $(nproc) == 0)) && wait "${pids[@]: -$(nproc)}"
done
for pid in "${pids[@]}"; do wait "$pid"; done
# libtorch.so brings in libtorch_cuda.so where there is one.
"$compiler" -shared -o "$folder/libCTorch.so.part" "$folder"/objects/*.o -L"$torch/lib" -Wl,-rpath,"$torch/lib" \
    -Wl,--no-as-needed -ltorch -ltorch_cpu -lc10
mv "$folder/libCTorch.so.part" "$folder/libCTorch.so"
# Foundation's network library, linked statically, asks for libcurl by a name that only its development package has.
curl=$(ldconfig -p | awk '/libcurl\.so\.4 /{print $NF; exit}')
[[ -z $curl ]] || ln -sf "$curl" "$folder/libcurl.so"
echo "$folder/libCTorch.so"
