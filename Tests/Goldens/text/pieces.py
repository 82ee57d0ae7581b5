"""Writes the golden files of the tokenizers that are not byte-level BPE, from `tokenizers`.

Usage: OMP_NUM_THREADS=1 python pieces.py
Each is trained on a few lines and then put together the way a family of models has it.
"""

import collections
import json
import struct

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

import corpus

SIGN = "\u2581"
BYTES = [f"<0x{byte:02X}>" for byte in range(256)]
EXTRA = [
    "<0x41> <0x0A>\n<0x", "\u2581\u2581x \u2581 y\u2581", "<s>[INST] hi [/INST] yes</s><s>  [INST]", "<unk> <unk>x",
    "<|user|>\nHi<|end|>\n<|assistant|>  \n x", "[CLS] the [SEP] [MASK] [PAD] [cls]", "don't, I'm . it 's ! we 've do not",
    "\ufb01ne \uff21\uff22 \u2460 \u00bd \u33a1 \uff8a\uff9e \u1e9b\u0323 a\u0323\u0302 \u2126",
    "\u0130stanbul \u03a3\u03bf\u03c6\u03cc\u03c2 STRASSE \u1e9e \u01c5", "x" * 120 + " " + "\u00e9" * 101, "a\u00a0\u3000b\u200bc",
    "thethethe the the  the", "\u4f60\u4f60\u4f60\u4e16\u754c abc\u4f60def", "  ", " ", "\n", "\u0301", "\ufffd \ufffdx",
]


def texts(seed):
    return corpus.TEXTS + EXTRA + corpus.fuzz(60, seed=seed)


def alphabet(size, normalizer=None):
    """The characters most used, in an order that does not differ from run to run."""
    prose = "".join(normalizer.normalize_str(text) if normalizer else text for text in corpus.PROSE)
    counts = collections.Counter("".join(prose.split()))
    return [SIGN] + sorted(counts, key=lambda sign: (-counts[sign], sign))[:size - 1]


