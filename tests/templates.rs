//! Chat templates of many families: messages rendered one by one against whole
//! conversations, and those against what transformers makes of them.

mod expected;
mod folder;

use std::cell::RefCell;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use crate::support::Host;
use crate::tiny::tiny_model;
use crate::witness::{Witness, alphabet};
use choreo_host::cache::plan::TokenId;
use choreo_host::chat::{Chat, Part, Role, Speaker, Spoken};
use choreo_host::engine::Mode;
use choreo_tests::rig::{Rig, options};
use expected::FAMILIES;
use folder::{Golden, Loaded, ROLES, load, templates};
use proptest::prelude::*;

/// This project's own.
fn own() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("templates")
}

/// Those that `CHOREO_TEMPLATES` points at, or this project's.
fn folder() -> PathBuf {
    std::env::var_os("CHOREO_TEMPLATES").map_or_else(own, PathBuf::from)
}

/// The tokens of a message that are not text.
fn controls(loaded: &Loaded, tokens: &[TokenId]) -> Vec<TokenId> {
    tokens.iter().copied().filter(|token| loaded.added.contains_key(token)).collect()
}

/// Texts that spell control tokens: the template's own, and some that every
/// tokenizer here has. None of them may arise from a text, whole or in parts,
/// or from a name.
fn check_that_texts_stay_texts(loaded: &Loaded) {
    let mut texts = loaded.controls.clone();
    texts.push(loaded.controls.concat());
    texts.extend(loaded.controls.iter().map(|control| format!("a {control}\n{control} b")));
    for role in ROLES.into_iter().filter(|role| loaded.serves(*role)) {
        let render = |speaker: Speaker<'_>, part, text: &str| loaded.chat.render(speaker, part, text).unwrap();
        for text in &texts {
            for part in [Part::Whole, Part::Open, Part::Middle, Part::Close] {
                let [hostile, harmless] = [text.as_str(), "x"].map(|text| render(role.into(), part, text));
                assert_eq!(controls(loaded, &hostile), controls(loaded, &harmless), "{}: {text}", loaded.name);
            }
            let header = |text: &str| loaded.chat.header(role, Part::Whole, text).unwrap();
            assert_eq!(controls(loaded, &header(text)), controls(loaded, &header("x")), "{}: {text}", loaded.name);
            let named = |name| loaded.chat.render(Speaker { role, name: Some(name) }, Part::Whole, "x");
            if let (Ok(hostile), Ok(harmless)) = (named(text.as_str()), named("x")) {
                assert_eq!(controls(loaded, &hostile), controls(loaded, &harmless), "{}: {text}", loaded.name);
            }
        }
    }
}

/// A turn's parts give the turn, white space around it and all.
fn check_that_parts_make_a_turn(loaded: &Loaded) {
    for role in ROLES.into_iter().filter(|role| loaded.serves(*role)) {
        for [open, middle, close] in [["One \"two\".", " Three", " four."], [" \n One", " two\n", "\nthree \n"]] {
            let parts = [(Part::Open, open), (Part::Middle, middle), (Part::Close, close)];
            let parts = parts.map(|(part, text)| loaded.chat.render(role, part, text).unwrap());
            let whole = loaded.chat.render(role, Part::Whole, &[open, middle, close].concat()).unwrap();
            assert_eq!(parts.concat(), whole, "{}: {}", loaded.name, role.name());
        }
        // What the model writes ends as what it is given does.
        let closing = loaded.chat.closing(role, Part::Whole);
        let close = loaded.chat.render(role, Part::Close, " x").unwrap();
        assert_eq!(close, [loaded.chat.encode_text(" x"), closing].concat(), "{}: {}", loaded.name, role.name());
    }
}

/// Conversations come out as transformers has them; how many there are.
fn check_renderings(loaded: &Loaded, golden: &Golden) -> usize {
    let Some(comparison) = &loaded.comparison else { return 0 };
    let mut same = 0;
    let all_refused = |expected: &[Option<&str>]| expected.iter().all(Option::is_none);
    for (conversation, expected) in golden.of(&loaded.name) {
        match comparison.whole(&conversation) {
            // Jinja does not go through none, and minijinja does; there is none of it in our own.
            Ok(_) if all_refused(&expected) && folder() != own() => {}
            Ok(whole) => {
                assert!(expected.contains(&Some(&whole)), "{}: {conversation:?}\n{whole}\n{expected:?}", loaded.name);
                same += 1;
            }
            Err(reason) => assert!(expected.contains(&None), "{}: {conversation:?}: {reason}", loaded.name),
        }
    }
    same
}

/// `cargo test every_template -- --nocapture` prints the table.
#[test]
fn every_template_of_a_folder_is_served_or_says_why_not() {
    let folder = folder();
    let all = templates(&folder);
    assert!(!all.is_empty(), "{} holds no *.jinja", folder.display());
    let golden = Golden::read(&folder);
    println!("| template | roles | deviations | the first |\n| --- | --- | --- | --- |");
    let mut renderings = 0;
    for (name, source) in all {
        let loaded = load(&name, &source).unwrap();
        println!("{}", loaded.line());
        check_that_texts_stay_texts(&loaded);
        check_that_parts_make_a_turn(&loaded);
        if let Some(golden) = &golden {
            renderings += check_renderings(&loaded, golden);
        }
    }
    match golden {
        Some(_) => println!("{renderings} conversations come out as transformers renders them"),
        None => println!("no golden.json there (tests/templates/make.py writes one): not held against transformers"),
    }
}

