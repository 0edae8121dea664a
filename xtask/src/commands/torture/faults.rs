//! Calls that go wrong: the command converges or stops cleanly, and the same command again converges.

use local_cloud::faults::{PRESETS, preset};

use super::Torture;
use super::crash::{DEPLOY, DESTROY, Worker};
use super::tally::Tally;
use crate::app::local_error;
use crate::error::{Error, Result, status};

impl Worker<'_> {
    /// A deploy and a destroy under faults of a class, each with these seeds.
    pub fn faults(&mut self, class: &str, seeds: &[u64]) -> Result<Tally> {
        let mut tally = Tally::new(class, seeds.len() * 2);
        let empty = self.read()?;
        self.world.must(DEPLOY)?;
        let whole = self.read()?;
        self.world.must(DESTROY)?;
        for &seed in seeds {
            for (args, expected) in [(DEPLOY, &whole), (DESTROY, &empty)] {
                if self.torture.is_interrupted() {
                    return Ok(tally);
                }
                let place = format!("seed {seed}, {}", args[0]);
                self.set(Some((class, seed)))?;
                // What is never ready is waited for until somebody stops it: the operator, here.
                let patience = (class == "never-ready").then_some(60);
                let first = self.world.run_for(args, patience)?;
                self.set(None)?;
                let stopped = match first.status {
                    Some(0) => false,
                    Some(code) if clean(code) => true,
                    _ => {
                        tally.lost += 1;
                        tally.failures.push(format!("{class} at {place}: {:?}\n{}", first.status, first.tail()));
                        true
                    }
                };
                let mut found = self.read()?;
                tally.duplicates += found.differs(&whole).duplicates.len();
                let mut last = first;
                if stopped {
                    last = self.world.run(args, None)?;
                    found = self.read()?;
                }
                let difference = found.differs(expected);
                let good = tally.judge(&place, 1, &last, &difference);
                if good && stopped {
                    tally.converged -= 1;
                    tally.stopped += 1;
                }
                self.torture.tick(1);
                if !good {
                    self.torture.say(tally.failures.last().map(String::as_str).unwrap_or_default());
                    self.world.start_over()?;
                    if args == DEPLOY {
                        self.world.must(DEPLOY)?;
                    }
                }
            }
        }
        Ok(tally)
    }

    fn set(&self, faults: Option<(&str, u64)>) -> Result<()> {
        let run_dir = self.world.home().join("local-cloud");
        let faults = match faults {
            Some((class, seed)) => {
                Some(preset(class, seed).ok_or_else(|| Error::told(format!("no faults are called `{class}`")))?)
            }
            None => None,
        };
        let set = local_cloud::set_faults(&run_dir, faults.as_ref());
        tokio::runtime::Handle::current().block_on(set).map_err(local_error)
    }
}

/// Whether a command that did not succeed said so by its status.
fn clean(code: i32) -> bool {
    [status::ERROR, status::PARTLY, status::INTERRUPTED].map(i32::from).contains(&code)
}

impl Torture<'_> {
    /// Each class of faults, on a cloud where things take a little time.
    pub fn fault_classes(&self) -> Result<Vec<Tally>> {
        const TIME_SCALE: f64 = 0.002;
        let many = if self.args.all { 5 } else { 1 };
        let seeds: Vec<u64> = (0..many).map(|index| self.args.seed * 1000 + index).collect();
        self.planned(PRESETS.len() * seeds.len() * 2);
        let mut worker = Worker::new(self, TIME_SCALE)?;
        PRESETS.iter().map(|class| worker.faults(class, &seeds)).collect()
    }
}
