//! A small hub: the answers of huggingface.co to the requests that fetching
//! makes, with the faults that networks have.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use serde_json::json;

/// One revision's files.
pub(crate) type Files = BTreeMap<String, Vec<u8>>;

/// One request.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) path: String,
    pub(crate) range: Option<String>,
    pub(crate) token: Option<String>,
}

/// What the hub has, and how it behaves.
#[derive(Default)]
pub(crate) struct Shelf {
    /// By repository and revision, branches and tags as well as commits: the commit and its files.
    revisions: HashMap<(String, String), (String, Files)>,
    /// Whose holders alone get files; none: everybody does. Listings are for all.
    pub(crate) token: Option<String>,
    /// How many bytes of weights each of the next answers sends before the connection ends.
    pub(crate) cuts: VecDeque<usize>,
    /// Whether the whole file is sent whatever range is asked for.
    pub(crate) ignores_ranges: bool,
    /// Bytes that the listing says too much of every file.
    pub(crate) exaggerates: usize,
    /// The ETag of every answer for a file but the first; none: that of its bytes.
    pub(crate) later_etag: Option<String>,
    /// Whether weights are where they were asked for, for ever.
    pub(crate) circles: bool,
    asked: Vec<Asked>,
}

/// A hub that runs until it is dropped.
pub(crate) struct Server {
    address: SocketAddr,
    shelf: Arc<Mutex<Shelf>>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let shelf = Arc::new(Mutex::new(Shelf::default()));
        let served = Arc::clone(&shelf);
        let thread = std::thread::spawn(move || {
            for connection in listener.incoming() {
                // A client that goes away is its own affair; the last one says so by an empty request.
                if serve(connection.unwrap(), &served, address) == Some(Goes::Away) {
                    break;
                }
            }
        });
        Self { address, shelf, thread: Some(thread) }
    }

    pub(crate) fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Puts files on the shelf, under a revision and under their commit.
    pub(crate) fn hold(&self, repository: &str, revision: &str, commit: &str, files: &Files) {
        let mut shelf = self.shelf.lock().unwrap();
        for name in [revision, commit] {
            shelf.revisions.insert((repository.into(), name.into()), (commit.into(), files.clone()));
        }
    }

    pub(crate) fn change(&self, change: impl FnOnce(&mut Shelf)) {
        change(&mut self.shelf.lock().unwrap());
    }

    /// The requests since this was last called.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        std::mem::take(&mut self.shelf.lock().unwrap().asked)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Ok(mut connection) = TcpStream::connect(self.address) {
            let _ = connection.write_all(b"\r\n\r\n");
        }
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

#[derive(PartialEq)]
enum Goes {
    On,
    Away,
}

/// Answers one request and closes the connection; none where the client has gone.
fn serve(connection: TcpStream, shelf: &Mutex<Shelf>, address: SocketAddr) -> Option<Goes> {
    let mut lines = BufReader::new(connection.try_clone().ok()?).lines();
    let first = lines.next()?.ok()?;
    let mut words = first.split(' ');
    let (Some("GET"), Some(path)) = (words.next(), words.next()) else { return Some(Goes::Away) };
    let mut headers = HashMap::new();
    for line in lines.map_while(Result::ok).take_while(|line| !line.is_empty()) {
        let (name, value) = line.split_once(": ")?;
        headers.insert(name.to_lowercase(), value.to_owned());
    }
    let asked = Asked {
        path: path.to_owned(),
        range: headers.get("range").cloned(),
        token: headers.get("authorization").and_then(|value| Some(value.strip_prefix("Bearer ")?.to_owned())),
    };
    let answer = shelf.lock().unwrap().answer(asked, address);
    answer.send(connection).ok()?;
    Some(Goes::On)
}

struct Answer {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
    /// Bytes of the body that are sent.
    sent: usize,
}

impl Answer {
    fn new(status: u16, headers: Vec<(&'static str, String)>, body: Vec<u8>) -> Self {
        Self { status, headers, sent: body.len(), body }
    }

    fn refusal(status: u16, code: &str) -> Self {
        Self::new(status, vec![("X-Error-Code", code.into())], b"{}".to_vec())
    }

    fn send(self, mut connection: TcpStream) -> std::io::Result<()> {
        let mut head = format!("HTTP/1.1 {} x\r\nConnection: close\r\n", self.status);
        for (name, value) in &self.headers {
            head += &format!("{name}: {value}\r\n");
        }
        head += &format!("Content-Length: {}\r\n\r\n", self.body.len());
        connection.write_all(head.as_bytes())?;
        connection.write_all(&self.body[..self.sent.min(self.body.len())])
    }
}

impl Shelf {
    fn answer(&mut self, asked: Asked, address: SocketAddr) -> Answer {
        self.asked.push(asked.clone());
        let path = asked.path.split('?').next().unwrap().to_owned();
        let parts: Vec<&str> = path.split('/').skip(1).collect();
        match parts[..] {
            ["api", "models", organisation, name, "revision", revision] => {
                let found = self.find(&format!("{organisation}/{name}"), revision, &asked);
                found.map_or_else(|refusal| refusal, |(commit, files)| self.listing(&commit, &files))
            }
            [organisation, name, "resolve", revision, ref file @ ..] => {
                let repository = format!("{organisation}/{name}");
                let found = self.find(&repository, revision, &asked);
                found.map_or_else(
                    |refusal| refusal,
                    |found| self.resolve(found, &repository, &file.join("/"), asked, address),
                )
            }
            // Where the two kinds of redirections lead: files by repository and commit.
            ["cdn" | "near", organisation, name, commit, ref file @ ..] => {
                let key = (format!("{organisation}/{name}"), commit.to_owned());
                let (commit, files) = self.revisions[&key].clone();
                self.bytes(&commit, &file.join("/"), &files[&file.join("/")], asked)
            }
            _ => Answer::refusal(404, "EntryNotFound"),
        }
    }

