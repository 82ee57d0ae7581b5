# make            builds temper in release mode: .build/release/temper
# make demo       sets up, builds, and runs recipes/demo.yaml
# make test       what has to pass before a change is merged
# make bench      measures Temper and its peers side by side, which takes about an hour; make bench-quick, two minutes
# make bench-cuda measures a training of the size of Llama 3.1 8B on an NVIDIA GPU; where there is none, it says so
# make goldens    makes the reference values of the tests again, with the reference implementations

temper := .build/release/temper
model := .deps/models/SmolLM2-135M-Instruct.Q4_1.gguf
qwen := .deps/models/Qwen2.5-Coder-0.5B-Instruct.Q4_K_M.gguf
sources := Sources Tests Benchmarks Package.swift
peers := .deps/peers
# The reference implementations that the goldens come from; their versions are part of the goldens.
peer_packages := torch==2.13.0 transformers==5.23.0 peft==0.21.2 gguf==0.19.0 tokenizers safetensors numpy

.PHONY: all setup build demo test lint goldens bench bench-quick bench-cuda clean

all: build

setup:
	@Scripts/setup

build: setup
	swift build -c release --product temper

demo: build
	$(temper) model pull all-minilm-l6-v2
	$(temper) run recipes/demo.yaml
	@echo "The report is runs/demo/report/index.html"

test: setup lint
	swift build --build-tests
	swift test --skip-build

lint:
	swift format lint --strict --recursive $(sources)

goldens: setup $(peers)/complete
	cd Tests/Goldens/weights && OMP_NUM_THREADS=1 ../../../$(peers)/bin/python generate.py
	cd Tests/Goldens/text && OMP_NUM_THREADS=1 ../../../$(peers)/bin/python generate.py ../../../$(model)
	$(if $(wildcard $(qwen)),$(peers)/bin/python Tests/Goldens/model/qwen.py $(qwen))
	cd Tests/Goldens/model && OMP_NUM_THREADS=1 ../../../$(peers)/bin/python generate.py --smollm2 ../../../$(model)
	cd Tests/Goldens/attack && OMP_NUM_THREADS=1 ../../../$(peers)/bin/python generate.py
	cd Tests/Goldens/families && ../../../$(peers)/bin/python generate.py
	cd Tests/Goldens/encoder && OMP_NUM_THREADS=1 ../../../$(peers)/bin/python generate.py

$(peers)/complete: | setup
	rm -rf $(peers)
	python3 -m venv $(peers)
	$(peers)/bin/python -m pip install --no-cache-dir $(peer_packages)
	touch $@

bench: setup $(peers)/benchmarks-complete
	swift build -c release --product temper-bench
	Benchmarks/run

bench-quick: setup $(peers)/benchmarks-complete
	swift build -c release --product temper-bench
	Benchmarks/run --quick

# libtorch has to be a CUDA build: .deps/libtorch, or the one that TORCH_HOME names.
bench-cuda:
	@if nvidia-smi -L 2>/dev/null | grep -q GPU; then $(MAKE) bench-cuda-here; \
	else echo "bench-cuda: there is no NVIDIA GPU here, so nothing was measured"; fi

.PHONY: bench-cuda-here
bench-cuda-here: setup $(peers)/complete
	swift build -c release --product temper-bench
	Benchmarks/run train-large

$(peers)/benchmarks-complete: $(peers)/complete Benchmarks/peers/install
	Benchmarks/peers/install

# Leaves .deps, which takes long to fetch, and runs, which are yours.
clean:
	rm -rf .build
