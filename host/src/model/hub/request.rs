//! Requests to the hub, from redirection to redirection.
//!
//! The hub's answer for a file names its commit and its ETag, and mostly leads
//! to another host for the bytes. That host is nobody of ours: it never sees
//! the token, and what it says of names is not listened to.

use std::path::Path;
use std::time::Duration;

use ureq::http::header::{AUTHORIZATION, CONTENT_RANGE, LOCATION, RANGE};
use ureq::http::{HeaderMap, Response};
use ureq::{Agent, Body};
use url::Url;

use super::{Hub, HubError, HubName, repo};

/// Redirections of one request that are followed.
const REDIRECTIONS: usize = 5;
/// How long a host may take to be found, and again to be connected with.
const CONNECT: Duration = Duration::from_secs(30);
/// How long a connection may be silent.
const SILENCE: Duration = Duration::from_secs(60);
/// Header with the name of the commit that a file is of.
const COMMIT: &str = "x-repo-commit";

/// Asks a hub for one model.
pub(super) struct Client<'a> {
    pub(super) hub: &'a Hub,
    pub(super) name: &'a HubName,
    agent: Agent,
}

/// What came for a request for a file's bytes.
pub(super) struct Answer {
    /// The file's commit, by the hub itself.
    pub(super) commit: String,
    /// The name of the file's bytes, by the hub itself: that of a file in a folder.
    pub(super) etag: String,
    /// The bytes, from whatever host.
    pub(super) response: Response<Body>,
}

impl<'a> Client<'a> {
    pub(super) fn new(hub: &'a Hub, name: &'a HubName) -> Self {
        let config = Agent::config_builder()
            .user_agent(concat!("choreo-host/", env!("CARGO_PKG_VERSION")))
            // Ranges are those of the file, and not of a compressed one.
            .accept_encoding("identity")
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .timeout_resolve(Some(CONNECT))
            .timeout_connect(Some(CONNECT))
            .timeout_send_request(Some(SILENCE))
            .timeout_recv_response(Some(SILENCE))
            .timeout_per_read(Some(SILENCE));
        Self { hub, name, agent: config.build().new_agent() }
    }

    /// The hub's description of the revision, JSON.
    pub(super) fn describe(&self) -> Result<Vec<u8>, HubError> {
        let (_, mut response) = self.get(&format!("api/{}?blobs=true", repo(self.name).api_url()), None)?;
        response.body_mut().read_to_vec().map_err(|error| HubError::from_http(&error, self.hub, self.name))
    }

    /// Asks for a range of a file's bytes.
    pub(super) fn ask(&self, file: &str, range: &str) -> Result<Answer, HubError> {
        let repo = repo(self.name);
        let path = format!("{}/resolve/{}/{file}", repo.url(), repo.url_revision());
        let (own, response) = self.get(&path, Some(range))?;
        let headers = own.iter().rfind(|headers| headers.contains_key(COMMIT));
        let (commit, etag) = self.names(headers.ok_or_else(|| self.answer(format!("no commit of {file}")))?)?;
        Ok(Answer { commit, etag, response })
    }

    /// The last answer, and the headers of those that the hub itself gave.
    fn get(&self, path: &str, range: Option<&str>) -> Result<(Vec<HeaderMap>, Response<Body>), HubError> {
        let mut url = Url::parse(&format!("{}/{path}", self.hub.endpoint)).map_err(|error| self.answer(error))?;
        let origin = url.origin();
        let mut own = Vec::new();
        for _ in 0..=REDIRECTIONS {
            let is_own = url.origin() == origin;
            let mut request = self.agent.get(url.as_str());
            if let Some(range) = range {
                request = request.header(RANGE, range);
            }
            if let Some(token) = self.hub.token.as_ref().filter(|_| is_own) {
                request = request.header(AUTHORIZATION, format!("Bearer {token}"));
            }
            let response = request.call().map_err(|error| HubError::from_http(&error, self.hub, self.name))?;
            if is_own {
                own.push(response.headers().clone());
            }
            if response.status().is_success() {
                return Ok((own, response));
            }
            if !response.status().is_redirection() {
                let code = text(response.headers(), "x-error-code");
                return Err(HubError::from_status(response.status().as_u16(), code, self.hub, self.name));
            }
            let location = text(response.headers(), LOCATION.as_str());
            let location = location.ok_or_else(|| self.answer("a redirection to nowhere"))?;
            url = url.join(location).map_err(|error| self.answer(error))?;
        }
        Err(self.answer(format!("more than {REDIRECTIONS} redirections of one request")))
    }

    /// A file's commit and ETag, which become names of files here.
    fn names(&self, headers: &HeaderMap) -> Result<(String, String), HubError> {
        let commit = text(headers, COMMIT).unwrap_or_default();
        let etag = text(headers, "x-linked-etag").or_else(|| text(headers, "etag")).unwrap_or_default();
        // A weak one begins with W/.
        let etag = etag.strip_prefix("W/").unwrap_or(etag).trim_matches('"');
        match is_file_name(etag) {
            true => Ok((commit.into(), etag.into())),
            false => Err(self.answer(format!("an ETag {etag:?}"))),
        }
    }

    pub(super) fn answer(&self, problem: impl ToString) -> HubError {
        HubError::answer(self.hub, problem)
    }
}

impl Answer {
    /// Where the bytes that come begin in the file, and how many the file has
    /// where it is said.
    pub(super) fn place(&self) -> Option<(u64, Option<u64>)> {
        if self.response.status() != 206 {
            return Some((0, self.response.body().content_length()));
        }
        let range = text(self.response.headers(), CONTENT_RANGE.as_str())?.strip_prefix("bytes ")?;
        let (range, size) = range.split_once('/')?;
        Some((range.split_once('-')?.0.parse().ok()?, size.parse().ok()))
    }
}

/// Whether it names a file of a folder, and nothing outside it.
fn is_file_name(name: &str) -> bool {
    Path::new(name).file_name().is_some_and(|file| file == name)
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}
