package import Foundation

/// How a text classifier lies in a file, and the checks on the way in.
///
/// Knows nothing about training. The form, numbers little-endian: the eight bytes `TEMPERLC`, the form's version and the
/// length of the description as 32-bit numbers, the description as JSON, the weights as one signed byte each, and the
/// SHA-256 of everything before it, as 32 bytes. Nothing in it is ever executed, and no length is believed unchecked.
extension LinearTextClassifier {
    private static let magic = Array("TEMPERLC".utf8)
    private static let version: UInt32 = 1
    private static let headLength = 16
    private static let digestLength = 32

    private struct Description: Codable {
        var outputs: [Output]
        var bits: Int
        var features: Int
        var trainingData: String
        var trainingDataSHA256: String
    }

    /// Reads a classifier from a file.
    ///
    /// - Throws: `RiskError` that says what is wrong with the file.
    package init(contentsOf file: URL) throws {
        let data: Data
        do {
            data = try Data(contentsOf: file)
        } catch {
            throw RiskError.unreadable(file: file.path, reason: error.localizedDescription)
        }
        try self.init([UInt8](data), file: file.path)
    }

    /// Reads a classifier from a file's content.
    init(_ bytes: [UInt8], file: String) throws {
        func broken(_ reason: String) -> RiskError {
            .unknownFormat(file: file, reason: "\(reason); train the classifier again")
        }
        guard bytes.starts(with: Self.magic) else {
            throw broken("not a text classifier: it does not begin with \(String(decoding: Self.magic, as: UTF8.self))")
        }
        guard bytes.count >= Self.headLength + Self.digestLength else { throw broken("the file ends early") }
        let version = Self.number(bytes, at: 8)
        guard version == Self.version else {
            throw broken("written in form \(version), but this program reads form \(Self.version)")
        }
        let body = bytes.count - Self.digestLength
        guard SHA256.hex(bytes[..<body]) == Self.hex(bytes[body...]) else {
            throw broken("its content does not match its checksum")
        }
        let start = Self.headLength + Int(Self.number(bytes, at: 12))
        guard start <= body,
            let own = try? JSONDecoder().decode(Description.self, from: Data(bytes[Self.headLength..<start]))
        else {
            throw broken("its description cannot be read")
        }
        guard own.features == TextFeatures.version else {
            throw broken("trained on features of version \(own.features), but these are \(TextFeatures.version)")
        }
        guard (1...24).contains(own.bits), !own.outputs.isEmpty, body - start == own.outputs.count << own.bits else {
            throw broken("it does not hold one weight for each label and bucket")
        }
        guard Set(own.outputs.map(\.label)).count == own.outputs.count, !own.outputs.contains(where: \.label.isEmpty)
        else {
            throw broken("its labels are not distinct names")
        }
        guard
            own.outputs.allSatisfy({
                $0.scale > 0 && (0...1).contains($0.threshold) && $0.slope.isFinite && $0.intercept.isFinite
                    && $0.offset.isFinite
            })
        else {
            throw broken("its scales, calibration or thresholds are out of range")
        }
        guard SHA256.hex(of: own.trainingData) == own.trainingDataSHA256 else {
            throw broken("the description of its training data does not match that description's hash")
        }
        self.init(
            outputs: own.outputs,
            bits: own.bits,
            trainingData: own.trainingData,
            weights: bytes[start..<body].map(Int8.init(bitPattern:))
        )
    }

    /// The classifier as a file's content; the same classifier always gives the same bytes.
    package func encoded() throws -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        let description = try encoder.encode(
            Description(
                outputs: outputs,
                bits: bits,
                features: TextFeatures.version,
                trainingData: trainingData,
                trainingDataSHA256: SHA256.hex(of: trainingData)
            )
        )
        var bytes = Self.magic + Self.bytes(Self.version) + Self.bytes(UInt32(description.count))
        bytes += description
        bytes += weights.map(UInt8.init(bitPattern:))
        let digest = SHA256.hex(bytes)
        for place in stride(from: 0, to: digest.utf8.count, by: 2) {
            bytes.append(UInt8(digest.dropFirst(place).prefix(2), radix: 16) ?? 0)
        }
        return bytes
    }

    private static func number(_ bytes: [UInt8], at place: Int) -> UInt32 {
        (0..<4).reduce(0) { $0 | UInt32(bytes[place + $1]) << UInt32(8 * $1) }
    }

    private static func bytes(_ number: UInt32) -> [UInt8] {
        (0..<4).map { UInt8(truncatingIfNeeded: number >> UInt32(8 * $0)) }
    }

    private static func hex(_ bytes: ArraySlice<UInt8>) -> String {
        bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }
}
