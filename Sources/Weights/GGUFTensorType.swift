/// The storage types of GGUF tensors, with the numbers that the files use.
///
/// A quantised row is cut into blocks of `elementsPerBlock` weights, each stored in `bytesPerBlock` bytes. Types that
/// `BlockDecoder` does not decode are listed too, so that a file which holds one can still be checked and inspected.
/// Numbers and sizes: the public GGUF specification and ggml's type table.
public enum GGUFTensorType: UInt32, Sendable, CaseIterable {
    case f32 = 0
    case f16 = 1
    case q4_0 = 2
    case q4_1 = 3
    case q5_0 = 6
    case q5_1 = 7
    case q8_0 = 8
    case q8_1 = 9
    case q2_K = 10
    case q3_K = 11
    case q4_K = 12
    case q5_K = 13
    case q6_K = 14
    case q8_K = 15
    case iq2_XXS = 16
    case iq2_XS = 17
    case iq3_XXS = 18
    case iq1_S = 19
    case iq4_NL = 20
    case iq3_S = 21
    case iq2_S = 22
    case iq4_XS = 23
    case i8 = 24
    case i16 = 25
    case i32 = 26
    case i64 = 27
    case f64 = 28
    case iq1_M = 29
    case bf16 = 30
    case tq1_0 = 34
    case tq2_0 = 35
    case mxfp4 = 39
    case nvfp4 = 40
    case q1_0 = 41

    /// The name in ggml's spelling, such as `Q4_K`.
    public var name: String { "\(self)".uppercased() }

    /// How many weights one block holds.
    public var elementsPerBlock: Int { layout.elements }

    /// How many bytes one block takes.
    public var bytesPerBlock: Int { layout.bytes }

    private var layout: (elements: Int, bytes: Int) {
        switch self {
        case .i8: (1, 1)
        case .f16, .bf16, .i16: (1, 2)
        case .f32, .i32: (1, 4)
        case .f64, .i64: (1, 8)
        case .mxfp4: (32, 17)
        case .q4_0, .iq4_NL: (32, 18)
        case .q4_1: (32, 20)
        case .q5_0: (32, 22)
        case .q5_1: (32, 24)
        case .q8_0: (32, 34)
        case .q8_1: (32, 40)
        case .nvfp4: (64, 36)
        case .q1_0: (128, 18)
        case .iq1_S: (256, 50)
        case .tq1_0: (256, 54)
        case .iq1_M: (256, 56)
        case .iq2_XXS, .tq2_0: (256, 66)
        case .iq2_XS: (256, 74)
        case .iq2_S: (256, 82)
        case .q2_K: (256, 84)
        case .iq3_XXS: (256, 98)
        case .q3_K, .iq3_S: (256, 110)
        case .iq4_XS: (256, 136)
        case .q4_K: (256, 144)
        case .q5_K: (256, 176)
        case .q6_K: (256, 210)
        case .q8_K: (256, 292)
        }
    }
}
