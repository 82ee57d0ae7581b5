import TemperAlign
import TemperLedger
import TemperModel
import TemperTorch
import TemperTune

/// Makes what a defence makes: a changed adapter, or one that was trained again.
extension RunSession {
    /// What a defence makes of what was tuned, on a model that carries nothing but what is being trained, and what it
    /// found.
    ///
    /// - Parameter share: How much of its training a defence that trains does now; the rest is taken up later.
    func make(
        _ entry: Recipe.Defence,
        _ defence: Defence,
        after tuned: Trained,
        on reference: LanguageModel,
        data: Dataset,
        share: Double = 1
    ) async throws -> (any Trainable, note: String?) {
        if case .weights(let method) = defence {
            guard let adapter = tuned.result as? Adapter else { preconditionFailure("such a recipe is not read") }
            return try change(adapter, by: method, of: entry, on: reference)
        }
        let training = try DefenceTraining(
            defence,
            after: recipe.tune.settings,
            on: data,
            tuned: (tuned.rows, tuned.steps),
            reference: reference,
            seed: recipe.seed
        )
        guard let training else { preconditionFailure("a defence acts on weights or trains") }
        for text in training.data.notes where !data.notes.contains(text) { note(entry.name, text) }
        guard !training.trainsNothing else {
            note(entry.name, DefenceTraining.nothingNote)
            // What is still on the model may be what was tuned.
            reference.network.detach()
            return (try recipe.tune.settings.trainable(for: reference, seed: recipe.seed), DefenceTraining.nothingNote)
        }
        // The same rows make the same adapter, where the training was not watched.
        if recipe.tune.riskBudget == nil, training.repeatsTuning(on: data) { return (try tuned.result.copy(), nil) }
        let job = Job(
            phase: entry.name,
            directory: directory.defence(entry.name),
            data: training.data,
            settings: training.settings,
            checkpointSteps: { Set([training.step(at: share, of: $0), $0]).sorted() },
            start: training.startsTuned ? try tuned.result.copy() : nil,
            scheme: training.scheme
        )
        return (try await train(job, on: reference) { $0.isLast || share == 1 ? .goOn : .stop }.result, nil)
    }
}
