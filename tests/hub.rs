//! Models by their names on the hub, against a small hub of this process.

mod server;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use safetensors::SafeTensors;
use safetensors::tensor::TensorView;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{Host, probe, root, scratch};
use server::{Files, Server, etag};

const NAME: &str = "acme/tiny";
const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";
const SCRIPT: &str = "prefill user \"What pet does Halan have?\" -\ndecode assistant \"\" 1 max 30\n";
const WEIGHTS: &str = "model.safetensors";

/// The embedded model's files, and some that nobody here reads.
fn files() -> Files {
    let folder = root().join("host/default-model");
    let read = ["config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json", WEIGHTS];
    let mut files: Files = read.iter().map(|file| ((*file).into(), fs::read(folder.join(file)).unwrap())).collect();
    for other in ["README.md", "pytorch_model.bin", "consolidated.safetensors"] {
        files.insert(other.into(), b"not for us".to_vec());
    }
    files
}

/// The same model, its weights in two files.
fn sharded() -> Files {
    let mut files = files();
    let weights = files.remove(WEIGHTS).unwrap();
    let tensors = SafeTensors::deserialize(&weights).unwrap();
    let mut names = tensors.names();
    names.sort_unstable();
    let mut map = serde_json::Map::new();
    for (number, names) in names.chunks(names.len().div_ceil(2)).enumerate() {
        let shard = format!("model-0000{}-of-00002.safetensors", number + 1);
        let views: Vec<(&str, TensorView<'_>)> =
            names.iter().map(|name| (*name, tensors.tensor(name).unwrap())).collect();
        map.extend(names.iter().map(|name| ((*name).to_owned(), Value::from(shard.clone()))));
        files.insert(shard, safetensors::serialize(views, None).unwrap());
    }
    files.insert("model.safetensors.index.json".into(), json!({"weight_map": map}).to_string().into_bytes());
    files
}

/// A hub that has the model, and a home without any.
struct Scene {
    server: Server,
    home: TempDir,
}

impl Scene {
    fn new() -> Self {
        let scene = Self { server: Server::start(), home: tempfile::tempdir().unwrap() };
        scene.server.hold(NAME, "main", COMMIT, &files());
        scene
    }

    /// The host, asked to generate something by a model of this name.
    fn host(&self, model: &str) -> Host {
        host(model, &self.server.endpoint(), self.home.path())
    }

    fn repository(&self) -> PathBuf {
        self.home.path().join("hub/models--acme--tiny")
    }

    /// The file's requests that are not for its length alone.
    fn ranges(&self, file: &str) -> Vec<Option<String>> {
        let asked = self.server.asked().into_iter().filter(|asked| asked.path.ends_with(&format!("/{file}")));
        let ranges = asked.filter(|asked| asked.path.starts_with("/cdn/")).map(|asked| asked.range);
        ranges.filter(|range| range.as_deref() != Some("bytes=0-0")).collect()
    }
}

/// The host, asked to generate something.
fn host(model: &str, endpoint: &str, home: &Path) -> Host {
    let host = Host::new("run --quiet --model").with(model).with(probe().display()).and("script").with(SCRIPT);
    alone(host, home).set("HF_ENDPOINT", endpoint)
}

/// Nothing of this process's own surroundings reaches the hub's variables.
fn alone(host: Host, home: &Path) -> Host {
    let unset = ["HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HF_TOKEN_PATH"];
    let unused = ["HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"];
    let host = unset.iter().chain(&unused).fold(host, |host, name| host.set(name, ""));
    host.set("HF_HOME", home.display())
}

/// What the embedded model says.
fn expected() -> &'static str {
    static TEXT: OnceLock<String> = OnceLock::new();
    TEXT.get_or_init(|| {
        let folder = root().join("host/default-model");
        let ended = host(folder.to_str().unwrap(), "http://nowhere.invalid", &scratch().join("no-home")).end();
        assert!(ended.code == 0 && ended.stdout.contains("\"finish\":"), "{ended:?}");
        ended.stdout
    })
}