    fn find(&self, repository: &str, revision: &str, asked: &Asked) -> Result<(String, Files), Answer> {
        if !self.revisions.keys().any(|(name, _)| name == repository) {
            // Strangers are not told what does not exist from what is private.
            return Err(Answer::refusal(if asked.token.is_some() { 404 } else { 401 }, "RepoNotFound"));
        }
        let key = (repository.to_owned(), revision.replace("%2F", "/"));
        self.revisions.get(&key).cloned().ok_or_else(|| Answer::refusal(404, "RevisionNotFound"))
    }

    fn listing(&self, commit: &str, files: &Files) -> Answer {
        let siblings: Vec<_> = (files.iter())
            .map(|(name, bytes)| json!({"rfilename": name, "size": bytes.len() + self.exaggerates, "blobId": etag(bytes)}))
            .collect();
        let body = json!({"sha": commit, "siblings": siblings, "private": false}).to_string();
        Answer::new(200, vec![("Content-Type", "application/json".into())], body.into())
    }

    /// Large files lie on another host; tokenizers are near by; the rest is here.
    fn resolve(
        &mut self,
        (commit, files): (String, Files),
        repository: &str,
        file: &str,
        asked: Asked,
        address: SocketAddr,
    ) -> Answer {
        match (&self.token, &asked.token) {
            (Some(_), None) => return Answer::refusal(401, "GatedRepo"),
            (Some(token), Some(sent)) if token != sent => return Answer::refusal(403, "GatedRepo"),
            _ => (),
        }
        let Some(bytes) = files.get(file) else { return Answer::refusal(404, "EntryNotFound") };
        let location = match file {
            weights if is_weights(weights) && self.circles => asked.path,
            weights if is_weights(weights) => {
                format!("http://localhost:{}/cdn/{repository}/{commit}/{file}", address.port())
            }
            "tokenizer.json" => format!("/near/{repository}/{commit}/{file}"),
            _ => return self.bytes(&commit, file, bytes, asked),
        };
        let linked = [("X-Linked-Etag", format!("\"{}\"", etag(bytes))), ("X-Linked-Size", bytes.len().to_string())];
        let mut headers = vec![("Location", location), ("X-Repo-Commit", commit)];
        headers.extend(linked);
        Answer::new(302, headers, Vec::new())
    }

    fn bytes(&mut self, commit: &str, file: &str, bytes: &[u8], asked: Asked) -> Answer {
        let is_later = self.asked.iter().filter(|other| other.path == asked.path).count() > 1;
        let named = self.later_etag.clone().filter(|_| is_later).unwrap_or_else(|| etag(bytes));
        let headers = vec![("ETag", format!("\"{named}\"")), ("X-Repo-Commit", commit.into())];
        let range = asked.range.filter(|range| range == "bytes=0-0" || !self.ignores_ranges);
        let Some(range) = range else { return Answer::new(200, headers, bytes.to_vec()) };
        let (first, last) = range.strip_prefix("bytes=").unwrap().split_once('-').unwrap();
        let first: usize = first.parse().unwrap();
        let end = last.parse().map_or(bytes.len(), |last: usize| last + 1);
        if first >= bytes.len() {
            return Answer::new(416, headers, Vec::new());
        }
        let range = format!("bytes {first}-{}/{}", end - 1, bytes.len());
        let mut answer = Answer::new(206, headers, bytes[first..end].to_vec());
        answer.headers.push(("Content-Range", range));
        if is_weights(file) && last.is_empty() {
            answer.sent = self.cuts.pop_front().unwrap_or(usize::MAX);
        }
        answer
    }
}

fn is_weights(file: &str) -> bool {
    file.ends_with(".safetensors") || file.ends_with(".gguf")
}

/// A name of some bytes.
pub(crate) fn etag(bytes: &[u8]) -> String {
    use std::hash::{DefaultHasher, Hash, Hasher};
    let mut hasher = DefaultHasher::new();
    bytes.hash(&mut hasher);
    format!("{:016x}", hasher.finish())
}
