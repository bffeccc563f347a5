//! A report as a page, read in a browser.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use regex::Regex;
use serde_json::Value;

use crate::support::{Host, scratch};

/// Any of these shows a page without a screen.
const BROWSERS: [&str; 5] =
    ["chromium-headless-shell", "chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];

/// A gap, an overlap, a parent listed twice, texts that would be tags, and lanes side by side.
const SCRIPT: &str = r#"prefill system "You know some people well." -
prefill user "</script><script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\"> & <b>&lt;" 1
batch
decode assistant "One:\n" 1,2 max 4
decode assistant "Two:\n" 1,2@40 at 90 max 4
end
start assistant "Three:" 1@5,1@7,3@200 max 3
finish 1
prefill user "and so on and so on and so on and so on and so on and so on and so on and so on and so on" 3,4
release 2
"#;

fn folder() -> PathBuf {
    let folder = scratch().join("view");
    fs::create_dir_all(&folder).unwrap();
    folder
}

/// Runs a script of the probe; its report, and the report's page.
fn page(name: &str, script: &str) -> (Value, PathBuf) {
    let report = folder().join(format!("{name}.json"));
    let options = format!("--quiet --report {}", report.display());
    let ended = Host::probe(&options, "script").with(script).end();
    assert_eq!(ended.code, 0, "{ended:?}");
    let shown = Host::new("view").with(report.display()).gives("");
    let page = report.with_extension("html");
    assert_eq!(shown.stderr, format!("{} is written: open it in a browser\n", page.display()));
    (serde_json::from_slice(&fs::read(&report).unwrap()).unwrap(), page)
}

/// The installed browser; none, said, where there is none.
fn browser() -> Option<&'static str> {
    let starts = |name: &&str| Command::new(name).arg("--version").output().is_ok_and(|output| output.status.success());
    let found = BROWSERS.into_iter().find(starts);
    if found.is_none() {
        eprintln!("skipped: no browser is installed: one of {BROWSERS:?}");
        assert!(std::env::var_os("CI").is_none(), "CI has a browser");
    }
    found
}

/// The page as its script has left it. `more`: flags, and a script that runs last.
fn dom(browser: &str, page: &Path, place: &str, flags: &[&str], more: &str) -> String {
    let html = fs::read_to_string(page).unwrap();
    let changed = page.with_extension(format!("{}.html", place.trim_start_matches('#')));
    fs::write(&changed, html.replace("</body>", &format!("<script>{more}</script></body>"))).unwrap();
    let url = format!("file://{}{place}", changed.display());
    let output = Command::new(browser)
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--dump-dom"])
        .args(flags)
        .arg(url)
        .output()
        .unwrap();
    let (dom, errors) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8_lossy(&output.stderr));
    assert!(dom.contains("id=\"graph\""), "{errors}");
    assert!(!errors.contains("Uncaught"), "{errors}");
    dom
}

/// These attributes of all elements of a class, in order.
fn all<const N: usize>(dom: &str, class: &str, attributes: [&str; N]) -> Vec<[String; N]> {
    let tag = Regex::new(&format!("<[a-z]+ [^<>]*class=\"{class}[ \"][^<>]*>")).unwrap();
    let value = |tag: &str, name: &str| {
        let found = Regex::new(&format!(" {name}=\"([^\"]*)\"")).unwrap().captures(tag);
        found.map_or_else(String::new, |found| found[1].to_owned())
    };
    tag.find_iter(dom).map(|tag| attributes.map(|name| value(tag.as_str(), name))).collect()
}

/// The text of the element with this id.
fn text(dom: &str, id: &str) -> String {
    let found = Regex::new(&format!("id=\"{id}\"[^>]*>([^<]*)<")).unwrap();
    found.captures(dom).unwrap()[1].to_owned()
}

