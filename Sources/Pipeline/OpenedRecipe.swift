import Foundation
import TemperAlign
import TemperGuard
import TemperModel
import TemperReport
import TemperRisk
import TemperTorch
import TemperTune

/// What a recipe names, read and loaded: everything that a mistake in it could break, before the first long step.
struct OpenedRecipe {
    var device: Device
    var suites: [PlannedSuite]
    var tuningData: Dataset
    var alignmentData: Dataset?
    /// The alignment that the recipe takes as it is; on no model yet.
    var alignment: Adapter?
    var defences: [(Recipe.Defence, Defence)]
    /// What the tuned model is put behind; nil where the recipe has no guard.
    var shield: Guard?
    /// The SHA-256 of the encoder behind its rails, and of its heads.
    var shieldEncoder: String?
    /// With its weights in four bits where the recipe says so.
    var model: LanguageModel
    var helpers: HelperModels
    /// What a search's result has to pass; nil where no file says so.
    var gate: GatePolicy?
    /// Of each round of a continued tuning, in turn; empty where there is none.
    var continuedData: [Dataset]
}

extension Recipe {
    /// Reads what the recipe names.
    @TorchActor
    func opened() async throws -> OpenedRecipe {
        let device = try usableDevice
        let suites = try assess.load()
        var names: Set<String> = []
        for planned in suites where !names.insert(planned.suite.card.name).inserted {
            throw RiskError.repeatedSuite(planned.suite.card.name)
        }
        let tuningData = try tune.load(seed: seed)
        let alignmentData = try align.flatMap { $0.adapterNameOrPath == nil ? try $0.load(seed: seed) : nil }
        let defences = try defences.map { ($0, try $0.make()) }
        let gate = try search?.gate.map { try policy($0, on: suites.map(\.suite)) }
        let continuedData = try continuation?.load(tuning: tuningData, seed: seed) ?? []
        var reader: EncoderReader?
        if let guardEncoder { reader = try await EncoderReader(URL(fileURLWithPath: guardEncoder)) }
        let resources = try reader?.resources() ?? RailResources()
        let shield = try guardPolicy.map { try Guard(PolicyFile.load($0), resources: resources) }
        let model = try await LanguageModel.load(
            from: ModelReference.resolve(modelNameOrPath),
            dtype: floatType,
            device: device
        )
        if quantizationBit != nil { try model.quantize() }
        let further = continuation?.trainData == nil ? [] : continuedData
        let own: [(Training?, Dataset?, String)] = [(tune, tuningData, "tune"), (align, alignmentData, "align")]
        for (training, data, section) in own + further.map({ (tune, $0, "tune") }) {
            guard let training, let data else { continue }
            try Self.check("\(section).lora_target") { try training.settings.check(against: model) }
            _ = try data.tokenized(for: model, settings: training.settings)
        }
        for (index, (_, defence)) in defences.enumerated() {
            try Self.check("defences.\(index)") { try defence.check(against: model, after: tune.settings) }
        }
        let helpers = try await HelperModels(assess, device: device)
        return OpenedRecipe(
            device: device,
            suites: suites.judged(by: helpers.judges),
            tuningData: tuningData,
            alignmentData: alignmentData,
            alignment: try align?.adapterNameOrPath.map {
                try model.adapterForBase(at: URL(fileURLWithPath: $0))
            },
            defences: defences,
            shield: shield,
            shieldEncoder: try guardEncoder.map {
                try EncoderReader.fingerprint(of: URL(fileURLWithPath: $0))
            },
            model: model,
            helpers: helpers,
            gate: gate,
            continuedData: continuedData
        )
    }

    /// Lets what a model is asked to be trained with name the key that asks for it.
    @TorchActor
    private static func check(_ key: String, _ body: @TorchActor () throws -> Void) throws {
        do {
            try body()
        } catch {
            throw PipelineError.recipe(key: key, reason: "\(error)")
        }
    }

    /// The search's policy. A rule has to be about what the run measures, and one on a subject of its own about one that the
    /// run makes: a mistyped name would let nothing pass, hours later.
    private func policy(_ file: String, on suites: [any TemperRisk.Suite]) throws -> GatePolicy {
        let metrics = Story.reportKeys(suites).map { GatePolicy.Metric(key: $0.value, suite: $0.key) }
            .sorted { $0.key < $1.key }
        let gate: GatePolicy
        do {
            gate = try GatePolicy.load(URL(fileURLWithPath: file)).named(as: metrics)
        } catch let error as GateError {
            throw PipelineError.recipe(key: "defend.gate", reason: "\(file): \(error)")
        }
        if let rule = gate.rules.first(where: { rule in !metrics.contains { $0.key == rule.metric } }) {
            throw PipelineError.recipe(
                key: "defend.gate",
                reason: "\(file): the rule `\(rule.id)` is about \(rule.metric), which this run does not measure; name "
                    + "its suite under assess, or take another of "
                    + metrics.map(\.description).joined(separator: ", ")
            )
        }
        let cures = defences.map(\.name) + (search.map { candidates(of: $0).map(\.name) } ?? [])
        let whole = ["raw", "aligned", Story.guardedName, Story.retrievalName] + cures
        let copies = whole.flatMap { name in assess.quantizations.map { Story.name(of: name, in: $0) } }
        let known = Set(["tuned", "best", "reference", "base"] + whole + copies)
        for rule in gate.rules {
            guard let name = rule.subject, !known.contains(name), !name.hasPrefix("tuned@") else { continue }
            throw PipelineError.recipe(
                key: "defend.gate",
                reason: "\(file): the rule `\(rule.id)` judges `\(name)`, which this run does not make; write tuned, "
                    + "best, reference, base, tuned@STEP or a defence's name"
            )
        }
        return gate
    }

    /// The device the recipe asks for, if it is here.
    private var usableDevice: Device {
        get throws {
            let named = Device(named: device) ?? .cpu
            guard let absence = named.absence else { return named }
            throw PipelineError.recipe(key: "device", reason: "\(device): \(absence)")
        }
    }

    /// The float type the recipe asks for; nil leaves it to the device.
    var floatType: TemperTorch.DType? {
        switch dtype {
        case .auto: nil
        case .float32: .float32
        case .bfloat16: .bfloat16
        }
    }
}
