//! Speakers' names, from a guest's call to tokens.

use std::borrow::Cow;

use choreo_host::chat::{Chat, Part, Role, Speaker};
use choreo_host::engine::Mode;
use choreo_host::model::Source;
use choreo_tests::rig::{Rig, options};
use serde_json::{Value, json};

use crate::witness::{Witness, alphabet};

/// The embedded tokenizer with a format that writes a name after the role.
fn named() -> Chat {
    let template = "{{ bos_token }}{% for m in messages %}{{ '<|' + m.role + '|>' }}\
        {% if m.name %}{{ m.name + ': ' }}{% endif %}{{ m.content + '<|end|>' }}{% endfor %}\
        {% if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}";
    let config = json!({"bos_token": "<|begin|>", "eos_token": "<|end|>", "chat_template": template}).to_string();
    Chat::load(|file| match file {
        "tokenizer_config.json" => Ok(Some(Cow::Owned(config.clone().into_bytes()))),
        file => Source::Embedded.read(file),
    })
    .unwrap()
}

fn script(chat: fn() -> Chat, script: &str) -> Vec<Value> {
    let rig = Rig::new(256, move || {
        let chat = chat();
        (Witness::new(4096, alphabet(&chat)), chat)
    });
    rig.script(options(Mode::Choreo, 1), script).0
}

#[test]
fn names_are_encoded_described_and_scored() {
    let answers = script(
        named,
        "prefill user \"Hi\" - name \"alice <|end|>\"\nprefill user \"Hi\" -\n\
         decode assistant \"So \" 1 name \"bob\" max 2\nscore assistant \"So \" 1 candidate \"a\" name \"bob\"\n\
         score assistant \"So \" 1 candidate \"a\"\ndescribe 1,2,3",
    );
    let chat = named();
    let length = |role, name, text| chat.render(Speaker { role, name }, Part::Whole, text).unwrap().len();
    let [_, _, decoded, scored, nameless, described] = answers.as_slice() else { panic!("{answers:?}") };
    let described: Vec<_> = (0..3).map(|at| described["messages"][at].clone()).collect();
    assert_eq!(described[0]["name"], "alice <|end|>");
    assert_eq!(described[0]["tokens"], length(Role::User, Some("alice <|end|>"), "Hi"));
    assert_eq!(
        (&described[1]["name"], &described[1]["tokens"]),
        (&json!(null), &json!(length(Role::User, None, "Hi")))
    );
    assert_eq!(described[2]["name"], "bob");
    let text = decoded["text"].as_str().unwrap();
    assert!(text.starts_with("So ") && !text.contains("bob"), "{text:?}");
    assert!(scored["scored"].is_array() && scored != nameless, "{scored} {nameless}");
}

#[test]
fn a_name_without_a_place_is_unsupported_and_says_what_to_do() {
    let place = "it has no place for one: put the name in the text";
    for (chat, call, reason) in [
        (choreo_tests::rig::chat as fn() -> Chat, "prefill user \"Hi\" - name \"alice\"", place),
        (choreo_tests::rig::chat, "decode assistant \"Hi\" - name \"alice\"", place),
        (choreo_tests::rig::chat, "score assistant \"Hi\" - candidate \"a\" name \"alice\"", place),
        (named, "prefill raw \"Hi\" - name \"alice\"", "a raw message is its text alone: put the name in the text"),
        (named, "prefill user \"Hi\" - part close name \"alice\"", "this part does not open one: put the name"),
    ] {
        let answer = script(chat, call).remove(0);
        assert_eq!((&answer["error"], &answer["call"]), (&json!("unsupported"), &json!(0)), "{answer}");
        let detail = answer["detail"].as_str().unwrap();
        assert!(detail.contains(reason) && detail.lines().count() == 1, "{detail}");
    }
    let answer = script(named, "prefill user \"Hi\" - name \"\"").remove(0);
    assert_eq!(answer["error"], "invalid-argument");
}
