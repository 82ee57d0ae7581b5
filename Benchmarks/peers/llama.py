"""llama.cpp's own batched benchmark, one run a repetition: llama.py prefill|decode INPUTS LLAMA_BATCHED_BENCH GGUF.

It draws prompts of the inputs' length itself, warms itself up, and leaves the time for loading out of its figures.
"""

import json
import os
import resource
import subprocess
import sys

from contestant import answer, is_asked, read_inputs

workload, inputs, program, model = sys.argv[1:5]
prompts, _ = read_inputs(inputs)
length, count = len(prompts[0]), len(prompts)
# The prompt's last position gives the first of 64 tokens.
new = 1 if workload == "prefill" else 63
command = [
    program, "--model", model, "--threads", str(os.cpu_count()), "--ctx-size", str(count * (length + 64)),
    "-npp", str(length), "-ntg", str(new), "-npl", str(count), "--output-format", "jsonl",
]

answer({"ready": True})
while is_asked():
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    run = subprocess.run(command, stdout=subprocess.PIPE, stderr=sys.stderr, text=True, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    figures = next(json.loads(line) for line in run.stdout.splitlines() if line.startswith("{"))
    read = workload == "prefill"
    answer({
        "tokens": length * count if read else 64 * count,
        "seconds": figures["t_pp"] if read else figures["t"],
        "processor_seconds": after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime,
        "peak_memory": after.ru_maxrss * 1024,
    })
