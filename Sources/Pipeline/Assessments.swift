public import Foundation
import TemperLedger
public import TemperRisk

/// Reads assessments back from where runs and `temper assess` write them.
public enum Assessments {
    /// The answers that an assessment under way keeps in the folder it will be written to.
    public static func answers(in folder: URL, fingerprint: String) throws -> AnswerStore {
        try AssessmentFolder(folder).answers(fingerprint: fingerprint)
    }

    /// The assessment in a folder: `assessment.json`, or a run's `metrics.json` with its JSON lines.
    public static func read(_ folder: URL) throws -> Assessment {
        if let whole = LedgerFile.read(Assessment.self, from: folder.appendingPathComponent("assessment.json")) {
            return whole
        }
        let parts = AssessmentFolder(folder)
        if let (assessment, _) = parts.read(fingerprint: nil) { return assessment }
        if let (file, reason) = parts.damage {
            throw PipelineError.damagedAssessment(file: file.relativePath, reason: reason)
        }
        let whole = folder.appendingPathComponent("assessment.json")
        if FileManager.default.fileExists(atPath: whole.path) {
            throw PipelineError.damagedAssessment(
                file: whole.relativePath,
                reason: "it is damaged, or of another version"
            )
        }
        throw PipelineError.noAssessment(path: folder.relativePath)
    }

    /// The complete assessments of a run, or the one in a folder.
    public static func all(in path: String) throws -> [Assessment] {
        let folder = URL(fileURLWithPath: path)
        let inside = folder.appendingPathComponent("assessments")
        guard let names = try? FileManager.default.contentsOfDirectory(atPath: inside.path) else {
            return [try read(folder)]
        }
        // What is under way has its answers alone.
        let folders = names.sorted().map(inside.appendingPathComponent).filter { folder in
            ["metrics.json", "assessment.json"].contains {
                FileManager.default.fileExists(atPath: folder.appendingPathComponent($0).path)
            }
        }
        let found = try folders.map(read)
        guard !found.isEmpty else { throw PipelineError.noAssessment(path: inside.relativePath) }
        return found
    }

    /// Forgets the answers of an assessment that is complete.
    public static func removeAnswers(in folder: URL) {
        try? FileManager.default.removeItem(at: folder.appendingPathComponent(AssessmentFolder.answersName))
    }
}
