"""What the classifier inside the package stackone-defender finds: defender.py HITS OTHERS.

HITS and OTHERS are files of texts, one or more with commas between: JSON lines with a `prompt`, or a CSV with `text` or
`prompt`; of a CSV with a `label`, HITS takes the rows of 1 or unsafe, and OTHERS the rest. Prints the area under the
curve, the recall at one false alarm in a hundred, what is found at the package's own operating point, and how long one
text takes on one thread. It needs `pip install stackone-defender onnxruntime tokenizers`.
"""

import csv
import json
import sys
import time

import onnxruntime
from stackone_defender.classifiers.onnx_classifier import OnnxClassifier, get_default_model_path

# One thread, as the guard has; the package leaves the number open.
make = onnxruntime.InferenceSession


def session(path, options=None, **more):
    options = options or onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return make(path, options, **more)


onnxruntime.InferenceSession = session


def texts(names, wants_hits):
    found = []
    for name in names.split(","):
        with open(name, encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file)) if name.endswith(".csv") else [json.loads(line) for line in file]
        for row in rows:
            if "label" not in row or (row["label"].lower() in ("1", "unsafe")) == wants_hits:
                found.append(row["text"] if "text" in row else row["prompt"])
    return found


def area(hits, others):
    wins = sum((hit > other) + (hit == other) / 2 for hit in hits for other in others)
    return wins / (len(hits) * len(others))


classifier = OnnxClassifier()
classifier.classify("Hello.")
sets = [texts(sys.argv[1], True), texts(sys.argv[2], False)]
times, scores = [], []
for part in sets:
    scores.append([])
    for text in part:
        start = time.perf_counter()
        scores[-1].append(classifier.classify(text))
        times.append(1000 * (time.perf_counter() - start))
hits, others = scores
with open(f"{get_default_model_path()}/classifier_config.json", encoding="utf-8") as file:
    own = json.load(file)["calibration"]["highRiskThreshold"]
limit = sorted(others, reverse=True)[len(others) // 100]
times.sort()
recall = sum(hit > limit for hit in hits) / len(hits)
print(f"{len(hits)} hits, {len(others)} others: area {area(hits, others):.3f}, recall at 1 % {recall:.3f}")
print(f"at its own {own}: found {sum(hit >= own for hit in hits)}, wrongly {sum(other >= own for other in others)}")
print("p50 {:.1f} ms, p95 {:.1f} ms, p99 {:.1f} ms".format(*(times[len(times) * share // 100] for share in (50, 95, 99))))
