"""What every peer has in common: it reads its inputs, warms up, and takes a repetition for each line on standard input."""

import json
import os
import resource
import sys
import time

# Libraries print to standard output, where only the answers may go.
_answers = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)


def read_inputs(path):
    """The rows or prompts that temper-bench wrote: lists of token ids, and for each whether the loss is on it."""
    with open(path) as file:
        rows = [json.loads(line) for line in file]
    return [row["ids"] for row in rows], [row.get("is_target") for row in rows]


def answer(value):
    _answers.write(json.dumps(value) + "\n")
    _answers.flush()


def is_asked():
    """Waits for the next line; false when there will be none."""
    return bool(sys.stdin.readline())


def device():
    """libtorch's CUDA, where this process computes on it."""
    torch = sys.modules.get("torch")
    return torch.cuda if torch and torch.cuda.is_initialized() else None


class Stopwatch:
    """One repetition's times, from here to `answer`."""

    def __init__(self):
        self.start, self.processor = time.monotonic(), time.process_time()

    def answer(self, tokens):
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        if cuda := device():
            cuda.synchronize()
            peak = cuda.max_memory_allocated()
        answer({
            "tokens": tokens,
            "seconds": time.monotonic() - self.start,
            "processor_seconds": time.process_time() - self.processor,
            "peak_memory": peak,
        })


def serve(repetition):
    """Calls `repetition`, which returns the tokens it counts, once to warm up and then once for each line."""
    repetition()
    answer({"ready": True})
    while is_asked():
        stopwatch = Stopwatch()
        stopwatch.answer(repetition())
