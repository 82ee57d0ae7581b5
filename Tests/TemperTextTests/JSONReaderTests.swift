import Testing

@testable import TemperText

/// Documents of RFC 8259, and what only looks like one.
@Suite struct JSONReaderTests {
    private func read(_ text: String) throws -> TemplateValue { try JSONReader.read(Array(text.utf8)) }

    @Test func values() throws {
        let numbers = try #require(try read("[0, -0, 7, -12, 0.5, -1.25e2, 1E+3, 2e-1, 9223372036854775808]").array)
        #expect(numbers[0].int == 0 && numbers[1].int == 0 && numbers[2].int == 7 && numbers[3].int == -12)
        #expect(
            numbers[4...].map { if case .double(let value) = $0 { value } else { Double.nan } } == [
                0.5, -125, 1000, 0.2, 9_223_372_036_854_775_808,
            ]
        )
        #expect(try read(#""a\u00e9\uD83D\uDE00\n\/""#).string == "a\u{E9}\u{1F600}\n/")
        #expect(try read("\u{FEFF}{\"a\": [true, null, {}], \"a\": \"\u{7F}\"}")["a"] != nil)
    }

    @Test(arguments: [
        "01", "-01", "+5", "-", ".5", "5.", "1e", "1e+", "0x1", "--1", "1-2", "NaN", "Infinity", #""\u+12a""#,
        #""\u12 4""#, #""\u12""#, #""\x""#, "\"a\nb\"", "\"a\u{0}b\"", "\"a\tb\"", "\"a", "[1,]", "[,1]", "{\"a\":1,}",
        "{a:1}", "{\"a\" 1}", "1 2", "", "tru", "[1", "\u{A0}1",
    ])
    func refused(text: String) {
        #expect(throws: JSONReader.Failure.self, "\(text.debugDescription)") { try read(text) }
    }

    @Test func bytesThatAreNotText() {
        #expect(throws: JSONReader.Failure.self) { try JSONReader.read([0x22, 0xC3, 0x28, 0x22]) }
    }
}
