import Foundation
import Synchronization
import TemperRisk
import Testing

@testable import TemperPipeline

/// Models from a hub, with a small server on this machine in its place.
@Suite struct HubTests {
    static let commit = String(repeating: "0a", count: 20)
    static let token = "hf_secret"
    static let weights = Data((0..<300_000).map { UInt8(truncatingIfNeeded: $0 &* 2_654_435_761 >> 7) })

    @Test func whatIsNeededIsFetchedAndFoundAgainWithoutTheHub() async throws {
        let scene = try HubScene()
        defer { scene.remove() }
        let folder = try await scene.hub().pull("org/tiny")
        let home = scene.folder.appending(path: "hub/models--org--tiny")
        #expect(folder.path == home.appending(path: "snapshots/\(Self.commit)").path)
        #expect(try Data(contentsOf: folder.appending(path: "model.safetensors")) == Self.weights)
        #expect(try String(contentsOf: home.appending(path: "refs/main"), encoding: .utf8) == Self.commit)
        let link = folder.appending(path: "config.json").path
        #expect(
            try FileManager.default.destinationOfSymbolicLink(atPath: link)
                == "../../blobs/\(scene.blob("config.json"))"
        )
        #expect(
            try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted() == [
                "config.json", "model.safetensors", "tokenizer.json",
            ]
        )
        #expect(scene.files("blobs").allSatisfy { !$0.hasSuffix(".part") })
        let count = scene.server.requests.count
        #expect(count == 5)
        _ = try await scene.hub().pull("org/tiny")
        #expect(scene.server.requests.count == count + 1)
        scene.server.stop()
        #expect(try await scene.hub().pull("org/tiny") == folder)
        #expect(try await scene.hub().pull("org/tiny@\(Self.commit)") == folder)
        #expect(try ModelReference.resolve("org/tiny", environment: scene.environment).path == folder.path)
        #expect(ModelReference.name(of: folder) == "tiny")
        for path in ["models/none.gguf", "/nowhere/m", folder.path] {
            #expect(try ModelReference.resolve(path, environment: scene.environment) == URL(fileURLWithPath: path))
        }
        try FileManager.default.removeItem(at: home.appending(path: "blobs/\(scene.blob("model.safetensors"))"))
        await #expect(throws: HubError.self) { try await scene.hub().pull("org/tiny") }
        #expect {
            try ModelReference.resolve("org/tiny", environment: scene.environment)
        } throws: {
            "\($0)".contains("temper model pull org/tiny")
        }
    }

    @Test func theTokenGoesToTheHubAlone() async throws {
        let scene = try HubScene()
        defer { scene.remove() }
        _ = try await scene.hub().pull("org/tiny")
        let own = "127.0.0.1:\(scene.server.port)"
        for request in scene.server.requests {
            let isOwn = request.headers["host"] == own
            // What is compressed on the way has other sizes and places.
            #expect(request.headers["accept-encoding"] == "identity")
            #expect(request.headers["authorization"] == (isOwn ? "Bearer \(Self.token)" : nil), "\(request.path)")
        }
        #expect(scene.server.requests.contains { $0.headers["host"] == "localhost:\(scene.server.port)" })
    }

    @Test func aBrokenConnectionGoesOnWhereItStopped() async throws {
        let isFirst = Mutex(true)
        let scene = try HubScene { request, answer in
            guard request.path.hasPrefix("/cdn/") else { return }
            if isFirst.withLock({ first in
                defer { first = false }
                return first
            }) {
                answer.cut = 100_000
            }
        }
        defer { scene.remove() }
        let folder = try await scene.hub().pull("org/tiny")
        #expect(try Data(contentsOf: folder.appending(path: "model.safetensors")) == Self.weights)
        let ranges = scene.server.requests.filter { $0.path.hasPrefix("/cdn/") }.map { $0.headers["range"] }
        #expect(ranges == [nil, "bytes=100000-"])
    }

    @Test func aBrokenCommandGoesOnWhereItStopped() async throws {
        let isCut = Mutex(true)
        let scene = try HubScene { request, answer in
            guard request.path.hasPrefix("/cdn/"), isCut.withLock({ $0 }) else { return }
            answer.cut = request.headers["range"] == nil ? 100_000 : 0
        }
        defer { scene.remove() }
        await #expect {
            try await scene.hub().pull("org/tiny")
        } throws: {
            guard case HubError.unreachable = $0 else { return false }
            return true
        }
        #expect(scene.files("blobs").contains { $0.hasSuffix(".part") })
        isCut.withLock { $0 = false }
        let folder = try await scene.hub().pull("org/tiny")
        #expect(try Data(contentsOf: folder.appending(path: "model.safetensors")) == Self.weights)
        #expect(scene.server.requests.last?.headers["range"] == "bytes=100000-")
    }

    @Test func aServerThatKnowsNoRangesIsAskedForTheWhole() async throws {
        let scene = try HubScene { request, answer in
            guard request.path.hasPrefix("/cdn/") else { return }
            answer = .init(body: Self.weights, cut: request.headers["range"] == nil ? 100_000 : nil)
        }
        defer { scene.remove() }
        let folder = try await scene.hub().pull("org/tiny")
        #expect(try Data(contentsOf: folder.appending(path: "model.safetensors")) == Self.weights)
    }

    @Test(arguments: [
        Data(repeating: 7, count: 300_000), Data(repeating: 7, count: 300_001), Data(repeating: 7, count: 9),
    ])
    func aWrongFileIsRemoved(content: Data) async throws {
        let scene = try HubScene { request, answer in
            if request.path.hasPrefix("/cdn/") { answer = .init(body: content) }
        }
        defer { scene.remove() }
        await #expect {
            try await scene.hub().pull("org/tiny")
        } throws: {
            guard case HubError.corrupted(let file, _) = $0 else { return false }
            return !FileManager.default.fileExists(atPath: file)
        }
        #expect(!scene.files("blobs").contains(scene.blob("model.safetensors")))
        #expect(!scene.files("snapshots/\(Self.commit)").contains("model.safetensors"))
    }

    @Test(arguments: [401, 403]) func gatedModelsSayHowToGetIn(status: Int) async throws {
        let scene = try HubScene { _, answer in answer = .init(status: status) }
        defer { scene.remove() }
        await #expect {
            try await scene.hub().pull("org/tiny")
        } throws: {
            let text = "\($0)"
            return text.contains("HF_TOKEN") && text.contains("licence") && !text.contains(Self.token)
        }
    }

    @Test func refusalsSayWhatIsWrong() async throws {
        let scene = try HubScene()
        defer { scene.remove() }
        let cases: [(name: String, file: String?, says: String)] = [
            ("org/none", nil, "no model org/none"), ("org/tiny", "x.gguf", "no file x.gguf"),
            ("org/tiny", "../x.gguf", "--file"), ("org/tiny", "pytorch_model.bin", "--file"), ("tiny", nil, "ORG/NAME"),
            ("org/../x", nil, "ORG/NAME"), ("org/pickled", nil, "pickles"), ("org/packed", nil, "a.gguf, b.gguf"),
            ("org/tiny@..", nil, "ORG/NAME"), ("org/evil", nil, "usable name"),
        ]
        for (name, file, says) in cases {
            await #expect("\(name)") {
                try await scene.hub().pull(name, file: file)
            } throws: {
                "\($0)".contains(says)
            }
        }
        scene.server.stop()
        await #expect {
            try await scene.hub().pull("org/new")
        } throws: {
            "\($0)".contains("127.0.0.1") && "\($0)".contains("HF_ENDPOINT")
        }
        #expect(throws: HubError.self) { try Hub(environment: ["HF_ENDPOINT": "nonsense"]) }
    }

    @Test func oneFileOfManyIsFetchedByName() async throws {
        let scene = try HubScene()
        defer { scene.remove() }
        let file = try await scene.hub().pull("org/packed@v1", file: "b.gguf")
        #expect(try Data(contentsOf: file) == Data("b".utf8))
        #expect(try ModelReference.resolve("org/packed@v1", environment: scene.environment) == file)
        _ = try await scene.hub().pull("org/packed@v1", file: "a.gguf")
        #expect {
            try ModelReference.resolve("org/packed@v1", environment: scene.environment)
        } throws: {
            "\($0)".contains("a.gguf") && "\($0)".contains("b.gguf")
        }
    }

    @Test func onlyTheShardsThatTheIndexNamesAreFetched() async throws {
        let scene = try HubScene()
        defer { scene.remove() }
        let folder = try await scene.hub().pull("org/sharded")
        #expect(scene.files("snapshots/\(Self.commit)", of: "sharded").contains("part-2.safetensors"))
        #expect(!FileManager.default.fileExists(atPath: folder.appending(path: "other.safetensors").path))
    }

    @Test func theProgramPullsAndThenTakesTheName() async throws {
        let scene = try HubScene()
        defer { scene.remove() }
        let export = "export " + scene.environment.map { "\($0.key)=\($0.value)" }.joined(separator: " ")
        let pulled = try Program.run("model", "pull", "org/llama", limit: export)
        #expect(pulled.status == 0 && pulled.output.contains("models--org--llama/snapshots/"), "\(pulled.errors)")
        #expect(!(pulled.output + pulled.errors).contains(Self.token))
        let inspected = try Program.run("model", "inspect", "org/llama", limit: export)
        #expect(inspected.status == 0 && inspected.output.contains("safetensors"), "\(inspected.errors)")
        let missing = try Program.run("model", "inspect", "org/none", limit: export)
        #expect(missing.status == 2 && missing.errors.contains("temper model pull org/none"))
    }
}

