public import Foundation

/// A headless Chromium that a test drives: opens pages, asks them things, and keeps what they complain about.
///
/// It speaks the DevTools protocol over two named pipes, so that it needs no port, no network and no library. It knows
/// nothing about Temper. All calls block, so one browser belongs to one test.
public final class Browser {
    /// What can go wrong.
    public enum Failure: Error, CustomStringConvertible {
        /// The browser could not be started, or ended by itself.
        case noBrowser(String)
        /// It did not answer in time.
        case timeout(String)
        /// It refused a command, or a script threw.
        case refused(String)

        /// In words.
        public var description: String {
            switch self {
            case .noBrowser(let why): "no browser: \(why)"
            case .timeout(let what): "the browser did not answer: \(what)"
            case .refused(let why): "the browser refused: \(why)"
            }
        }
    }

    /// The program: `TEMPER_CHROMIUM`, else the first that Debian or others install; nil where there is none.
    public static var program: String? {
        let asked = ProcessInfo.processInfo.environment["TEMPER_CHROMIUM"]
        let known = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"]
        return ([asked].compactMap { $0 } + known).first(where: FileManager.default.isExecutableFile)
    }

    private let process = Process()
    private let folder: URL
    private let input: Int32
    private let output: Int32
    private var buffer = Data()
    private var nextID = 0
    private var session: String?
    /// Every event of the page since it was opened: its name and parameters.
    public private(set) var events: [(method: String, parameters: [String: Any])] = []

    /// Starts the browser with an empty page.
    public init() throws {
        guard let program = Self.program else { throw Failure.noBrowser("install chromium, or set TEMPER_CHROMIUM") }
        let folder = FileManager.default.temporaryDirectory
            .appendingPathComponent("temper-browser-\(UUID().uuidString)")
        self.folder = folder
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let pipes = ["in", "out"].map { folder.appendingPathComponent($0).path }
        for pipe in pipes where mkfifo(pipe, 0o600) != 0 { throw Failure.noBrowser("no pipe at \(pipe)") }
        // Opened for both directions, so that opening waits for nobody.
        input = Foundation.open(pipes[0], O_RDWR | O_CLOEXEC)
        output = Foundation.open(pipes[1], O_RDWR | O_CLOEXEC)
        process.executableURL = URL(fileURLWithPath: "/bin/sh")
        // The protocol's pipes are descriptors 3 and 4.
        let arguments = [
            "--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-extensions",
            "--disable-background-networking", "--disable-component-update", "--disable-dev-shm-usage",
            "--remote-debugging-pipe", "--user-data-dir=\(folder.path)/profile", "about:blank",
        ]
        process.arguments = ["-c", "exec \"$0\" \"$@\" 3<'\(pipes[0])' 4>'\(pipes[1])'", program] + arguments
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        try process.run()
        let targets = try send("Target.getTargets")["targetInfos"] as? [[String: Any]] ?? []
        guard let page = targets.first(where: { $0["type"] as? String == "page" })?["targetId"] else {
            throw Failure.noBrowser("it has no page")
        }
        session = try send("Target.attachToTarget", ["targetId": page, "flatten": true])["sessionId"] as? String
        for domain in ["Page", "Runtime", "Log", "Network"] { try send("\(domain).enable") }
    }

    deinit { close() }

    /// Ends the browser and removes what it wrote.
    public func close() {
        guard process.isRunning else { return }
        session = nil
        _ = try? send("Browser.close", timeout: 5)
        for _ in 0..<50 where process.isRunning { usleep(100_000) }
        if process.isRunning { process.terminate() }
        Foundation.close(input)
        Foundation.close(output)
        try? FileManager.default.removeItem(at: folder)
    }

    // MARK: Pages

    /// Opens a page and waits until it has loaded; earlier events are forgotten.
    public func open(_ url: URL) throws {
        events = []
        try send("Page.navigate", ["url": url.absoluteString])
        try wait(for: "Page.loadEventFired")
    }

    /// Sets the window's size and what the page is told about its reader.
    public func emulate(
        width: Int,
        height: Int = 900,
        dark: Bool = false,
        reducedMotion: Bool = false,
        print: Bool = false
    ) throws {
        let size: [String: Any] = ["width": width, "height": height, "deviceScaleFactor": 1, "mobile": false]
        try send("Emulation.setDeviceMetricsOverride", size)
        let features = [
            ["name": "prefers-color-scheme", "value": dark ? "dark" : "light"],
            ["name": "prefers-reduced-motion", "value": reducedMotion ? "reduce" : "no-preference"],
        ]
        try send("Emulation.setEmulatedMedia", ["media": print ? "print" : "screen", "features": features])
    }

    /// The value of a JavaScript expression, as JSON would carry it; waits for a promise.
    @discardableResult
    public func evaluate(_ expression: String) throws -> Any? {
        let asked: [String: Any] = ["expression": expression, "returnByValue": true, "awaitPromise": true]
        let answer = try send("Runtime.evaluate", asked)
        if let thrown = answer["exceptionDetails"] as? [String: Any] { throw Failure.refused("\(thrown)") }
        return (answer["result"] as? [String: Any])?["value"]
    }