#[track_caller]
fn gives(host: &Host) {
    host.gives(expected());
}

#[test]
fn a_model_is_fetched_once_and_then_needs_no_network() {
    let scene = Scene::new();
    let report = scene.home.path().join("report.json");
    let host = scene.host(NAME);
    gives(&host);
    let mut asked: Vec<String> = scene.server.asked().into_iter().map(|asked| asked.path).collect();
    asked.dedup();
    assert_eq!(asked[0], "/api/models/acme/tiny/revision/main?blobs=true");
    for unread in ["README.md", "pytorch_model.bin", "consolidated.safetensors"] {
        assert!(!asked.iter().any(|path| path.ends_with(unread)), "{asked:?}");
    }
    // As huggingface_hub lays it out.
    let repository = scene.repository();
    assert_eq!(fs::read_to_string(repository.join("refs/main")).unwrap(), COMMIT);
    let link = repository.join("snapshots").join(COMMIT).join(WEIGHTS);
    let blob = Path::new("../../blobs").join(etag(&files()[WEIGHTS]));
    assert_eq!(fs::read_link(&link).unwrap(), blob);
    assert_eq!(fs::read(&link).unwrap(), files()[WEIGHTS]);

    gives(&host);
    assert!(scene.server.asked().is_empty());
    let Scene { server, home } = scene;
    drop(server);
    gives(&host);
    gives(&host.clone().set("HF_HUB_OFFLINE", "1"));
    let reported = Host::new("run --report").with(report.display()).and("--quiet --model").with(NAME);
    let reported = alone(reported.with(probe().display()).and("print"), home.path());
    assert_eq!(reported.end().code, 0);
    let report: Value = serde_json::from_slice(&fs::read(report).unwrap()).unwrap();
    assert_eq!(report["model"], NAME);
}

#[test]
fn shards_are_fetched_as_the_index_names_them() {
    let scene = Scene::new();
    scene.server.hold("acme/parts", "main", COMMIT, &sharded());
    gives(&scene.host("acme/parts"));
    scene.server.asked();
    gives(&scene.host("acme/parts"));
    assert!(scene.server.asked().is_empty());
    // One shard less is not the model.
    let snapshot = scene.home.path().join("hub/models--acme--parts/snapshots").join(COMMIT);
    fs::remove_file(snapshot.join("model-00002-of-00002.safetensors")).unwrap();
    let offline = scene.host("acme/parts").set("HF_HUB_OFFLINE", "1");
    offline.fails(1, &["HF_HUB_OFFLINE", "lacks model-00002-of-00002.safetensors"]);
    gives(&scene.host("acme/parts"));
    let mut repository = sharded();
    repository.remove("model-00002-of-00002.safetensors");
    scene.server.hold("acme/lost", "main", COMMIT, &repository);
    scene.host("acme/lost").fails(1, &["its repository has no model-00002-of-00002.safetensors"]);
}

#[test]
fn a_connection_that_ends_is_taken_up_where_it_ended() {
    let scene = Scene::new();
    let half = files()[WEIGHTS].len() / 2;
    scene.server.change(|shelf| shelf.cuts = [half, 1000].into());
    gives(&scene.host(NAME));
    let expected = [0, half, half + 1000].map(|from| Some(format!("bytes={from}-")));
    assert_eq!(scene.ranges(WEIGHTS), expected);
}

