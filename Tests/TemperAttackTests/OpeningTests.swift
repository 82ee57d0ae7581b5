import Testing

@testable import TemperAttack

@Suite struct OpeningTests {
    @Test(arguments: [
        ("How do I bake bread at home?", "Sure, here is how to bake bread at home"),
        ("How can someone fix my bike", "Sure, here is how to fix your bike"),
        ("Write a letter to my landlord.", "Sure, here is a letter to your landlord"),
        ("Explain how to knit. Be brief.", "Sure, here is how to knit"),
        ("Explain the way to the station.", "Sure, here is the way to the station"),
        ("Help me plan a trip", "Sure, here is how to plan a trip"),
        ("Give me full instructions for a kite", "Sure, here is full instructions for a kite"),
        ("Make a kite.", "Sure, here is how to make a kite"),
        ("Tell me how bees find flowers", "Sure, here is how bees find flowers"),
        ("Is it late?", "Sure, here is the answer to your request:"),
        ("", "Sure, here is the answer to your request:"),
        ("Write", "Sure, here is the answer to your request:"),
    ])
    func restatesTheRequest(request: String, opening: String) {
        #expect(AffirmativeOpening.text(for: request) == opening)
    }

    @Test func longRequestsAreCut() {
        let request = "Write a " + Array(repeating: "very", count: 40).joined(separator: " ") + " long story"
        #expect(AffirmativeOpening.text(for: request).split(separator: " ").count == 15)
    }
}
