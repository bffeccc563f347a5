//! What a run may make the engine keep and compute, whatever it asks for.

use choreo_host::engine::{Mode, RunOptions};
use choreo_tests::rig::{Rig, chat, options};

use crate::witness::{Witness, alphabet};

fn rig(slots: usize) -> Rig {
    Rig::new(256, move || {
        let chat = chat();
        (Witness::new(slots, alphabet(&chat)), chat)
    })
}

fn with_text_bytes(mode: Mode, text_bytes: u64) -> RunOptions {
    let mut options = options(mode, 1);
    options.budgets.text_bytes = text_bytes;
    options
}

/// Prefilled and released again and again, messages leave only their accounts.
#[test]
fn text_is_paid_for_until_it_is_released() {
    let text = "a".repeat(2000);
    let kept = format!("prefill user \"{text}\" -\n").repeat(20);
    let released: String = (1..=20).map(|id| format!("prefill user \"{text}\" -\nrelease {id}\n")).collect();
    for mode in [Mode::Choreo, Mode::Naive] {
        let (answers, _) = rig(100_000).script(with_text_bytes(mode, 30_000), &kept);
        let refused = answers.iter().find(|answer| answer["error"] == "budget").expect("20 messages are too many");
        assert!(refused["detail"].as_str().unwrap().contains("the budget text-bytes has"), "{refused}");
        let (answers, report) = rig(100_000).script(with_text_bytes(mode, 30_000), &released);
        assert!(answers.iter().all(|answer| answer["error"].is_null()), "{answers:?}");
        assert!(report.messages.iter().all(|message| message.tokens > 100), "the report keeps their lengths");
    }
}

/// A parent may be listed more than once, but a call sees no more than the
/// cache holds.
#[test]
fn a_call_sees_no_more_than_the_cache_holds() {
    let often = |times: usize| vec!["1@0"; times].join(",");
    let script = |times| format!("prefill user \"a b c d e f g h\" -\ndecode assistant \"x\" {} max 1\n", often(times));
    let (answers, _) = rig(200).script(options(Mode::Choreo, 1), &script(3));
    assert_eq!(answers[1]["finish"], "length");
    let (answers, _) = rig(200).script(options(Mode::Choreo, 1), &script(200));
    let detail = answers[1]["detail"].as_str().unwrap();
    assert!(detail.contains("may see 200, as many as the cache holds"), "{detail}");
}

/// A message that does not fit takes no room and no number; the run goes on.
#[test]
fn a_full_cache_takes_nothing_and_says_how_much_is_missing() {
    let text = "a b c d e f g h i j k l m n o p q r s t u v w x y z ".repeat(3);
    let script = format!(
        "prefill user \"{text}\" -\nprefill user \"short\" -\nrelease 1\nprefill user \"short\" -\ndecode assistant \"x\" 1 max 4\n"
    );
    let (answers, _) = rig(60).script(options(Mode::Choreo, 1), &script);
    assert_eq!(answers[0]["error"], "cache-full");
    assert!(
        answers[0]["detail"].as_str().unwrap().contains("needs room for 97 tokens at once and the cache has 60"),
        "{}",
        answers[0]
    );
    assert_eq!(answers[1]["id"], 1);
    assert_eq!(answers[2]["released"], true);
    assert_eq!(answers[3]["id"], 2);
    assert_eq!(answers[4]["error"], "unknown-message");
}
