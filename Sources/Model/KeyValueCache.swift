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

    init(_ configuration: LlamaConfiguration, slots: Int, capacity: Int, dtype: DType, device: Device)
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

    /// Keys and values of one layer's first `slots` slots and `length` positions: [slots, h_kv, length, d].
    func read(layer: Int, slots: Int, length: Int) throws(TorchError) -> (k: Tensor, v: Tensor) {
        func view(_ cache: Tensor) throws(TorchError) -> Tensor {
            try cache.narrowed(0, from: 0, length: slots).narrowed(1, from: 0, length: length).transposed(1, 2)
        }
        return (try view(keys[layer]), try view(values[layer]))
    }

    /// Moves the first `length` positions of one slot onto another.
    func move(from source: Int, to destination: Int, length: Int) throws(TorchError) {
        for cache in keys + values {
            let from = try cache.narrowed(0, from: source, length: 1).narrowed(1, from: 0, length: length)
            try cache.narrowed(0, from: destination, length: 1).narrowed(1, from: 0, length: length).copy(from: from)
        }
    }
}
