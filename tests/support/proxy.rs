//! A server reached through here can be made to fall silent, or to break off, at any moment.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// What happens to bytes now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Pass,
    /// Connections are taken; what the server answers is kept back.
    Hold,
    /// Nobody is let in.
    Refuse,
}

#[derive(Clone, Copy, Debug)]
struct State {
    mode: Mode,
    /// Connections of an older number end.
    cuts: u64,
    /// Those of an older number fall silent for ever towards the client; the server's end is closed.
    forgotten: u64,
}

/// What came by.
#[derive(Debug, Default)]
struct Seen {
    /// Connections let in.
    connections: usize,
    /// Answers that were kept back, for however long.
    kept: usize,
    /// Connections that bytes pass on, by how often others had been forgotten before them.
    passing: BTreeMap<u64, usize>,
}

/// Listens on a port of its own; closed with this value.
pub struct Proxy {
    address: SocketAddr,
    state: Arc<watch::Sender<State>>,
    seen: Arc<watch::Sender<Seen>>,
    task: JoinHandle<()>,
}

impl Proxy {
    /// In front of `host:port`.
    pub async fn before(target: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let (state, watched) = watch::channel(State {
            mode: Mode::Pass,
            cuts: 0,
            forgotten: 0,
        });
        let seen = Arc::new(watch::Sender::new(Seen::default()));
        let count = seen.clone();
        let target = target.to_owned();
        let task = tokio::spawn(async move {
            loop {
                let Ok((client, _)) = listener.accept().await else {
                    return;
                };
                if watched.borrow().mode != Mode::Refuse {
                    count.send_modify(|seen| seen.connections += 1);
                    tokio::spawn(connection(client, target.clone(), watched.clone(), count.clone()));
                }
            }
        });
        Self {
            address,
            state: Arc::new(state),
            seen,
            task,
        }
    }

    /// The URL with this proxy in the place of its host and port.
    pub fn through(&self, url: &str) -> String {
        let mut url = url::Url::parse(url).expect("a URL");
        url.set_host(Some("127.0.0.1")).expect("a host");
        url.set_port(Some(self.address.port())).expect("a port");
        url.into()
    }

    /// Breaks every connection off; new ones are let in.
    pub fn cut(&self) {
        self.state.send_modify(|state| state.cuts += 1);
    }

    /// The same, and waits until somebody has come back.
    pub async fn cut_and_return(&self) {
        let before = self.seen.borrow().connections;
        self.cut();
        self.until(|seen| seen.connections > before).await;
    }

    /// Forgets every connection there is, as a firewall does: its packets vanish, and nobody tells the client. New ones
    /// are let in. The server looks after clients that are silent, and has noticed.
    pub async fn forget(&self) {
        self.state.send_modify(|state| state.forgotten += 1);
        let now = self.state.borrow().forgotten;
        self.until(|seen| seen.passing.range(..now).all(|(_, passing)| *passing == 0))
            .await;
    }

    /// Keeps back what the server answers, and waits until there is something.
    pub async fn hold_something(&self) {
        let before = self.seen.borrow().kept;
        self.hold();
        self.until(|seen| seen.kept > before).await;
    }

    async fn until(&self, is: impl Fn(&Seen) -> bool) {
        let mut seen = self.seen.subscribe();
        let waits = seen.wait_for(is);
        let came = tokio::time::timeout(Duration::from_mins(1), waits).await;
        came.expect("it comes in time").expect("the proxy is there");
    }

    /// Keeps back what the server answers.
    pub fn hold(&self) {
        self.state.send_modify(|state| state.mode = Mode::Hold);
    }

    /// Breaks every connection off and lets nobody in.
    pub fn refuse(&self) {
        self.state.send_modify(|state| {
            state.mode = Mode::Refuse;
            state.cuts += 1;
        });
    }

    /// Everything passes again.
    pub fn resume(&self) {
        self.state.send_modify(|state| state.mode = Mode::Pass);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
        self.cut();
    }
}

/// `host:port` of a URL.
pub fn target(url: &str) -> String {
    let url = url::Url::parse(url).expect("a URL");
    format!(
        "{}:{}",
        url.host_str().expect("a host"),
        url.port_or_known_default().expect("a port")
    )
}

async fn connection(
    client: TcpStream,
    target: String,
    mut state: watch::Receiver<State>,
    seen: Arc<watch::Sender<Seen>>,
) {
    let Ok(server) = TcpStream::connect(&target).await else {
        return;
    };
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    let born = *state.borrow_and_update();
    let held = state.clone();
    let mut forgetting = state.clone();
    let ((mut from_client, mut to_client), (mut from_server, mut to_server)) =
        (client.into_split(), server.into_split());
    let there = async { tokio::io::copy(&mut from_client, &mut to_server).await.map(drop) };
    let back = async {
        let mut buffer = vec![0; 16 << 10];
        loop {
            let length = from_server.read(&mut buffer).await?;
            if length == 0 {
                return Ok::<(), std::io::Error>(());
            }
            if held.borrow().mode == Mode::Hold {
                seen.send_modify(|seen| seen.kept += 1);
            }
            let mut held = held.clone();
            let _ = held.wait_for(|state| state.mode != Mode::Hold).await;
            to_client.write_all(&buffer[..length]).await?;
        }
    };
    let passes = |more: isize| {
        seen.send_modify(|seen| {
            let passing = seen.passing.entry(born.forgotten).or_default();
            *passing = passing.saturating_add_signed(more);
        });
    };
    passes(1);
    let cut = |state: &State| state.cuts != born.cuts;
    let is_forgotten = tokio::select! {
        _ = there => false,
        _ = back => false,
        _ = state.wait_for(cut) => false,
        _ = forgetting.wait_for(|state| state.forgotten != born.forgotten) => true,
    };
    passes(-1);
    if is_forgotten {
        drop((from_server, to_server));
        let _ = state.wait_for(cut).await; // the client's end stays open
    }
}
