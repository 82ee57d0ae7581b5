import HTTPTypes
import Hummingbird
import HummingbirdCore
import NIOCore
import TemperText

/// An error in the form that OpenAI's clients understand: a status, and a body with message, type, parameter and code.
///
/// Messages name what was wrong, never the text that was checked.
struct APIError: Error, Sendable {
    var status: HTTPResponse.Status
    var type: String
    var code: String
    var message: String
    var parameter: String?
    /// Seconds after which it is worth trying again.
    var retryAfter: Int?

    /// The request is wrong as it stands.
    static func request(_ message: String, code: String = "invalid_request", parameter: String? = nil) -> APIError {
        APIError(
            status: .badRequest,
            type: "invalid_request_error",
            code: code,
            message: message,
            parameter: parameter
        )
    }

    /// What is behind the guard failed; nothing of it was passed on unchecked.
    static func upstream(_ message: String, code: String, status: HTTPResponse.Status = .badGateway) -> APIError {
        APIError(status: status, type: "upstream_error", code: code, message: message)
    }

    static let unauthorised = APIError(
        status: .unauthorized,
        type: "authentication_error",
        code: "invalid_api_key",
        message: "This server wants a key: send it as `Authorization: Bearer KEY`."
    )

    static let foreign = APIError(
        status: .forbidden,
        type: "permission_error",
        code: "foreign_origin",
        message:
            "Without keys this server answers programs on this machine alone: use localhost or 127.0.0.1 as its host, "
            + "and no page of another origin; or give it keys (--keys-env VARIABLE)."
    )

    static func tooMany(_ limit: Int) -> APIError {
        APIError(
            status: .tooManyRequests,
            type: "rate_limit_error",
            code: "too_many_requests",
            message: "This server answers \(limit) requests at a time; try again in a moment.",
            retryAfter: 1
        )
    }

    /// The guard itself failed.
    static func closed(_ message: String) -> APIError {
        APIError(status: .serviceUnavailable, type: "server_error", code: "guard_unavailable", message: message)
    }

    var body: TemplateValue {
        .object(of: [
            "error": .object(of: [
                "message": .string(message), "type": .string(type), "param": parameter.map { .string($0) } ?? .null,
                "code": .string(code),
            ])
        ])
    }

    var response: Response {
        var headers: HTTPFields = [.contentType: "application/json"]
        if let retryAfter { headers[.retryAfter] = "\(retryAfter)" }
        if status == .unauthorized { headers[.wwwAuthenticate] = "Bearer" }
        return Response(status: status, headers: headers, body: ResponseBody(byteBuffer: body.buffer))
    }
}
