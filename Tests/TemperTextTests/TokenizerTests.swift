import Foundation
import TemperText
import Testing

@Suite("Tokenizer")
struct TokenizerTests {
    static let styles = ["gpt2", "prefixed", "llama3", "qwen2", "smollm", "gpt4o", "tekken"]

    @Test("ids and decoded texts equal the reference", arguments: styles)
    func idsEqualReference(style: String) throws {
        let tokenizer = try Goldens.tokenizer(style)
        for golden in try Goldens.read([Goldens.Encoding].self, "\(style)/ids.json") {
            let ids = tokenizer.encode(golden.text)
            #expect(ids == golden.ids, "\(golden.text.debugDescription)")
            #expect(isSame(tokenizer.decode(golden.ids), golden.decoded ?? golden.text))
            if let cut = golden.cut {
                let part = Array(golden.ids[1...golden.ids.count / 2])
                #expect(isSame(tokenizer.decode(part, skipSpecialTokens: true), cut))
            }
        }
    }

    @Test("offsets cover the text and hold the tokens' bytes", arguments: ["gpt2", "llama3"])
    func offsetsHoldBytes(style: String) throws {
        let tokenizer = try Goldens.tokenizer(style)
        for golden in try Goldens.read([Goldens.Encoding].self, "\(style)/ids.json") {
            let bytes = Array(golden.text.utf8)
            var end = 0
            for token in tokenizer.encodeWithOffsets(golden.text) {
                #expect(token.utf8.lowerBound == end)
                end = token.utf8.upperBound
                let slice = Array(bytes[token.utf8])
                if !golden.text.contains("<mask>") { #expect(tokenizer.bytes(of: token.id) == slice) }
            }
            #expect(end == bytes.count)
        }
    }

    @Test(
        "offsets never leave the text under normalisation and added spaces",
        arguments: ["qwen2", "prefixed", "smollm"]
    )
    func offsetsStayInside(style: String) throws {
        let tokenizer = try Goldens.tokenizer(style)
        for golden in try Goldens.read([Goldens.Encoding].self, "\(style)/ids.json") {
            var start = 0
            for token in tokenizer.encodeWithOffsets(golden.text) {
                #expect(token.utf8.lowerBound >= start && token.utf8.upperBound <= golden.text.utf8.count)
                start = token.utf8.lowerBound
            }
        }
        let composed = try Goldens.tokenizer("qwen2").encodeWithOffsets("xe\u{301}!")
        #expect(composed.map(\.utf8).suffix(2) == [1..<4, 4..<5])
    }

    @Test("special tokens and configuration are read")
    func configuration() throws {
        let llama = try Goldens.tokenizer("llama3")
        #expect(llama.bosID == 1 && llama.eosID == 2)
        #expect(llama.endOfTurnIDs == [0, 2])
        #expect(llama.encode("a", addSpecialTokens: true) == [1] + llama.encode("a"))
        #expect(llama.chatTemplate == nil)
        #expect(llama.id(ofToken: "<|im_end|>") == 2)
        #expect(llama.bytes(of: llama.vocabularySize) == nil)
        let smollm = try Goldens.tokenizer("smollm")
        let text = try smollm.chatTemplate?.render(Chat(user: "hi"), addGenerationPrompt: true).text
        #expect(text == "<|im_start|>user\nhi<|im_end|>\n<|im_start|>assistant\n")
    }

    @Test("a hundred thousand characters without a space do not take quadratic time")
    func longRuns() throws {
        let tokenizer = try Goldens.tokenizer("llama3")
        for text in [String(repeating: "a", count: 100_000), String(repeating: "he", count: 50_000)] {
            let clock = ContinuousClock()
            var count = 0
            let elapsed = clock.measure { count = tokenizer.encode(text).count }
            #expect(count > 0)
            #expect(elapsed < .seconds(10))
        }
    }

    @Test(
        "GGUF metadata gives the tokenizer that the directory gives",
        arguments: [
            ("smollm", "smollm"), ("gpt2", "gpt-2"), ("llama3", "llama-bpe"), ("qwen2", "qwen2"), ("gpt4o", "gpt-4o"),
            ("tekken", "tekken"),
        ]
    )
    func metadata(style: String, preTokenizer: String) throws {
        let golden = try Goldens.tokenizer(style)
        let file = Goldens.folder.appendingPathComponent("\(style)/tokenizer.json")
        let root = try #require(try JSONSerialization.jsonObject(with: Data(contentsOf: file)) as? [String: Any])
        let model = try #require(root["model"] as? [String: Any])
        let vocabulary = try #require(model["vocab"] as? [String: Int])
        let merges = try #require(model["merges"] as? [[String]]).map { Array($0.joined(separator: " ").utf8) }
        var tokens = [[UInt8]](repeating: [], count: vocabulary.count)
        for (token, id) in vocabulary { tokens[id] = Array(token.utf8) }
        let types = tokens.indices.map { Int32($0 < 3 ? 3 : 1) }
        var metadata = TokenizerMetadata(source: "model.gguf", model: "gpt2", vocabulary: tokens)
        (metadata.merges, metadata.tokenTypes, metadata.preTokenizer) = (merges, types, preTokenizer)
        (metadata.bosID, metadata.eosID, metadata.unknownID, metadata.addsBOS) = (1, 2, 0, true)
        let tokenizer = try Tokenizer(metadata)
        for text in ["Hello 123 it's\r\n\u{1F600}", "<|im_start|>x<|im_end|>", "  a", "aBC'LL xY//\n12345"] {
            #expect(tokenizer.encode(text) == golden.encode(text))
        }
        #expect(tokenizer.encode("a", addSpecialTokens: true).first == 1)
        #expect(tokenizer.specialTokenIDs == [0, 1, 2])
    }

    @Test("what is not known is refused by name")
    func refusals() throws {
        var metadata = TokenizerMetadata(source: "model.gguf", model: "gpt2", vocabulary: [[97]])
        let refusals: [(merge: String, preTokenizer: String, model: String, bosID: Int?, names: String)] = [
            ("a a", "mystery", "gpt2", nil, "mystery"), ("a b", "gpt-2", "gpt2", 7, "'a' and 'b'"),
            ("", "gpt-2", "gpt2", nil, "not a pair"), ("", "default", "rwkv", nil, "rwkv"),
            ("", "default", "llama", nil, "tokenizer.ggml.scores"), ("", "default", "bert", nil, "[UNK]"),
        ]
        for (merge, preTokenizer, model, bosID, name) in refusals {
            metadata.merges = [Array(merge.utf8)]
            (metadata.preTokenizer, metadata.model, metadata.bosID) = (preTokenizer, model, bosID)
            #expect {
                try Tokenizer(metadata)
            } throws: {
                "\($0)".contains(name) && "\($0)".contains("model.gguf")
            }
        }
        let split = #"{"type":"Split","pattern":{"Regex":"x+y"},"behavior":"Isolated"}"#
        let byteLevel = #"{"type":"ByteLevel","add_prefix_space":false,"use_regex":false}"#
        let cases: [(json: String, names: String)] = [
            (#"{"model":{"type":"Mystery","vocab":{}}}"#, "Mystery"),
            (
                #"{"model":{"vocab":{"a":0},"merges":[]},"pre_tokenizer":{"type":"Sequence","pretokenizers":["#
                    + byteLevel + "," + split + "]}}", "after ByteLevel"
            ),
            (#"{"model":{"vocab":{"a":0},"merges":[]},"decoder":{"type":"CTC"}}"#, "CTC"),
            (#"{"model":{"type":"WordPiece","vocab":{"a":0}}}"#, "unknown words"),
            (
                #"{"model":{"vocab":{"a":0},"merges":[]},"pre_tokenizer":{"type":"Sequence","pretokenizers":["#
                    + split + "," + byteLevel + "]}}", "x+y"
            ),
            (
                #"{"model":{"vocab":{"a":0},"merges":[]},"normalizer":{"type":"Nmt"},"pre_tokenizer":"#
                    + byteLevel + "}", "Nmt"
            ),
            (#"{"model":{"vocab":{"a":"#, "byte"),
        ]
        for (json, name) in cases {
            let folder = FileManager.default.temporaryDirectory.appendingPathComponent("tokenizer-\(UUID())")
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
            defer { try? FileManager.default.removeItem(at: folder) }
            try Data(json.utf8).write(to: folder.appendingPathComponent("tokenizer.json"))
            #expect {
                try Tokenizer(directory: folder)
            } throws: {
                "\($0)".contains(name) && "\($0)".contains("tokenizer.json")
            }
        }
        #expect(throws: TokenizerError.self) { try Tokenizer(directory: URL(fileURLWithPath: "/nowhere")) }
    }
}
