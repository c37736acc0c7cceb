//! Where the daemon listens.

use std::net::{Ipv4Addr, SocketAddr};

use secrecy::SecretString;

#[derive(Clone, Debug)]
pub struct HttpSettings {
    /// Loopback by default: the page shows names of tables and counts, and who may see them is not ours to guess.
    pub listen: SocketAddr,
    /// Asked for by everything that changes something; without one, such requests are refused.
    pub token: Option<SecretString>,
}

impl Default for HttpSettings {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 9650)),
            token: None,
        }
    }
}
