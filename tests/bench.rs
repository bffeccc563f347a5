//! `bench`: what it counts, and what it asks of another engine.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use serde_json::{Value, json};

use crate::support::{Host, scratch};

/// Runs a study; the pages that it writes.
#[track_caller]
fn study(arguments: &str) -> Vec<Value> {
    let file = scratch().join(format!("bench-{}.json", arguments.replace(['/', ' ', ':', ',', '.'], "_")));
    let ended = Host::new("bench").and(arguments).and("--json").with(file.display()).end();
    assert_eq!(ended.code, 0, "{ended:?}");
    let pages: Vec<Value> = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
    for title in pages.iter().map(|page| page["title"].as_str().unwrap()) {
        assert!(ended.stdout.contains(title), "{title} is not in {}", ended.stdout);
    }
    pages
}

/// Of a row of a page, tokens encoded and reused for its first problem.
#[track_caller]
fn tokens(page: &Value, what: &str, variant: &str) -> (u64, u64) {
    let rows = page["measured"].as_array().unwrap();
    let row = rows.iter().find(|row| row["what"] == what && row["variant"] == variant);
    let problem = &row.unwrap_or_else(|| panic!("no {what} in {variant}: {page}"))["problems"][0];
    (problem["encoded"].as_u64().unwrap(), problem["reused"].as_u64().unwrap())
}

#[test]
fn choreo_encodes_each_token_of_the_paper_s_workflows_once() {
    let pages = study("paper --problems 0 --ttft 1");
    let page = &pages[1];
    for (what, shared) in [("MADiter", true), ("ToT (B 8, V 4)", false), ("MADpar (3 agents, 3 rounds)", true)] {
        let (choreo, reused) = tokens(page, what, "choreo");
        let (prefix, found) = tokens(page, what, "prefix");
        assert!(choreo < prefix && reused > found / 2, "{what}: {choreo} {prefix}, {reused} {found}");
        if shared {
            assert!(tokens(page, what, "prefix, shared first").0 > choreo);
        }
    }
}

#[test]
fn whole_runs_and_first_tokens_encode_the_same() {
    let pages = study("paper --problems 1 --ttft 1 --seed 3");
    let (first, whole) = (&pages[1], &pages[2]);
    for what in ["MADiter", "ToT (B 8, V 4)"] {
        for variant in ["choreo", "prefix"] {
            assert_eq!(tokens(first, what, variant), tokens(whole, what, variant), "{what}, {variant}");
        }
    }
}

#[test]
fn a_question_over_documents_encodes_itself_alone() {
    let pages = study("documents --tokens 1000 --question 40 --problems 1");
    let times = |variant: &str| {
        let rows = pages[1]["measured"].as_array().unwrap();
        let row = rows.iter().find(|row| row["what"] == "1000 tokens, question of 40" && row["variant"] == variant);
        row.unwrap()["problems"][0]["first_ms"].as_array().unwrap().len()
    };
    assert_eq!((times("choreo"), times("prefix")), (2, 2));
    let (choreo, prefix) = (
        tokens(&pages[1], "1000 tokens, question of 40", "choreo").0,
        tokens(&pages[1], "1000 tokens, question of 40", "prefix").0,
    );
    // The documents once, and once more in another order.
    assert!(prefix > choreo + 800, "{choreo} {prefix}");
}

/// A server with llama.cpp's manners that is loading when it is first asked, finds
/// nothing and says one token ever. The requests that it got.
fn outside() -> (String, Arc<Mutex<Vec<Value>>>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let asked = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&asked);
    thread::spawn(move || {
        for (number, connection) in listener.incoming().enumerate() {
            let kept = Arc::clone(&kept);
            let status = if number == 0 { "503 Service Unavailable" } else { "200 OK" };
            thread::spawn(move || answer(connection.unwrap(), status, &kept));
        }
    });
    (address, asked)
}

