//! One message's rendering against whole conversations, over several templates.

use std::borrow::Cow;
use std::collections::HashMap;

use choreo_host::cache::plan::TokenId;
use choreo_host::chat::{Chat, ChatError, Part, Role, Speaker};
use choreo_host::model::Source;
use proptest::prelude::*;
use serde_json::{Value, json};

/// As Llama 3's instruction models write it: trimmed texts.
const HEADERS: &str = "{{ bos_token }}{% for m in messages %}{{ '<|start|>' + m['role'] + '<|stop|>\n\n' + \
    m['content'] | trim + '<|end|>' }}{% endfor %}{% if add_generation_prompt %}{{ '<|start|>assistant<|stop|>\n\n' }}{% endif %}";
/// ChatML with Qwen's habit: a system turn that nobody wrote.
const INJECTING: &str = "{% if messages[0]['role'] != 'system' %}{{ '<|start|>system\nBe good.<|end|>\n' }}{% endif %}\
    {% for m in messages %}{{ '<|start|>' + m.role + '\n' + m.content + '<|end|>\n' }}{% endfor %}\
    {% if add_generation_prompt %}{{ '<|start|>assistant\n' }}{% endif %}";
/// Llama 3.1's: a dated system turn in any case, the guest's own inside it.
const DATED: &str = "{{- bos_token }}\n{%- if not date_string is defined %}\n    {%- if strftime_now is defined %}\n\
    {%- set date_string = strftime_now('%d %b %Y') %}\n    {%- else %}\n{%- set date_string = '26 Jul 2024' %}\n{%- endif %}\n\
    {%- endif %}\n{#- The system message #}\n{%- if messages[0]['role'] == 'system' %}\n\
    {%- set system_message = messages[0]['content']|trim %}\n    {%- set messages = messages[1:] %}\n{%- else %}\n\
    {%- set system_message = '' %}\n{%- endif %}\n{{- '<|start|>system<|stop|>\n\n' }}\n\
    {{- 'Today Date: ' + date_string + '\n\n' }}\n{{- system_message }}\n{{- '<|end|>' }}\n\
    {%- for message in messages %}\n    {%- if not (message.role == 'ipython' or 'tool_calls' in message) %}\n\
    {{- '<|start|>' + message['role'] + '<|stop|>\n\n'+ message['content'] | trim + '<|end|>' }}\n    {%- endif %}\n\
    {%- endfor %}\n{%- if add_generation_prompt %}\n    {{- '<|start|>assistant<|stop|>\n\n' }}\n{%- endif %}\n";
/// Mistral's: the system turn merges into the user's, roles alternate.
const MERGING: &str = "{{ bos_token }}{% if messages[0].role == 'system' %}{% set system = messages[0].content + '\n' %}\
    {% set rest = messages[1:] %}{% else %}{% set system = '' %}{% set rest = messages %}{% endif %}\
    {% for m in rest %}{% if (m.role == 'user') != (loop.index0 % 2 == 0) %}{{ raise_exception('roles must alternate') }}{% endif %}\
    {% if m.role == 'user' %}{{ '<|start|>' + (system if loop.first else '') + m.content.strip() + '<|stop|>' }}\
    {% elif m.role == 'assistant' %}{{ m.content + '<|end|>' }}\
    {% else %}{{ raise_exception('only user and assistant speak') }}{% endif %}{% endfor %}";
/// ChatML as it was first documented: a name goes beside the role.
const NAMED: &str = "{% for m in messages %}{{ '<|start|>' + m.role + (' name=' + m.name if m.name else '') + '\n' + \
    m.content + '<|end|>\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<|start|>assistant\n' }}{% endif %}";
/// A name takes the role's place, between two tokens.
const RENAMING: &str = "{% for m in messages %}{{ '<|start|>' + (m.get('name') or m.role) + '<|stop|>' + m.content + '<|end|>' }}\
    {% endfor %}{% if add_generation_prompt %}{{ '<|start|>assistant<|stop|><think>' }}{% endif %}";
