//! The local cloud's process: the emulators, the HTTP server before them, and its own small interface under `/_groundplan/`.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{ConnectInfo, Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::{get, post};
use hyper::header::{CONTENT_TYPE, HeaderValue};
use serde_json::json;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::RwLock;

use crate::call::Call;
use crate::cloud::Cloud;
use crate::connection::{Front, Line as Connection};
use crate::emulators::{self, Emulator};
use crate::faults::{Ending, Faults};
use crate::install::install;
use crate::record::{Line, Record};
use crate::running::{RunDir, lock_file};
use crate::{Error, Running, Settings, faults, forward};

/// Runs a local cloud in this process until SIGTERM or SIGINT. [`start`](crate::start) has it run in a process of its own.
///
/// # Errors
/// When one runs already in the same run directory, the port is taken, or an emulator cannot be installed or started.
pub async fn serve(settings: Settings) -> Result<(), Error> {
    let run_dir = RunDir::create(&settings.run_dir)?;
    let _lock = own(&run_dir).await?;
    // What a killed predecessor left; `stop` must never find its process number beside our lock.
    let _ = std::fs::remove_file(run_dir.record());
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    // The terminal that started it may close.
    let mut hangup = signal(SignalKind::hangup())?;
    tokio::spawn(async move { while hangup.recv().await.is_some() {} });

    let requested = settings.port.unwrap_or(0);
    let listener = Front::bind(requested).await.map_err(|source| Error::Port { port: requested, source })?;
    let port = listener.address()?.port();
    let (moto, ministack) =
        tokio::try_join!(ready(Emulator::Moto, &settings, port), ready(Emulator::Ministack, &settings, port))?;
    let shared = Arc::new(Shared {
        cloud: Cloud::new(moto, ministack, Record::start(run_dir.calls()), run_dir.log(), settings.time_scale),
        endpoint: format!("http://{}", SocketAddr::from((Ipv4Addr::LOCALHOST, port))),
        run_dir,
        under_way: RwLock::default(),
    });
    let app = Router::new()
        .route("/_groundplan/health", get(health))
        .route("/_groundplan/calls", get(calls))
        .route("/_groundplan/calls/reset", post(reset_calls))
        .route("/_groundplan/reset", post(reset))
        .route("/_groundplan/faults", get(injected).put(set_faults).delete(clear_faults))
        .route("/_groundplan/internal/moto", post(lookup))
        .fallback(answer)
        .with_state(Arc::clone(&shared))
        .into_make_service_with_connect_info::<Connection>();
    shared.run_dir.write(&shared.running())?;
    let stopped = async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    };
    // Connections that clients keep open would hold a graceful end up for ever; what is in flight is lost with the emulators anyway.
    tokio::select! {
        ended = axum::serve(listener, app).into_future() => ended?,
        () = stopped => {}
    }
    shared.run_dir.forget(&shared.cloud.instance());
    Ok(())
}

struct Shared {
    cloud: Cloud,
    endpoint: String,
    run_dir: RunDir,
    /// Held by each call until it was carried out; a reset waits for them, so that none makes anything afterwards.
    under_way: RwLock<()>,
}

impl Shared {
    fn running(&self) -> Running {
        Running {
            endpoint: self.endpoint.clone(),
            pid: std::process::id(),
            instance: self.cloud.instance(),
            time_scale: self.cloud.time_scale,
            emulators: [Emulator::Moto, Emulator::Ministack]
                .map(|emulator| self.cloud.emulator(emulator).describe(emulator))
                .into(),
        }
    }
}

