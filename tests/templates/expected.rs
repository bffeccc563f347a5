//! What each of this project's templates serves, and where messages differ.

/// A family's format.
#[derive(Clone, Copy)]
pub(super) struct Family {
    pub(super) name: &'static str,
    pub(super) roles: &'static str,
    /// As they are printed when a model is loaded.
    pub(super) deviations: &'static [&'static str],
}

pub(super) const FAMILIES: [Family; 15] = [
    Family { name: "chatml-names", roles: "system user assistant tool", deviations: &[] },
    Family { name: "chatml", roles: "system user assistant tool", deviations: &[] },
    Family {
        name: "gemma-2",
        roles: "user assistant tool",
        deviations: &[
            "user, assistant, tool: the template refuses it (the user and the model must alternate)",
            "no messages of role system (there is no system role)",
        ],
    },
    Family {
        name: "gemma-3",
        roles: "system user assistant tool",
        deviations: &[
            "between system and user: the template writes \"\\n\" where messages give \"<end_of_turn>\\n<start_of_turn>user\"",
            "user, assistant, tool: the template refuses it (the user and the model must alternate)",
            "system: the template leaves the system's \"Hi there\" out, moves or changes it",
        ],
    },
    Family {
        name: "llama-2",
        roles: "system user assistant",
        deviations: &[
            "between system and user: the template writes \"\\n\\n\" where messages give \"<|bos|>[INST] \"",
            "assistant: the template refuses it (the user and the assistant speak in turns)",
            "system: the template leaves the system's \"Hi there\" out, moves or changes it",
        ],
    },
    Family {
        name: "llama-3.1",
        roles: "system user assistant tool",
        deviations: &[
            "before user: the template writes \"system<|end_header_id|>\\n\\nToday Date: 26 Jul 2024\\n\\n<|eot_id|>\" where messages give \"\"",
            "between system and system: the template writes \"\" where messages give \"Today Date: 26 Jul 2024\\n\\n\"",
            "the template writes the day; messages have 26 July 2024",
        ],
    },
    Family { name: "llama-3", roles: "system user assistant tool", deviations: &[] },
    Family {
        name: "mistral-v1",
        roles: "user assistant",
        deviations: &[
            "assistant: the template refuses it (the user and the assistant must alternate)",
            "no messages of role system (the user and the assistant must alternate)",
        ],
    },
    Family {
        name: "mistral-v3",
        roles: "system user assistant tool",
        deviations: &[
            "between system and user: the template writes \"\\n\\n\" where messages give \"[INST] \"",
            "system, user, assistant, user: the template leaves the system's \"Hi there\" out, moves or changes it",
            "between tool and assistant: the template writes \"\" where messages give \"[/INST]\"",
            "user, assistant, tool, assistant: the template refuses it (the user and the assistant must alternate)",
            "system, system: the template refuses it (no role system)",
            "tool: the template names the call that is answered; messages name call00000",
        ],
    },
    Family {
        name: "phi-3",
        roles: "system user assistant",
        deviations: &["after assistant: the template writes \"<|eos|>\" where messages give \"\""],
    },
    Family {
        name: "qwen-2.5",
        roles: "system user assistant tool",
        deviations: &[
            "before user: the template writes \"system\\nYou help whoever asks.<|im_end|>\\n<|im_start|>\" where messages give \"\"",
            "between tool and tool: the template writes \"\" where messages give \"<|im_end|>\\n<|im_start|>user\"",
        ],
    },
    Family {
        name: "qwen-3",
        roles: "system user assistant tool",
        deviations: &[
            "between user and assistant: the template writes \"<think>\\n\\n</think>\\n\\n\" where messages give \"\"",
            "between tool and tool: the template writes \"\" where messages give \"<|im_end|>\\n<|im_start|>user\"",
            "user, assistant, user: the template leaves the assistant's \"<think>\\nEasy.\\n</think>\\n\\n12 + 3 = 15\" out, moves or changes it",
        ],
    },
    Family {
        name: "smollm-2",
        roles: "system user assistant tool",
        deviations: &[
            "before user: the template writes \"system\\nYou are small, and you help.<|im_end|>\\n<|im_start|>\" where messages give \"\"",
        ],
    },
    Family {
        name: "smollm-3",
        roles: "system user assistant tool",
        deviations: &[
            "before user: the template writes \"system\\n## Metadata\\n\\nToday: 26 July 2024\\nReasoning: /think\\n\\n#\" where messages give \"\"",
            "system, system: the template leaves the system's \"12 + 3 = 15\" out, moves or changes it",
            "the template writes the day; messages have 26 July 2024",
        ],
    },
    Family {
        name: "tool-calls",
        roles: "system user assistant tool",
        deviations: &[
            "between assistant and tool: the template writes \"call|>{\\\"arguments\\\": {}, \\\"name\\\": \\\"tool\\\"}<|\" where messages give \"\"",
        ],
    },
];