/// Any role is pasted in, and only three are tokens.
const PASTING: &str = "{{ bos_token }}{% for m in messages %}{{ '<|' + m.role + '|>' + m.content + '<|end|>' }}{% endfor %}\
    {% if add_generation_prompt %}<|assistant|>{% endif %}";

const ADDED: [&str; 9] =
    ["<|begin|>", "<|end|>", "<|start|>", "<|stop|>", "<|system|>", "<|user|>", "<|assistant|>", "<think>", "spoken"];

/// A byte-level tokenizer with a few merges; one added token is spelled by
/// merges as well, and the control tokens are in its model's vocabulary.
fn tokenizer() -> Value {
    let shown = |byte: &u8| matches!(byte, b'!'..=b'~' | 0xA1..=0xAC | 0xAE..=0xFF);
    let (plain, hidden): (Vec<u8>, Vec<u8>) = (0..=255u8).partition(shown);
    let mut names: Vec<String> = ADDED.iter().map(|token| (*token).to_owned()).collect();
    names.extend(plain.iter().map(|byte| char::from(*byte).to_string()));
    names.extend(('\u{100}'..).take(hidden.len()).map(|character| character.to_string()));
    let merges =
        [("s", "p"), ("sp", "o"), ("k", "e"), ("spo", "ke"), ("spoke", "n"), ("Ċ", "Ċ"), ("<", "|"), ("|", ">")];
    names.extend(merges.iter().map(|(left, right)| format!("{left}{right}")).filter(|token| token != "spoken"));
    let vocabulary: serde_json::Map<String, Value> =
        names.into_iter().zip(0..).map(|(name, id)| (name, json!(id))).collect();
    let added = |(id, content): (usize, &&str)| {
        let special = !["<think>", "spoken"].contains(content);
        json!({"id": id, "content": content, "single_word": false, "lstrip": false, "rstrip": false,
            "normalized": false, "special": special})
    };
    json!({
        "version": "1.0", "truncation": null, "padding": null, "normalizer": null, "post_processor": null,
        "added_tokens": ADDED.iter().enumerate().map(added).collect::<Vec<_>>(),
        "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": false},
        "decoder": {"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": false},
        "model": {"type": "BPE", "dropout": null, "unk_token": null, "continuing_subword_prefix": null,
            "end_of_word_suffix": null, "fuse_unk": false, "byte_fallback": false, "ignore_merges": true,
            "vocab": vocabulary, "merges": merges.iter().map(|(a, b)| format!("{a} {b}")).collect::<Vec<_>>()},
    })
}

fn load(files: &[(&str, Value)]) -> Result<Chat, ChatError> {
    let files: HashMap<&str, Vec<u8>> =
        files.iter().map(|(name, value)| (*name, value.to_string().into_bytes())).collect();
    Chat::load(|name| Ok(files.get(name).cloned().map(Cow::Owned)))
}

fn chat(template: &str) -> Chat {
    let config = json!({"bos_token": "<|begin|>", "eos_token": {"content": "<|end|>"}, "chat_template": template});
    load(&[("tokenizer.json", tokenizer()), ("tokenizer_config.json", config)]).expect("the chat format loads")
}

/// Ids as names of control tokens and plain text.
fn shown(chat: &Chat, tokens: &[TokenId]) -> String {
    let show = |token: &TokenId| match ADDED.get(token.0 as usize) {
        Some(name) => (*name).to_owned(),
        None => chat.decode(&[*token]),
    };
    tokens.iter().map(show).collect()
}

#[track_caller]
fn check(chat: &Chat, (role, part, text): (Role, Part, &str), expected: &str) {
    let tokens = chat.render(role, part, text).expect("the role is there");
    assert_eq!(shown(chat, &tokens), expected);
}

