import Foundation
import TemperGuard
public import TemperLedger
import TemperModel
import TemperReport
public import TemperText
public import TemperTorch
import TemperTune

/// The models of a run, to talk to: as they came, aligned, looking rows up, tuned, defended, and the tuned one behind
/// the run's guard, or the standard one.
///
/// One is in memory at a time, besides the base that all are made from; both are loaded when they are first asked. One
/// answers at a time, in the order they are asked: who asks while another answers waits.
@TorchActor
public final class RunModels {
    /// One of a run's models.
    public struct Member: Sendable, Hashable {
        /// How it is served.
        enum Form: Hashable {
            /// As it is.
            case plain
            /// Behind the run's guard, or the standard one where it has none.
            case guarded
            /// With rows of the tuning's data before every question.
            case retrieving
        }

        /// What names it: the subject, with `guarded:` before it where a guard stands in front.
        public var id: String
        /// What people read.
        public var title: String
        /// The adapter's folder; nil for the base.
        var adapter: URL?
        /// How it is served.
        var form = Form.plain
    }

    /// Why there is no answer.
    public enum Failure: Error, CustomStringConvertible, Sendable {
        /// The run has no such model, or none whose files are there.
        case unknown(String)
        /// The model gave none.
        case noAnswer(String)

        /// What happened, and the remedy.
        public var description: String {
            switch self {
            case .unknown(let id): "the run has no model \(id) whose files are there; finish the run first"
            case .noAnswer(let reason): "the model gave no answer: \(reason)"
            }
        }
    }

    /// The most tokens of an answer.
    private static let longest = 256

    private var base: (key: String, model: LanguageModel)?
    private var current: (key: String, responder: any Responder)?
    private var shield: (key: String, shield: Guard)?
    /// Ends with the answer that was asked for last.
    private var latest: Task<Void, Never>?

    /// Nothing is loaded yet.
    public nonisolated init() {}

    /// The models of a run whose files are there, in the order of its story.
    public nonisolated static func members(of run: RunDirectory) -> [Member] {
        guard let recipe = recipe(of: run) else { return [] }
        let made = MainJob(recipe, sink: NoSink()).adapters.map { subject, folder in
            Member(id: subject, title: subject, adapter: folder)
        }
        let aligned = made.filter { $0.id == "aligned" }
        var members = [Member(id: "raw", title: "raw", adapter: nil)] + aligned
        if recipe.retrieval != nil, recipe.align == nil || !aligned.isEmpty, let reference = members.last {
            members.append(
                Member(
                    id: Story.retrievalName,
                    title: "\(reference.title), rows looked up",
                    adapter: reference.adapter,
                    form: .retrieving
                )
            )
        }
        members += made.filter { $0.id != "aligned" }
        if let tuned = made.first(where: isTuned) ?? members.first {
            members.append(
                Member(
                    id: "guarded:\(tuned.id)",
                    title: "\(tuned.title), \(recipe.guardPolicy == nil ? "standard guard" : "the run's guard")",
                    adapter: tuned.adapter,
                    form: .guarded
                )
            )
        }
        return members
    }

    /// The ids of those that say most: the reference, the last checkpoint, the best defence where the report names one, and
    /// what stands behind the guard.
    public nonisolated static func principal(of run: RunDirectory) -> Set<String> {
        let best = (try? ReportFiles.read(of: run))?.bestDefence?.name
        let members = members(of: run)
        let reference = members.last { ["raw", "aligned"].contains($0.id) }?.id
        return Set(
            members.filter { $0.id == reference || isTuned($0) || $0.id == best || $0.form == .guarded }.map(\.id)
        )
    }

    private nonisolated static func isTuned(_ member: Member) -> Bool { member.id.hasPrefix("tuned@") }

    /// The run's recipe, with its place where the run's folder is.
    private nonisolated static func recipe(of run: RunDirectory) -> Recipe? {
        guard var recipe = try? Recipe.load(run.recipe) else { return nil }
        recipe.outputDir = run.url.deletingLastPathComponent().path
        recipe.runName = run.name
        return recipe
    }

    /// Answers a conversation, when those asked before are answered; the likeliest token is always taken.
    ///
    /// - Parameters:
    ///   - id: A member's id.
    ///   - partial: Called with the beginning of the answer, ever longer; a guarded answer comes whole.
    /// - Throws: An error where the model cannot be loaded, or the conversation is too long for it.
    public func answer(
        _ chat: Chat,
        by id: String,
        in run: RunDirectory,
        partial: @escaping @Sendable (String) -> Void
    ) async throws -> String {
        guard let recipe = Self.recipe(of: run), let member = Self.members(of: run).first(where: { $0.id == id }) else {
            throw Failure.unknown(id)
        }
        // While one loads or answers, nothing else changes what is in memory.
        let earlier = latest
        let task = Task {
            await earlier?.value
            try Task.checkCancellation()
            return try await reply(to: chat, by: member, recipe, run, partial: partial)
        }
        latest = Task { _ = await task.result }
        return try await withTaskCancellationHandler {
            try await task.value
        } onCancel: {
            task.cancel()
        }
    }

