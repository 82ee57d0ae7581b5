public import TemperReport

/// The section `cost` of a recipe: what power and time are reckoned with.
///
/// It changes no result, so it is no part of what makes a run that run: the same run may be reckoned with other prices.
extension Recipe {
    /// Prices as the report reckons with them; nothing is asked for.
    public typealias Cost = CostAccount.Prices
}

extension CostAccount.Prices {
    /// Reads the section.
    init(_ table: RecipeTable) throws {
        func number(_ key: String, upTo limit: Double) throws -> Double? {
            try table.optionalText(key) == nil ? nil : table.number(key, default: 0, in: 0...limit)
        }
        self.init(
            watts: try number("watts", upTo: 1e9),
            perHour: try number("price_per_hour", upTo: 1e9),
            perKilowattHour: try number("price_per_kwh", upTo: 1e9),
            currency: try table.text("currency", default: "EUR"),
            baseTrainingFlops: try number("base_training_flops", upTo: 1e40)
        )
        if let original = baseTrainingFlops, original <= 0 {
            throw table.error("base_training_flops", found: "0", expected: "a number above 0, such as 1.6e21, or null")
        }
        guard currency.count <= 12, !currency.isEmpty else {
            throw table.error("currency", found: "\"\(currency)\"", expected: "1 to 12 characters, such as EUR")
        }
    }
}
