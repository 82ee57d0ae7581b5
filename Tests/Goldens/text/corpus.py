"""Texts that tokenizers get wrong, and a little prose to train small vocabularies on."""

import random

TEXTS = [
    "",
    "Hello, world!",
    "The quick brown fox isn't lazy; it's what we'd call a fox they've seen, I'm sure, and you'll agree we're right.",
    "DON'T SHOUT, IT'S LATE AND WE'LL WAKE THEM. I'VE HAD ENOUGH, YOU'RE LOUD, I'D GO, I'M OFF.",
    "it'\u017f odd, '\u017f and 'S and 'Ll and 'rE and 'vE",
    "'s't're've'm'll'd '' ''' 'x 'l 'r 'v",
    "  two leading spaces, trailing too  ",
    "a b  c   d    e     f      g",
    " " * 37 + "x" + " " * 64,
    "tabs\tand\t\tmore\t\t\ttabs \t mixed\t ",
    "line\nbreak\n\ntwo\n\n\nthree\n \n  \n\t\nend\n",
    "windows\r\nlines\r\n\r\nand\rold mac\r\r",
    "trailing newline and spaces \n \n",
    "def f(x):\n    return {'a': [1, 2.5, -3e10], \"b\": x ** 2}  # note\n\n\nclass A:\n\tpass\n",
    "1 12 123 1234 12345 1234567890 3.14159 1,000,000 0x1F 2024-07-15T10:00:00Z",
    "x1y22z333w4444 v55555",
    "\u0663\u0664\u0665 \u0967\u0968\u0969\u096a \uff11\uff12\uff13\uff14 \u2167\u2168 \u00bd\u00be \u00b2\u00b3 \U0001d7d8\U0001d7d9\U0001d7da\U0001d7db",
    "caf\u00e9 na\u00efve \u00c5ngstr\u00f6m \u1ec7",
    "cafe\u0301 nai\u0308ve A\u030angstro\u0308m e\u0323\u0302 e\u0302\u0323",
    "\u212b \u2126 \u212a \u1e9b\u0323 \ufb01 \uf900 \u0958 \u09c7\u09be \u0b92\u0bd7",
    "\u1112\u1161\u11ab\u1100\u1173\u11af \ud55c\uae00 \ud55c\u1100\u1173\u11af",
    "a\u0300\u0301\u0302\u0303\u0304\u0305\u0306\u0307 \u0300alone \u0301",
    "\u0e2a\u0e27\u0e31\u0e2a\u0e14\u0e35\u0e04\u0e23\u0e31\u0e1a \u0e19\u0e49\u0e33\u0e15\u0e49\u0e19\u0e44\u0e21\u0e49 \u0e01\u0e33\u0e25\u0e31\u0e07",
    "\u0928\u092e\u0938\u094d\u0924\u0947 \u0926\u0941\u0928\u093f\u092f\u093e \u0915\u094d\u0937\u0924\u094d\u0930\u093f\u092f \u0939\u093f\u0928\u094d\u0926\u0940",
    "\u0645\u0631\u062d\u0628\u0627 \u0628\u0627\u0644\u0639\u0627\u0644\u0645 \u0645\u064f\u062d\u064e\u0645\u0651\u064e\u062f \u0661\u0662\u0663",
    "\u05e9\u05b8\u05c1\u05dc\u05d5\u05b9\u05dd \u05e2\u05d5\u05dc\u05dd",
    "\u4f60\u597d\uff0c\u4e16\u754c\uff01\u6211\u4eec\u4eca\u5929\u53bb\u516c\u56ed\u3002\u3053\u3093\u306b\u3061\u306f\u3001\u4e16\u754c\u3002\u30c6\u30b9\u30c8\u3002",
    "\u3000full\u3000width\u3000 space \u00a0 nbsp\u00a0x \u2009thin\u200a \u2028ls\u2029ps \u0085nel \u1680ogham\u180e",
    "\u0e20\u0e32\u0e29\u0e32\u0e44\u0e17\u0e22 \u1000\u103c\u102d\u102f \u1780\u17d2\u1798\u17c2\u179a \u0c24\u0c46\u0c32\u0c41\u0c17\u0c41",
    "\U0001f468\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466 \U0001f3f3\ufe0f\u200d\U0001f308 \U0001f1eb\U0001f1f7\U0001f1e9\U0001f1ea \U0001f44d\U0001f3fd 1\ufe0f\u20e3 \u2764\ufe0f",
    "z\u0351\u036b\u0343\u036a\u0302a\u0350\u0301l\u0321g\u0334o\u0321",
    "\ufeff",
    "\ufeffwith a mark first",
    "zero\u200bwidth\u200cjoin\u200der\u2060word\u00adsoft",
    "\x00\x01\x02\x07\x08\x0b\x0c\x0e\x1b[0m\x1c\x1d\x1e\x1f\x7f\x80\x9f",
    "\u202eright to left\u202c \ue000private\U000f0000 \ufffe \uffff \U0010ffff",
    "a" * 300,
    "ab" * 150 + " " + "na" * 77,
    "!" * 100 + "?" * 51 + "=" * 80 + "-" * 79 + "_" * 33,
    "\n" * 50 + "\r\n" * 21 + "\t" * 17,
    "7" * 101,
    "\u6f22" * 40 + "\u0e01" * 40 + "\U0001f600" * 20,
    "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n",
    "<|endoftext|><|endoftext|> <|endoftext|>x<|im_end|>y",
    "<|im_start|<|im_end|>|> <|im_ start|> <<|im_end|>> <|IM_END|>",
    "text <mask> more<mask>   <mask>\n<word> aword <word>b <word> <word>. x<word>",
    "<tool> <tool_call> <tool_call>{}</tool_call> <tool_",
    "caf\u00e9<\u1ec7t\u00e9> <e\u0323\u0302te\u0301> <\u1ec7t\u00e9>",
    "https://example.org/a_b-c?d=e&f=%20#g user@example.org C:\\dir\\file.txt /usr/local/bin ~!@#$%^&*()_+`{}|[]:;<>?,./",
    "$x^2$ \\frac{1}{2} \u2211\u222b\u221e \u2260 \u2264 \u20ac5 \u00a37 \u00a5900 50% \u2116 \u2122 \u00a9",
    "\u201cquotes\u201d \u2018it\u2019s\u2019 \u2014 dash \u2013 en\u2026 \u00abguillemets\u00bb",
    "!\n ?\r\n ...\n\n  !!\n\n",
    " \n x", "x \n\n y", "\n\n  x", "x\t\n\ty", " 1", "  1", "\n1", " \u0301x", "x\u0301 y",
    "camelCaseWords snake_case_words SCREAMING_CASE kebab-case-words mixedUP123abc",
]