#[test]
fn a_page_shows_messages_lanes_and_what_a_call_sees() {
    let (report, page) = page("graph", SCRIPT);
    let Some(browser) = browser() else { return };
    let messages = report["messages"].as_array().unwrap();
    let dom = dom(browser, &page, "#5", &[], "");

    let boxes = all(&dom, "box", ["data-message", "aria-selected"]);
    let expected: Vec<[String; 2]> = (1..=6).map(|id| [id.to_string(), (id == 5).to_string()]).collect();
    assert_eq!(boxes, expected);
    let arrows: Vec<[String; 2]> = all(&dom, "arrow", ["data-from", "data-to"]);
    let expected: Vec<[String; 2]> = messages
        .iter()
        .flat_map(|message| {
            let parents = message["parents"].as_array().unwrap();
            parents.iter().map(|parent| [parent["id"].to_string(), message["id"].to_string()])
        })
        .collect();
    assert_eq!((arrows.len(), arrows), (10, expected));
    assert_eq!(all(&dom, "arrow seen", ["data-from"]).concat(), ["1", "1", "3"]);
    assert_eq!(all(&dom, "lane", ["data-message"]).len(), 6);
    assert_eq!(all(&dom, "span decoding", ["width"]).len(), 3, "three messages were decoded");

    // Every token of every parent, where the call has it; gaps and overlaps.
    let tokens = |id: usize| messages[id - 1]["tokens"].as_u64().unwrap();
    let placed = |id: usize, kind: &str, offset: u64| {
        (0..tokens(id))
            .map(|token| [kind.to_owned(), id.to_string(), token.to_string(), (offset + token).to_string()])
            .collect()
    };
    let own = messages[4]["offset"].as_u64().unwrap();
    let expected: [Vec<[String; 4]>; 4] = [
        placed(1, "cell parent", 5),
        placed(1, "cell parent", 7),
        placed(3, "cell parent", 200),
        placed(5, "cell own", own),
    ];
    assert_eq!(all(&dom, "cell", ["class", "data-message", "data-token", "data-position"]), expected.concat());
    let first = tokens(1);
    let stretches = [
        (0, 5, 0),
        (5, 7, 1),
        (7, 5 + first, 2),
        (5 + first, 7 + first, 1),
        (7 + first, 200, 0),
        (200, own + tokens(5), 1),
    ];
    let stretches = stretches.map(|(from, to, many)| [from, to, many].map(|number: u64| number.to_string()));
    assert_eq!(all(&dom, "stretch", ["data-from", "data-to", "data-many"]), stretches);
    let summary = text(&dom, "summary");
    let start =
        format!("#5 assistant sees {} tokens of 2 messages, and stands at positions {own} to", 2 * first + tokens(3));
    assert!(summary.starts_with(&start), "{summary}");
    let end = format!(
        "Seen more than once: #1 (2 times). Nothing stands at 0 to 4, {} to 199. Several tokens stand at 7 to {}.",
        7 + first,
        4 + first
    );
    assert!(summary.ends_with(&end), "{summary}");
    assert!(text(&dom, "facts").contains("mode choreo · model "), "{dom}");
}

#[test]
fn texts_stay_texts() {
    let (report, page) = page("texts", SCRIPT);
    // Of a released message too, no more than the beginning is told.
    let texts: Vec<&str> =
        report["messages"].as_array().unwrap().iter().map(|message| message["text"].as_str().unwrap()).collect();
    assert!(texts[1].starts_with("</script><script>document.title"), "{texts:?}");
    assert_eq!((texts[1].chars().count(), texts[5].chars().count()), (80, 80));
    let html = fs::read_to_string(&page).unwrap();
    let (before, rest) = html.split_once("id=\"report\">").unwrap();
    let (json, after) = rest.split_once("</script>").unwrap();
    assert!(!json.contains('<') && serde_json::from_str::<Value>(json).unwrap() == report);
    // Nothing is asked of anybody, and no text is read as HTML.
    for outside in ["https:", "src=", "href=", "@import", "fetch", "innerHTML", "eval"] {
        assert!(!before.contains(outside) && !after.contains(outside), "{outside}");
    }
    let Some(browser) = browser() else { return };
    let dom = dom(browser, &page, "#2", &[], "");
    assert!(dom.contains("<title>A run of choreo</title>"), "a text has run");
    assert!(!dom.contains("<img") && !dom.contains("<b>"), "a text has become a tag");
    let label = &all(&dom, "box", ["aria-label"])[1][0];
    assert!(label.contains("</script><script>") || label.contains("&lt;/script&gt;&lt;script&gt;"), "{label}");
    assert!(text(&dom, "summary").starts_with("#2 user sees"), "{dom}");
}