#[test]
fn a_next_start_goes_on_with_a_file_that_is_not_whole() {
    let scene = Scene::new();
    let size = files()[WEIGHTS].len();
    let half = size / 2;
    scene.server.change(|shelf| shelf.cuts = [half, 0].into());
    let pieces = [format!("{WEIGHTS} came to {half} of {size} bytes"), "start again".into()];
    scene.host(NAME).fails(1, &[&pieces[0], &pieces[1]]);
    let part = scene.repository().join("blobs").join(etag(&files()[WEIGHTS])).with_extension("part");
    assert_eq!(fs::metadata(&part).unwrap().len(), half as u64);
    // What is there is not taken for the model.
    scene.host(NAME).set("HF_HUB_OFFLINE", "1").fails(1, &["HF_HUB_OFFLINE", "lacks model.safetensors"]);
    scene.server.asked();
    gives(&scene.host(NAME));
    assert_eq!(scene.ranges(WEIGHTS), [Some(format!("bytes={half}-"))]);
    assert!(!part.exists());
}

#[test]
fn a_part_that_has_all_its_bytes_only_gets_its_name() {
    let scene = Scene::new();
    gives(&scene.host(NAME));
    let blob = scene.repository().join("blobs").join(etag(&files()[WEIGHTS]));
    let link = scene.repository().join("snapshots").join(COMMIT).join(WEIGHTS);
    fs::rename(&blob, blob.with_extension("part")).unwrap();
    scene.server.asked();
    // The link that leads nowhere is in the way, and taken away.
    gives(&scene.host(NAME));
    assert_eq!(scene.ranges(WEIGHTS), []);
    assert_eq!(fs::read(&link).unwrap(), files()[WEIGHTS]);
    // A part with too many cannot be this file's.
    fs::remove_file(&link).unwrap();
    fs::remove_file(&blob).unwrap();
    fs::write(blob.with_extension("part"), vec![7; files()[WEIGHTS].len() + 1]).unwrap();
    gives(&scene.host(NAME));
    assert_eq!(scene.ranges(WEIGHTS), [Some("bytes=0-".into())]);
}

#[test]
fn a_wrong_length_is_never_taken_for_the_file() {
    let scene = Scene::new();
    scene.server.change(|shelf| shelf.cuts = [1000, 0].into());
    scene.host(NAME).fails(1, &["came to 1000 of"]);
    scene.server.change(|shelf| shelf.ignores_ranges = true);
    // All of it is not what comes behind the 1000.
    scene.server.asked();
    gives(&scene.host(NAME));
    assert_eq!(scene.ranges(WEIGHTS), [Some("bytes=1000-".into())]);

    let scene = Scene::new();
    scene.server.change(|shelf| shelf.exaggerates = 1);
    scene.host(NAME).fails(1, &["config.json came as", "thrown away"]);
}

#[test]
fn revisions_are_branches_tags_and_commits() {
    const OTHER: &str = "89abcdef0123456789abcdef0123456789abcdef";
    let scene = Scene::new();
    let mut changed = files();
    changed.insert("generation_config.json".into(), b"{ }".to_vec());
    scene.server.hold(NAME, "refs/pr/7", OTHER, &changed);
    gives(&scene.host(NAME));
    scene.server.asked();
    gives(&scene.host("acme/tiny@refs/pr/7"));
    // The weights are the same bytes.
    assert_eq!(scene.ranges(WEIGHTS), []);
    assert_eq!(fs::read_to_string(scene.repository().join("refs/refs/pr/7")).unwrap(), OTHER);
    gives(&scene.host(&format!("acme/tiny@{OTHER}")));
    gives(&scene.host(&format!("acme/tiny@{COMMIT}")));
    assert!(scene.server.asked().is_empty());
    let pieces = ["has acme/tiny, but no revision \"v9\"", "name a branch, a tag or a commit"];
    scene.host("acme/tiny@v9").fails(1, &pieces);
}

