//! Servers that a test may kill: an instance of the local stack of their own, one test at a time.

use std::collections::HashMap;
use std::fs::File;
use std::path::Path;
use std::process::{Command, Stdio};

use tokio::sync::{Mutex, MutexGuard};

/// Starting servers takes seconds and memory: never more than one such instance at a time.
static ONE: Mutex<()> = Mutex::const_new(());

const NAME: &str = "faults";

/// Running servers; stopped, and their data forgotten, with this value.
pub struct Own {
    addresses: HashMap<String, String>,
    _one: MutexGuard<'static, ()>,
    /// The same between processes: another run of the tests has the same instance.
    _alone: File,
}

impl Own {
    /// Starts `servers`: `postgres`, `elasticsearch`.
    pub async fn start(servers: &[&str]) -> Self {
        let one = ONE.lock().await;
        let alone = tokio::task::spawn_blocking(lock).await.expect("no panic");
        run("clean", &[]); // what an interrupted run left
        let mut own = Self {
            addresses: HashMap::new(),
            _one: one,
            _alone: alone,
        };
        own.up(servers).await;
        own
    }

    /// Starts what was killed again, on the same data and port.
    pub async fn up(&mut self, servers: &[&str]) {
        let servers: Vec<String> = servers.iter().map(|server| (*server).to_owned()).collect();
        let output = tokio::task::spawn_blocking(move || {
            run("up", &servers.iter().map(String::as_str).collect::<Vec<_>>());
            run("env", &[])
        })
        .await
        .expect("no panic");
        let pairs = output.lines().filter_map(|line| line.split_once('='));
        self.addresses = pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    }

    /// kill -9.
    pub async fn kill(&self, server: &'static str) {
        tokio::task::spawn_blocking(move || run("kill", &[server]))
            .await
            .expect("no panic");
    }

    pub fn postgres(&self) -> Option<&str> {
        self.addresses.get("STACK_POSTGRES_URL").map(String::as_str)
    }

    pub fn elastic(&self) -> Option<&str> {
        self.addresses.get("STACK_ELASTICSEARCH_URL").map(String::as_str)
    }
}

impl Drop for Own {
    fn drop(&mut self) {
        for verb in ["kill", "clean"] {
            let _ = stack(verb, &[]).output();
        }
    }
}

/// Waits until no other process has the instance; free again when the file is closed.
fn lock() -> File {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/stack");
    std::fs::create_dir_all(&folder).expect("a folder");
    let file = File::create(folder.join(format!("{NAME}.lock"))).expect("a file");
    file.lock().expect("a lock");
    file
}

fn stack(verb: &str, servers: &[&str]) -> Command {
    let mut command = Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("stack/stack"));
    command
        .arg(verb)
        .args(servers)
        .env("STACK_NAME", NAME)
        .env("ES_HEAP", "512m")
        .stdin(Stdio::null());
    command
}

fn run(verb: &str, servers: &[&str]) -> String {
    let output = stack(verb, servers).output().expect("stack/stack runs");
    assert!(
        output.status.success(),
        "stack/stack {verb}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).expect("text")
}
