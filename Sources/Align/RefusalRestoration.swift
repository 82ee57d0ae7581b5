public import TemperModel
import TemperText
import TemperTorch

/// Refusal-direction restoration: what the tuned model writes along the reference's refusal direction is brought back
/// to what the reference writes there.
///
/// The direction r and its layer are those of the reference (see `RefusalDirection`; Arditi et al., arXiv 2406.11717,
/// section 2.3). Let mu_h and mu_s be the means of r's part in the stream behind that layer at the last token of
/// harmful and of harmless requests, and x_h and x_s the means of what the layer's last matrix W reads there. The
/// update is `W := W + r q^T` with the shortest q for which `q . x_h = strength * (mu_h_reference - mu_h_tuned)`, and
/// the same for s: `q = [x_h x_s] G^-1 g`, G the inner products of x_h and x_s, g the two gaps. W is linear and
/// writes straight to the stream, so that with strength 1 both means are the reference's again. A rank-1 edit of the
/// network's last matrix from a key and a wanted value is ROME's (Meng et al., arXiv 2202.05262, equation 2).
///
/// Variant: a construction of our own from these two. With several layers each is restored in turn, those below in
/// place. As the requests' means are restored and not each request, and only at the last token, it may do little or
/// harm: assess it. Families with a norm behind the matrix, or with experts, are refused, because there the means
/// would not come back.
public struct RefusalRestoration: WeightDefence {
    /// How much of the gap is closed.
    public var strength: Double
    /// How many layers are restored, from the direction's own on.
    public var layers: Int
    /// Harmful requests, and as many harmless ones, to look at.
    public var requests: Int

    static let method = Defences.Method(
        card: DefenceCard(
            method: "refusal-restoration",
            title: "Refusal-direction restoration",
            stage: .weights,
            paper: "arXiv 2406.11717; arXiv 2202.05262",
            fidelity: .variant,
            summary:
                "Adds a rank-1 update that brings the stream's part along the reference's refusal direction back; "
                + "a few hundred forward passes, no training."
        )
    ) { knobs in
        .weights(
            RefusalRestoration(
                strength: try knobs.number("strength", default: 1, in: 0...10),
                layers: try knobs.count("layers", default: 1, in: 1...1000),
                requests: try knobs.count("requests", default: 64, in: 4...1024)
            )
        )
    }

    /// The means along the direction of harmful and of harmless requests.
    struct Places: Equatable {
        var harmful: Double
        var harmless: Double
    }

    /// Throws for a model whose layers end in a norm or in experts; which layer is the direction's is not known yet.
    @TorchActor
    public func check(against model: LanguageModel) throws {
        for layer in model.network.layers { _ = try Self.writer(of: layer) }
    }

    @TorchActor
    private static func writer(of layer: DecoderLayer) throws -> Linear {
        guard let writer = layer.writer else {
            throw DefenceError.unsupported(
                method: method.card.method,
                reason: "a norm or several experts stand between a matrix and the residual stream"
            )
        }
        return writer
    }

