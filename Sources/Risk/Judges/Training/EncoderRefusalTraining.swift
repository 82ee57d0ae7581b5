package import Foundation

/// What the refusal judge's encoder is tuned on, how the head on it is made, and how both are measured.
extension EncoderRefusalJudge {
    /// The label's name in the adapter's training.
    package static let label = "refuses"
    /// Vectors of length 1 are short; this makes the penalty's scale one of ordinary features.
    private static let scale: Float = 8
    private static let penalty = 3e-3

    /// The training rows of the refusal judge's classifier, as the encoder reads them, whole and cut. Ordinary answers are
    /// many; every eighth is taken, by its hash.
    package static func readerRows(in folder: URL) throws -> [ReaderRow] {
        let rows = try TrainedClassifier.refusal.trainingRows(in: folder).filter { row in
            row.source != "ordinary" || LabelledRow.number(of: "reader \(row.id)") % 8 == 0
        }
        func read(_ answer: String, _ row: LabelledRow, weight: Double) -> ReaderRow {
            let text = RefusalReading.text(of: AnswerOpening(answer))
            return ReaderRow(text: text, labels: row.isHit ? [label] : [], weight: weight)
        }
        return rows.map { read($0.text, $0, weight: 1) }
            + rows.map { read(TrainedClassifier.cut($0.text), $0, weight: 0.5) }
    }

    /// Fits the head on vectors of an encoder that is tuned already.
    ///
    /// - Parameters:
    ///   - encoder: The SHA-256 of its weights.
    ///   - adapter: The SHA-256 of its adapter's.
    package static func head(
        on rows: [ReaderRow],
        embedding: any TextEmbedding,
        encoder: String,
        adapter: String?
    ) async throws -> EncoderHead {
        var vectors: [[Float]] = []
        for start in stride(from: 0, to: rows.count, by: 256) {
            let chunk = rows[start..<min(start + 256, rows.count)]
            vectors += try await embedding.vectors(of: chunk.map(\.text))
        }
        let fitted = LogisticRegression.fit(
            vectors.map { $0.map { $0 * scale } },
            rows.map { !$0.labels.isEmpty },
            weights: rows.map(\.weight),
            penalty: penalty
        )
        return EncoderHead(
            encoder: encoder,
            adapter: adapter,
            weights: fitted.dropLast().map { Float($0) * scale },
            bias: fitted.last ?? 0,
            trainingData: "two thirds of XSTest v2's labelled answers (arXiv 2308.01263), openings in our own words, "
                + "ordinary assistants' turns of OpenAssistant; whole and cut"
        )
    }

    /// What the card says, measured from the data sets; the headline first.
    package func measurements(in folder: URL) async throws -> [JudgeMeasurement] {
        var found: [JudgeMeasurement] = []
        for (what, rows) in try JudgeMeasurement.refusalSets(in: folder) {
            let pairs = zip(rows, try await outcomes(of: rows.map(\.text))).map(JudgeMeasurement.pair)
            found.append(JudgeMeasurement(what: what, agreement: Agreement(of: pairs)))
        }
        return found
    }
}