    private func reply(
        to chat: Chat,
        by member: Member,
        _ recipe: Recipe,
        _ run: RunDirectory,
        partial: @escaping @Sendable (String) -> Void
    ) async throws -> String {
        let responder = try await responder(for: member, recipe, run)
        let options = SamplingOptions(maxNewTokens: Self.longest, temperature: 0, seed: recipe.seed)
        let left = Flag()
        let completions = try await withTaskCancellationHandler {
            try await responder.respond(to: [chat], options: options) { _, text in
                partial(text)
                return left.isRaised
            }
        } onCancel: {
            left.raise()
        }
        guard let completion = completions.first, completion.finishReason != .failed else {
            throw Failure.noAnswer(completions.first?.failure ?? "begin anew with a shorter conversation")
        }
        return completion.text
    }

    private func responder(for member: Member, _ recipe: Recipe, _ run: RunDirectory) async throws -> any Responder {
        let isRetrieving = member.form == .retrieving
        let key = "\(run.url.path) \(isRetrieving) \(member.adapter.map(Self.stamp) ?? "")"
        if current?.key != key {
            current = nil
            let model = try await base(recipe)
            let served = try model.forInference(adapter: member.adapter)
            let local = LocalResponder(served, batchSize: 1)
            if isRetrieving, let retriever = try retriever(recipe, for: served) {
                current = (key, Reworded(local, retriever.shown))
            } else {
                current = (key, local.served(beside: member.adapter))
            }
        }
        guard let responder = current?.responder else { preconditionFailure("it was made above") }
        return member.form == .guarded ? GuardedResponder(responder, try await guarding(recipe)) : responder
    }

    /// What stands in front of the guarded model, with the run's own second reader.
    private func guarding(_ recipe: Recipe) async throws -> Guard {
        let policy = recipe.guardPolicy ?? "standard"
        let files = [policy == "standard" ? nil : policy, recipe.guardEncoder].compactMap { $0 }
        try StartedElsewhere.check(files)
        let key = ([policy] + files.map { Self.stamp(URL(fileURLWithPath: $0)) }).joined(separator: " ")
        if let shield, shield.key == key { return shield.shield }
        var resources = RailResources()
        if let encoder = recipe.guardEncoder {
            resources = try await EncoderReader(URL(fileURLWithPath: encoder)).resources()
        }
        let made = try Guard(PolicyFile.load(policy), resources: resources)
        shield = (key, made)
        return made
    }

    /// What looks rows up as in the run.
    private func retriever(_ recipe: Recipe, for model: LanguageModel) throws -> Retriever? {
        try StartedElsewhere.check(recipe.tune.trainData.filter { $0.embedded == nil }.map(\.data))
        return try recipe.retriever(in: recipe.tune.load(seed: recipe.seed), for: model, answer: Self.longest)
    }

    /// A file or folder and the last change of what it holds: what was made anew under the same name is loaded anew.
    private static func stamp(_ url: URL) -> String {
        let inside = (try? FileManager.default.contentsOfDirectory(atPath: url.path)) ?? []
        let dates = ([url] + inside.map(url.appendingPathComponent)).compactMap {
            try? FileManager.default.attributesOfItem(atPath: $0.path)[.modificationDate] as? Date
        }
        return "\(url.path) \(dates.max()?.timeIntervalSince1970 ?? 0)"
    }

    private func base(_ recipe: Recipe) async throws -> LanguageModel {
        let place = try ModelReference.resolve(recipe.modelNameOrPath)
        try StartedElsewhere.check([place.relativePath])
        let key = "\(Self.stamp(place)) \(recipe.device) \(recipe.dtype) \(recipe.quantizationBit ?? 0)"
        if let base, base.key == key { return base.model }
        base = nil
        let model = try await LanguageModel.load(
            from: place,
            dtype: recipe.floatType,
            device: Device(named: recipe.device) ?? .cpu
        )
        if recipe.quantizationBit != nil { try model.quantize() }
        base = (key, model)
        return model
    }

    private struct NoSink: EventSink {
        func emit(_ event: RunEvent) {}
    }
}