fn answer(mut connection: TcpStream, status: &str, kept: &Mutex<Vec<Value>>) {
    let mut reader = BufReader::new(connection.try_clone().unwrap());
    let (mut length, mut line) = (0, String::new());
    while reader.read_line(&mut line).unwrap() > 2 {
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        line.clear();
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    let mut text = String::new();
    if length > 0 {
        let request: Value = serde_json::from_slice(&body).unwrap();
        let prompt = request["prompt"].as_array().unwrap().len();
        for _ in 0..request["n_predict"].as_u64().unwrap() {
            text += &format!("data: {}\n\n", json!({ "tokens": [300], "stop": false }));
        }
        // All of its time went into generating, wherever the prompt may be reused.
        let generating = if request["cache_prompt"] == true { 1e9 } else { 0.0 };
        let timings = json!({ "prompt_n": prompt, "predicted_ms": generating });
        text += &format!("data: {}\n\n", json!({ "tokens": [], "stop": true, "timings": timings }));
        kept.lock().unwrap().push(request);
    }
    let head = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", text.len());
    connection.write_all(head.as_bytes()).unwrap();
    connection.write_all(text.as_bytes()).unwrap();
}

#[test]
fn a_configuration_alone_is_a_shape() {
    let config = json!({
        "architectures": ["Qwen3ForCausalLM"], "model_type": "qwen3", "hidden_size": 64, "intermediate_size": 96,
        "num_hidden_layers": 2, "num_attention_heads": 2, "num_key_value_heads": 1, "head_dim": 32, "vocab_size": 400,
        "max_position_embeddings": 4096, "rms_norm_eps": 1e-6, "rope_theta": 1e6, "tie_word_embeddings": true,
    });
    let file = scratch().join("shape.json");
    std::fs::write(&file, config.to_string()).unwrap();
    let pages = study(&format!("tot --branches 2 --voters 1 --problems 1 --shape {}", file.display()));
    let (choreo, _) = tokens(&pages[1], "B 2, V 1", "choreo");
    assert!(choreo < tokens(&pages[1], "B 2, V 1", "prefix").0, "{pages:?}");

    std::fs::write(&file, config.to_string().replace("vocab_size", "vocabulary")).unwrap();
    let ended = Host::new("bench tot --shape").with(file.display()).end();
    assert!(ended.code == 1 && ended.stderr.contains("shape.json has no `vocab_size`"), "{ended:?}");
}

#[test]
fn another_engine_is_asked_the_same_tokens() {
    let (address, asked) = outside();
    let pages = study(&format!("tot --branches 3 --voters 2 --problems 1 --outside {address}"));
    let asked: Vec<Value> = asked.lock().unwrap().clone();
    // Four to see how fast it is; then proposals, votes, an answer.
    let runs = &asked[4..];
    assert_eq!(runs.len(), 3 + 2 + 1);
    let length = |request: &Value| request["prompt"].as_array().unwrap().len() as u64;
    let prompts: u64 = runs.iter().map(length).sum();
    let said: u64 = runs.iter().map(|request| request["n_predict"].as_u64().unwrap()).sum();
    let (encoded, reused) = tokens(&pages[1], "B 3, V 2", "llama.cpp");
    assert_eq!((encoded, reused), (prompts + said - 6, 0));
    let (ours, found) = tokens(&pages[1], "B 3, V 2", "prefix");
    // Each of the six prompts there begins with the beginning of sequence, which is one here.
    assert_eq!(ours + found + 6, encoded, "what is encoded here is what is asked there, less what is found");
    let measured = pages[1]["measured"].as_array().unwrap();
    let row = measured.iter().find(|row| row["variant"] == "llama.cpp").unwrap();
    assert_eq!(
        row["problems"][0]["first_ms"],
        json!([0.0, 0.0, 0.0]),
        "what it says it generated came after the first"
    );
    // What it said itself is what it is shown.
    let votes: Vec<&Value> = runs.iter().filter(|request| length(request) > 300).collect();
    assert!(votes.len() >= 2 && votes.iter().all(|vote| vote["prompt"].as_array().unwrap().contains(&json!(300))));
}

#[test]
fn what_cannot_be_measured_is_said() {
    Host::new("bench paper --shape gpt-9")
        .fails(1, &["no shape is called gpt-9: take one of qwen3-0.6b, llama-3.1-8b, or name a config.json"]);
    Host::new("bench paper --outside http://127.0.0.1:9").fails(1, &["no llama.cpp server answers at"]);
    Host::new("bench paper --problems-file absent.json")
        .fails(1, &["cannot read the problems of absent.json: give a JSON list"]);
    // What is too long for the model is seen when it is asked.
    let ended = Host::new("bench documents --tokens 9000 --problems 1").end();
    assert!(ended.code == 1 && ended.stderr.contains("the model's context has 4095"), "{ended:?}");
}
