import Foundation
import TemperText

@testable import TemperRisk

/// The project's root, from this file's own place.
let projectRoot = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()

/// The folder of public data sets, where one is given.
let publicData = ProcessInfo.processInfo.environment["TEMPER_TEST_DATA"].map { URL(fileURLWithPath: $0) }

/// Answers every conversation by a function of its last user turn.
struct Scripted: Responder {
    let answer: @Sendable (String) -> String

    func respond(to chats: [Chat], options: SamplingOptions) async throws -> [Completion] {
        chats.map { completion(answer($0.lastUserText)) }
    }
}

func completion(_ text: String) -> Completion {
    Completion(text: text, tokenCount: text.split(separator: " ").count, finishReason: .stop)
}

func exchange(_ answer: String, reference: [String: String] = [:]) -> Exchange {
    let probe = Probe(id: "p", category: "c", chat: Chat(user: "?"), reference: reference)
    return Exchange(probe: probe, completion: completion(answer))
}

/// Writes a file into a folder of its own for the time of `body`.
@discardableResult
func withFile<Result>(_ name: String, _ content: String, _ body: (URL) throws -> Result) throws -> Result {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("temper-risk-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let file = folder.appendingPathComponent(name)
    try Data(content.utf8).write(to: file)
    return try body(file)
}
