import Foundation
import TemperAlign
import TemperLedger
import TemperModel
import TemperTorch
import TemperTune

/// Defences that change the tuned adapter without training: done once, then read.
extension RunSession {
    private struct Change: Codable {
        var schema = 1
        var fingerprint: String
        var note: String?
        var measures: [String: Double]
    }

    /// What a defence makes of the tuned adapter, and what it found. The finding is written here; the caller saves the
    /// adapter, without which the finding counts for nothing.
    func change(
        _ adapter: Adapter,
        by method: any WeightDefence,
        of entry: Recipe.Defence,
        on reference: LanguageModel
    ) throws -> (any Trainable, note: String?) {
        let (file, folder) = (directory.change(ofDefence: entry.name), directory.adapter(ofDefence: entry.name))
        if let done = LedgerFile.read(Change.self, from: file), done.fingerprint == fingerprint,
            let made = try? Adapter.load(from: folder, for: reference)
        {
            return (made, done.note)
        }
        reference.network.detach()
        let context = WeightContext(reference: reference, alignment: alignment, seed: recipe.seed)
        let change = try method.apply(to: adapter, using: context)
        try LedgerFile.write(
            Change(fingerprint: fingerprint, note: change.note, measures: change.measures),
            to: file
        )
        if let text = change.note { note(entry.name, text) }
        return (change.adapter, change.note)
    }
}
