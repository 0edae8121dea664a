//! A cloud to test against: the one at `GROUNDPLAN_TEST_ENDPOINT`, else a local cloud of the test's own.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use cloud::{Address, Cloud, Context, Target};

/// A connection, and what keeps its cloud alive.
pub struct TestCloud {
    /// The connection.
    pub cloud: Arc<Cloud>,
    _run_dir: Option<tempfile::TempDir>,
}

impl TestCloud {
    /// Connects, after starting a local cloud if none is given. Its emulators die with the test.
    pub async fn start() -> Self {
        if let Ok(endpoint) = std::env::var("GROUNDPLAN_TEST_ENDPOINT") {
            return Self { cloud: Arc::new(Cloud::connect(&Target::Local(endpoint)).await), _run_dir: None };
        }
        let run_dir = tempfile::tempdir().unwrap();
        let emulators_dir = std::env::var_os("GROUNDPLAN_EMULATORS").map_or_else(
            || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../.groundplan/emulators"),
            PathBuf::from,
        );
        let settings =
            local_cloud::Settings { run_dir: run_dir.path().to_owned(), emulators_dir, time_scale: 0.0, port: None };
        let mut server = tokio::spawn(local_cloud::serve(settings));
        let running = loop {
            tokio::select! {
                ended = &mut server => panic!("the local cloud ended: {ended:?}"),
                () = tokio::time::sleep(Duration::from_millis(100)) => {}
            }
            if let Some(running) = local_cloud::status(run_dir.path()) {
                break running;
            }
        };
        let cloud = Cloud::connect(&Target::Local(running.endpoint)).await;
        Self { cloud: Arc::new(cloud), _run_dir: Some(run_dir) }
    }

    /// The surroundings of an operation on a resource.
    pub fn context(&self, address: &str, token: &str) -> Context {
        Context {
            environment: "test/monitoring".into(),
            region: "us-east-1".into(),
            address: Address::of(address),
            token: token.into(),
            services: Arc::new(self.cloud.clone()),
            memo: None,
        }
    }
}
