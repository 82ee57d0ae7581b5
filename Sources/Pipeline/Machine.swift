import Foundation
import TemperTorch

/// Facts about the machine and the build that a run is recorded with.
public enum Machine {
    /// The version of Temper.
    public static let version = "0.1.0"

    /// Name and value of each fact.
    @TorchActor public static func facts() -> [String: String] {
        [
            "temper": version, "libtorch": Torch.version,
            "cpu_capability": Torch.cpuCapability,
            "cpu_bfloat16": Torch.cpuHasBFloat16 ? "yes" : "no",
            "cpu_tiles": Torch.cpuHasTiles ? "yes" : "no",
            "accelerators": "\(Torch.acceleratorCount)",
            "threads": "\(Torch.threads)",
            "processor": processorName,
            "cores": "\(ProcessInfo.processInfo.activeProcessorCount)",
            "memory_gib": "\(ProcessInfo.processInfo.physicalMemory >> 30)",
            "system": ProcessInfo.processInfo.operatingSystemVersionString,
        ]
    }

    private static var processorName: String {
        let text = (try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8)) ?? ""
        let line = text.split(separator: "\n").first { $0.hasPrefix("model name") }
        return line?.split(separator: ":").last.map { $0.trimmingCharacters(in: .whitespaces) } ?? "unknown"
    }

    /// Resident memory of this process, in bytes.
    public static var residentMemory: Int {
        let text = (try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8)) ?? ""
        let fields = text.split(separator: " ")
        return fields.count > 1 ? (Int(fields[1]) ?? 0) * Int(sysconf(Int32(_SC_PAGESIZE))) : 0
    }

    /// The most resident memory of this process since it began, or since `resetPeak`; in bytes.
    static var peakMemory: Int {
        let text = (try? String(contentsOfFile: "/proc/self/status", encoding: .utf8)) ?? ""
        let line = text.split(separator: "\n").first { $0.hasPrefix("VmHWM:") }
        return line?.split(separator: " ").dropFirst().first.flatMap { Int($0) }.map { $0 << 10 } ?? residentMemory
    }

    /// Lets `peakMemory` begin anew.
    static func resetPeak() {
        // The kernel's word for it; where it is not allowed, the peak stays that of the whole process.
        try? Data("5".utf8).write(to: URL(fileURLWithPath: "/proc/self/clear_refs"))
    }

    /// Makes allocations beyond the machine's memory fail instead of bringing in the kernel's killer, so that a batch
    /// that does not fit ends in an error that says so.
    public static func limitMemory() {
        // A CUDA driver maps the devices' memory into the process, which the limit would count.
        guard Torch.acceleratorCount == 0 else { return }
        guard let available = availableMemory() else { return }
        let limit = rlim_t(available / 100 * 95) + rlim_t(residentMemory)
        var current = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_DATA.rawValue), &current) == 0, limit < current.rlim_max else {
            return
        }
        current.rlim_cur = limit
        setrlimit(__rlimit_resource_t(RLIMIT_DATA.rawValue), &current)
    }

    /// Bytes that this process can still get: what the system has, or the least that a control group (version 2) around
    /// it has left. `root` is the root of the file system.
    static func availableMemory(root: URL = URL(fileURLWithPath: "/")) -> Int? {
        func text(_ path: String) -> String {
            (try? String(contentsOf: root.appendingPathComponent(path), encoding: .utf8)) ?? ""
        }
        /// The number after a word at the start of a line.
        func number(_ name: String, in text: String) -> Int? {
            text.split(separator: "\n").map { $0.split(separator: " ") }.first { $0.first.map(String.init) == name }?
                .dropFirst().first.flatMap { Int($0) }
        }
        var candidates = [number("MemAvailable:", in: text("proc/meminfo")).map { $0 << 10 }]
        let groups = text("proc/self/cgroup").split(separator: "\n").first { $0.hasPrefix("0::") }
        var group = groups.map { String($0.dropFirst(3)) }
        while let path = group {
            let folder = "sys/fs/cgroup\(path == "/" ? "" : path)"
            let statistics = text("\(folder)/memory.stat")
            // Cached files count as used, and give way to whoever needs memory.
            let cached = (number("inactive_file", in: statistics) ?? 0) + (number("active_file", in: statistics) ?? 0)
            func value(_ name: String) -> Int? {
                Int(text("\(folder)/\(name)").trimmingCharacters(in: .whitespacesAndNewlines))
            }
            if let most = value("memory.max"), let used = value("memory.current") {
                candidates.append(max(0, most - used + cached))
            }
            group = path == "/" || path.isEmpty ? nil : URL(fileURLWithPath: path).deletingLastPathComponent().path
        }
        return candidates.compactMap { $0 }.min()
    }
}
