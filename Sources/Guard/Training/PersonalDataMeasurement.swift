package import Foundation
import TemperRisk
import TemperText

/// How much of the personal data in synthetic, annotated sentences is found, and how much else.
///
/// Knows nothing about how it is found. A span counts as found where a finding of its kind covers all of its digits or
/// letters but two; a finding that overlaps no span of its kind counts as other.
package enum PersonalDataMeasurement {
    private struct Sentence: Decodable {
        struct Span: Decodable {
            var entity_type: String
            var start_position: Int
            var end_position: Int
        }
        var full_text: String
        var spans: [Span]
    }

    private static let types: [PersonalDataRail.Kind: String] = [
        .email: "EMAIL_ADDRESS", .card: "CREDIT_CARD", .iban: "IBAN_CODE", .phone: "PHONE_NUMBER", .ssn: "US_SSN",
        .ip: "IP_ADDRESS",
    ]

    /// The lines that the rail's card should have.
    package static func lines(in folder: URL) throws -> [String] { try all(in: folder).map(\.line) }

    /// One measure for each kind, at the rail's own threshold.
    static func all(in folder: URL) throws -> [PersonalDataRail.Measure] {
        let file = folder.appendingPathComponent("pii/synth_dataset_v2.json")
        guard let data = try? Data(contentsOf: file),
            let sentences = try? JSONDecoder().decode([Sentence].self, from: data)
        else { throw RiskError.unreadable(file: file.path, reason: "it must be a JSON list of annotated sentences") }
        var measures = PersonalDataRail.Kind.allCases.map { kind in
            PersonalDataRail.Measure(kind: kind, found: 0, all: 0, others: 0)
        }
        let least = PersonalDataRail().card.threshold
        for sentence in sentences {
            // The annotations count Unicode scalars, the rail bytes.
            var offsets = [0]
            for scalar in sentence.full_text.unicodeScalars {
                offsets.append(offsets[offsets.count - 1] + UTF8.width(scalar))
            }
            let matches = PersonalDataScanner.matches(in: Array(sentence.full_text.utf8)).filter { $0.score >= least }
            for (place, measure) in measures.enumerated() {
                let spans = sentence.spans.filter {
                    $0.entity_type == types[measure.kind] && $0.end_position < offsets.count
                }
                .map { offsets[$0.start_position]..<offsets[$0.end_position] }
                let own = matches.filter { $0.kind == measure.kind }.map(\.range)
                measures[place].all += spans.count
                measures[place].found += spans.count { span in
                    own.contains { $0.lowerBound <= span.lowerBound + 2 && $0.upperBound >= span.upperBound - 2 }
                }
                measures[place].others += own.count { range in !spans.contains { $0.overlaps(range) } }
            }
        }
        return measures
    }
}
