import Foundation
import Testing

@testable import TemperWeights

/// The block encoders against the reference implementation's blocks.
@Suite struct QuantizeTests {
    @Test(arguments: BlockEncoder.types)
    func roundsAsTheReferenceBitForBit(type: GGUFTensorType) throws {
        let file = try GGUFFile(contentsOf: goldens.appendingPathComponent("rounded.gguf"))
        let weights = try file.dequantize("F32")
        let rounded = BlockEncoder.rounded(weights, to: type)
        #expect(rounded.map(\.bitPattern) == (try file.dequantize(type.name)).map(\.bitPattern))
    }

    @Test(arguments: BlockEncoder.types)
    func whatIsRoundedStaysWithinOneStep(type: GGUFTensorType) {
        let weights = (0..<320).map { Float(sin(Double($0) * 1.7)) * Float($0 % 7) }
        let levels: Float = type == .q8_0 ? 127 : type == .q5_0 || type == .q5_1 ? 15 : 7
        let rounded = BlockEncoder.rounded(weights, to: type)
        #expect(zip(weights, rounded).allSatisfy { abs($0 - $1) <= 1.01 * 12 / levels })
        #expect(BlockEncoder.encode(weights, as: type).count == 10 * type.bytesPerBlock)
    }
}
