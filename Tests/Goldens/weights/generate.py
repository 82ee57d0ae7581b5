"""Makes the golden files of the weight readers; run it in this folder with numpy and the `gguf` package (0.19).

quants.gguf      one tensor of random valid blocks for each storage type that is decoded, and one that is not
quants.safetensors  the same tensors as float32, from gguf.quants.dequantize
rounded.gguf     random weights as F32, and gguf.quants.quantize of them for each type that is written
metadata.gguf    one metadata pair of every value type and array element type
"""

import json
import struct

import gguf
import numpy as np
from gguf import GGMLQuantizationType as Type
from gguf import GGUFValueType as Value

ROWS, COLUMNS = 3, 512

# Where the half precision scales of a block lie; random bytes there could be infinite or not a number.
SCALES = {
    Type.Q4_0: [0], Type.Q4_1: [0, 2], Type.Q5_0: [0], Type.Q5_1: [0, 2], Type.Q8_0: [0],
    Type.Q2_K: [80, 82], Type.Q3_K: [108], Type.Q4_K: [0, 2], Type.Q5_K: [0, 2], Type.Q6_K: [208],
}


def plain(random, type_):
    values = random.normal(0, 1, (ROWS, COLUMNS)).astype(np.float32)
    if type_ == Type.F32:
        return values
    if type_ == Type.F16:
        halves = values.astype(np.float16)
        # Zeros, the smallest and largest subnormals, the smallest and largest normals, and infinities.
        special = [0x0000, 0x8000, 0x0001, 0x8001, 0x03FF, 0x83FF, 0x0400, 0x8400, 0x7BFF, 0xFBFF, 0x7C00, 0xFC00]
        halves[0, : len(special)] = np.array(special, np.uint16).view(np.float16)
        return halves
    return gguf.quants.quantize(values, Type.BF16)


def blocks(random, type_):
    elements, size = gguf.GGML_QUANT_SIZES[type_]
    data = random.integers(0, 256, (ROWS, COLUMNS // elements, size), np.uint8)
    for offset in SCALES.get(type_, []):
        scale = random.normal(0, 0.1, data.shape[:2]).astype(np.float16)
        scale[0, 0] = np.float16(3e-6)  # a subnormal
        data[:, :, offset : offset + 2] = scale[..., None].view(np.uint8)
    return data.reshape(ROWS, -1)


def write_safetensors(path, tensors):
    header, data = {}, b""
    for name, array in tensors.items():
        raw = np.ascontiguousarray(array, np.float32).tobytes()
        header[name] = {"dtype": "F32", "shape": list(array.shape), "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + data)


def write_quants():
    random = np.random.default_rng(20260101)
    writer = gguf.GGUFWriter("quants.gguf", "golden")
    expected = {}
    for type_ in [Type.F32, Type.F16, Type.BF16, *SCALES]:
        data = blocks(random, type_) if type_ in SCALES else plain(random, type_)
        values = gguf.quants.dequantize(data, type_)
        assert values.shape == (ROWS, COLUMNS), type_
        expected[type_.name] = values
        writer.add_tensor(type_.name, data, raw_dtype=type_)
    writer.add_tensor("IQ4_NL", blocks(random, Type.IQ4_NL), raw_dtype=Type.IQ4_NL)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    write_safetensors("quants.safetensors", expected)


def write_rounded():
    random = np.random.default_rng(20260102)
    values = random.normal(0, 0.05, (ROWS, 256)).astype(np.float32)
    values[0, :32] = 0
    values[0, 32:64] = 0.125
    values[0, 64:96] = np.linspace(-1, 1, 32)
    values[0, 96:128] = np.abs(values[0, 96:128])
    values[1, :32] *= 1e-7
    values[1, 40] = 3
    writer = gguf.GGUFWriter("rounded.gguf", "golden")
    writer.add_tensor("F32", values)
    for type_ in [Type.Q4_0, Type.Q4_1, Type.Q5_0, Type.Q5_1, Type.Q8_0]:
        writer.add_tensor(type_.name, gguf.quants.quantize(values, type_), raw_dtype=type_)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def write_metadata():
    """Written byte by byte, because it holds what the package's writer would not write."""

    def text(value):
        raw = value if isinstance(value, bytes) else value.encode()
        return struct.pack("<Q", len(raw)) + raw

    numbers = {
        Value.UINT8: ("B", [0, 255]), Value.INT8: ("b", [-128, 127]),
        Value.UINT16: ("H", [0, 65535]), Value.INT16: ("h", [-32768, 32767]),
        Value.UINT32: ("I", [0, 2**32 - 1]), Value.INT32: ("i", [-(2**31), 2**31 - 1]),
        Value.UINT64: ("Q", [0, 2**64 - 1]), Value.INT64: ("q", [-(2**63), 2**63 - 1]),
        Value.FLOAT32: ("f", [-1.5, 0.25]), Value.FLOAT64: ("d", [-1e300, 0.1]), Value.BOOL: ("?", [True, False]),
    }
    pairs = []

    def add(key, type_, payload):
        pairs.append(text(key) + struct.pack("<I", type_) + payload)

    def array(type_, count, payload):
        return struct.pack("<IQ", type_, count) + payload

    for type_, (code, values) in numbers.items():
        name = type_.name.lower()
        add(name, type_, struct.pack("<" + code, values[1]))
        add(name + "s", Value.ARRAY, array(type_, 2, struct.pack(f"<2{code}", *values)))
    add("string", Value.STRING, text("Größe 漢字"))
    add("broken", Value.STRING, text(b"a\xff\xfeb"))
    words = ["", "a", "e\u0301", "\u00e9", b"\xe6\xbc", "Ġthe"]
    add("strings", Value.ARRAY, array(Value.STRING, len(words), b"".join(map(text, words))))
    nested = [array(Value.INT32, 2, struct.pack("<2i", 1, 2)), array(Value.STRING, 1, text("x"))]
    add("arrays", Value.ARRAY, array(Value.ARRAY, len(nested), b"".join(nested)))
    add("empty", Value.ARRAY, array(Value.FLOAT32, 0, b""))
    add("general.alignment", Value.UINT32, struct.pack("<I", 64))
    tensor = text("cube") + struct.pack("<I3QIQ", 3, 4, 3, 2, Type.I8, 0)
    head = b"GGUF" + struct.pack("<IQQ", 3, 1, len(pairs)) + b"".join(pairs) + tensor
    with open("metadata.gguf", "wb") as file:
        file.write(head + bytes(-len(head) % 64) + bytes(range(24)))


write_quants()
write_rounded()
write_metadata()