def fuzz(count, seed):
    """Random strings over the characters that decide where pieces end."""
    rng = random.Random(seed)
    alphabet = list(" \n\r\t'sStTrReEvVlLdDmMaz019.,!<|>_-") + [
        "  ", "\r\n", "'s", "'LL", "the", " and", "\u00e9", "e\u0301", "\u0301", "\u3000", "\u00a0", "\u0967", "\u4f60",
        "\u0e33", "\u0928\u093f", "\U0001f600", "\u200d", "\x00", "\u0085", "\u2028", "<|im_end|>", "<mask>", "<word>",
        "\u1112\u1161", "\u212b", "\ufeff", "\u017f",
    ]
    return ["".join(rng.choices(alphabet, k=rng.randint(1, 40))) for _ in range(count)]


def cased(count, seed):
    """Random strings over letters of every case, marks and contractions."""
    rng = random.Random(seed)
    alphabet = list("abAB") + ["the", "THE", "\u01c5", "\u02b0", "\u4f60", "\u0928\u093f", "\u0301", "\u20dd", "'s", "'S",
                               "'LL", "'", "/", "//\n", " ", "  ", "\n", "7", "12345", ".", "\u00e9", "\u00c9"]
    return ["".join(rng.choices(alphabet, k=rng.randint(1, 12))) for _ in range(count)]


PROSE = [
    "The garden behind the house is quiet in the morning, and the old man who looks after it says that he doesn't mind.",
    "They're reading what we've written; it's longer than they'd like, but I'm certain that they'll finish it by noon.",
    "A small model learns the shape of words from a few lines of text, and nothing more than that is asked of it here.",
    "Numbers such as 10, 2024 and 365 appear with words: 100 apples, 25 pears, 7 days, 12345 steps.",
    "def area(width, height):\n    return width * height\n\nfor index in range(10):\n    print(index)\n",
    "Le jardin est calme, l'\u00e9t\u00e9 commence, et la rivi\u00e8re traverse le village pr\u00e8s de la for\u00eat.",
    "Der Gr\u00fc\u00dfe viele, die Stra\u00dfe ist lang, und \u00fcber dem Fluss liegt der Nebel.",
    "\u4eca\u5929\u5929\u6c14\u5f88\u597d\uff0c\u6211\u4eec\u53bb\u516c\u56ed\u6563\u6b65\u3002\u4f60\u597d\uff0c\u4e16\u754c\u3002",
    "\u0928\u092e\u0938\u094d\u0924\u0947, \u0906\u091c \u092e\u094c\u0938\u092e \u0905\u091a\u094d\u091b\u093e \u0939\u0948\u0964",
    "\u0627\u0644\u062c\u0648 \u062c\u0645\u064a\u0644 \u0627\u0644\u064a\u0648\u0645 \u0641\u064a \u0627\u0644\u062d\u062f\u064a\u0642\u0629.",
    "\u0e27\u0e31\u0e19\u0e19\u0e35\u0e49\u0e2d\u0e32\u0e01\u0e32\u0e28\u0e14\u0e35 \u0e40\u0e23\u0e32\u0e44\u0e1b\u0e40\u0e14\u0e34\u0e19\u0e40\u0e25\u0e48\u0e19",
    "\u041f\u043e\u0433\u043e\u0434\u0430 \u0441\u0435\u0433\u043e\u0434\u043d\u044f \u0445\u043e\u0440\u043e\u0448\u0430\u044f, \u0438 \u043c\u044b \u0438\u0434\u0451\u043c \u0432 \u043f\u0430\u0440\u043a.",
    "IT'S THE SAME IN CAPITALS, DON'T YOU THINK?   Three spaces.\n\n\nThree lines.\r\n\tTabs.\t\tMore.",
]