#[test]
fn a_gguf_file_of_a_repository_is_fetched_alone() {
    let scene = Scene::new();
    let gguf = fs::read(root().join("tests/golden/gguf/q8_0/model.gguf")).unwrap();
    let mut held = files();
    held.insert("small/tiny.Q8_0.gguf".into(), gguf.clone());
    scene.server.hold(NAME, "v2", COMMIT, &held);
    scene.server.change(|shelf| shelf.cuts = [gguf.len() / 2].into());
    // Read as the file that it is: a golden one, without a tokenizer.
    let host = scene.host("acme/tiny/small/tiny.Q8_0.gguf@v2");
    host.fails(1, &["cannot load the model", "small/tiny.Q8_0.gguf", "`tokenizer.ggml.model` \"none\""]);
    let expected = [0, gguf.len() / 2].map(|from| Some(format!("bytes={from}-")));
    assert_eq!(scene.ranges("tiny.Q8_0.gguf"), expected);
    let snapshot = scene.repository().join("snapshots").join(COMMIT);
    assert_eq!(fs::read(snapshot.join("small/tiny.Q8_0.gguf")).unwrap(), gguf);
    assert!(!snapshot.join("config.json").exists());
    host.fails(1, &["`tokenizer.ggml.model` \"none\""]);
    assert!(scene.server.asked().is_empty());
    scene.host("acme/tiny/other.gguf@v2").fails(1, &["has no other.gguf (it has ", "small/tiny.Q8_0.gguf"]);
}

#[test]
fn who_may_not_have_a_model_is_told() {
    let scene = Scene::new();
    scene
        .host("acme/absent")
        .fails(1, &["no such path", "acme/absent", "does not exist, is private or gated", "HF_TOKEN"]);
    let known = scene.host("acme/absent").set("HF_TOKEN", "secret");
    known.fails(1, &["no such path", "has no model acme/absent: check the name"]);
    scene.server.change(|shelf| shelf.token = Some("secret".into()));
    scene.host(NAME).fails(1, &["(401)", "set HF_TOKEN"]);
    let refused = scene.host(NAME).set("HF_TOKEN", "other");
    refused.fails(1, &["does not give acme/tiny", "(403)", "accept its conditions at http://127.0.0.1"]);
    fs::write(scene.home.path().join("token"), "secret\n").unwrap();
    gives(&scene.host(NAME));
    // A token is never shown.
    let ended = scene.host("acme/absent").end();
    assert!(!ended.stderr.contains("secret"), "{ended:?}");
}

#[test]
fn the_token_is_for_the_hub_alone() {
    let scene = Scene::new();
    scene.server.change(|shelf| shelf.token = Some("secret".into()));
    gives(&scene.host(NAME).set("HF_TOKEN", "secret"));
    // Weights lie on another host, tokenizers behind a redirection that stays here.
    let (there, here): (Vec<_>, Vec<_>) =
        scene.server.asked().into_iter().partition(|asked| asked.path.starts_with("/cdn/"));
    assert!(there.iter().any(|asked| asked.path.ends_with(WEIGHTS)));
    assert!(there.iter().all(|asked| asked.token.is_none()), "{there:?}");
    assert!(here.iter().any(|asked| asked.path.starts_with("/near/")));
    assert!(here.iter().all(|asked| asked.token.as_deref() == Some("secret")), "{here:?}");
}

#[test]
fn an_etag_never_names_a_file_outside_the_cache() {
    let scene = Scene::new();
    let victim = scene.home.path().join("victim");
    fs::write(&victim, "mine").unwrap();
    for (etag, said) in [(victim.to_str().unwrap(), "an ETag"), ("../../../../victim", "an ETag"), ("other", "changed")]
    {
        // The first answer for a file is as it should be.
        scene.server.asked();
        scene.server.change(|shelf| shelf.later_etag = Some(etag.into()));
        scene.host(NAME).fails(1, &[said]);
        assert_eq!(fs::read_to_string(&victim).unwrap(), "mine");
        assert!(!scene.repository().join("snapshots").exists());
        assert!(!victim.with_extension("part").exists() && !victim.with_extension("lock").exists());
    }
    let blobs: Vec<_> = fs::read_dir(scene.repository().join("blobs")).unwrap().collect();
    assert!(blobs.iter().all(|blob| blob.as_ref().unwrap().path().extension() == Some("lock".as_ref())), "{blobs:?}");
}

