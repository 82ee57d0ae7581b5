"""Writes the golden files of the text tests from `tokenizers` and `transformers`.

Usage: OMP_NUM_THREADS=1 python generate.py SmolLM2-135M-Instruct.gguf
Needs tokenizers 0.23, transformers 5.23, jinja2 3.1 and gguf.
"""

import datetime
import json
import os
import sys

import gguf
import transformers.utils.chat_template_utils as chat_utils
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

import corpus
import pieces
import templates

HERE = os.path.dirname(os.path.abspath(__file__))
TAIL = r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
LLAMA3 = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}" + TAIL
QWEN2 = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}" + TAIL
CASED = (r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+%(end)s|[^\r\n\p{L}\p{N}]?"
         r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*%(end)s|\p{N}%(digits)s| ?[^\s\p{L}\p{N}]+[\r\n/]*"
         r"|\s*[\r\n]+|\s+(?!\S)|\s+")
GPT4O = CASED % {"end": "(?i:'s|'t|'re|'ve|'m|'ll|'d)?", "digits": "{1,3}"}
TEKKEN = CASED % {"end": "", "digits": ""}


def byte_level(use_regex, prefix=False):
    return pre_tokenizers.ByteLevel(add_prefix_space=prefix, use_regex=use_regex)


def split(pattern):
    return pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(pattern), "isolated"), byte_level(False)])


STYLES = {
    "gpt2": (byte_level(True), None),
    "prefixed": (pre_tokenizers.Sequence([pre_tokenizers.Digits(False), byte_level(True, True)]), None),
    "llama3": (split(LLAMA3), None),
    "qwen2": (split(QWEN2), normalizers.NFC()),
    "gpt4o": (split(GPT4O), None),
    "tekken": (split(TEKKEN), None),
    "smollm": (pre_tokenizers.Sequence([pre_tokenizers.Digits(True), byte_level(True)]), None),
}


