//! Two of one command at once: one proceeds; the other leaves with the holder's name, or waits and then finds nothing to do.

use super::Torture;
use super::crash::{DEPLOY, DESTROY, Worker};
use super::tally::Tally;
use super::world::ended;
use crate::error::{Error, Result};

impl Worker<'_> {
    /// Two deploys at once and two destroys at once, in turn.
    pub fn together(&mut self, what: &str, times: usize) -> Result<Tally> {
        let mut tally = Tally::new(what, times);
        let empty = self.read()?;
        self.world.must(DEPLOY)?;
        let whole = self.read()?;
        self.world.must(DESTROY)?;
        for time in 0..times {
            if self.torture.is_interrupted() {
                break;
            }
            let (args, expected) = if time % 2 == 0 { (DEPLOY, &whole) } else { (DESTROY, &empty) };
            // Every second pair waits for its turn.
            let waits = time % 4 >= 2;
            let args: Vec<&str> =
                args.iter().copied().chain(waits.then_some(["--lock-timeout", "60"]).into_iter().flatten()).collect();
            let pair = [self.world.spawn(&args)?, self.world.spawn(&args)?];
            let pair = pair.map(|child| child.wait_with_output().map(|output| ended(output.status, &output.stderr)));
            let [first, second] = pair;
            let (first, second) = (first?, second?);
            let (winner, other) = if first.is_ok() { (first, second) } else { (second, first) };
            let told = other.said.contains("another run is at work") && other.said.contains(args[0]);
            if other.status == Some(1) && told && !waits {
                tally.stopped += 1;
            } else if !other.is_ok() {
                tally.lost += 1;
                tally.failures.push(format!("{what}: the other one ended with {:?}\n{}", other.status, other.tail()));
            }
            let difference = self.read()?.differs(expected);
            if !tally.judge(&format!("pair {time}"), 1, &winner, &difference) {
                return Err(Error::told(tally.failures.join("\n")));
            }
            self.torture.tick(1);
        }
        Ok(tally)
    }
}

impl Torture<'_> {
    /// With the state on disk, and with it in S3.
    pub fn pairs(&self) -> Result<Vec<Tally>> {
        let times = if self.args.all { 50 } else { 4 };
        self.planned(times * 2);
        let disk = Worker::new(self, 0.0)?.together("two at once, state on disk", times)?;
        let mut worker = Worker::new(self, 0.0)?;
        worker.state_in_s3()?;
        Ok(vec![disk, worker.together("two at once, state in S3", times)?])
    }
}
