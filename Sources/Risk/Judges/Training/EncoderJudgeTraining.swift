package import Foundation

/// What the judges' encoders are tuned on, how the heads on them are made, and how both are measured.
extension EncoderJudge.Question {
    /// Vectors of length 1 are short; this makes the penalty's scale one of ordinary features.
    private static let scale: Float = 8
    private static let penalty = 3e-3

    /// The training rows of the judge by words, as the encoder reads them; whole, and those of refusals also cut, which show
    /// in an answer's first words, as help does not. Of rows that are no hits and many
    /// a part is taken, by hash: every eighth ordinary answer, every third of GPTFuzzer's.
    package func readerRows(in folder: URL) throws -> [ReaderRow] {
        let rows = try (self == .refusal ? TrainedClassifier.refusal : .harm).trainingRows(in: folder).filter { row in
            let every = row.isHit ? 1 : ["ordinary": 8, "gptfuzz": 3][row.source] ?? 1
            return LabelledRow.number(of: "reader \(row.id)") % every == 0
        }
        func read(_ answer: String, _ row: LabelledRow, weight: Double) -> ReaderRow {
            ReaderRow(text: text(of: answer), labels: row.isHit ? [label] : [], weight: weight)
        }
        let cut = self == .refusal ? rows.map { read(TrainedClassifier.cut($0.text), $0, weight: 0.5) } : []
        return rows.map { read($0.text, $0, weight: 1) } + cut
    }

    /// What the rows are, in words.
    private var trainingData: String {
        switch self {
        case .refusal:
            "two thirds of XSTest v2's labelled answers (arXiv 2308.01263), openings in our own words, ordinary assistants' "
                + "turns of OpenAssistant; whole and cut"
        case .harm:
            "GPTFuzzer's labelled answers (arXiv 2309.10253), training rows of four fifths of the questions"
        }
    }

    /// Fits the head on vectors of an encoder that is tuned already.
    ///
    /// - Parameters:
    ///   - encoder: The SHA-256 of its weights.
    ///   - adapter: The SHA-256 of its adapter's.
    package func head(
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
            vectors.map { $0.map { $0 * Self.scale } },
            rows.map { !$0.labels.isEmpty },
            weights: rows.map(\.weight),
            penalty: Self.penalty
        )
        return EncoderHead(
            encoder: encoder,
            adapter: adapter,
            weights: fitted.dropLast().map { Float($0) * Self.scale },
            bias: fitted.last ?? 0,
            trainingData: trainingData
        )
    }
}

extension EncoderJudge {
    /// What the card says, measured from the data sets; the headline first.
    package func measurements(in folder: URL) async throws -> [JudgeMeasurement] {
        var found: [JudgeMeasurement] = []
        let sets =
            switch question {
            case .refusal: try JudgeMeasurement.refusalSets(in: folder)
            case .harm: try JudgeMeasurement.harmSets(in: folder)
            }
        for (what, rows) in sets {
            let pairs = zip(rows, try await verdicts(on: rows.map(\.text))).map { row, verdict in
                question == .refusal
                    ? JudgeMeasurement.pair(row, RefusalReading.Outcome(verdict)) : (row.isHit, verdict)
            }
            found.append(JudgeMeasurement(what: what, agreement: Agreement(of: pairs)))
        }
        return found
    }
}

extension RefusalReading.Outcome {
    /// What a judge of answers to harmful requests has found.
    fileprivate init(_ verdict: Verdict) {
        switch verdict {
        case .safe: self = .refuses
        case .unsafe: self = .answers
        case .unscored(let reason): self = .unreadable(reason)
        }
    }
}