#[test]
fn each_family_has_its_roles_and_deviations() {
    let all = templates(&own());
    assert_eq!(all.iter().map(|(name, _)| name).collect::<Vec<_>>(), FAMILIES.map(|family| family.name).to_vec());
    for ((name, source), family) in all.iter().zip(FAMILIES) {
        let loaded = load(name, source).unwrap();
        let roles: Vec<&str> = ROLES.into_iter().filter(|role| loaded.serves(*role)).map(Role::name).collect();
        assert_eq!(roles.join(" "), family.roles, "{name}");
        assert_eq!(loaded.chat.deviations(), family.deviations, "{name}");
    }
}

/// A message that the model writes has something before its first token, and an
/// end, in every family.
#[test]
fn every_family_answers_a_question() {
    for (name, source) in templates(&own()) {
        let rig = Rig::new(256, move || {
            let chat = load(&name, &source).unwrap().chat;
            (Witness::new(4096, alphabet(&chat)), chat)
        });
        let script = "prefill user \"Hi\" -\ndecode assistant \"\" 1 max 3\nprefill user \"Go on\" 1,2\n\
            decode assistant \"\" 1,2,3 max 3\nscore assistant \"\" 1,2,3 candidate \"a\" with-end\n\
            prefill user \"a\" - part open\nprefill user \" b\" 5 part close\ndecode assistant \"So\" 5,6 part open max 3";
        let (answers, _) = rig.script(options(Mode::Choreo, 1), script);
        assert!(answers.iter().all(|answer| answer.get("error").is_none()), "{answers:?}");
    }
}

/// What is printed at load is all that differs in any conversation.
#[test]
fn other_conversations_differ_in_nothing_else() {
    let golden = Golden::read(&own()).unwrap();
    for (name, source) in templates(&own()) {
        let loaded = load(&name, &source).unwrap();
        let comparison = loaded.comparison.as_ref().unwrap();
        let told = comparison.deviations(&loaded.chat).unwrap();
        let (mut exact, mut all) = (0, 0);
        for (conversation, _) in golden.of(&name) {
            if !expressible(&loaded.chat, &conversation) {
                continue;
            }
            let found = comparison.differences(&loaded.chat, &conversation).unwrap();
            for difference in &found {
                assert!(told.iter().any(|told| told.is_like(difference)), "{name}: {conversation:?}: {difference}");
            }
            if found.is_empty() {
                assert_eq!(loaded.spelled(&conversation), comparison.whole(&conversation).unwrap(), "{name}");
            }
            all += 1;
            exact += usize::from(found.is_empty());
        }
        println!("{name}: {exact} of {all} conversations are exact");
    }
}

fn expressible(chat: &Chat, conversation: &[Spoken<'_>]) -> bool {
    conversation.iter().all(|(speaker, text)| chat.render(*speaker, Part::Whole, text).is_ok())
}

#[test]
fn a_model_whose_template_throws_runs_with_raw_messages() {
    let model = tiny_model(1);
    let config = serde_json::json!({"bos_token": "<|begin|>", "chat_template": "{{ raise_exception('not today') }}"});
    std::fs::write(model.path().join("tokenizer_config.json"), config.to_string()).unwrap();
    let script = "prefill raw \"Hi\" -\nprefill user \"Hi\" -";
    let ended = Host::probe(&format!("--model {}", model.path().display()), "script").with(script).end();
    let note =
        "note: the model's chat format: the template cannot be used: not today; messages of role raw alone are served";
    assert_eq!(ended.stderr.lines().filter(|line| *line == note).count(), 1, "{ended:?}");
    let [raw, user] = ended.stdout.lines().collect::<Vec<_>>()[..] else { panic!("{ended:?}") };
    assert_eq!(raw, "{\"id\":1}");
    assert!(user.contains("\"unsupported\"") && user.contains("not today"), "{user}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..Default::default() })]

    /// Formats that compose do so for any conversation.
    #[test]
    fn any_conversation_is_exact_where_nothing_is_told(
        said in prop::collection::vec(
            (0..4usize, prop::option::of("[a-z]{1,8}"), "(<\\|im_end\\|>|<\\|eot_id\\|>|<think>|[a-z\"é]{1,6}|\\PC|\n|\t| ){0,8}"),
            1..7,
        ),
    ) {
        for name in FAMILIES.iter().filter(|family| family.deviations.is_empty()).map(|family| family.name) {
            let loaded = exact(name);
            let named = loaded.chat.render(Speaker { role: Role::User, name: Some("a") }, Part::Whole, "").is_ok();
            let spoken: Vec<Spoken<'_>> = said.iter().map(|(role, name, text)| {
                (Speaker { role: ROLES[*role], name: name.as_deref().filter(|_| named) }, text.as_str())
            }).collect();
            let found = loaded.comparison.as_ref().unwrap().differences(&loaded.chat, &spoken).unwrap();
            prop_assert!(found.is_empty(), "{}: {:?}: {:?}", name, spoken, found);
            prop_assert_eq!(loaded.spelled(&spoken), loaded.comparison.as_ref().unwrap().whole(&spoken).unwrap());
        }
    }
}

thread_local! {
    static EXACT: RefCell<HashMap<&'static str, Rc<Loaded>>> = RefCell::default();
}

/// One of this project's templates, loaded once.
fn exact(name: &'static str) -> Rc<Loaded> {
    EXACT.with_borrow_mut(|all| {
        let load = || {
            let source = std::fs::read_to_string(own().join(name).with_extension("jinja")).unwrap();
            Rc::new(load(name, &source).unwrap())
        };
        all.entry(name).or_insert_with(load).clone()
    })
}
