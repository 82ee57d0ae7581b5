/// Finds personal data by its form: addresses of mail and machines, telephone, card and account numbers, US social
/// security numbers.
///
/// Knows nothing about names, places or dates, which have no form. Checks what can be checked: the Luhn digit of cards
/// (ISO/IEC 7812), the remainder 97 of account numbers (ISO 13616), the ranges of addresses and of social security
/// numbers. Every finding can be replaced by a placeholder and restored.
public struct PersonalDataRail: Rail {
    /// Creates the rail.
    public init() {}

    /// What the rail is, with its measured error.
    public var card: RailCard {
        RailCard(
            name: "personal-data",
            looksFor: "e-mail and network addresses, telephone, card and account numbers, US social security numbers",
            labels: Kind.allCases.map(\.label),
            measured: Self.measured.map(\.line),
            limits: [
                "Names, street addresses, dates of birth and medical facts are not found.",
                "A telephone number is told by its form and the words before it; an order number of the same form is found too.",
                "A card number whose check digit is wrong, as in made-up data, is not found.",
            ]
        )
    }

    /// A kind of personal data.
    enum Kind: String, CaseIterable {
        case email = "EMAIL"
        case card = "CARD"
        case iban = "IBAN"
        case phone = "PHONE"
        case ssn = "SSN"
        case ip = "IP"

        var label: String {
            switch self {
            case .email: "e-mail"
            case .card: "card"
            case .iban: "iban"
            case .phone: "phone"
            case .ssn: "ssn"
            case .ip: "ip"
            }
        }
    }

    /// How much of each kind was found in the synthetic sentences, and how much else; a test counts again.
    struct Measure: Hashable {
        var kind: Kind
        var found: Int
        var all: Int
        var others: Int
        var line: String {
            "\(kind.label): \(found) of \(all) found, \(others) other spans found, in 1500 synthetic sentences"
        }
    }

    static let measured = [
        Measure(kind: .email, found: 49, all: 49, others: 0), Measure(kind: .card, found: 136, all: 136, others: 0),
        Measure(kind: .iban, found: 21, all: 21, others: 0), Measure(kind: .phone, found: 66, all: 92, others: 4),
        Measure(kind: .ssn, found: 16, all: 16, others: 0), Measure(kind: .ip, found: 14, all: 14, others: 0),
    ]

    /// Every piece of personal data, with its place.
    public func findings(in passage: Passage) async throws -> [Finding] {
        PersonalDataScanner.matches(in: Array(passage.text.utf8)).map { match in
            Finding(
                match.kind.label,
                score: match.score,
                range: match.range,
                replacement: match.kind.rawValue,
                isReversible: true
            )
        }
    }
}
