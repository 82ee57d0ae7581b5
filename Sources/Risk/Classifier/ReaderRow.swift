/// A text that a sentence encoder is tuned on, with the labels it has.
///
/// Knows nothing about encoders, or about what the labels mean.
package struct ReaderRow: Sendable, Hashable {
    /// What the encoder reads.
    package var text: String
    /// What the text is.
    package var labels: [String]
    /// How much the row counts; 1 on average.
    package var weight: Double

    /// Joins a text with what is known of it.
    package init(text: String, labels: [String], weight: Double = 1) {
        self.text = text
        self.labels = labels
        self.weight = weight
    }
}