def write(name, value, indent=None):
    path = os.path.join(HERE, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        json.dump(value, file, ensure_ascii=False, indent=indent, separators=None if indent else (",", ":"))
        file.write("\n")


def small_tokenizer(style):
    pre_tokenizer, normalizer = STYLES[style]
    tokenizer = Tokenizer(models.BPE(ignore_merges=style == "llama3"))
    tokenizer.pre_tokenizer = pre_tokenizer
    tokenizer.decoder = decoders.ByteLevel()
    if normalizer:
        tokenizer.normalizer = normalizer
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    if style == "smollm":
        # The real vocabulary lacks some bytes too; what they stand for is left out.
        alphabet = [c for c in alphabet if c not in "\u010c\u00f0"]
    trainer = trainers.BpeTrainer(vocab_size=600, initial_alphabet=alphabet, show_progress=False,
                                  limit_alphabet=len(alphabet),
                                  special_tokens=["<|endoftext|>", "<|im_start|>", "<|im_end|>"])
    prose = corpus.PROSE if style != "smollm" else [t.replace("\r", "") for t in corpus.PROSE]
    tokenizer.train_from_iterator(prose, trainer)
    tokenizer.add_tokens([
        AddedToken("<mask>", lstrip=True, rstrip=style == "llama3", normalized=False),
        AddedToken("<word>", single_word=True, normalized=True),
        AddedToken("<\u1ec7t\u00e9>", normalized=True),
        AddedToken("<tool>", normalized=False),
        AddedToken("<tool_call>", normalized=False),
    ])
    if style == "llama3":
        bos = tokenizer.token_to_id("<|im_start|>")
        tokenizer.post_processor = processors.Sequence([
            processors.ByteLevel(trim_offsets=False),
            processors.TemplateProcessing(single="<|im_start|> $A", pair="<|im_start|> $A $B",
                                          special_tokens=[("<|im_start|>", bos)]),
        ])
    else:
        tokenizer.post_processor = processors.ByteLevel(trim_offsets=False)
    return tokenizer


def smollm2(path):
    reader = gguf.GGUFReader(path)
    field = lambda key: reader.fields[key].contents()
    tokens = field("tokenizer.ggml.tokens")
    merges = [tuple(line.split(" ")) for line in field("tokenizer.ggml.merges")]
    tokenizer = Tokenizer(models.BPE(vocab={t: i for i, t in enumerate(tokens)}, merges=merges))
    tokenizer.pre_tokenizer, _ = STYLES["smollm"]
    tokenizer.decoder = decoders.ByteLevel()
    kinds = field("tokenizer.ggml.token_type")
    tokenizer.add_special_tokens([AddedToken(t, special=True, normalized=False) for t, k in zip(tokens, kinds) if k == 3])
    return tokenizer, field("tokenizer.chat_template")


def record(tokenizer, text):
    ids = tokenizer.encode(text, add_special_tokens=False).ids
    entry = {"text": text, "ids": ids}
    decoded = tokenizer.decode(ids, skip_special_tokens=False)
    if decoded != text:
        entry["decoded"] = decoded
    if len(ids) > 3:
        cut = ids[1 : len(ids) // 2 + 1]
        entry["cut"] = tokenizer.decode(cut, skip_special_tokens=True)
    return entry


class Clock(datetime.datetime):
    @classmethod
    def now(cls, tz=None):
        return cls(2024, 7, 15, 12, 0, 0)


def render(source, chat, prompt, variables):
    tokens = {"bos_token": "<s>", "eos_token": "</s>"}
    variables = dict(variables)
    tools = variables.pop("tools", None)
    (text,), (spans,) = chat_utils.render_jinja_template(
        [chat], tools=tools, chat_template=source, add_generation_prompt=prompt, return_assistant_tokens_mask=True,
        **tokens, **variables)
    utf8 = lambda index: len(text[:index].encode())
    return text, [[utf8(a), utf8(b)] for a, b in spans]


def write_small(style, texts):
    tokenizer = small_tokenizer(style)
    if style in ("gpt4o", "tekken"):
        texts = corpus.TEXTS + corpus.cased(100, seed=2)
    write(f"{style}/tokenizer.json", json.loads(tokenizer.to_str()))
    config = {"bos_token": {"content": "<|im_start|>"}, "eos_token": "<|im_end|>", "pad_token": None}
    if style == "smollm":
        config["chat_template"] = templates.CASES[0][1]
    write(f"{style}/tokenizer_config.json", config)
    write(f"{style}/ids.json", [record(tokenizer, text) for text in texts])


def main():
    big, template = smollm2(sys.argv[1])
    texts = corpus.TEXTS + corpus.fuzz(120, seed=1)
    write("smollm2_ids.json", [record(big, text) for text in texts])
    for style in STYLES:
        write_small(style, texts[:-50])
    pieces.main(write, record)

    chat_utils.datetime = Clock
    cases = []
    for name, source, chats, prompts, variables in templates.CASES:
        for chat in chats:
            for prompt in prompts:
                text, spans = render(source, templates.CHATS[chat], prompt, variables)
                cases.append({"name": name, "source": source, "chat": templates.CHATS[chat], "prompt": prompt,
                              "variables": variables, "text": text, "ranges": spans})
    errors = []
    for name, source, line in templates.ERRORS:
        try:
            render(source, templates.CHATS["one"], False, {})
        except Exception:
            errors.append({"name": name, "source": source, "line": line})
        else:
            raise SystemExit(f"{name} did not fail")
    write("templates.json", {"cases": cases, "errors": errors})
    chats = [(chat, prompt) for chat in templates.CHATS.values() for prompt in (False, True)]
    write("smollm2_chat.json", [
        {"chat": chat, "prompt": prompt, "text": render(template, chat, prompt, {})[0]} for chat, prompt in chats])


if __name__ == "__main__":
    main()