    /// Asks a condition in JavaScript again and again; false when it has not come true in time.
    public func wait(until condition: String, timeout: TimeInterval = 300) throws -> Bool {
        let end = Date(timeIntervalSinceNow: timeout)
        while Date() < end {
            if try evaluate(condition) as? Bool == true { return true }
            usleep(20_000)
        }
        return false
    }

    /// Presses a key, by its name in the DOM such as `ArrowRight` or `Tab`.
    public func press(_ key: String) throws {
        let codes = ["Tab": 9, "Enter": 13, " ": 32, "End": 35, "Home": 36, "ArrowLeft": 37, "ArrowRight": 39]
        let pressed: [String: Any] = ["key": key, "code": key, "windowsVirtualKeyCode": codes[key] ?? 0]
        try send("Input.dispatchKeyEvent", pressed.merging(["type": "rawKeyDown"]) { $1 })
        try send("Input.dispatchKeyEvent", pressed.merging(["type": "keyUp"]) { $1 })
    }

    /// The picture of the window, or of the whole page, as PNG.
    public func screenshot(wholePage: Bool = false) throws -> Data {
        let answer = try send("Page.captureScreenshot", ["format": "png", "captureBeyondViewport": wholePage])
        return Data(base64Encoded: answer["data"] as? String ?? "") ?? Data()
    }

    /// The page as it would be printed.
    public func pdf() throws -> Data {
        let answer = try send("Page.printToPDF", ["printBackground": true])
        return Data(base64Encoded: answer["data"] as? String ?? "") ?? Data()
    }

    /// Errors and warnings in the console, exceptions, broken policies and dialogs since the page was opened.
    public var complaints: [String] {
        events.compactMap { method, parameters in
            switch method {
            case "Runtime.exceptionThrown", "Page.javascriptDialogOpening": return "\(method) \(parameters)"
            case "Runtime.consoleAPICalled":
                return ["error", "warning", "assert"].contains(parameters["type"] as? String) ? "\(parameters)" : nil
            case "Log.entryAdded":
                let entry = parameters["entry"] as? [String: Any]
                return ["error", "warning"].contains(entry?["level"] as? String) ? "\(entry ?? [:])" : nil
            default: return nil
            }
        }
    }

    /// The addresses that were asked for since the page was opened, those inside the page aside.
    public var requests: [String] {
        events.filter { $0.method == "Network.requestWillBeSent" }
            .compactMap { ($0.parameters["request"] as? [String: Any])?["url"] as? String }
            .filter { !$0.hasPrefix("data:") }
    }

    // MARK: The protocol

    /// Sends a command and gives its result.
    @discardableResult
    public func send(
        _ method: String,
        _ parameters: [String: Any] = [:],
        timeout: TimeInterval = 60
    ) throws -> [String: Any] {
        nextID += 1
        let id = nextID
        var message: [String: Any] = ["id": id, "method": method, "params": parameters]
        message["sessionId"] = session
        let bytes = [UInt8](try JSONSerialization.data(withJSONObject: message)) + [0]
        var sent = 0
        while sent < bytes.count {
            let count = bytes[sent...].withUnsafeBytes { write(input, $0.baseAddress, $0.count) }
            guard count > 0 else { throw Failure.noBrowser("its pipe is closed") }
            sent += count
        }
        let end = Date(timeIntervalSinceNow: timeout)
        while true {
            let answer = try receive(until: end, waitingFor: method)
            guard answer["id"] as? Int == id else { continue }
            if let error = answer["error"] as? [String: Any] { throw Failure.refused("\(method): \(error)") }
            return answer["result"] as? [String: Any] ?? [:]
        }
    }

    /// Waits until the page has sent an event.
    public func wait(for method: String, timeout: TimeInterval = 300) throws {
        let end = Date(timeIntervalSinceNow: timeout)
        while !events.contains(where: { $0.method == method }) { _ = try receive(until: end, waitingFor: method) }
    }

    private func receive(until end: Date, waitingFor what: String) throws -> [String: Any] {
        while true {
            if let zero = buffer.firstIndex(of: 0) {
                let line = buffer[buffer.startIndex..<zero]
                buffer = Data(buffer[buffer.index(after: zero)...])
                let message = try JSONSerialization.jsonObject(with: line) as? [String: Any] ?? [:]
                if let method = message["method"] as? String {
                    events.append((method, message["params"] as? [String: Any] ?? [:]))
                }
                return message
            }
            guard process.isRunning else { throw Failure.noBrowser("it ended") }
            guard Date() < end else { throw Failure.timeout(what) }
            var ready = pollfd(fd: output, events: Int16(POLLIN), revents: 0)
            guard poll(&ready, 1, 200) > 0 else { continue }
            var chunk = [UInt8](repeating: 0, count: 1 << 16)
            let count = read(output, &chunk, chunk.count)
            if count > 0 { buffer.append(contentsOf: chunk[..<count]) }
        }
    }
}
