import Testing
@testable import TemperStudio