#[test]
fn a_page_is_used_by_keys_and_in_the_dark() {
    let (_, page) = page("keys", SCRIPT);
    let Some(browser) = browser() else { return };
    let press = |keys: &[&str]| {
        let keys: String = keys
            .iter()
            .map(|key| {
                format!(
                    "document.activeElement.dispatchEvent(new KeyboardEvent('keydown',{{key:'{key}',bubbles:true}}));"
                )
            })
            .collect();
        let script = format!("document.querySelector('.box[tabindex=\"0\"]').focus();{keys}");
        let dom = dom(browser, &page, "#1", &[], &script);
        let chosen = all(&dom, "box", ["aria-selected", "data-message", "tabindex"]);
        let chosen: Vec<_> = chosen.into_iter().filter(|[selected, ..]| selected == "true").collect();
        assert_eq!(chosen.len(), 1, "{chosen:?}");
        assert_eq!(chosen[0][2], "0", "the next Tab comes back to it");
        assert!(text(&dom, "summary").starts_with(&format!("#{} ", chosen[0][1])));
        chosen[0][1].clone()
    };
    assert_eq!(press(&["ArrowRight"]), "2");
    assert_eq!(press(&["ArrowRight", "ArrowRight", "ArrowDown"]), "4");
    assert_eq!(
        press(&["ArrowRight", "ArrowRight", "ArrowDown", "ArrowUp", "ArrowLeft", "ArrowLeft", "ArrowLeft"]),
        "1"
    );
    assert_eq!(press(&["End"]), "6");
    assert_eq!(press(&["End", "Home", "ArrowUp", "x"]), "1");
    // The list of messages chooses as well.
    let script = "const call=document.getElementById('call');call.value='3';call.dispatchEvent(new Event('change'))";
    assert!(text(&dom(browser, &page, "#2", &[], script), "summary").starts_with("#3 "));

    let colour = |scheme: &str| {
        let script = "document.title=getComputedStyle(document.body).backgroundColor";
        let flag = format!("--blink-settings=preferredColorScheme={scheme}");
        let dom = dom(browser, &page, "#3", &[&flag], script);
        Regex::new("<title>rgb\\((\\d+)").unwrap().captures(&dom).unwrap()[1].parse::<u32>().unwrap()
    };
    let (dark, light) = (colour("0"), colour("1"));
    assert!(dark < 60 && light > 200, "{dark} {light}");
}

#[test]
fn hundreds_of_messages_are_shown() {
    let mut script = "prefill user \"zero\" -\n".to_owned();
    for message in 2..=400 {
        let parents: BTreeSet<u32> = [1, message - 1, message / 2].into();
        let parents: Vec<String> = parents.iter().map(u32::to_string).collect();
        script += &format!("prefill user \"message {message}\" {}\n", parents.join(","));
    }
    let (report, page) = page("many", &script);
    let Some(browser) = browser() else { return };
    let dom = dom(browser, &page, "#400", &[], "");
    let parents = |message: &Value| message["parents"].as_array().unwrap().len();
    let arrows: usize = report["messages"].as_array().unwrap().iter().map(parents).sum();
    assert_eq!((all(&dom, "box", ["x"]).len(), all(&dom, "arrow", ["x"]).len()), (400, arrows));
    assert!(all(&dom, "cell", ["x"]).len() > 20);
}

#[test]
fn what_is_no_report_is_said() {
    let file = |name: &str, text: &str| {
        let path = folder().join(name);
        fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let fails = |path: String, pieces: &[&str]| {
        let ended = Host::new("view").with(path).fails(1, pieces);
        assert_eq!(ended.stderr.lines().count(), 1, "{ended:?}");
    };
    let foreign = "name a file that `choreo-host run --report` has written";
    fails(file("empty.json", ""), &["cannot show", foreign]);
    fails(file("text.json", "a text"), &["cannot show", foreign]);
    fails(file("list.json", "[]"), &["cannot show", foreign]);
    fails(file("deep.json", &"[".repeat(100_000)), &["cannot show", foreign]);
    fails(file("other.json", "{\"mode\":\"choreo\",\"messages\":[{\"id\":1}]}"), &["missing field", foreign]);
    let message = |id: u32, parent: u32| {
        format!(
            "{{\"id\":{id},\"role\":\"user\",\"parents\":[{{\"id\":{parent},\"offset\":0}}],\"offset\":1,\"tokens\":1,\"called_ms\":0,\"finish\":\"end\"}}"
        )
    };
    let report = |message: String| format!("{{\"mode\":\"choreo\",\"messages\":[{message}]}}");
    fails(file("number.json", &report(message(2, 1))), &["message 2 stands where 1 should"]);
    fails(file("circle.json", &report(message(1, 1))), &["message 1 sees message 1, which is not before it"]);
    fails(folder().join("absent.json").display().to_string(), &["cannot show"]);
    fails(file("report.html", &report(String::new())), &["name another file with -o"]);
    let written = folder().join("named.html");
    Host::new("view").with(file("none.json", &report(String::new()))).and("-o").with(written.display()).gives("");
    assert!(fs::read_to_string(written).unwrap().starts_with("<!doctype html>"));
    let absent = folder().join("no/such/page.html");
    Host::new("view")
        .with(folder().join("none.json").display())
        .and("-o")
        .with(absent.display())
        .fails(1, &["cannot write the page to"]);
}
