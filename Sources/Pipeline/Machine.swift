import Foundation
import TemperTorch

/// Facts about the machine and the build that a run is recorded with.
public enum Machine {
    /// Name and value of each fact.
    @TorchActor public static func facts() -> [String: String] {
        [
            "libtorch": Torch.version,
            "cpu_capability": Torch.cpuCapability,
            "cpu_bfloat16": Torch.cpuHasBFloat16 ? "yes" : "no",
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

    /// Makes allocations beyond the machine's memory fail instead of bringing in the kernel's killer, so that a batch
    /// that does not fit ends in an error that says so.
    public static func limitMemory() {
        let text = (try? String(contentsOfFile: "/proc/meminfo", encoding: .utf8)) ?? ""
        guard let line = text.split(separator: "\n").first(where: { $0.hasPrefix("MemAvailable") }),
            let kibibytes = line.split(separator: " ").dropFirst().first.flatMap({ UInt64($0) })
        else { return }
        let limit = rlim_t(kibibytes * 1024 / 100 * 95) + rlim_t(residentMemory)
        var current = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_DATA.rawValue), &current) == 0, limit < current.rlim_max else {
            return
        }
        current.rlim_cur = limit
        setrlimit(__rlimit_resource_t(RLIMIT_DATA.rawValue), &current)
    }
}
