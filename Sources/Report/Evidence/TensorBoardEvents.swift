import Foundation

/// An event file of TensorBoard: the training log and the safety of every checkpoint as scalars.
///
/// A TFRecord is the length (u64, little endian), the masked CRC-32C of the length, the bytes, and the masked CRC-32C of
/// the bytes. The bytes are a protocol buffer: Event {wall_time 1: double, step 2: int64, file_version 3: string,
/// summary 5}; Summary {value 1: repeated}; Value {tag 1: string, simple_value 2: float}. The report does not know when a
/// step was taken, so that all events carry the report's own time.
struct TensorBoardEvents {
    let reading: Reading

    /// The file's bytes.
    var data: Data {
        var bytes = Self.record(event(step: nil, ProtocolBuffer().string(3, "brain.Event:2")))
        for point in reading.report.training {
            let scalars = [
                ("loss", point.loss), ("learning_rate", point.learningRate), ("grad_norm", point.gradientNorm),
                ("tokens_per_second", point.tokensPerSecond),
            ]
            bytes += record(step: point.step, scalars.map { ("\(point.phase)/\($0.0)", $0.1) })
        }
        for subject in reading.checkpoints {
            var scalars = reading.measuredRates(of: subject).flatMap { key, _, rate -> [(String, Double)] in
                let tag = key == Axis.utility ? "utility/value" : "safety/\(key)"
                return [(tag, rate.rate ?? .nan), ("\(tag) (low)", rate.low), ("\(tag) (high)", rate.high)]
            }
            scalars += subject.measures.map { ("measures/\($0.axis)/\($0.name)", $0.value ?? .nan) }
            if !scalars.isEmpty { bytes += record(step: subject.step ?? 0, scalars) }
        }
        return Data(bytes)
    }

    private func record(step: Int, _ scalars: [(tag: String, value: Double)]) -> [UInt8] {
        let summary = scalars.reduce(ProtocolBuffer()) { summary, scalar in
            summary.message(1, ProtocolBuffer().string(1, scalar.tag).float(2, Float(scalar.value)))
        }
        return Self.record(event(step: step, ProtocolBuffer().message(5, summary)))
    }

    private func event(step: Int?, _ content: ProtocolBuffer) -> [UInt8] {
        var head = ProtocolBuffer().double(1, reading.report.created.timeIntervalSince1970)
        if let step { head = head.integer(2, step) }
        return head.bytes + content.bytes
    }

    static func record(_ bytes: [UInt8]) -> [UInt8] {
        let length = littleEndian(UInt64(bytes.count))
        return length + littleEndian(CRC32C.masked(length)) + bytes + littleEndian(CRC32C.masked(bytes))
    }

    private static func littleEndian(_ value: some FixedWidthInteger) -> [UInt8] {
        withUnsafeBytes(of: value.littleEndian) { Array($0) }
    }
}

/// The few wire types of protocol buffers that an event needs.
private struct ProtocolBuffer {
    private(set) var bytes: [UInt8] = []

    func integer(_ field: Int, _ value: Int) -> ProtocolBuffer {
        adding(key(field, wireType: 0) + varint(UInt64(bitPattern: Int64(value))))
    }

    func double(_ field: Int, _ value: Double) -> ProtocolBuffer {
        adding(key(field, wireType: 1) + withUnsafeBytes(of: value.bitPattern.littleEndian) { Array($0) })
    }

    func float(_ field: Int, _ value: Float) -> ProtocolBuffer {
        adding(key(field, wireType: 5) + withUnsafeBytes(of: value.bitPattern.littleEndian) { Array($0) })
    }

    func string(_ field: Int, _ value: String) -> ProtocolBuffer { block(field, Array(value.utf8)) }

    func message(_ field: Int, _ value: ProtocolBuffer) -> ProtocolBuffer { block(field, value.bytes) }

    private func block(_ field: Int, _ content: [UInt8]) -> ProtocolBuffer {
        adding(key(field, wireType: 2) + varint(UInt64(content.count)) + content)
    }

    private func adding(_ more: [UInt8]) -> ProtocolBuffer {
        var copy = self
        copy.bytes += more
        return copy
    }

    private func key(_ field: Int, wireType: Int) -> [UInt8] { varint(UInt64(field << 3 | wireType)) }

    private func varint(_ value: UInt64) -> [UInt8] {
        var left = value
        var result: [UInt8] = []
        while left >= 0x80 {
            result.append(UInt8(left & 0x7F) | 0x80)
            left >>= 7
        }
        return result + [UInt8(left)]
    }
}

/// The cyclic redundancy check with Castagnoli's polynomial, 0x1EDC6F41, reflected.
enum CRC32C {
    private static let table: [UInt32] = (0..<256).map { index in
        (0..<8).reduce(UInt32(index)) { value, _ in value & 1 == 1 ? value >> 1 ^ 0x82F6_3B78 : value >> 1 }
    }

    /// The check value; of `123456789` it is 0xE3069283.
    static func value(_ bytes: [UInt8]) -> UInt32 {
        ~bytes.reduce(0xFFFF_FFFF) { table[Int(($0 ^ UInt32($1)) & 0xFF)] ^ $0 >> 8 }
    }

    /// The form that TFRecords store, so that a check value over a file with check values stays one.
    static func masked(_ bytes: [UInt8]) -> UInt32 {
        let value = value(bytes)
        return (value >> 15 | value << 17) &+ 0xA282_EAD8
    }
}