/// Takes the lock for the life of this process. Others look at it for an instant, so one refusal is not yet an answer.
async fn own(run_dir: &RunDir) -> Result<std::fs::File, Error> {
    let lock = lock_file(&run_dir.serve_lock())?;
    let until = Instant::now() + Duration::from_secs(1);
    while lock.try_lock().is_err() {
        if Instant::now() > until {
            return Err(Error::AlreadyRunning { run_dir: run_dir.0.clone() });
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    Ok(lock)
}

/// An emulator, installed if need be and listening.
async fn ready(emulator: Emulator, settings: &Settings, port: u16) -> Result<emulators::Process, Error> {
    let dir = settings.emulators_dir.clone();
    tokio::task::spawn_blocking(move || install(emulator.package(), &dir, &|_| {}))
        .await
        .map_err(std::io::Error::other)??;
    emulators::start(emulator, settings, port).await
}

/// An AWS call.
async fn answer(
    State(shared): State<Arc<Shared>>,
    ConnectInfo(connection): ConnectInfo<Connection>,
    request: Request,
) -> Response {
    let call = match Call::read(request).await {
        Ok(call) => call,
        Err(error) => {
            return text(StatusCode::BAD_REQUEST, format!("local cloud: the request broke off ({error})"));
        }
    };
    // As on AWS, what has arrived is carried out to its end, whether or not its caller is still there.
    match tokio::spawn(carry_out(shared, call)).await {
        Ok(Ending::Answer(reply)) => reply.into_response(),
        Ok(Ending::Cut(how)) => {
            connection.cut(how);
            // Never sent.
            Response::default()
        }
        Err(error) => text(StatusCode::INTERNAL_SERVER_ERROR, format!("local cloud: {error}")),
    }
}

async fn carry_out(shared: Arc<Shared>, call: Call) -> Ending {
    let under_way = shared.under_way.read().await;
    let began = Instant::now();
    let mut line = Line {
        time: jiff::Timestamp::now().to_string(),
        service: call.service.clone(),
        operation: call.operation.clone(),
        region: call.region.clone(),
        resource: call.resource(),
        status: 0,
        fault: None,
        ms: 0.0,
    };
    let outcome = faults::around(&shared.cloud, call).await;
    line.fault = outcome.fault;
    if let Ending::Answer(reply) = &outcome.ending {
        line.status = reply.status.as_u16();
    }
    line.ms = (began.elapsed().as_secs_f64() * 10_000.0).round() / 10.0;
    shared.cloud.record.add(line);
    drop(under_way);
    outcome.ending
}

/// ministack's question to moto: a call that no user made, so it is neither recorded nor touched by any layer.
async fn lookup(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    match Call::read(request).await {
        Ok(mut call) => {
            call.uri = hyper::Uri::from_static("/");
            forward::send(&shared.cloud, call).await.into_response()
        }
        Err(error) => text(StatusCode::BAD_REQUEST, error.to_string()),
    }
}

async fn health(State(shared): State<Arc<Shared>>) -> Response {
    let cloud = &shared.cloud;
    json(&json!({"instance": cloud.instance(), "time_scale": cloud.time_scale, "started": cloud.started}))
}

async fn calls(State(shared): State<Arc<Shared>>) -> Response {
    json(&json!(shared.cloud.record.counts()))
}

async fn reset_calls(State(shared): State<Arc<Shared>>) -> Response {
    shared.cloud.record.reset();
    json(&json!({}))
}

async fn injected(State(shared): State<Arc<Shared>>) -> Response {
    json(&json!(shared.cloud.faults().report()))
}

async fn set_faults(State(shared): State<Arc<Shared>>, body: Bytes) -> Response {
    match Faults::parse(&body) {
        Ok(faults) => {
            faults::set(&shared.cloud, faults);
            injected(State(shared)).await
        }
        Err(error) => text(StatusCode::BAD_REQUEST, format!("not a fault document: {error}")),
    }
}

async fn clear_faults(State(shared): State<Arc<Shared>>) -> Response {
    faults::set(&shared.cloud, Faults::default());
    injected(State(shared)).await
}

async fn reset(State(shared): State<Arc<Shared>>) -> Response {
    let alone = shared.under_way.write().await;
    for emulator in [Emulator::Moto, Emulator::Ministack] {
        let uri = format!("http://127.0.0.1:{}{}", shared.cloud.emulator_port(emulator), emulator.reset_path());
        let Ok(request) = hyper::Request::post(uri).body(Body::empty()) else {
            continue;
        };
        match shared.cloud.client.request(request).await {
            Ok(response) if response.status().is_success() => {}
            Ok(response) => {
                return text(StatusCode::BAD_GATEWAY, format!("{}: {}", emulator.name(), response.status()));
            }
            Err(error) => {
                return text(StatusCode::BAD_GATEWAY, format!("{}: {error}", emulator.name()));
            }
        }
    }
    shared.cloud.renew();
    drop(alone);
    match shared.run_dir.write(&shared.running()) {
        Ok(()) => health(State(shared)).await,
        Err(error) => text(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()),
    }
}

fn json(value: &serde_json::Value) -> Response {
    let mut response = Response::new(Body::from(value.to_string()));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

fn text(status: StatusCode, text: String) -> Response {
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = status;
    response
}