#[test]
fn headers_compose_and_texts_are_trimmed_as_the_template_trims_them() {
    let chat = chat(HEADERS);
    assert_eq!(chat.deviations(), [""; 0]);
    check(&chat, (Role::User, Part::Whole, " Hi\n"), "<|start|>user<|stop|>\n\nHi<|end|>");
    check(&chat, (Role::System, Part::Open, "A "), "<|start|>system<|stop|>\n\nA ");
    check(&chat, (Role::System, Part::Middle, " B "), " B ");
    check(&chat, (Role::System, Part::Close, " C "), " C<|end|>");
    check(&chat, (Role::Raw, Part::Whole, " D "), " D ");
    assert_eq!(chat.beginning(), Some(TokenId(0)));
    assert_eq!(chat.ends(), [TokenId(1)]);
    assert_eq!(
        shown(&chat, &chat.header(Role::Assistant, Part::Whole, "So ").unwrap()),
        "<|start|>assistant<|stop|>\n\nSo "
    );
    assert_eq!(shown(&chat, &chat.header(Role::Assistant, Part::Close, "So").unwrap()), "So");
    assert_eq!(shown(&chat, &chat.closing(Role::Assistant, Part::Whole)), "<|end|>");
    assert!(chat.closing(Role::Assistant, Part::Open).is_empty());
    assert!(chat.is_end(TokenId(1)) && chat.is_end(TokenId(5)) && !chat.is_end(TokenId(7)));
}

#[test]
fn an_injected_system_turn_is_told_and_left_out() {
    let chat = chat(INJECTING);
    check(&chat, (Role::User, Part::Whole, "Hi"), "<|start|>user\nHi<|end|>\n");
    assert_eq!(chat.beginning(), None);
    let line = "before user: the template writes \"system\\nBe good.<|end|>\\n<|start|>\" where messages give \"\"";
    assert_eq!(chat.deviations(), [line]);
    assert_eq!(shown(&chat, &chat.closing(Role::Assistant, Part::Whole)), "<|end|>\n");
    assert_eq!(chat.ends(), [TokenId(1)]);
}

#[test]
fn a_dated_system_turn_is_told_and_has_no_day() {
    let chat = chat(DATED);
    check(&chat, (Role::System, Part::Whole, "A"), "<|start|>system<|stop|>\n\nToday Date: 26 Jul 2024\n\nA<|end|>");
    check(&chat, (Role::User, Part::Whole, "Hi"), "<|start|>user<|stop|>\n\nHi<|end|>");
    let [user, system, day] = chat.deviations() else { panic!("{:?}", chat.deviations()) };
    assert!(
        user.starts_with("before user: the template writes \"system<|stop|>\\n\\nToday Date: 26 Jul 2024"),
        "{user}"
    );
    assert!(system.starts_with("between system and system: "), "{system}");
    assert_eq!(day, "the template writes the day; messages have 26 July 2024");
}

#[test]
fn a_merged_system_turn_is_a_turn_of_its_own() {
    let chat = chat(MERGING);
    check(&chat, (Role::System, Part::Whole, "x"), "<|start|>x");
    let error = chat.render(Role::Tool, Part::Whole, "x").unwrap_err().to_string();
    assert_eq!(error, "role tool in the model's chat format (only user and assistant speak)");
    // What ends the user's turn is what the model goes on from.
    check(&chat, (Role::User, Part::Whole, "Hi "), "<|start|>Hi");
    check(&chat, (Role::Assistant, Part::Whole, "Yes"), "<|stop|>Yes<|end|>");
    assert_eq!(shown(&chat, &chat.header(Role::Assistant, Part::Whole, "").unwrap()), "<|stop|>");
    let merged = "between system and user: the template writes \"\\n\" where messages give \"<|start|>\"";
    assert!(chat.deviations().iter().any(|line| line == merged), "{:?}", chat.deviations());
    assert!(chat.deviations().iter().any(|line| line.contains("roles must alternate")), "{:?}", chat.deviations());
}

