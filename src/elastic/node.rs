//! One address of the cluster: a single attempt at a request, and what became of it.

use std::error::Error as _;
use std::fmt;
use std::io;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use bytes::Bytes;
use elasticsearch::auth::Credentials;
use elasticsearch::cert::{Certificate, CertificateValidation};
use elasticsearch::http::headers::{ACCEPT, ACCEPT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderValue, USER_AGENT};
use elasticsearch::http::transport::{SingleNodeConnectionPool, Transport, TransportBuilder};
use secrecy::ExposeSecret as _;
use url::Url;

use super::client::Request;
use super::error::ElasticError;
use super::settings::{Auth, ElasticSettings, without_credentials};

/// How long an address that failed is tried after the others only. Long enough that a dead node costs one request in a
/// few hundred, short enough that a node that is back is soon used again.
const REST: Duration = Duration::from_secs(10);

pub(super) struct Node {
    url: String,
    transport: Transport,
    timeout: Duration,
    compress: bool,
    failed: Mutex<Option<Instant>>,
}

impl Node {
    pub fn new(url: &Url, settings: &ElasticSettings) -> Result<Self, ElasticError> {
        let shown = without_credentials(url);
        let mut builder = TransportBuilder::new(SingleNodeConnectionPool::new(shown.clone()))
            .request_body_compression(settings.compress)
            .enable_meta_header(false)
            .timeout(settings.request_timeout);
        if let Some(credentials) = credentials(url, &settings.auth)? {
            builder = builder.auth(credentials);
        }
        if let Some(path) = &settings.ca_file {
            let refuse = |detail: String| ElasticError::Settings {
                detail: format!("ca_file {}: {detail}", path.display()),
            };
            let pem = std::fs::read(path).map_err(|error| refuse(error.to_string()))?;
            let authority = Certificate::from_pem(&pem).map_err(|error| refuse(error.to_string()))?;
            builder = builder.cert_validation(CertificateValidation::Full(authority));
        }
        let transport = builder.build().map_err(|error| ElasticError::Settings {
            detail: format!("{shown}: {error}"),
        })?;
        Ok(Self {
            url: shown.into(),
            transport,
            timeout: settings.request_timeout,
            compress: settings.compress,
            failed: Mutex::new(None),
        })
    }

    /// Whether it failed a moment ago.
    pub fn rests(&self) -> bool {
        self.failed
            .lock()
            .is_ok_and(|failed| failed.is_some_and(|since| since.elapsed() < REST))
    }

    /// Sends the request, once.
    pub async fn attempt(&self, request: &Request) -> Result<Bytes, ElasticError> {
        let sent = self
            .transport
            .send(
                request.method,
                &request.path,
                self.headers(request),
                None::<&()>,
                request.body.clone(),
                None,
            )
            .await;
        let read = match sent {
            Ok(answer) => {
                let status = answer.status_code().as_u16();
                answer.bytes().await.map(|body| (status, body))
            }
            Err(error) => Err(error),
        };
        let answer = read.map_err(|error| self.failure(&error, request));
        if let Ok(mut failed) = self.failed.lock() {
            *failed = answer.is_err().then(Instant::now);
        }
        match answer? {
            (200..=299, body) => Ok(body),
            (status, body) => Err(ElasticError::from_answer(status, &body, request.holds_rows)),
        }
    }

