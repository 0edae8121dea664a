//! A run as it goes: live on a terminal, plain lines elsewhere, JSON lines on request.

use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::time::{Duration, Instant};

use engine::Address;
use engine::event::Event;
use engine::state::Work;
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::task::JoinHandle;

use super::style::{ADD, CHANGE, DESTROY, QUIET, paint};
use super::words::duration;
use super::{json_line, talk};

/// Shows events until there are no more; the handle ends then.
pub fn show(mut events: UnboundedReceiver<Event>, as_json: bool) -> JoinHandle<()> {
    let live = !as_json && std::io::stderr().is_terminal();
    tokio::spawn(async move {
        let mut view = View::new(live);
        while let Some(event) = events.recv().await {
            if as_json {
                json_line(&event);
            } else {
                view.take(event);
            }
        }
        view.end();
    })
}

/// How often a waiting resource is mentioned where nothing can be drawn over.
const MENTION: Duration = Duration::from_secs(30);

struct View {
    live: bool,
    bars: MultiProgress,
    total: Option<ProgressBar>,
    running: BTreeMap<(Address, Work), Running>,
    operations: usize,
    done: usize,
    expected: f64,
    began: Instant,
}

struct Running {
    bar: Option<ProgressBar>,
    mentioned: Instant,
    /// `of ~2 min  `, where it takes long enough to say so.
    of: String,
}

impl View {
    fn new(live: bool) -> Self {
        let bars = MultiProgress::with_draw_target(ProgressDrawTarget::stderr());
        Self {
            live,
            bars,
            total: None,
            running: BTreeMap::new(),
            operations: 0,
            done: 0,
            expected: 0.0,
            began: Instant::now(),
        }
    }

    fn line(&self, line: &str) {
        if self.live {
            // The bars are redrawn below the line; a terminal that is gone is no reason to fail.
            let _ = self.bars.println(line);
        } else {
            talk(format_args!("{line}"));
        }
    }

    fn take(&mut self, event: Event) {
        match event {
            Event::Began { operations, expected_seconds } => self.begin(operations, expected_seconds),
            Event::Recovered { address, found } => self.line(&format!("    {address}: {found}")),
            Event::Started { address, type_name, work, expected_seconds } => {
                self.started(address, &type_name, work, expected_seconds);
            }
            Event::Made { .. } => {}
            Event::Waiting { address, detail } => self.waiting(&address, &detail),
            Event::Retrying { address, failure, seconds } => {
                self.waiting(&address, &format!("{failure}; again in {}", duration(seconds)));
            }
            Event::Finished { address, work, seconds } => {
                let (sign, style, done) = match work {
                    Work::Create => ("+", ADD, "created"),
                    Work::Update => ("~", CHANGE, "changed"),
                    Work::Delete => ("-", DESTROY, "deleted"),
                };
                let took = paint(QUIET, format_args!("{done} in {}", duration(seconds)));
                self.ended(
                    &address,
                    work,
                    &format!("{:>3} {address}  {took}", paint(style, format_args!("{sign:>3}"))),
                );
            }
            Event::Failed { address, work, failure } => {
                let line = format!("{} {address}: {} failed: {failure}", paint(DESTROY, "  ✗"), work.as_str());
                self.ended(&address, work, &line);
                if let Some(hint) = &failure.hint {
                    self.line(&format!("      help: {hint}"));
                }
            }
            Event::Undoing { resources } => {
                self.line(&format!("Taking it back: {} as before.", super::words::count(resources, "resource")));
            }
            Event::Stopping { why } => self.line(&why),
        }
    }

    fn begin(&mut self, operations: usize, expected: f64) {
        if let Some(total) = self.total.take() {
            total.finish_and_clear();
        }
        self.operations = operations;
        self.done = 0;
        self.expected = expected;
        self.began = Instant::now();
        if self.live && operations > 0 {
            let style = ProgressStyle::with_template("{bar:30.green} {pos}/{len} {msg}");
            let bar = self.bars.add(ProgressBar::new(operations as u64));
            bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
            bar.enable_steady_tick(Duration::from_millis(250));
            self.total = Some(bar);
            self.tell_total();
        }
    }

    fn tell_total(&self) {
        let Some(bar) = &self.total else { return };
        bar.set_position(self.done as u64);
        let left = self.expected - self.began.elapsed().as_secs_f64();
        bar.set_message(if left >= 1.0 { format!("about {} left", duration(left)) } else { String::new() });
    }

    fn started(&mut self, address: Address, type_name: &str, work: Work, expected: f64) {
        let of = if expected >= 1.0 { format!("of ~{}  ", duration(expected)) } else { String::new() };
        let bar = self.live.then(|| {
            let template = ProgressStyle::with_template("  {spinner} {prefix}  {elapsed} {msg}");
            let bar = ProgressBar::new_spinner();
            let bar = match &self.total {
                Some(total) => self.bars.insert_before(total, bar),
                None => self.bars.add(bar),
            };
            bar.set_style(template.unwrap_or_else(|_| ProgressStyle::default_spinner()));
            bar.set_prefix(format!("{} {address}", work.as_str()));
            bar.set_message(format!("{of}{type_name}"));
            bar.enable_steady_tick(Duration::from_millis(120));
            bar
        });
        self.running.insert((address, work), Running { bar, mentioned: Instant::now(), of });
    }

    fn waiting(&mut self, address: &Address, detail: &str) {
        self.tell_total();
        let found = self.running.iter_mut().find(|((running, _), _)| running == address);
        let Some((_, running)) = found else { return };
        if let Some(bar) = &running.bar {
            bar.set_message(format!("{}{detail}", running.of));
        } else if running.mentioned.elapsed() >= MENTION {
            running.mentioned = Instant::now();
            talk(format_args!("    {address}: {detail}"));
        }
    }

    fn ended(&mut self, address: &Address, work: Work, line: &str) {
        if let Some(Running { bar: Some(bar), .. }) = self.running.remove(&(address.clone(), work)) {
            bar.finish_and_clear();
        }
        self.done += 1;
        self.line(line);
        self.tell_total();
    }

    fn end(self) {
        if let Some(total) = &self.total {
            total.finish_and_clear();
        }
    }
}