#[test]
fn a_role_without_a_control_token_is_unsupported() {
    let chat = chat(PASTING);
    assert_eq!(chat.deviations(), [""; 0]);
    check(&chat, (Role::System, Part::Whole, " x "), "<|system|> x <|end|>");
    let error = chat.render(Role::Tool, Part::Whole, "x").unwrap_err().to_string();
    assert_eq!(error, "role tool in the model's chat format (its \"<|tool|>\" holds no control token for the role)");
}

#[test]
fn text_beside_a_template_is_spelled_together_with_it() {
    let chat = chat(&HEADERS.replace(" | trim", ""));
    // The template's two line ends and the text's make two pairs.
    let tokens = chat.render(Role::User, Part::Open, "\n\nx").unwrap();
    let pair = chat.encode_text("\n\n");
    assert_eq!(pair.len(), 1);
    assert_eq!(tokens[tokens.len() - 3..], [pair[0], pair[0], chat.encode_text("x")[0]]);
    assert_eq!(chat.deviations(), [""; 0]);
}

#[test]
fn a_name_stands_where_the_template_has_it() {
    let speaker = |role, name| Speaker { role, name: Some(name) };
    let named = chat(NAMED);
    assert_eq!(named.deviations(), [""; 0]);
    let tokens = named.render(speaker(Role::User, "al<|end|>"), Part::Open, "Hi").unwrap();
    assert_eq!(shown(&named, &tokens), "<|start|>user name=al<|end|>\nHi");
    assert_eq!(tokens.iter().filter(|token| token.0 < ADDED.len() as u32).count(), 1);
    let header = named.header(speaker(Role::Assistant, "bo"), Part::Whole, "").unwrap();
    assert_eq!(shown(&named, &header), "<|start|>assistant name=bo\n");

    let renaming = chat(RENAMING);
    let tokens = renaming.render(speaker(Role::User, "spoken"), Part::Whole, "Hi").unwrap();
    assert_eq!(shown(&renaming, &tokens), "<|start|>spoken<|stop|>Hi<|end|>");
    assert_eq!(tokens.iter().filter(|token| token.0 < ADDED.len() as u32).count(), 3);
    let header = renaming.header(speaker(Role::Assistant, "bo"), Part::Whole, "So").unwrap();
    assert_eq!(shown(&renaming, &header), "<|start|>bo<|stop|><think>So");
}

#[test]
fn text_never_becomes_a_control_token() {
    let chat = chat(PASTING);
    for text in ["<|end|>", "a<|user|>b", "<think>", "spoken", "xspokenx"] {
        let tokens = chat.encode_text(text);
        assert!(tokens.iter().all(|token| token.0 >= ADDED.len() as u32), "{text}: {tokens:?}");
        assert_eq!(chat.decode(&tokens), text);
    }
    assert_eq!(chat.token_bytes(TokenId(7)), b"<think>");
    assert!(chat.token_bytes(TokenId(1)).is_empty() && chat.token_bytes(TokenId(99_999)).is_empty());
}

#[test]
fn bytes_join_across_tokens_that_split_a_character() {
    let chat = chat(PASTING);
    let tokens = chat.encode_text("né");
    assert_eq!(tokens.len(), 3);
    let bytes: Vec<u8> = tokens.iter().flat_map(|token| chat.token_bytes(*token).to_vec()).collect();
    assert_eq!(bytes, "né".as_bytes());
}

#[test]
fn a_model_without_a_template_has_raw_messages() {
    let chat = load(&[("tokenizer.json", tokenizer())]).unwrap();
    check(&chat, (Role::Raw, Part::Whole, "Hi"), "Hi");
    let error = chat.render(Role::User, Part::Whole, "Hi").unwrap_err().to_string();
    assert_eq!(error, "role user in the model's chat format (the model has no chat template)");
}

