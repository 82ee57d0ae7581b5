import Testing

@testable import TemperText

@Suite struct SpellingTests {
    @Test func distances() {
        #expect(Spelling.distance("", "abc") == 3 && Spelling.distance("abc", "acb") == 1)
        #expect(Spelling.distance("lora_r", "lora_rank") == 3 && Spelling.distance("a", "a") == 0)
    }

    @Test func whatWasMeant() {
        let names = ["list", "show", "verify", "fetch"]
        #expect(Spelling.nearest(to: "shwo", among: names) == "show")
        #expect(Spelling.nearest(to: "compare", among: names) == nil)
        #expect(Spelling.nearest(to: "show", among: []) == nil)
    }
}