    /// The adapter with one more rank for each restored layer.
    @TorchActor
    public func apply(to adapter: Adapter, using context: WeightContext) throws -> WeightChange {
        let model = context.reference
        model.network.detach()
        defer { model.network.detach() }
        let prompts = try RefusalDirection.Prompts(count: requests, seed: context.seed)
        let streams = try RefusalDirection.Streams(of: prompts, in: try model.merged())
        let direction = RefusalDirection(streams)
        let wanted = Self.places(of: streams, along: direction.vector)
        var updates: [String: LowRank] = [:]
        for (module, pair) in adapter.pairs { updates[module] = try LowRank(pair) }
        var targets = adapter.configuration.targetModules
        var changed = try adapter.copy()
        var measures = ["layer": Double(direction.layer), "separation": direction.separation]
        let all = model.network.layers
        for layer in direction.layer..<min(direction.layer + layers, all.count) {
            let name = try Self.writer(of: all[layer]).name
            let wanted = wanted[layer]
            changed.attach(to: model)
            let copy = try model.merged()
            model.network.detach()
            let found = try Self.look(prompts, in: copy, layer: layer, direction.vector)
            let gaps = Places(
                harmful: strength * (wanted.harmful - found.places.harmful),
                harmless: strength * (wanted.harmless - found.places.harmless)
            )
            let key = Self.key(found.harmful, found.harmless, for: gaps)
            let edit = LowRank(
                b: try .from(
                    direction.vector.map(Double.init),
                    shape: [direction.vector.count, 1],
                    device: model.device
                ),
                a: try .from(key, shape: [1, key.count], device: model.device)
            )
            updates[name] = try updates[name]?.adding(edit) ?? edit
            let last = name.split(separator: ".").last.map(String.init) ?? name
            if !targets.contains(where: { name == $0 || name.hasSuffix(".\($0)") }) { targets.append(last) }
            changed = try Adapter.of(updates, targets: targets, for: model).adapter
            if layer == direction.layer {
                measures["harmful_reference"] = wanted.harmful
                measures["harmful_tuned"] = found.places.harmful
                measures["harmless_reference"] = wanted.harmless
                measures["harmless_tuned"] = found.places.harmless
            }
        }
        func short(_ name: String) -> String { "\(((measures[name] ?? 0) * 100).rounded() / 100)" }
        return WeightChange(
            changed,
            note: "Along the refusal direction of layer \(direction.layer), tuning moved harmful requests from "
                + "\(short("harmful_reference")) to \(short("harmful_tuned")) and harmless ones from "
                + "\(short("harmless_reference")) to \(short("harmless_tuned")).",
            measures: measures
        )
    }

    /// Where the requests lie along a direction, behind each layer.
    static func places(of streams: RefusalDirection.Streams, along direction: [Float]) -> [Places] {
        zip(streams.harmful, streams.harmless).map {
            Places(harmful: place($0, along: direction), harmless: place($1, along: direction))
        }
    }

    /// The same behind one layer, and the means of what the layer's last matrix reads.
    @TorchActor
    private static func look(
        _ prompts: RefusalDirection.Prompts,
        in copy: LanguageModel,
        layer: Int,
        _ direction: [Float]
    ) throws -> (places: Places, harmful: [Double], harmless: [Double]) {
        func look(_ chats: [Chat]) throws -> (place: Double, input: [Double]) {
            let writer = copy.network.layers[layer].writer
            let (streams, inputs) = try RefusalDirection.states(of: chats, in: copy, inputsOf: writer)
            return (place(streams[layer], along: direction), RefusalDirection.mean(inputs))
        }
        let (harmful, harmless) = (try look(prompts.harmful), try look(prompts.harmless))
        return (Places(harmful: harmful.place, harmless: harmless.place), harmful.input, harmless.input)
    }

    private static func place(_ states: [[Float]], along direction: [Float]) -> Double {
        zip(RefusalDirection.mean(states), direction).reduce(0) { $0 + $1.0 * Double($1.1) }
    }

    /// The shortest q with `q . first = gaps.harmful` and `q . second = gaps.harmless`; of two inputs that point the
    /// same way, the one that serves their mean.
    static func key(_ first: [Double], _ second: [Double], for gaps: Places) -> [Double] {
        func dot(_ a: [Double], _ b: [Double]) -> Double { zip(a, b).reduce(0) { $0 + $1.0 * $1.1 } }
        let (aa, ab, bb) = (dot(first, first), dot(first, second), dot(second, second))
        let determinant = aa * bb - ab * ab
        guard determinant > 1e-9 * aa * bb else {
            let mean = zip(first, second).map { ($0 + $1) / 2 }
            let length = dot(mean, mean)
            guard length > 0 else { return mean }
            return mean.map { $0 * (gaps.harmful + gaps.harmless) / 2 / length }
        }
        let one = (bb * gaps.harmful - ab * gaps.harmless) / determinant
        let other = (aa * gaps.harmless - ab * gaps.harmful) / determinant
        return zip(first, second).map { one * $0 + other * $1 }
    }
}
