import TemperTorch

/// Keys and values of the sequences being generated, in memory taken once.
///
/// Slot s of layer i holds the tokens of one sequence from position 0 on. Sequences have lengths of their own; nothing
/// is ever grown by concatenation.
@TorchActor
final class KeyValueCache {
    /// Per layer [slots, capacity, h_kv, d].
    private let keys: [Tensor]
    private let values: [Tensor]
    let slotCount: Int
    let capacity: Int

    init(_ configuration: DecoderConfiguration, slots: Int, capacity: Int, dtype: DType, device: Device)
        throws(TorchError)
    {
        slotCount = slots
        self.capacity = capacity
        let shape = [slots, capacity, configuration.keyValueHeadCount, configuration.headSize]
        var keys: [Tensor] = []
        var values: [Tensor] = []
        for _ in 0..<configuration.layerCount {
            keys.append(try Tensor.zeros(shape, dtype: dtype, device: device))
            values.append(try Tensor.zeros(shape, dtype: dtype, device: device))
        }
        self.keys = keys
        self.values = values
    }

    /// Writes k and v [t, h_kv, d] of one layer at (slots[i], positions[i]).
    func store(layer: Int, k: Tensor, v: Tensor, slots: Tensor, positions: Tensor) throws(TorchError) {
        try keys[layer].put(k, rows: slots, columns: positions)
        try values[layer].put(v, rows: slots, columns: positions)
    }

    /// One query [n, h, d] for each of the first n slots, over the first `lengths` positions of each: [n, h, d].
    func attend(layer: Int, q: Tensor, lengths: [Int], rule: AttentionRule) throws(TorchError) -> Tensor {
        try Layers.cachedAttention(q: q, keys: keys[layer], values: values[layer], lengths: lengths, rule: rule)
    }

    /// Moves the first `length` positions of one slot onto another.
    func move(from source: Int, to destination: Int, length: Int) throws(TorchError) {
        for cache in keys + values {
            let from = try cache.narrowed(0, from: source, length: 1).narrowed(1, from: 0, length: length)
            try cache.narrowed(0, from: destination, length: 1).narrowed(1, from: 0, length: length).copy(from: from)
        }
    }
}
