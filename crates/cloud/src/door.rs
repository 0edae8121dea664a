//! The one door: every call to the cloud goes through it, asked first whether this run may still call.

use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::retry::ErrorKind;
use engine::{crash, scope};

use crate::failure::root_cause;

/// Says whether a call may still be made, or in words why not: the lease on the state was lost.
pub type Gate = Arc<dyn Fn() -> Result<(), String> + Send + Sync>;

/// How long a making call waits for its answer: less than the SDK waits before it repeats the call by itself.
const PATIENCE: Duration = Duration::from_secs(50);

/// A connection's gate, once it is set.
pub(crate) type SharedGate = Arc<OnceLock<Gate>>;

/// The HTTP client behind the door.
pub(crate) fn before(http: SharedHttpClient, gate: SharedGate) -> SharedHttpClient {
    SharedHttpClient::new(Door { http, gate })
}

#[derive(Clone)]
struct Door {
    http: SharedHttpClient,
    gate: SharedGate,
}

impl fmt::Debug for Door {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Door").finish_non_exhaustive()
    }
}

impl HttpClient for Door {
    fn http_connector(&self, settings: &HttpConnectorSettings, parts: &RuntimeComponents) -> SharedHttpConnector {
        let inner = self.http.http_connector(settings, parts);
        SharedHttpConnector::new(Passage { inner, gate: self.gate.clone() })
    }
}

struct Passage {
    inner: SharedHttpConnector,
    gate: SharedGate,
}

impl fmt::Debug for Passage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Passage").finish_non_exhaustive()
    }
}

impl HttpConnector for Passage {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        crash::point("before call");
        if let Some(Err(why)) = self.gate.get().map(|gate| gate()) {
            return HttpConnectorFuture::ready(Err(ConnectorError::user(Box::new(Shut(why)))));
        }
        let answer = self.inner.call(request);
        HttpConnectorFuture::new(async move {
            let answer = match scope::present().making {
                false => answer.await,
                true => sure(match tokio::time::timeout(PATIENCE, answer).await {
                    Ok(answer) => answer,
                    Err(elapsed) => Err(ConnectorError::timeout(Box::new(elapsed))),
                }),
            };
            crash::point("after call");
            answer
        })
    }
}

/// The gate is shut.
#[derive(Debug)]
pub(crate) struct Shut(String);

impl fmt::Display for Shut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Shut {}

/// A making call without a clear answer.
#[derive(Debug)]
pub(crate) struct Unclear(String);

impl fmt::Display for Unclear {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Unclear {}

/// Keeps the SDK from repeating a making call whose first try may have made something: not every call takes an
/// idempotency token. The engine looks for what was made, and only then repeats it.
fn sure(answer: Result<HttpResponse, ConnectorError>) -> Result<HttpResponse, ConnectorError> {
    let unclear = |why: String| Err(ConnectorError::other(Box::new(Unclear(why)), None));
    match answer {
        // "Transient" are connections closed in good order before the answer: the SDK repeats them, too.
        Err(error) if error.is_io() || error.is_timeout() || error.as_other() == Some(ErrorKind::TransientError) => {
            unclear(format!("no answer: {}", root_cause(&error)))
        }
        // 503 says that it was not carried out; 500, 502 and 504 do not.
        Ok(response) if matches!(response.status().as_u16(), 500 | 502 | 504) => {
            unclear(format!("HTTP status {}", response.status().as_u16()))
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

    use aws_sdk_sts::Client;
    use aws_smithy_runtime_api::http::StatusCode;
    use aws_smithy_types::body::SdkBody;
    use engine::scope::{Scope, within};
    use engine::{Failure, FailureKind};

    use super::*;
    use crate::{AwsResult, Cloud};

    /// Answers each call with the next of these: a status, 0 for a connection that was closed, or none for one that broke.
    #[derive(Debug, Clone)]
    struct Answers {
        next: Arc<Mutex<Vec<Option<u16>>>>,
        calls: Arc<AtomicUsize>,
    }

    impl HttpConnector for Answers {
        fn call(&self, _: HttpRequest) -> HttpConnectorFuture {
            self.calls.fetch_add(1, Ordering::SeqCst);
            let mut next = self.next.lock().unwrap();
            let answer = if next.is_empty() { Some(200) } else { next.remove(0) };
            HttpConnectorFuture::ready(match answer {
                None => Err(ConnectorError::io(Box::new(std::io::Error::other("reset")))),
                Some(0) => {
                    let closed = Box::new(std::io::Error::other("connection closed before message completed"));
                    Err(ConnectorError::other(closed, Some(ErrorKind::TransientError)))
                }
                Some(status) => {
                    let body = "<GetCallerIdentityResponse><GetCallerIdentityResult><Account>1</Account></GetCallerIdentityResult></GetCallerIdentityResponse>";
                    Ok(HttpResponse::new(StatusCode::try_from(status).unwrap(), SdkBody::from(body)))
                }
            })
        }
    }

    impl HttpClient for Answers {
        fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
            SharedHttpConnector::new(self.clone())
        }
    }

    async fn call(answers: &[Option<u16>], making: bool, gate: Option<Gate>) -> (Result<(), Failure>, usize) {
        let answers = Answers { next: Arc::new(Mutex::new(answers.to_vec())), calls: Arc::default() };
        let calls = answers.calls.clone();
        let cloud = Cloud::offline().answered_by(SharedHttpClient::new(answers));
        if let Some(gate) = gate {
            cloud.guard_by(gate);
        }
        let client = cloud.client("us-east-1", Client::new);
        let scope = Scope { operation: "create a.b".into(), making };
        let result = within(scope, client.get_caller_identity().send()).await.aws("sts:GetCallerIdentity");
        (result.map(drop), calls.load(Ordering::SeqCst))
    }

    #[tokio::test]
    async fn the_sdk_repeats_what_may_be_repeated_and_never_a_making_call_that_may_have_been_carried_out() {
        for unclear in [None, Some(0), Some(500), Some(502)] {
            let (result, calls) = call(&[unclear], false, None).await;
            assert!(result.is_ok() && calls == 2, "{unclear:?}: {result:?} after {calls}");
            let (result, calls) = call(&[unclear], true, None).await;
            assert_eq!((result.unwrap_err().kind, calls), (FailureKind::Unavailable, 1), "{unclear:?}");
        }
        // 503 is an answer: it was not carried out.
        let (result, calls) = call(&[Some(503)], true, None).await;
        assert!(result.is_ok() && calls == 2);
    }

    #[tokio::test]
    async fn a_shut_gate_lets_no_call_through() {
        let open = Arc::new(AtomicBool::new(false));
        let asked = open.clone();
        let gate: Gate = Arc::new(move || match asked.load(Ordering::SeqCst) {
            true => Ok(()),
            false => Err("the lease was lost".to_owned()),
        });
        let (result, calls) = call(&[], false, Some(gate.clone())).await;
        let failure = result.unwrap_err();
        assert_eq!((failure.kind, calls), (FailureKind::Denied, 0));
        assert!(failure.message.contains("the lease was lost"), "{failure}");
        open.store(true, Ordering::SeqCst);
        assert!(call(&[], false, Some(gate)).await.0.is_ok());
    }
}
