//! SDK configuration and clients, per region.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_config::{BehaviorVersion, Region};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_async::rt::sleep::{SharedAsyncSleep, TokioSleep};
use aws_smithy_async::time::{SharedTimeSource, SystemTimeSource};
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;
use aws_types::SdkConfig;
use aws_types::app_name::AppName;
use engine::Context;
use tokio::sync::OnceCell;

use crate::door::{self, Gate, SharedGate};

/// Where calls go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// The local cloud at this endpoint, with its own made-up credentials.
    Local(String),
    /// AWS by the SDK's usual chain: profiles, SSO, roles, `AWS_ENDPOINT_URL`.
    Aws,
}

type Clients = HashMap<(TypeId, String), Box<dyn Any + Send + Sync>>;

/// A connection to AWS or to the local cloud: one HTTP client, one configuration, all clients.
pub struct Cloud {
    base: SdkConfig,
    clients: Mutex<Clients>,
    /// Whether a resource was worked on: made, changed, deleted or looked for, not only read in a refresh.
    worked: AtomicBool,
    gate: SharedGate,
    /// The account, once asked for.
    pub(crate) account: OnceCell<String>,
}

/// Attempts per call before a passing failure counts: throttling under load passes in a few.
const ATTEMPTS: u32 = 8;

impl Cloud {
    /// Connects. Reads files and the environment, but calls nothing yet.
    pub async fn connect(target: &Target) -> Self {
        let base = match target {
            Target::Local(endpoint) => local(endpoint),
            Target::Aws => {
                let tls = Provider::Rustls(CryptoMode::Ring);
                let http = aws_smithy_http_client::Builder::new().tls_provider(tls).build_https();
                aws_config::defaults(BehaviorVersion::latest())
                    .http_client(http)
                    .retry_config(RetryConfig::standard().with_max_attempts(ATTEMPTS))
                    .timeout_config(timeouts())
                    .load()
                    .await
            }
        };
        Self::new(base)
    }

    fn new(base: SdkConfig) -> Self {
        let gate = SharedGate::default();
        // In the user agent of every call: CloudTrail tells by it what Groundplan did itself.
        let mut named = base.into_builder();
        named.set_app_name(AppName::new("groundplan").ok());
        let base = named.build();
        let base = match base.http_client() {
            Some(http) => {
                let guarded = door::before(http, gate.clone());
                base.into_builder().http_client(guarded).build()
            }
            None => base,
        };
        Self { base, clients: Mutex::default(), worked: AtomicBool::new(false), gate, account: OnceCell::new() }
    }

    /// Has every call from now on ask first whether it may still be made. Only the first gate counts.
    pub fn guard_by(&self, gate: Gate) {
        let _ = self.gate.set(gate);
    }

    /// For commands that call nothing: every call fails to find a server.
    pub fn offline() -> Self {
        Self::new(local("http://127.0.0.1:9"))
    }

    /// The same with another HTTP client.
    #[cfg(test)]
    pub(crate) fn answered_by(self, http: SharedHttpClient) -> Self {
        Self::new(self.base.into_builder().http_client(http).build())
    }

    /// The client of a service in a region, made once: `cloud.client("us-east-1", aws_sdk_ec2::Client::new)`.
    pub fn client<C: Clone + Send + Sync + 'static>(&self, region: &str, new: impl FnOnce(&SdkConfig) -> C) -> C {
        let key = (TypeId::of::<C>(), region.to_owned());
        // A poisoned lock still holds whole clients.
        let mut clients = self.clients.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(client) = clients.get(&key).and_then(|client| client.downcast_ref::<C>()) {
            return client.clone();
        }
        let client = new(&self.config(region));
        clients.insert(key, Box::new(client.clone()));
        client
    }

    /// The SDK configuration for a region.
    pub fn config(&self, region: &str) -> SdkConfig {
        self.base.clone().into_builder().region(Region::new(region.to_owned())).build()
    }
}

fn timeouts() -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(5))
        .operation_attempt_timeout(Duration::from_secs(60))
        .build()
}

fn local(endpoint: &str) -> SdkConfig {
    let credentials = Credentials::new("local", "local", None, None, "local cloud");
    let http: SharedHttpClient = aws_smithy_http_client::Builder::new().build_http();
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .endpoint_url(endpoint)
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .http_client(http)
        .retry_config(RetryConfig::standard().with_max_attempts(ATTEMPTS))
        .timeout_config(timeouts())
        .sleep_impl(SharedAsyncSleep::new(TokioSleep::new()))
        .time_source(SharedTimeSource::new(SystemTimeSource::new()))
        .build()
}

/// What a resource asks of its [`Context`] to reach AWS.
pub trait Aws {
    /// The client of a service in the resource's region: `cx.client(aws_sdk_ec2::Client::new)`.
    fn client<C: Clone + Send + Sync + 'static>(&self, new: impl FnOnce(&SdkConfig) -> C) -> C;
}

impl Aws for Context {
    fn client<C: Clone + Send + Sync + 'static>(&self, new: impl FnOnce(&SdkConfig) -> C) -> C {
        match self.services.downcast_ref::<Arc<Cloud>>() {
            Some(cloud) => {
                if self.memo.is_none() {
                    cloud.worked.store(true, Ordering::Relaxed);
                }
                cloud.client(&self.region, new)
            }
            None => Cloud::offline().client(&self.region, new),
        }
    }
}

/// Whether this process has worked on resources before: what follows AWS with a delay is not to be believed then.
pub(crate) fn has_worked(cx: &Context) -> bool {
    cx.services.downcast_ref::<Arc<Cloud>>().is_none_or(|cloud| cloud.worked.load(Ordering::Relaxed))
}