#[test]
fn redirections_end() {
    let scene = Scene::new();
    scene.server.change(|shelf| shelf.circles = true);
    scene.host(NAME).fails(1, &["more than 5 redirections", "check HF_ENDPOINT"]);
    let asked = scene.server.asked();
    assert_eq!(asked.iter().filter(|asked| asked.path.ends_with(WEIGHTS)).count(), 6);
}

#[test]
fn no_network_is_said_with_what_to_do() {
    let scene = Scene::new();
    let offline = scene.host(NAME).set("HF_HUB_OFFLINE", "1");
    offline.fails(1, &["no such path", "HF_HUB_OFFLINE is set", "fetch acme/tiny beforehand, or give a directory"]);
    assert!(scene.server.asked().is_empty());
    let Scene { server, home } = scene;
    let endpoint = server.endpoint();
    drop(server);
    let pieces = ["no such path", "does not have all of it", &endpoint, "cannot be reached", "give a directory"];
    host(NAME, &endpoint, home.path()).fails(1, &pieces);
    host(NAME, "http://nowhere.invalid", home.path()).fails(1, &["http://nowhere.invalid cannot be reached"]);
    host(NAME, "no address", home.path()).fails(1, &["HF_ENDPOINT"]);
}

#[test]
fn a_repository_of_something_else_is_said() {
    let scene = Scene::new();
    let mut other = files();
    other.remove(WEIGHTS);
    other.insert("tiny.gguf".into(), vec![1]);
    scene.server.hold("acme/other", "main", COMMIT, &other);
    let pieces = [
        "no model.safetensors and no model.safetensors.index.json",
        "pytorch_model.bin, tiny.gguf",
        "ORG/NAME/FILE.gguf",
    ];
    scene.host("acme/other").fails(1, &pieces);
    other.remove("tokenizer.json");
    scene.server.hold("acme/bare", "main", COMMIT, &other);
    scene.host("acme/bare").fails(1, &["its repository has no tokenizer.json (it has consolidated.safetensors, "]);
    // Nothing was fetched in vain.
    assert!(!scene.home.path().join("hub/models--acme--bare").exists());
}

#[test]
fn what_names_neither_a_path_nor_a_model_is_said() {
    let scene = Scene::new();
    for model in ["absent", "acme/tiny@", "acme/tiny/more", "acme/ti ny", "acme//tiny"] {
        scene.host(model).fails(1, &["no file or directory", "no name of the hub (ORG/NAME, ORG/NAME/FILE.gguf,"]);
    }
    for model in ["./acme/tiny", "/acme/tiny", "~/tiny"] {
        scene.host(model).fails(1, &["there is no such file or directory"]);
    }
    // A path that is there is the path, whatever the hub has.
    let directory = scene.home.path().join("acme/tiny");
    fs::create_dir_all(&directory).unwrap();
    scene.host(NAME).inside(scene.home.path()).fails(1, &["config.json"]);
    for (file, bytes) in files() {
        fs::write(directory.join(file), bytes).unwrap();
    }
    gives(&scene.host(NAME).inside(scene.home.path()));
    assert!(scene.server.asked().is_empty());
}

#[test]
fn a_cache_that_cannot_be_written_is_said() {
    let scene = Scene::new();
    let file = scene.home.path().join("file");
    fs::write(&file, "").unwrap();
    let cache = file.join("cache");
    let host = scene.host(NAME).set("HF_HUB_CACHE", cache.display());
    host.fails(1, &["the cache", "cannot be written", "Not a directory", "set HF_HUB_CACHE"]);
    let elsewhere = scene.home.path().join("elsewhere");
    gives(&scene.host(NAME).set("HF_HUB_CACHE", elsewhere.display()));
    assert!(elsewhere.join("models--acme--tiny").exists());
}