    fn headers(&self, request: &Request) -> HeaderMap {
        let mut headers = HeaderMap::with_capacity(4);
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(request.content_type));
        // Named, or the client library would ask for the dialect of its own version, which other servers refuse.
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        headers.insert(
            USER_AGENT,
            HeaderValue::from_static(concat!("highwater/", env!("CARGO_PKG_VERSION"))),
        );
        if !self.compress {
            headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        }
        headers
    }

    fn failure(&self, error: &elasticsearch::Error, request: &Request) -> ElasticError {
        let url = self.url.clone();
        if error.is_timeout() {
            return ElasticError::Timeout {
                url,
                after: self.timeout,
            };
        }
        let mut deepest: Option<&(dyn std::error::Error + 'static)> = error.source();
        let mut cut_off = false;
        while let Some(cause) = deepest {
            cut_off |= cause
                .downcast_ref::<io::Error>()
                .is_some_and(|error| broke_while_writing(error.kind()));
            match cause.source() {
                Some(deeper) => deepest = Some(deeper),
                None => break,
            }
        }
        let detail = deepest.map_or_else(|| error.to_string(), ToString::to_string);
        // As rustls names what is no record of TLS.
        let detail = if detail.contains("InvalidContentType") {
            "the port does not speak TLS: write http:// in place of https://".to_owned()
        } else {
            detail
        };
        if cut_off && request.body.is_some() {
            ElasticError::CutOff { url, detail }
        } else {
            ElasticError::Unreachable { url, detail }
        }
    }
}

/// The client library's own form shows the credentials.
impl fmt::Debug for Node {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Node")
            .field("url", &self.url)
            .finish_non_exhaustive()
    }
}

fn broke_while_writing(kind: io::ErrorKind) -> bool {
    matches!(
        kind,
        io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionAborted
    )
}

/// The credentials to send; the URL's own where the settings name none.
fn credentials(url: &Url, auth: &Auth) -> Result<Option<Credentials>, ElasticError> {
    match auth {
        Auth::None if url.username().is_empty() => Ok(None),
        Auth::None => Ok(Some(Credentials::Basic(
            decoded(url.username()),
            decoded(url.password().unwrap_or_default()),
        ))),
        Auth::Basic { username, password } => Ok(Some(Credentials::Basic(
            username.clone(),
            password.expose_secret().to_owned(),
        ))),
        Auth::ApiKey(key) => {
            let key = key.expose_secret().trim();
            // The client library would panic on what cannot stand in a header.
            if key.is_empty() || !key.bytes().all(|byte| byte.is_ascii_graphic()) {
                return Err(ElasticError::Settings {
                    detail: "the API key is empty or has characters no key has".into(),
                });
            }
            Ok(Some(match key.split_once(':') {
                Some((id, secret)) => Credentials::ApiKey(id.to_owned(), secret.to_owned()),
                None => Credentials::EncodedApiKey(key.to_owned()),
            }))
        }
    }
}

/// Undoes the percent-encoding of a URL's user or password.
fn decoded(text: &str) -> String {
    // A form's decoding also turns `+` into a space, so `+` is encoded first.
    let query = format!("={}", text.replace('+', "%2B").replace('&', "%26"));
    url::form_urlencoded::parse(query.as_bytes())
        .next()
        .map_or_else(String::new, |(_, value)| value.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_come_from_the_url_where_none_are_set() {
        let url = Url::parse("https://us%40er:p%26+a%2Fss@example.org").unwrap();
        match credentials(&url, &Auth::None).unwrap() {
            Some(Credentials::Basic(user, password)) => assert_eq!((&*user, &*password), ("us@er", "p&+a/ss")),
            other => panic!("{other:?}"),
        }
        let basic = Auth::Basic {
            username: "set".into(),
            password: "it".into(),
        };
        assert!(matches!(credentials(&url, &basic), Ok(Some(Credentials::Basic(user, _))) if user == "set"));
    }

    #[test]
    fn an_api_key_may_come_from_a_file_with_a_line_end() {
        let url = Url::parse("https://example.org").unwrap();
        let key = |text: &str| credentials(&url, &Auth::ApiKey(text.into()));
        assert!(matches!(key("aWQ6a2V5\n"), Ok(Some(Credentials::EncodedApiKey(key))) if key == "aWQ6a2V5"));
        assert!(matches!(key("id:key"), Ok(Some(Credentials::ApiKey(..)))));
        assert!(matches!(key("a\nb"), Err(ElasticError::Settings { .. })));
    }
}
