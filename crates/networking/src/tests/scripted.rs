//! For tests: an EC2 that answers from a script, and remembers what it was asked.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use cloud::{Cloud, Context, Target};

/// One call as it was asked: the action, and the body as it came.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub action: String,
    pub body: String,
}

/// The calls so far.
#[derive(Clone, Default)]
pub(crate) struct Calls(Arc<Mutex<Vec<Asked>>>);

impl Calls {
    /// The actions in their order.
    pub fn actions(&self) -> Vec<String> {
        self.0.lock().unwrap().iter().map(|asked| asked.action.clone()).collect()
    }

    /// How often an action was asked for.
    pub fn count(&self, action: &str) -> usize {
        self.actions().iter().filter(|asked| *asked == action).count()
    }

    /// The bodies of the calls of an action.
    pub fn bodies(&self, action: &str) -> Vec<String> {
        let calls = self.0.lock().unwrap();
        calls.iter().filter(|asked| asked.action == action).map(|asked| asked.body.clone()).collect()
    }
}

/// An answer: what is in the response's element, or an error's code.
pub(crate) enum Answer {
    Is(String),
    Refused(&'static str),
}

/// Serves; the script gets what was asked for and how often it was before.
pub(crate) async fn ec2(script: impl Fn(&Asked, usize) -> Answer + Send + Sync + 'static) -> (Context, Calls) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let calls = Calls::default();
    let seen = calls.clone();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let body = body(&mut stream);
            let action = body.split('&').find_map(|pair| pair.strip_prefix("Action=")).unwrap_or_default().to_owned();
            let asked = Asked { action: action.clone(), body };
            let before = seen.count(&action);
            seen.0.lock().unwrap().push(asked.clone());
            let (status, answer) = match script(&asked, before) {
                Answer::Is(inner) => (200, format!("<{action}Response>{inner}</{action}Response>")),
                Answer::Refused(code) => {
                    let error = format!("<Error><Code>{code}</Code><Message>refused</Message></Error>");
                    (400, format!("<Response><Errors>{error}</Errors><RequestID>r</RequestID></Response>"))
                }
            };
            let head = format!("HTTP/1.1 {status} X\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", answer.len());
            stream.write_all(format!("{head}{answer}").as_bytes()).unwrap();
        }
    });
    let cloud = Cloud::connect(&Target::Local(format!("http://{address}"))).await;
    let context = Context {
        environment: "arrakis/production".into(),
        region: "us-east-1".into(),
        address: "networking.vpc".into(),
        token: "t".into(),
        services: Arc::new(Arc::new(cloud)),
        memo: None,
    };
    (context, calls)
}

/// A request's body, of the length that its head says.
fn body(stream: &mut TcpStream) -> String {
    let mut request = Vec::new();
    let mut part = [0; 4096];
    loop {
        let read = stream.read(&mut part).unwrap();
        request.extend_from_slice(&part[..read]);
        let text = String::from_utf8_lossy(&request);
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head
                .lines()
                .find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length:").map(str::to_owned));
            let length: usize = length.and_then(|length| length.trim().parse().ok()).unwrap_or_default();
            if body.len() >= length || read == 0 {
                return body.to_owned();
            }
        }
        assert!(read > 0, "a request was cut off");
    }
}
