"""Sentence embeddings by ONNX Runtime: encode.py INPUTS MODEL all|one-by-one.

The texts have one length, so that nothing is padded.
"""

import os
import sys

import numpy
import onnxruntime
from contestant import read_inputs, serve

inputs, model_path, batch = sys.argv[1:]
texts = numpy.array(read_inputs(inputs)[0], dtype=numpy.int64)
options = onnxruntime.SessionOptions()
options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
options.intra_op_num_threads = len(os.sched_getaffinity(0))
session = onnxruntime.InferenceSession(model_path, options, providers=["CPUExecutionProvider"])


def together():
    session.run(None, {"ids": texts})
    return texts.size


def one_by_one():
    for text in texts:
        session.run(None, {"ids": text[None]})
    return texts.size


serve(together if batch == "all" else one_by_one)
