//! The one door to the network for documents: answers of STAC APIs, and documents by URL.
//!
//! Everything else asks through [`Client`]: only `http` and `https`, with limits on time, size and redirects, and with
//! patience for servers that are busy. A secret goes only to the server that the user named.

mod body;
mod options;
mod retry;

use std::io::Read;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use serde_json::Value;
use ureq::http::{HeaderMap, Response, StatusCode};
use ureq::tls::{Certificate, RootCerts, TlsConfig};
use ureq::{Agent, Body};
use url::Url;

use crate::Error;
use body::Paced;
pub use options::HttpOptions;
use retry::{Fault, Patience};

/// Time to find a server and connect to it, and the longest silence while an answer comes.
const SILENCE: Duration = Duration::from_secs(5);
/// Time until a search begins to answer: the server may have to compute it.
const SEARCH: Duration = Duration::from_secs(15);
/// Most redirects that one request follows.
const MOST_REDIRECTS: usize = 5;
/// Longest text of a server's complaint that is repeated.
const COMPLAINT: u64 = 2_000;

/// What is asked for.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Request {
    pub(crate) url: Url,
    /// JSON to post; nothing is posted where `None`.
    pub(crate) body: Option<Value>,
    /// Headers that a server's link asks for.
    pub(crate) headers: Vec<(String, String)>,
    /// Whether the server has to compute the answer.
    pub(crate) search: bool,
}

impl Request {
    /// A plain request for what is at a URL.
    pub(crate) fn get(url: Url) -> Self {
        Self { url, body: None, headers: Vec::new(), search: false }
    }
}

/// What a server answered.
#[derive(Debug)]
pub(crate) struct Answer {
    /// Where it came from, after redirects.
    pub(crate) url: Url,
    /// Its media type, in small letters and without parameters; empty where the server says none.
    pub(crate) media_type: String,
    pub(crate) body: Vec<u8>,
}

/// Asks servers, one request at a time.
pub(crate) struct Client {
    agent: OnceLock<Agent>,
    options: HttpOptions,
    /// The server that the user named: the only one that is told secrets.
    trusted: Option<url::Origin>,
}

impl Client {
    /// A client for what starts at `start`, the URL that the user gave.
    pub(crate) fn new(options: &HttpOptions, start: Option<&Url>) -> Self {
        Self { agent: OnceLock::new(), options: options.clone(), trusted: start.map(Url::origin) }
    }

    /// The whole answer to a request, of at most `most` bytes.
    ///
    /// # Errors
    /// Where the server cannot be reached, does not answer in time, refuses, or answers too much.
    pub(crate) fn fetch(&self, request: &Request, most: u64) -> Result<Answer, Error> {
        let mut patience = Patience::new();
        loop {
            let fault = match self.once(request, true) {
                Ok((url, response)) => match whole(response, most) {
                    Ok((media_type, body)) => return Ok(Answer { url, media_type, body }),
                    Err(fault) => fault,
                },
                Err(fault) => fault,
            };
            patience.wait_after(fault).map_err(|reason| remote(&request.url, reason))?;
        }
    }

    /// What is at a URL, as it comes: for documents that may be larger than memory. Where it came from, too.
    ///
    /// # Errors
    /// As [`Client::fetch`]; a fault in its midst is one of reading.
    pub(crate) fn open(&self, url: &Url) -> Result<(Url, impl Read + use<>), Error> {
        let request = Request::get(url.clone());
        let mut patience = Patience::new();
        loop {
            match self.once(&request, false) {
                Ok((url, response)) => return Ok((url, Paced::new(response.into_body().into_reader()))),
                Err(fault) => patience.wait_after(fault).map_err(|reason| remote(url, reason))?,
            }
        }
    }

    /// One attempt, with its redirects; a good answer or what is wrong.
    fn once(&self, request: &Request, packed: bool) -> Result<(Url, Response<Body>), Fault> {
        let mut url = request.url.clone();
        let mut body = request.body.as_ref();
        for _ in 0..=MOST_REDIRECTS {
            check(&url).map_err(Fault::lasting)?;
            let response = self.send(&url, body, request, packed).map_err(retry::of_transport)?;
            let status = response.status();
            if status.is_success() {
                return Ok((url, response));
            }
            if !status.is_redirection() {
                return Err(refusal(response));
            }
            let target = response.headers().get("location").and_then(|v| v.to_str().ok());
            let target = target.and_then(|location| url.join(location).ok());
            let Some(target) = target else {
                return Err(Fault::lasting(format!("it answers {status} and says no place to go on to")));
            };
            if url.scheme() == "https" && target.scheme() == "http" {
                return Err(Fault::lasting(format!(
                    "it leads from https to http ({}), which is not followed",
                    told(&target)
                )));
            }
            if status == StatusCode::SEE_OTHER {
                body = None;
            }
            url = target;
        }
        Err(Fault::lasting(format!("it leads on more than {MOST_REDIRECTS} times; check the URL")))
    }