def train(size, letters, normalizer=None, cut=None):
    """Pieces that BPE merges, best first; of all trainers this one gives the same on every run."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = cut or metaspace()
    if normalizer:
        tokenizer.normalizer = normalizer
    tokenizer.train_from_iterator(corpus.PROSE, trainers.BpeTrainer(
        vocab_size=size, show_progress=False, limit_alphabet=len(letters), initial_alphabet=letters))
    merges = json.loads(tokenizer.to_str())["model"]["merges"]
    return list(dict.fromkeys("".join(pair) for pair in merges))


def metaspace(scheme="always", split=True):
    return pre_tokenizers.Metaspace(replacement=SIGN, prepend_scheme=scheme, split=split)


def fallback_decoder(strips):
    steps = [decoders.Replace(SIGN, " "), decoders.ByteFallback(), decoders.Fuse()]
    return decoders.Sequence(steps + [decoders.Strip(" ", 1, 0)] if strips else steps)


def scored_pieces(special):
    """A vocabulary as SentencePiece lays it out, and the merges that its order of tokens implies."""
    letters = alphabet(70)
    merged = train(420, letters) + [SIGN * 2, SIGN * 4, SIGN * 3]
    tokens = special + BYTES + merged + sorted(letters)
    vocab = {token: index for index, token in enumerate(tokens)}
    merges = []
    for token in merged:
        splits = [(token[:cut], token[cut:]) for cut in range(1, len(token))]
        found = [pair for pair in splits if pair[0] in vocab and pair[1] in vocab]
        merges += sorted(found, key=lambda pair: (vocab[pair[0]], vocab[pair[1]]))
    return vocab, merges


def bpe(style):
    """Llama 2 and Phi-3, Mistral, and Gemma: the same pieces, and three ways to write spaces."""
    special = ["<unk>", "<s>", "</s>"]
    vocab, merges = scored_pieces(special)
    tokenizer = Tokenizer(models.BPE(vocab=vocab, merges=merges, unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    if style == "llama2":
        tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend(SIGN), normalizers.Replace(" ", SIGN)])
    elif style == "mistral":
        tokenizer.pre_tokenizer = metaspace("first", False)
    else:
        tokenizer.normalizer = normalizers.Replace(" ", SIGN)
        tokenizer.pre_tokenizer = pre_tokenizers.Split(" ", "merged_with_previous")
    tokenizer.decoder = fallback_decoder(style != "gemma")
    tokenizer.add_special_tokens([AddedToken(token, normalized=False, special=True) for token in special])
    if style == "llama2":
        tokenizer.add_tokens([AddedToken(token, rstrip=True, normalized=False) for token in ["<|user|>", "<|end|>"]])
        tokenizer.add_tokens([AddedToken("<word>", single_word=True, normalized=True)])
    if style == "gemma":
        tokenizer.add_tokens([AddedToken(token, normalized=False) for token in ["\n\n", "\t\t", "<mask>"]])
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A", pair="<s> $A <s>:1 $B:1", special_tokens=[("<s>", 1)])
    return tokenizer


def double_array(table):
    """The bytes of a SentencePiece normalisation table: a double array over UTF-8, and its replacements."""
    replacements, values = b"", {}
    for key, new in sorted(table.items()):
        values[key.encode()] = len(replacements)
        replacements += new.encode() + b"\0"
    units, used = {0: 0}, {0}

    def place(node, prefix):
        keys = [key for key in values if key.startswith(prefix)]
        labels = sorted({key[len(prefix)] if len(key) > len(prefix) else 0 for key in keys})
        # Offsets of 256 steps, so that one encoding of the offset does for all.
        offset = 256
        while any(node ^ offset ^ label in used for label in labels):
            offset += 256
        units[node] |= (offset >> 8) << 10 | 1 << 9
        used.update(node ^ offset ^ label for label in labels)
        for label in labels:
            child = node ^ offset ^ label
            if label == 0:
                units[node] |= 1 << 8
                units[child] = 1 << 31 | values[prefix]
            else:
                units[child] = label
                place(child, prefix + bytes([label]))

    place(0, b"")
    array = [units.get(index, 0xFF) for index in range((max(units) | 255) + 1)]
    blob = struct.pack(f"<{len(array)}I", *array)
    return struct.pack("<I", len(blob)) + blob + replacements


TABLE = {
    "\ufb01": "fi", "\uff21": "A", "\uff22": "B", "\u2460": "1", "\u33a1": "m2", "\u00a0": " ", "\u3000": " ", "\t": " ",
    "\n": " ", "\u200b": "", "\uff8a": "\u30cf", "\uff8a\uff9e": "\u30d0", "e\u0301": "\u00e9", "\u2126": "\u03a9",
}


def unigram(style):
    """T5, with an unknown token; as XLM-R, with byte tokens instead; and as ALBERT, with Unicode's own forms."""
    normalizer = normalizers.Precompiled(double_array(TABLE))
    if style == "albert":
        steps = [normalizers.Replace("``", '"'), normalizers.Replace("''", '"'), normalizers.NFKC(), normalizers.NFKD()]
        normalizer = normalizers.Sequence(steps + [normalizers.StripAccents(), normalizers.Lowercase()])
    if style == "xlmr":
        normalizer = normalizers.Sequence([normalizer, normalizers.Strip(), normalizers.Replace(Regex(" {2,}"), " ")])
    cut = pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), metaspace()])
    special = ["<s>", "</s>", "<unk>"]
    letters = alphabet(90, normalizer)
    pieces = train(330, letters, normalizer, cut) + letters
    vocab = [(token, 0.0) for token in special] + [(token, round(-2 - index / 40, 4)) for index, token in enumerate(pieces)]
    if style == "xlmr":
        vocab += [(token, 0.0) for token in BYTES]
    tokenizer = Tokenizer(models.Unigram(vocab, unk_id=2, byte_fallback=style == "xlmr"))
    tokenizer.normalizer = normalizer
    tokenizer.pre_tokenizer = metaspace("always", False) if style == "xlmr" else cut
    tokenizer.decoder = fallback_decoder(True) if style == "xlmr" else decoders.Metaspace(SIGN, "always")
    tokenizer.add_special_tokens([AddedToken(token, normalized=False, special=True) for token in special])
    single = "$A </s>" if style == "t5" else "<s> $A </s>"
    tokenizer.post_processor = processors.TemplateProcessing(single=single, pair=single + " $B </s>",
                                                             special_tokens=[("<s>", 0), ("</s>", 1)])
    return tokenizer


def word_piece(style):
    """BERT, uncased and cased."""
    uncased = style == "bert"
    normalizer = normalizers.BertNormalizer(lowercase=uncased)
    cut = pre_tokenizers.BertPreTokenizer()
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    letters = alphabet(120, normalizer)
    pieces = train(420, letters, normalizer) + letters[1:]
    words = [piece[1:] if piece.startswith(SIGN) else "##" + piece for piece in pieces] + letters[1:]
    vocab = {word: index for index, word in enumerate(dict.fromkeys(special + words))}
    tokenizer = Tokenizer(models.WordPiece(vocab, unk_token="[UNK]"))
    tokenizer.normalizer, tokenizer.pre_tokenizer = normalizer, cut
    tokenizer.decoder = decoders.WordPiece(cleanup=uncased)
    tokenizer.add_special_tokens([AddedToken(token, normalized=False, special=True) for token in special])
    if uncased:
        tokenizer.post_processor = processors.TemplateProcessing(
            single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 2), ("[SEP]", 3)])
    else:
        tokenizer.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    return tokenizer


STYLES = {
    "llama2": bpe, "mistral": bpe, "gemma": bpe, "t5": unigram, "xlmr": unigram, "bert": word_piece,
    "bert-cased": word_piece, "albert": unigram,
}


def main(write, record):
    for seed, (style, make) in enumerate(STYLES.items(), start=100):
        tokenizer = make(style)
        write(f"{style}/tokenizer.json", json.loads(tokenizer.to_str()))
        write(f"{style}/ids.json", [record(tokenizer, text) for text in texts(seed)])
        write(f"{style}/wrapped.json", tokenizer.encode("the garden").ids)


if __name__ == "__main__":
    import generate

    main(generate.write, generate.record)
