import Foundation
import TemperText
import Testing

@Suite("Tokenizers of pieces and words")
struct PieceTokenizerTests {
    static let styles = ["llama2", "mistral", "gemma", "t5", "xlmr", "bert", "bert-cased", "albert"]

    @Test("ids and decoded texts equal the reference", arguments: styles)
    func idsEqualReference(style: String) throws {
        let tokenizer = try Goldens.tokenizer(style)
        for golden in try Goldens.read([Goldens.Encoding].self, "\(style)/ids.json") {
            #expect(tokenizer.encode(golden.text) == golden.ids, "\(golden.text.debugDescription)")
            let decoded = tokenizer.decode(golden.ids)
            #expect(isSame(decoded, golden.decoded ?? golden.text), "\(golden.text.debugDescription)")
            if let cut = golden.cut {
                let part = Array(golden.ids[1...golden.ids.count / 2])
                #expect(isSame(tokenizer.decode(part, skipSpecialTokens: true), cut))
            }
        }
        let wrapped = try Goldens.read([Int].self, "\(style)/wrapped.json")
        #expect(tokenizer.encode("the garden", addSpecialTokens: true) == wrapped)
    }

    @Test("offsets follow one another and stay inside the text", arguments: styles)
    func offsetsStayInside(style: String) throws {
        let tokenizer = try Goldens.tokenizer(style)
        for golden in try Goldens.read([Goldens.Encoding].self, "\(style)/ids.json") {
            var start = 0
            for token in tokenizer.encodeWithOffsets(golden.text) {
                #expect(token.utf8.lowerBound >= start && token.utf8.upperBound <= golden.text.utf8.count)
                start = token.utf8.lowerBound
            }
        }
    }

    @Test("offsets hold the bytes of the tokens", arguments: ["llama2", "mistral", "gemma"])
    func offsetsHoldBytes(style: String) throws {
        let tokenizer = try Goldens.tokenizer(style)
        let text = "The garden \u{1F600} is  quiet\n"
        let bytes = Array(text.utf8)
        var end = 0
        for token in tokenizer.encodeWithOffsets(text) {
            #expect(token.utf8.lowerBound == end)
            end = token.utf8.upperBound
            var held = try #require(tokenizer.bytes(of: token.id))
            // The space in front of the text stands for nothing in it.
            if token.utf8.lowerBound == 0, held.count > token.utf8.count { held.removeFirst() }
            #expect(held == Array(bytes[token.utf8]))
        }
        #expect(end == bytes.count)
    }

    @Test("scores in GGUF metadata give the ids that the merges in the directory give")
    func scores() throws {
        let vocabulary = try vocabulary("llama2")
        var metadata = TokenizerMetadata(source: "model.gguf", model: "llama", vocabulary: vocabulary)
        metadata.scores = vocabulary.indices.map { $0 < 259 ? 0 : Float(259 - $0) }
        metadata.tokenTypes = vocabulary.indices.map { $0 == 0 ? 2 : $0 < 3 ? 3 : $0 < 259 ? 6 : 1 }
        (metadata.bosID, metadata.eosID, metadata.unknownID) = (1, 2, 0)
        let tokenizer = try Tokenizer(metadata)
        var count = 0
        for golden in try Goldens.read([Goldens.Encoding].self, "llama2/ids.json") {
            // These the directory knows besides; and it makes a token out of a byte's name.
            if ["<|user|>", "<|end|>", "<word>", "<0x"].contains(where: golden.text.contains) { continue }
            count += 1
            #expect(tokenizer.encode(golden.text) == golden.ids, "\(golden.text.debugDescription)")
            #expect(isSame(tokenizer.decode(golden.ids), golden.decoded ?? golden.text))
        }
        #expect(count > 100)
        #expect(tokenizer.encode("a", addSpecialTokens: true).first == 1)
        (metadata.addsBOS, metadata.addsEOS, metadata.addsSpace) = (false, true, false)
        let bare = try Tokenizer(metadata)
        #expect(bare.encode("a", addSpecialTokens: true) == [try #require(bare.id(ofToken: "a")), 2])
        #expect(tokenizer.encode("ax").first == bare.id(ofToken: "\u{2581}a"))
        metadata.scores.removeLast()
        #expect(throws: TokenizerError.self) { try Tokenizer(metadata) }
    }

    @Test("a bare vocabulary, in a directory or a GGUF file, gives what tokenizer.json gives")
    func words() throws {
        let vocabulary = try vocabulary("bert")
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("tokenizer-\(UUID())")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let lines = vocabulary.map { String(decoding: $0, as: UTF8.self) }
        try Data((lines.joined(separator: "\n") + "\n").utf8).write(to: folder.appendingPathComponent("vocab.txt"))
        let stored = lines.map { word in
            Array(
                (word.hasPrefix("[") ? word : word.hasPrefix("##") ? String(word.dropFirst(2)) : "\u{2581}" + word).utf8
            )
        }
        let readers = [
            try Tokenizer(directory: folder),
            try Tokenizer(TokenizerMetadata(source: "model.gguf", model: "bert", vocabulary: stored)),
        ]
        for golden in try Goldens.read([Goldens.Encoding].self, "bert/ids.json") {
            for tokenizer in readers { #expect(tokenizer.encode(golden.text) == golden.ids) }
        }
        let wrapped = try Goldens.read([Int].self, "bert/wrapped.json")
        for tokenizer in readers { #expect(tokenizer.encode("the garden", addSpecialTokens: true) == wrapped) }
        try Data(#"{"do_lower_case": false}"#.utf8).write(to: folder.appendingPathComponent("tokenizer_config.json"))
        #expect(try Tokenizer(directory: folder).encode("The") != readers[0].encode("the"))
    }

    @Test("a token that is normalised is found under its own name")
    func normalizedToken() throws {
        let tokenizer = try Goldens.tokenizer("llama2")
        let id = try #require(tokenizer.id(ofToken: "<word>"))
        #expect(tokenizer.encode("<word>") == [id])
        #expect(tokenizer.id(ofToken: "<nowhere>") == nil)
    }

    @Test("a long text without a cut does not take quadratic time", arguments: ["llama2", "xlmr"])
    func longRuns(style: String) throws {
        let tokenizer = try Goldens.tokenizer(style)
        let text = String(repeating: "the garden ", count: 5_000)
        let elapsed = ContinuousClock().measure { #expect(!tokenizer.encode(text).isEmpty) }
        #expect(elapsed < .seconds(10))
    }

    /// The texts of a tokenizer's ids.
    private func vocabulary(_ style: String) throws -> [[UInt8]] {
        let file = Goldens.folder.appendingPathComponent("\(style)/tokenizer.json")
        let root = try TemplateValue(json: [UInt8](Data(contentsOf: file)))
        guard case .object(let pairs)? = root["model"]?["vocab"] else { return [] }
        var tokens = [[UInt8]](repeating: [], count: pairs.count)
        for (token, id) in pairs {
            if let id = id.int { tokens[id] = Array(token.utf8) }
        }
        return tokens
    }
}