/// A hub with a few repositories, and a cache of its own.
private struct HubScene {
    /// What each repository holds; its large files are handed out by another host.
    static let repositories: [String: [String: Data]] = [
        "tiny": [
            "config.json": Data("{}".utf8), "tokenizer.json": Data("[]".utf8), "model.safetensors": HubTests.weights,
            "pytorch_model.bin": Data("p".utf8), "README.md": Data("r".utf8),
        ],
        "pickled": ["config.json": Data("{}".utf8), "pytorch_model.bin": Data("p".utf8)],
        "packed": ["a.gguf": Data("a".utf8), "b.gguf": Data("b".utf8)],
        "sharded": [
            "config.json": Data("{}".utf8), "part-1.safetensors": Data("1".utf8), "part-2.safetensors": Data("2".utf8),
            "other.safetensors": Data("o".utf8),
            "model.safetensors.index.json": Data(
                #"{"weight_map": {"a": "part-1.safetensors", "b": "part-2.safetensors"}}"#.utf8
            ),
        ],
        "evil": [
            "config.json": Data("{}".utf8), "../../../../x.safetensors": Data("x".utf8),
            "model.safetensors.index.json": Data(#"{"weight_map": {"a": "../../../../x.safetensors"}}"#.utf8),
        ],
        "llama": llama,
    ]

    private static var llama: [String: Data] {
        let folder = Scene.model.deletingPathExtension()
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
        return names.reduce(into: [:]) { $0[$1] = try? Data(contentsOf: folder.appending(path: $1)) }
    }

    let folder: URL
    let server: LoopbackServer

    /// - Parameter change: Changes an answer before it goes out.
    init(_ change: @escaping @Sendable (LoopbackServer.Request, inout LoopbackServer.Answer) -> Void = { _, _ in })
        throws
    {
        folder = FileManager.default.temporaryDirectory.appending(path: "temper-hub-\(UUID().uuidString)")
        let repositories = Self.repositories
        server = try LoopbackServer { request in
            var answer = Self.answer(request, repositories)
            change(request, &answer)
            return answer
        }
    }

    var environment: [String: String] {
        [
            "HF_ENDPOINT": "http://127.0.0.1:\(server.port)", "HF_HOME": folder.path, "HF_TOKEN": HubTests.token,
            "HF_HUB_CACHE": "",
        ]
    }

    func hub() throws -> Hub { try Hub(environment: environment) }

    func remove() {
        server.stop()
        try? FileManager.default.removeItem(at: folder)
    }

    func blob(_ file: String) -> String { Self.blob(Self.repositories["tiny"]?[file] ?? Data(), of: file) }

    func files(_ place: String, of name: String = "tiny") -> [String] {
        let path = folder.appending(path: "hub/models--org--\(name)/\(place)").path
        return (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []
    }

    private static func isLarge(_ file: String) -> Bool { file.hasSuffix(".safetensors") || file.hasSuffix(".gguf") }

    private static func blob(_ content: Data, of file: String) -> String {
        isLarge(file) ? SHA256.hex(content) : String(SHA256.hex(content).prefix(40))
    }

    private static func answer(
        _ request: LoopbackServer.Request,
        _ repositories: [String: [String: Data]]
    ) -> LoopbackServer.Answer {
        let parts = request.path.split(separator: "?")[0].split(separator: "/").map(String.init)
        if parts.starts(with: ["api", "models", "org"]), let files = repositories[parts[3]] {
            let listed = files.map { file, content in
                let blob = blob(content, of: file)
                let large = isLarge(file) ? #","lfs":{"sha256":"\#(blob)","size":\#(content.count)}"# : ""
                return #"{"rfilename":"\#(file)","size":\#(content.count),"blobId":"\#(blob.prefix(40))"\#(large)}"#
            }
            let text = #"{"sha":"\#(HubTests.commit)","siblings":[\#(listed.joined(separator: ","))]}"#
            return .init(body: Data(text.utf8))
        }
        let isResolved = parts.count == 5 && parts[2] == "resolve" && parts[3] == HubTests.commit
        guard isResolved || parts.first == "cdn" && parts.count == 3, let file = parts.last,
            let content = repositories[parts[1]]?[file]
        else { return .init(status: 404, body: Data("nothing here".utf8)) }
        if isResolved, isLarge(file) {
            let port = request.headers["host"]?.split(separator: ":").last ?? ""
            let place = "http://localhost:\(port)/cdn/\(parts[1])/\(file)?signature=x"
            return .init(status: 302, headers: ["Location": place], body: Data("over there".utf8))
        }
        guard let range = request.headers["range"], let start = Int(range.dropFirst(6).dropLast()) else {
            return .init(body: content)
        }
        let headers = ["Content-Range": "bytes \(start)-\(content.count - 1)/\(content.count)"]
        return .init(status: 206, headers: headers, body: content.dropFirst(start))
    }
}
