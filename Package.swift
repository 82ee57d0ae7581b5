// swift-tools-version: 6.3
import PackageDescription

// libtorch lies where Scripts/setup linked it; TORCH_HOME points to another one.
let torch = Context.environment["TORCH_HOME"] ?? "\(Context.packageDirectory)/.deps/libtorch"

// The only C++: a C header over libtorch. No other target carries flags, but that a shared library is looked for beside the
// program; Scripts/build-shim.sh makes it and says what it is for.
let sharedLibrary = Context.environment["CTORCH_SHARED"]
let cTorch: Target =
    sharedLibrary != nil
    ? .systemLibrary(name: "CTemperTorch", path: "Sources/CTorchShared")
    : .target(
        name: "CTemperTorch",
        path: "Sources/CTorch",
        cxxSettings: [
            .unsafeFlags([
                "-I\(torch)/include", "-I\(torch)/include/torch/csrc/api/include", "-O2",
                "-Wno-deprecated-declarations",
            ])
        ],
        linkerSettings: [
            .unsafeFlags([
                "-L\(torch)/lib", "-Xlinker", "-rpath", "-Xlinker", "\(torch)/lib",
                "-Xlinker", "--no-as-needed", "-ltorch", "-ltorch_cpu", "-lc10",
            ])
        ]
    )

let parser = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")
let yams = Target.Dependency.product(name: "Yams", package: "Yams")
// Only the servers, and the program, which starts them, know about networks.
let logging = Target.Dependency.product(name: "Logging", package: "swift-log")
let network: [Target.Dependency] = [
    .product(name: "Hummingbird", package: "hummingbird"),
    .product(name: "HummingbirdCore", package: "hummingbird"),
    .product(name: "AsyncHTTPClient", package: "async-http-client"),
    .product(name: "NIOCore", package: "swift-nio"),
    .product(name: "NIOHTTP1", package: "swift-nio"),
    .product(name: "HTTPTypes", package: "swift-http-types"),
    .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
    .product(name: "UnixSignals", package: "swift-service-lifecycle"),
    logging,
]

let package = Package(
    name: "Temper",
    products: [
        .library(name: "TemperText", targets: ["TemperText"]),
        .library(name: "TemperTorch", targets: ["TemperTorch"]),
        .library(name: "TemperModel", targets: ["TemperModel"]),
        .library(name: "TemperTune", targets: ["TemperTune"]),
        .library(name: "TemperAlign", targets: ["TemperAlign"]),
        .library(name: "TemperRisk", targets: ["TemperRisk"]),
        .library(name: "TemperGuard", targets: ["TemperGuard"]),
        .library(name: "TemperServer", targets: ["TemperServer"]),
        .library(name: "TemperAttack", targets: ["TemperAttack"]),
        .executable(name: "temper", targets: ["temper"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
        .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1"),
        .package(url: "https://github.com/swift-server/async-http-client", from: "1.37.0"),
        // What those two bring along, named because it is imported.
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-http-types", from: "1.5.1"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.9.1"),
    ],
    targets: [
        cTorch,
        layer("Torch", ["CTemperTorch"]),
        layer("Text"),
        layer("Weights"),
        layer("Model", ["TemperText", "TemperTorch", "TemperWeights"]),
        layer("Tune", ["TemperModel", "TemperText", "TemperTorch", "TemperWeights"], resources: true),
        layer("Align", ["TemperModel", "TemperText", "TemperTorch", "TemperTune", "TemperWeights"], resources: true),
        layer("Risk", ["TemperText"], resources: true),
        layer("Guard", ["TemperRisk", "TemperText"], resources: true),
        layer("Server", ["TemperGuard", "TemperRisk", "TemperText"] + network),
        layer("Attack", ["TemperModel", "TemperRisk", "TemperText", "TemperTorch"]),
        layer("Ledger", ["TemperWeights"]),
        layer("Report"),
        layer("Studio", ["TemperLedger", "TemperReport", "TemperRisk", "TemperText"] + network),
        layer(
            "Pipeline",
            [
                "TemperAlign", "TemperGuard", "TemperLedger", "TemperModel", "TemperReport", "TemperRisk", "TemperText",
                "TemperTorch",
                "TemperTune", "TemperWeights", yams,
            ]
        ),
        .executableTarget(
            name: "temper",
            dependencies: [
                "TemperAlign", "TemperAttack", "TemperGuard", "TemperLedger", "TemperModel", "TemperPipeline",
                "TemperReport",
                "TemperRisk", "TemperServer", "TemperStudio", "TemperText", "TemperTorch", "TemperTune",
                "TemperWeights", logging, parser,
            ]
        ),
        .executableTarget(
            name: "temper-bench",
            dependencies: [
                "TemperAlign", "TemperModel", "TemperRisk", "TemperText", "TemperTorch", "TemperTune", parser,
            ],
            path: "Benchmarks/temper-bench"
        ),
        tests("Torch", ["CTemperTorch"]),
        tests("Text"),
        tests("Weights"),
        tests("Model", ["TemperText", "TemperTorch", "TemperWeights"]),
        tests("Tune", ["TemperModel", "TemperText", "TemperTorch", "TemperWeights"]),
        tests("Align", ["TemperModel", "TemperRisk", "TemperText", "TemperTorch", "TemperTune"]),
        tests("Risk", ["TemperText"]),
        tests("Guard", ["TemperRisk", "TemperText"]),
        tests("Server", ["TemperGuard", "TemperRisk", "TemperText"] + network),
        tests("Attack", ["TemperModel", "TemperRisk", "TemperText", "TemperTorch", "TemperWeights"]),
        tests("Studio", ["TemperLedger", "TemperReport", "TemperRisk", "TemperTestSupport", "TemperText"] + network),
        .target(name: "TemperTestSupport", path: "Tests/Support"),
        tests("Report", ["TemperRisk", "TemperTestSupport"]),
        // The program itself is among what is tested here.
        tests(
            "Pipeline",
            [
                "TemperAlign", "TemperGuard", "TemperLedger", "TemperModel", "TemperReport", "TemperRisk", "TemperText",
                "TemperTorch",
                "TemperStudio", "TemperTune", "TemperWeights", "temper",
            ]
        ),
    ],
    cxxLanguageStandard: .cxx20
)

/// A library layer: folder `Sources/NAME`, module `TemperNAME`.
func layer(_ name: String, _ dependencies: [Target.Dependency] = [], resources: Bool = false) -> Target {
    .target(
        name: "Temper\(name)",
        dependencies: dependencies,
        path: "Sources/\(name)",
        resources: resources ? [.copy("Resources")] : []
    )
}

/// The tests of a layer: folder `Tests/TemperNAMETests`.
func tests(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
    .testTarget(name: "Temper\(name)Tests", dependencies: [.target(name: "Temper\(name)")] + dependencies)
}

if let sharedLibrary, let torchLayer = package.targets.first(where: { $0.name == "TemperTorch" }) {
    torchLayer.linkerSettings = [.unsafeFlags(["-L\(sharedLibrary)", "-Xlinker", "-rpath", "-Xlinker", "$ORIGIN"])]
}

for target in package.targets where target.name != "CTemperTorch" {
    target.swiftSettings = [
        .enableUpcomingFeature("ExistentialAny"),
        .enableUpcomingFeature("MemberImportVisibility"),
        .enableUpcomingFeature("InternalImportsByDefault"),
    ]
    if Context.environment["CI"] != nil {
        target.swiftSettings?.append(.treatAllWarnings(as: .error))
    }
}
