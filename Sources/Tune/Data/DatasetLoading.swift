public import Foundation

/// Finds the training files behind a path and reads them.
///
/// A path is a file, a folder in the layout of mlx-lm, or a folder with one data file. Knows nothing about rows.
extension Dataset {
    /// Reads the training examples behind a path.
    ///
    /// - Parameters:
    ///   - url: A JSON Lines file, a JSON file with one array, or a folder.
    ///   - format: The format of every row; nil finds it from each file's first row and says so in ``files``.
    /// - Throws: ``DatasetError`` with the file, the line and the remedy.
    public static func load(_ url: URL, format: Format? = nil) throws -> Dataset {
        let path = url.relativePath
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: url.path, isDirectory: &isFolder) else {
            throw DatasetError(file: path, .unreadable("no such file or folder; check the path"))
        }
        let name = url.deletingPathExtension().lastPathComponent
        guard isFolder.boolValue else {
            return try read(url, name: name, format: format)
        }
        let children: [URL]
        do {
            children = try FileManager.default.contentsOfDirectory(atPath: url.path).sorted()
                .map { url.appendingPathComponent($0) }
        } catch {
            throw DatasetError(file: path, .unreadable("the folder cannot be listed; check its permissions"))
        }
        func child(_ name: String) -> URL? { children.first { $0.lastPathComponent == name } }
        if let train = child("train.jsonl") {
            var dataset = try read(train, name: name, format: format ?? .mlx, wasDetected: format == nil)
            for other in ["valid.jsonl", "test.jsonl"].compactMap(child) {
                dataset.notes.append("\(other.relativePath): not read; only train.jsonl is trained on")
            }
            return dataset
        }
        let files = children.filter { ["jsonl", "json", "ndjson"].contains($0.pathExtension.lowercased()) }
        guard let only = files.first, files.count == 1 else {
            let found = files.map(\.lastPathComponent).joined(separator: ", ")
            let reason = files.isEmpty ? "no .jsonl or .json file" : "more than one data file (\(found))"
            throw DatasetError(
                file: path,
                .unreadable("the folder has \(reason) and no train.jsonl; name one file")
            )
        }
        return try read(only, name: name, format: format)
    }

    private static func read(
        _ url: URL,
        name: String,
        format: Format?,
        wasDetected: Bool = false
    ) throws -> Dataset {
        if ["csv", "tsv"].contains(url.pathExtension.lowercased()) {
            throw DatasetError(
                file: url.relativePath,
                .unreadable("it is a table, and tables are not read here; \(DatasetError.asJSONLines)")
            )
        }
        let data: Data
        do {
            data = try Data(contentsOf: url, options: .mappedIfSafe)
        } catch {
            throw DatasetError(
                file: url.relativePath,
                .unreadable("the file cannot be opened; check its permissions")
            )
        }
        return try parse(data, file: url.relativePath, name: name, format: format, wasDetected: wasDetected)
    }

    /// Reads training examples from bytes that are already in memory; `file` names them in messages.
    ///
    /// - Throws: ``DatasetError`` with the file, the line and the remedy.
    package static func parse(
        _ data: Data,
        file: String,
        name: String,
        format given: Format? = nil,
        wasDetected: Bool = false
    ) throws -> Dataset {
        var format = given
        var reader = ExampleReader(file: file)
        var examples: [Example] = []
        try JSONRows(file: file, data: data).forEach { line, row in
            let keys = Set(row.keys)
            guard let expected = format ?? Format.detect(keys) else {
                throw DatasetError(file: file, line: line, .unknownShape(keys: keys.sorted(), hint: Format.hint(keys)))
            }
            guard let shape = expected.shape(of: keys) else {
                throw DatasetError(file: file, line: line, .wrongFormat(keys: keys.sorted(), expected: expected.shape))
            }
            format = expected
            examples.append(try reader.example(row, as: shape, line: line))
        }
        guard let format, !examples.isEmpty else { throw DatasetError(file: file, .empty) }
        var notes: [String] = []
        if reader.rowsWithMoreInstances > 0 {
            let rows = reader.rowsWithMoreInstances
            notes.append("\(file): \(rows) rows hold more than one instance; the first of each is used")
        }
        let description = File(
            path: file,
            format: format,
            wasDetected: given == nil || wasDetected,
            examples: examples.count
        )
        return Dataset(name: name, examples: examples, files: [description], notes: notes)
    }
}
