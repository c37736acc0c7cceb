//! Where Elasticsearch is and how it is spoken to: plain values, parsed from the configuration elsewhere.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use secrecy::SecretString;
use url::Url;

/// Who we say we are.
#[derive(Clone, Debug, Default)]
pub enum Auth {
    /// Nobody: a cluster without security.
    #[default]
    None,
    Basic {
        username: String,
        password: SecretString,
    },
    /// As Kibana shows it, encoded in Base64, or as `id:key`.
    ApiKey(SecretString),
}

/// How to reach one cluster.
#[derive(Clone)]
pub struct ElasticSettings {
    /// Nodes of the same cluster; one is enough. The list is used as it stands: nodes are never discovered, because
    /// behind a proxy or in containers the addresses that nodes publish are not the ones that work from here.
    /// A user and password in a URL serve as [`Auth::Basic`] where `auth` is [`Auth::None`].
    pub urls: Vec<Url>,
    pub auth: Auth,
    /// PEM file of the authority that signed the cluster's certificates, trusted besides the public ones.
    pub ca_file: Option<PathBuf>,
    /// From the start of a request to the end of its answer.
    pub request_timeout: Duration,
    /// Bytes of a bulk body that whoever cuts batches should not exceed.
    pub max_body_bytes: usize,
    /// Whether bodies and answers are compressed.
    pub compress: bool,
}

impl Default for ElasticSettings {
    fn default() -> Self {
        Self {
            urls: Vec::new(),
            auth: Auth::None,
            ca_file: None,
            // A bulk request of the usual size takes under two seconds; a write that arrives much later than its
            // snapshot could meet a forgotten delete, so waiting longer is no service.
            request_timeout: Duration::from_secs(30),
            // Measured: from 5 to 15 MB the throughput is the same, at 1 MB it is 15 % lower.
            max_body_bytes: 8 << 20,
            // Measured: compressing costs more than building the documents. Worth it on a slow line only.
            compress: false,
        }
    }
}

impl fmt::Debug for ElasticSettings {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let urls: Vec<String> = self.urls.iter().map(without_credentials).map(String::from).collect();
        formatter
            .debug_struct("ElasticSettings")
            .field("urls", &urls)
            .field("auth", &self.auth)
            .field("ca_file", &self.ca_file)
            .field("request_timeout", &self.request_timeout)
            .field("max_body_bytes", &self.max_body_bytes)
            .field("compress", &self.compress)
            .finish()
    }
}

/// The same URL, fit to be shown.
pub(super) fn without_credentials(url: &Url) -> Url {
    let mut shown = url.clone();
    // Both fail only for URLs without a host, which hold no credentials.
    let _ = shown.set_username("");
    let _ = shown.set_password(None);
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_secret_is_printed() {
        let settings = ElasticSettings {
            urls: vec![Url::parse("https://elastic:hidden@example.org:9200").unwrap()],
            auth: Auth::ApiKey("hidden".into()),
            ..ElasticSettings::default()
        };
        let shown = format!("{settings:?}");
        assert!(!shown.contains("hidden"), "{shown}");
        assert!(shown.contains("https://example.org:9200/"), "{shown}");
    }
}
