import ArgumentParser
import TemperTorch

/// Where a model computes, as a command-line option.
struct DeviceOption: ParsableArguments {
    @Option(help: "auto, cpu, cuda or cuda:INDEX.")
    var device = "auto"

    func validate() throws {
        guard let named = Device(named: device) else {
            throw ValidationError("--device is auto, cpu, cuda or cuda:INDEX, not \(device)")
        }
        if let absence = named.absence { throw ValidationError("--device \(device): \(absence)") }
    }

    /// The device.
    var resolved: Device { Device(named: device) ?? .cpu }
}
