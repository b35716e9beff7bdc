//! The HTTP client under all stores.
//!
//! It turns answers that are no success into errors without their body: servers put keys and what was signed into it. And it
//! follows no redirect of a store, and none of a server to a place that may not be read.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use http::header::{CONTENT_LENGTH, CONTENT_RANGE, HeaderValue};
use object_store::ClientOptions;
use object_store::client::{
    ClientConfigKey, HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse, HttpService,
};
use reqwest::redirect::Policy;

/// Stands for the length of an answer that does not tell it.
pub(super) const UNTOLD: u64 = u64::MAX >> 1;
/// A connection that is not there after this time never comes.
const CONNECT: Duration = Duration::from_secs(4);
/// The same for the services of a cloud that give credentials: on other machines nothing answers.
const CONNECT_METADATA: Duration = Duration::from_secs(1);
/// Redirects that are followed.
const MOST_REDIRECTS: usize = 5;

/// An answer that is no success.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("the server answered {0}")]
pub(super) struct Status(pub(super) http::StatusCode);

/// A host that gave no answer.
#[derive(Debug, thiserror::Error)]
#[error("{host}: {reason}")]
pub(super) struct NoAnswer {
    host: String,
    reason: String,
}

/// Tells which URLs may be followed to.
pub(super) type MayFollow = Arc<dyn Fn(&url::Url) -> bool + Send + Sync>;

/// Makes the clients of stores; all of them share connections.
#[derive(Clone, Debug)]
pub(super) struct Connector {
    usual: reqwest::Client,
    metadata: reqwest::Client,
}

impl Connector {
    /// One that follows where `may_follow` says so; nowhere without.
    pub(super) fn new(may_follow: Option<MayFollow>) -> Result<Self, reqwest::Error> {
        // Another part of the process may have said it already, which is as well.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = |connect: Duration, policy: Policy| {
            reqwest::Client::builder()
                .user_agent(concat!("cube/", env!("CARGO_PKG_VERSION")))
                .connect_timeout(connect)
                // Many connections are faster than one with many streams.
                .http1_only()
                .pool_idle_timeout(Duration::from_mins(1))
                .redirect(policy)
                .build()
        };
        let policy = match may_follow {
            None => Policy::none(),
            Some(may_follow) => Policy::custom(move |attempt| {
                let downgrade = attempt.url().scheme() != "https"
                    && attempt.previous().iter().any(|before| before.scheme() == "https");
                if attempt.previous().len() > MOST_REDIRECTS || downgrade || !may_follow(attempt.url()) {
                    attempt.stop()
                } else {
                    attempt.follow()
                }
            }),
        };
        Ok(Self { usual: client(CONNECT, policy)?, metadata: client(CONNECT_METADATA, Policy::none())? })
    }
}

impl HttpConnector for Connector {
    fn connect(&self, options: &ClientOptions) -> object_store::Result<HttpClient> {
        // Only for the services that give credentials, object_store allows plain HTTP by itself.
        let plain = options.get_config_value(&ClientConfigKey::AllowHttp);
        let client = if plain.as_deref() == Some("true") { &self.metadata } else { &self.usual };
        Ok(HttpClient::new(Service(client.clone())))
    }
}

#[derive(Debug)]
struct Service(reqwest::Client);

#[async_trait]
impl HttpService for Service {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let lists = is_list(&request);
        let host = request.uri().authority().map(|host| host.as_str().to_owned()).unwrap_or_default();
        let mut answer = self.0.call(request).await.map_err(|error| {
            let reason = deepest(&error).to_string();
            HttpError::new(error.kind(), NoAnswer { host, reason })
        })?;
        // Those that object_store has errors of their own for, but where it lists: there it tells the body.
        let status = answer.status();
        let told = !lists && matches!(status.as_u16(), 304 | 401 | 403 | 404 | 412);
        if !(status.is_success() || told) {
            return Err(HttpError::new(HttpErrorKind::Unknown, Status(status)));
        }
        // Answers that are made on the way are sent in chunks; object_store refuses those that tell no length.
        let headers = answer.headers_mut();
        if !headers.contains_key(CONTENT_LENGTH) && !headers.contains_key(CONTENT_RANGE) {
            headers.insert(CONTENT_LENGTH, HeaderValue::from(UNTOLD));
        }
        Ok(answer)
    }
}

/// True for the requests of lists, by what S3, GCS and Azure call them.
fn is_list(request: &HttpRequest) -> bool {
    let query = request.uri().query().unwrap_or_default();
    query.split('&').any(|pair| pair.starts_with("list-type=") || pair == "comp=list")
}

/// The error at the bottom of a chain, which says what happened.
pub(super) fn deepest<'e>(error: &'e (dyn std::error::Error + 'static)) -> &'e (dyn std::error::Error + 'static) {
    let mut error = error;
    while let Some(below) = error.source() {
        error = below;
    }
    error
}
