public import Foundation
public import TemperAlign
import TemperLedger
public import TemperModel
public import TemperText

/// Keeps the system turn that a model is to be served with beside its adapter, where whoever loads that one finds it.
extension ServedPrompt {
    private static let name = "served_prompt.json"

    /// Writes it into the adapter's folder, and into the one that fits the base where there is such.
    func write(beside adapter: URL) throws {
        let composed = adapter.appendingPathComponent(Adapter.onBase)
        for folder in [adapter, composed] where FileManager.default.fileExists(atPath: folder.path) {
            try LedgerFile.write(self, to: folder.appendingPathComponent(Self.name))
        }
    }

    /// The one of an adapter's folder; nil where it has none.
    public static func read(beside adapter: URL) -> ServedPrompt? {
        LedgerFile.read(ServedPrompt.self, from: adapter.appendingPathComponent(name))
    }
}

extension LocalResponder {
    /// This model, told what the prompt beside its adapter says; itself where there is none.
    public func served(beside adapter: URL?) -> any Responder & LikelihoodModel {
        guard let prompt = adapter.flatMap(ServedPrompt.read) else { return self }
        return Reworded(self, system: prompt.system)
    }
}
