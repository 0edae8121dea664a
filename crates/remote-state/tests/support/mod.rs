//! One local cloud for all tests of a file, and a proxy that loses answers.

#![allow(dead_code, missing_docs)]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use cloud::{Cloud, Target};
use engine::store::Holder;
use lifecycle::TestCloud;
use remote_state::Place;
use remote_state::bucket::Wanted;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OnceCell, oneshot};

pub const BUCKET: &str = "groundplan-state-test";
pub const TABLE: &str = "groundplan-locks-test";
pub const REGION: &str = "us-east-1";

/// Where the local cloud answers. It lives in a thread of its own, as each test has a runtime of its own.
pub async fn endpoint() -> &'static str {
    static ENDPOINT: OnceCell<String> = OnceCell::const_new();
    let start = || async {
        let (tell, told) = oneshot::channel();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Runtime::new().unwrap();
            runtime.block_on(async {
                let cloud = TestCloud::start().await;
                let endpoint = cloud.connection.config(REGION).endpoint_url().unwrap().to_owned();
                wanted().create(&cloud.connection).await.unwrap();
                tell.send(endpoint).unwrap();
                std::future::pending::<()>().await;
            });
        });
        told.await.unwrap()
    };
    ENDPOINT.get_or_init(start).await
}

pub fn wanted() -> Wanted {
    Wanted {
        bucket: BUCKET.to_owned(),
        region: REGION.to_owned(),
        account: "123456789012".to_owned(),
        replicate_to: None,
        lock_table: Some(TABLE.to_owned()),
    }
}

pub async fn connect() -> Arc<Cloud> {
    Arc::new(Cloud::connect(&Target::Local(endpoint().await.to_owned())).await)
}

/// A place that no other test uses.
pub fn place(test: &str) -> Place {
    Place::new(BUCKET, REGION, &["tests", test])
}

pub fn holder(who: &str) -> Holder {
    Holder { who: who.to_owned(), pid: 7, command: format!("deploy-full by {who}"), since: "now".to_owned() }
}

pub fn s3(cloud: &Cloud) -> aws_sdk_s3::Client {
    aws_sdk_s3::Client::new(&cloud.config(REGION))
}

/// A connection whose calls are carried out, but the answers to the first `times` of those whose head contains all of
/// `needles` are lost.
pub async fn losing(needles: &'static [&'static str], times: usize) -> (Arc<Cloud>, Arc<AtomicUsize>) {
    let upstream = endpoint().await.trim_start_matches("http://").to_owned();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let lost = Arc::new(AtomicUsize::new(0));
    let counter = lost.clone();
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let (upstream, lost) = (upstream.clone(), lost.clone());
            tokio::spawn(async move {
                let server = TcpStream::connect(upstream).await.unwrap();
                let _ = pass(client, server, needles, times, &lost).await;
            });
        }
    });
    (Arc::new(Cloud::connect(&Target::Local(endpoint)).await), counter)
}

async fn pass(
    mut client: TcpStream,
    mut server: TcpStream,
    needles: &[&str],
    times: usize,
    lost: &AtomicUsize,
) -> std::io::Result<()> {
    let (mut up, mut down) = (vec![0; 65536], vec![0; 65536]);
    let mut lose = false;
    loop {
        tokio::select! {
            read = client.read(&mut up) => {
                let read = read?;
                if read == 0 { return Ok(()) }
                let text = String::from_utf8_lossy(&up[..read]);
                let head = text.split("\r\n\r\n").next().unwrap_or_default();
                lose |= needles.iter().all(|needle| head.contains(needle)) && lost.load(Ordering::SeqCst) < times;
                server.write_all(&up[..read]).await?;
            }
            read = server.read(&mut down) => {
                let read = read?;
                if read == 0 { return Ok(()) }
                // `100 Continue` is no answer yet.
                if lose && !down[..read].starts_with(b"HTTP/1.1 100") {
                    lost.fetch_add(1, Ordering::SeqCst);
                    return Ok(());
                }
                client.write_all(&down[..read]).await?;
            }
        }
    }
}
