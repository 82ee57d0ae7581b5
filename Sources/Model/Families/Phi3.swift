/// Phi-3, 3.5 and 4 (arXiv 2404.14219, 2412.08905): Llama with one module for query, key and value and one for gate and up;
/// Phi-4-mini turns a part of each head.
extension Family {
    static let phi3 = Family(
        types: ["phi3"],
        architecture: "phi3",
        defaults: Defaults(contextLength: 4096, normEpsilon: 1e-5),
        stored: Stored().merging(["self_attn.qkv_proj": "attn_qkv", "mlp.gate_up_proj": "ffn_up"])
    ) { configuration, settings in
        configuration.names.queryKeyValue = ["self_attn.qkv_proj"]
        configuration.names.gateUp = ["mlp.gate_up_proj"]
        let window = ModelSettings.Key("sliding_window", gguf: "attention.sliding_window")
        let length = try settings.integer(window)
        try configuration.setLayers(settings, window: length == 0 ? nil : length)
    }
}
