//! Any folder of vocabularies: llama.cpp's source package has some under
//! `models`, each with texts and the tokens that its model's own tokenizer makes
//! of them. None is committed.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use tokenizers::{NormalizedString, Normalizer, NormalizerWrapper, Tokenizer};

use super::super::super::reader::Header;
use super::super::tokenizer_json;
use super::ids;

/// Follows each text.
const END: &str = "\n__ggml_vocab_test__\n";

/// A line of the table, and the texts that come out otherwise.
fn line(file: &Path) -> (String, Vec<String>) {
    let bytes = std::fs::read(file).unwrap();
    let name = file.file_stem().unwrap().to_string_lossy().into_owned();
    let json = Header::parse(&name, &bytes).and_then(|header| tokenizer_json(&header.metadata));
    let tokenizer = match json {
        Ok(json) => Tokenizer::from_bytes(json).unwrap(),
        Err(error) => return (format!("| {name} | | {error} |"), Vec::new()),
    };
    let tokens = tokenizer.get_vocab_size(true);
    let beside = |end: &str| std::fs::read_to_string(PathBuf::from(format!("{}{end}", file.display())));
    let (Ok(texts), Ok(expected)) = (beside(".inp"), beside(".out")) else {
        return (format!("| {name} | {tokens} | no texts beside it |"), Vec::new());
    };
    let texts: Vec<&str> = texts.split_terminator(END).collect();
    let expected: Vec<&str> = expected.lines().collect();
    assert_eq!(texts.len(), expected.len(), "{name}");
    let mut differences = Vec::new();
    let mut composed = 0;
    for (text, expected) in texts.iter().zip(&expected) {
        let expected: Vec<u32> = expected.split_whitespace().map(|id| id.parse().unwrap()).collect();
        if ids(&tokenizer, text, false) == expected {
            continue;
        }
        // llama.cpp, which writes some of these files, leaves out what the models' own tokenizers do first.
        match is_normal(&tokenizer, text) {
            true => differences.push(format!("{name}: {text:?}")),
            false => composed += 1,
        }
    }
    let same = texts.len() - differences.len() - composed;
    (format!("| {name} | {tokens} | {same} of {}, {composed} composed first |", texts.len()), differences)
}

/// Whether the tokenizer's normalizer leaves a text as it is.
fn is_normal(tokenizer: &Tokenizer, text: &str) -> bool {
    let Some(NormalizerWrapper::NFC(composing)) = tokenizer.get_normalizer() else { return true };
    let mut normal = NormalizedString::from(text);
    composing.normalize(&mut normal).unwrap();
    normal.get() == text
}

/// `CHOREO_VOCABULARIES=FOLDER cargo test -p choreo-host --lib every_vocabulary -- --nocapture`
/// prints the table.
#[test]
fn every_vocabulary_of_a_folder_spells_its_texts_as_expected() {
    let Some(folder) = std::env::var_os("CHOREO_VOCABULARIES") else {
        println!("skipped: CHOREO_VOCABULARIES names no folder of vocabularies, and none is committed");
        return;
    };
    let files = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path());
    let files: BTreeSet<PathBuf> = files.filter(|path| path.extension().is_some_and(|end| end == "gguf")).collect();
    assert!(!files.is_empty(), "{} holds no *.gguf", folder.display());
    println!("| file | tokens | texts that come out the same |\n| --- | --- | --- |");
    let mut differences = Vec::new();
    for file in files {
        let (line, found) = line(&file);
        println!("{line}");
        differences.extend(found);
    }
    assert_eq!(differences, [""; 0]);
}