    fn send(
        &self,
        url: &Url,
        body: Option<&Value>,
        request: &Request,
        packed: bool,
    ) -> Result<Response<Body>, ureq::Error> {
        let agent = self.agent.get_or_init(agent);
        let accept = "application/geo+json, application/json;q=0.9, */*;q=0.5";
        let encoding = if packed { "gzip" } else { "identity" };
        let first_byte = if request.search { SEARCH } else { SILENCE };
        let mut headers = vec![("accept", accept), ("accept-encoding", encoding)];
        let asked = request.headers.iter().filter(|(name, _)| may_be_asked(name));
        headers.extend(asked.map(|(name, value)| (name.as_str(), value.as_str())));
        if self.trusted.as_ref() == Some(&url.origin()) {
            headers.extend(self.options.headers());
        }
        match body {
            None => {
                let request =
                    headers.into_iter().fold(agent.get(url.as_str()), |r, (name, value)| r.header(name, value));
                request.config().timeout_recv_response(Some(first_byte)).build().call()
            }
            Some(body) => {
                headers.push(("content-type", "application/json"));
                let request =
                    headers.into_iter().fold(agent.post(url.as_str()), |r, (name, value)| r.header(name, value));
                request.config().timeout_recv_response(Some(first_byte)).build().send(body.to_string())
            }
        }
    }
}

fn agent() -> Agent {
    let found = rustls_native_certs::load_native_certs();
    let certificates: Vec<_> = found.certs.iter().map(|one| Certificate::from_der(one).to_owned()).collect();
    let tls = TlsConfig::builder()
        .root_certs(RootCerts::new_with_certs(&certificates))
        .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .build();
    Agent::config_builder()
        .tls_config(tls)
        .user_agent(concat!("cube/", env!("CARGO_PKG_VERSION")))
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .timeout_resolve(Some(SILENCE))
        .timeout_connect(Some(SILENCE))
        .timeout_send_request(Some(SILENCE))
        .timeout_send_body(Some(SEARCH))
        .timeout_per_read(Some(SEARCH))
        .build()
        .new_agent()
}

/// Headers that a link of an answer may ask for: none that says who we are, or how the request is sent.
fn may_be_asked(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let fits = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
    let kept = ["authorization", "cookie", "host", "connection", "transfer-encoding", "content-length", "content-type"];
    fits && !kept.contains(&name.as_str()) && !name.starts_with("proxy-")
}

/// What a server says that does not give what was asked for.
fn refusal(mut response: Response<Body>) -> Fault {
    let status = response.status();
    let wait = retry::asked_wait(response.headers());
    let mut said = Vec::new();
    let is_text = media_type(response.headers()).ends_with("json") || media_type(response.headers()) == "text/plain";
    let _ = Paced::new(response.body_mut().as_reader()).take(COMPLAINT).read_to_end(&mut said);
    let said = String::from_utf8_lossy(&said).split_whitespace().collect::<Vec<_>>().join(" ");
    let said: String = said.chars().take(200).collect();
    let said = if is_text && !said.is_empty() { format!(": {said}") } else { String::new() };
    let help = match status.as_u16() {
        401 | 403 => "; if it asks for a token, set CUBE_HTTP_TOKEN",
        404 | 410 => "; check the URL",
        _ => "",
    };
    let reason = format!("the server answers {status}{said}{help}");
    if matches!(status.as_u16(), 408 | 429 | 500 | 502 | 503 | 504) {
        Fault::passing(reason, wait)
    } else {
        Fault::lasting(reason)
    }
}

fn media_type(headers: &HeaderMap) -> String {
    let text = headers.get("content-type").and_then(|v| v.to_str().ok()).unwrap_or_default();
    text.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// All of an answer.
fn whole(mut response: Response<Body>, most: u64) -> Result<(String, Vec<u8>), Fault> {
    let media_type = media_type(response.headers());
    let too_much = || Fault::lasting(format!("the answer is larger than {} MiB, the most that is read", most >> 20));
    if response.body().content_length().is_some_and(|length| length > most) {
        return Err(too_much());
    }
    let mut body = Vec::new();
    let started = Instant::now();
    let reader = response.body_mut().with_config().limit(u64::MAX).reader();
    match Paced::new(reader).take(most + 1).read_to_end(&mut body) {
        Ok(_) if body.len() as u64 > most => Err(too_much()),
        Ok(_) => Ok((media_type, body)),
        Err(error) => Err(Fault::passing(
            format!(
                "the answer breaks off after {} bytes and {:.1} s ({error})",
                body.len(),
                started.elapsed().as_secs_f64()
            ),
            None,
        )),
    }
}

/// A URL as it may be asked.
fn check(url: &Url) -> Result<(), String> {
    if !matches!(url.scheme(), "http" | "https") {
        return Err(format!("it leads to {}, and only http and https are followed", told(url)));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("the URL holds a name or password; set CUBE_HTTP_TOKEN or CUBE_HTTP_HEADERS instead".to_owned());
    }
    Ok(())
}

/// A URL for people: without what may be secret in it.
pub(crate) fn told(url: &Url) -> String {
    let mut url = url.clone();
    let _ = url.set_username("");
    let _ = url.set_password(None);
    let more = url.query().is_some();
    url.set_query(None);
    url.set_fragment(None);
    format!("{url}{}", if more { "?…" } else { "" })
}

/// The error of a request.
pub(crate) fn remote(url: &Url, reason: impl Into<String>) -> Error {
    Error::Remote { url: told(url), reason: reason.into() }
}

/// The name of what a URL leads to, as a dataset's location: without the query, which may hold a secret.
pub(crate) fn plain(url: &Url) -> String {
    let mut url = url.clone();
    url.set_query(None);
    url.set_fragment(None);
    url.into()
}
