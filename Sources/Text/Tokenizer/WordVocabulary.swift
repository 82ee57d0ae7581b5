extension Tokenizer.Parts {
    /// A WordPiece tokenizer as BERT has it, from its bare vocabulary.
    ///
    /// Texts stand between `[CLS]` and `[SEP]`. From Devlin et al. 2018 (arXiv 1810.04805).
    ///
    /// - Parameters:
    ///   - source: where it came from, for errors.
    ///   - words: each id's text; pieces that go on a word begin with `##`.
    ///   - special: the tokens for unknown words, for the start, for the end, and others, in this order; only the first
    ///     three are required.
    ///   - normalization: how text is changed first.
    init(
        source: String,
        words: [[UInt8]],
        special: [[UInt8]],
        normalization: [Normalizer.Step]
    ) throws {
        let ids = special.map { words.firstIndex(of: $0) }
        if let missing = ids.prefix(3).firstIndex(of: nil) {
            throw TokenizerError.malformed(
                source: source,
                reason: "the vocabulary lacks '\(String(decoding: special[missing], as: UTF8.self))'"
            )
        }
        let prefix = Array("##".utf8)
        self.init(
            source: source,
            vocabulary: words,
            added: zip(special, ids).compactMap { token, id in
                id.map { AddedTokens.Entry(id: $0, content: token, isSpecial: true) }
            },
            algorithm: .wordPiece(prefix: prefix, longestWord: 100),
            isByteLevel: false
        )
        unknown = ids[0].map { Unknown(id: $0, isFused: false) }
        self.normalization = normalization
        steps = [.whiteSpace, .punctuation]
        decoding = [.wordPiece(prefix: prefix, cleansUp: true)]
        (prefixIDs, suffixIDs) = ([ids[1]].compactMap { $0 }, [ids[2]].compactMap { $0 })
    }
}