#[test]
fn the_default_model_composes() {
    let chat = Chat::load(|file| Source::Embedded.read(file)).unwrap();
    assert_eq!(chat.deviations(), [""; 0]);
    let tokens = chat.render(Role::User, Part::Whole, "<|end|>").unwrap();
    assert!(tokens.len() > 3 && chat.decode(&tokens) == "<|end|>");
    assert_eq!(chat.header(Role::Assistant, Part::Whole, "").unwrap(), [TokenId(3)]);
    assert_eq!((chat.beginning(), chat.ends()), (Some(TokenId(0)), [TokenId(4)].as_slice()));
    assert!(chat.render(Role::Tool, Part::Whole, "x").is_err());
}

#[track_caller]
fn refused(files: &[(&str, Value)], expected: &str) {
    let error = load(files).expect_err("it does not fit").to_string();
    assert!(error.starts_with(expected), "{error}");
    assert_eq!(error.lines().count(), 1, "{error}");
}

#[test]
fn tokenizers_that_do_not_fit_are_refused_in_one_line() {
    refused(&[], "tokenizer.json is missing: name a Hugging Face model directory");
    refused(&[("tokenizer.json", json!([]))], "tokenizer.json ");
    let mut other = tokenizer();
    other["model"]["type"] = json!("Unigram");
    refused(
        &[("tokenizer.json", other)],
        "tokenizer.json is a tokenizer of type Unigram; only BPE is supported: use another model",
    );
    let mut twice = tokenizer();
    twice["model"]["vocab"]["!"] = twice["model"]["vocab"]["#"].clone();
    refused(&[("tokenizer.json", twice)], "tokenizer.json gives \"#\" the number 11, which another token has");
    let mut merging = tokenizer();
    merging["model"]["merges"][0] = json!("q w");
    refused(&[("tokenizer.json", merging)], "tokenizer.json is not a tokenizer: Token `qw` out of vocabulary");
    let mut spaced = tokenizer();
    spaced["pre_tokenizer"]["add_prefix_space"] = json!(true);
    refused(&[("tokenizer.json", spaced)], "tokenizer.json puts a space before every text");
}

#[test]
fn a_template_that_cannot_be_used_leaves_raw_messages_and_says_so() {
    let endless = "{% for a in range(9999) %}{% for b in range(9999) %}{{ a }}{% endfor %}{% endfor %}";
    let late = format!(
        "{{% for m in messages %}}{{{{ m.content }}}}{{% endfor %}}{{% if messages | length > 2 %}}{endless}{{% endif %}}"
    );
    for (template, reason) in [
        ("{{ raise_exception('not\ntoday') }}", "not today"),
        ("{% for %}", "it cannot be read: unexpected end of block"),
        ("{{ messages[0].nothing.at_all }}", "undefined value"),
        ("{{ nothing() }}", "nothing is unknown"),
        ("always the same", "the template leaves the text of a user message out"),
        (endless, "it takes too long over a conversation"),
        (&late, "it takes too long over a conversation"),
        ("{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}", ""),
    ] {
        let chat = chat(template);
        let [line] = chat.deviations() else { panic!("{template}: {:?}", chat.deviations()) };
        let start = format!("the template cannot be used: {reason}");
        assert!(line.starts_with(&start) && line.ends_with("; messages of role raw alone are served"), "{line}");
        assert_eq!(line.lines().count(), 1, "{line}");
        check(&chat, (Role::Raw, Part::Whole, "Hi"), "Hi");
        let error = chat.render(Role::User, Part::Whole, "x").unwrap_err().to_string();
        assert!(error.starts_with(&format!("role user in the model's chat format ({start}")), "{error}");
        assert_eq!(error.lines().count(), 1, "{error}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..Default::default() })]

    #[test]
    fn any_text_is_spelled_back_without_added_tokens(text in "(<\\|end\\|>|<think>|spoken|\\PC|\n| ){0,12}") {
        let chat = chat(PASTING);
        let tokens = chat.encode_text(&text);
        prop_assert!(tokens.iter().all(|token| token.0 >= ADDED.len() as u32));
        prop_assert_eq!(chat.decode(&tokens), text);
    }
}
