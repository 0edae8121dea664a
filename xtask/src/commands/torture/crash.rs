//! Killed at each point of a command, then the same command again.

use super::Torture;
use super::inventory::{Inventory, Reader};
use super::tally::Tally;
use super::variant::Variant;
use super::world::World;
use crate::cli::TortureUpdate;
use crate::error::{About, Error, Result};

/// What a deploy is.
pub const DEPLOY: &[&str] = &["deploy-full", "--yes"];
/// What a destroy is. Consent is given at once: it is the same command again.
pub const DESTROY: &[&str] = &["destroy", "--yes", "--lift-protection"];

/// How many lives of the environment a local cloud serves before it is emptied.
const LIVES_OF_A_CLOUD: usize = 16;

/// What tallies call a first deploy.
pub const FIRST_DEPLOY: &str = "first deploy";
/// What they call an update.
pub const UPDATE: &str = "update with replacement";
/// What they call a destroy.
pub const LAST: &str = "destroy";

/// The points that a command passes, in order.
pub fn points(world: &World, args: &[&str]) -> Result<Vec<String>> {
    let file = world.root().join("points");
    let order = format!("record:{}", file.display());
    let ended = world.run(args, Some(&order))?;
    if !ended.is_ok() {
        return Err(Error::told(format!("`{}` failed in a world without faults", args.join(" "))).detail(ended.tail()));
    }
    let text = std::fs::read_to_string(&file).about(&file)?;
    std::fs::remove_file(&file).about(&file)?;
    Ok(text.lines().map(str::to_owned).collect())
}

/// One world at work.
pub struct Worker<'a> {
    pub(super) torture: &'a Torture<'a>,
    pub(super) world: World,
    pub(super) reader: Reader,
}

impl<'a> Worker<'a> {
    /// A worker with a world of its own.
    pub fn new(torture: &'a Torture<'a>, time_scale: f64) -> Result<Self> {
        let world = World::new(torture.app, &torture.name, time_scale)?;
        let reader = Reader::start(&world)?;
        Ok(Self { torture, world, reader })
    }

    /// Puts the state of this world's environment into the S3 of its cloud.
    pub fn state_in_s3(&mut self) -> Result<()> {
        Variant::state_in_s3(&self.world)?;
        self.world.must(&["create-state-bucket", "--yes"])
    }

    /// What is there now.
    pub(super) fn read(&mut self) -> Result<Inventory> {
        Ok(Inventory { outputs: self.world.outputs()?, ..self.reader.read()? })
    }

    /// Killed at one point after the other, the same command each time; then once to its end, and compared.
    ///
    /// `restore` is what leads to `expected` from nothing, should something be wrong afterwards.
    fn at(
        &mut self,
        tally: &mut Tally,
        args: &[&str],
        orders: &[String],
        expected: &Inventory,
        restore: &[&str],
    ) -> Result<()> {
        let mut killed = Vec::new();
        for order in orders {
            if self.world.run(args, Some(order))?.status.is_some() {
                // It ended before it came there: nothing is left to do for the rest.
                tally.missed.extend(orders[killed.len()..].iter().cloned());
                break;
            }
            killed.push(order.as_str());
        }
        tally.killed += killed.len();
        let last = self.world.run(args, None)?;
        let difference = self.read()?.differs(expected);
        let place = killed.join(", then ");
        self.torture.tick(killed.len());
        if !tally.judge(&place, killed.len(), &last, &difference) {
            self.torture.say(tally.failures.last().map(String::as_str).unwrap_or_default());
            self.world.start_over()?;
            if !restore.is_empty() {
                self.world.must(restore)?;
            }
        }
        Ok(())
    }

    /// A first deploy and a destroy, killed at each of these points.
    pub fn deploy_and_destroy(&mut self, deploys: &[Vec<String>], destroys: &[Vec<String>]) -> Result<[Tally; 2]> {
        let mut tallies = [FIRST_DEPLOY, LAST].map(|what| Tally::new(what, 0));
        let empty = self.read()?;
        self.world.must(DEPLOY)?;
        let whole = self.read()?;
        self.world.must(DESTROY)?;
        for index in 0..deploys.len().max(destroys.len()) {
            if self.torture.is_interrupted() {
                break;
            }
            // Emulators keep what was deleted, and become slow by it.
            if index % LIVES_OF_A_CLOUD == LIVES_OF_A_CLOUD - 1 {
                self.world.start_over()?;
            }
            match deploys.get(index) {
                Some(orders) => self.at(&mut tallies[0], DEPLOY, orders, &whole, DEPLOY)?,
                None => self.world.must(DEPLOY)?,
            }
            match destroys.get(index) {
                Some(orders) => self.at(&mut tallies[1], DESTROY, orders, &empty, &[])?,
                None => self.world.start_over()?,
            }
        }
        Ok(tallies)
    }

    /// Where a deploy and a destroy wait for the first time for each resource; and the fourth time, if all are tried.
    pub fn waiting_points(&mut self) -> Result<(Vec<String>, Vec<String>)> {
        let all = self.torture.args.all;
        let waits = |points: Vec<String>| -> Vec<String> {
            let told = |point: &String| point.ends_with("/waiting/1") || all && point.ends_with("/waiting/4");
            points.into_iter().filter(told).collect()
        };
        Ok((waits(points(&self.world, DEPLOY)?), waits(points(&self.world, DESTROY)?)))
    }

    /// An update with replacements, and back again, killed at each of these points.
    pub fn update(&mut self, there: &[Vec<String>], back: &[Vec<String>]) -> Result<[Tally; 2]> {
        let mut tallies = [UPDATE, UPDATE].map(|what| Tally::new(what, 0));
        if there.is_empty() && back.is_empty() {
            return Ok(tallies);
        }
        let variant = Variant::of(&self.world, self.torture.args.update)?;
        self.world.must(DEPLOY)?;
        let before = self.read()?;
        variant.write()?;
        self.world.must(DEPLOY)?;
        let after = self.read()?;
        variant.write_back()?;
        self.world.must(DEPLOY)?;
        for index in 0..there.len().max(back.len()) {
            if self.torture.is_interrupted() {
                break;
            }
            variant.write()?;
            match there.get(index) {
                Some(orders) => self.at(&mut tallies[0], DEPLOY, orders, &after, DEPLOY)?,
                None => self.world.must(DEPLOY)?,
            }
            variant.write_back()?;
            match back.get(index) {
                Some(orders) => self.at(&mut tallies[1], DEPLOY, orders, &before, DEPLOY)?,
                None => self.world.must(DEPLOY)?,
            }
        }
        self.world.must(DESTROY)?;
        Ok(tallies)
    }
}

/// The points of each command, recorded in one undisturbed life of an environment.
#[derive(Debug, Default)]
pub struct Points {
    /// Of a first deploy.
    pub deploy: Vec<String>,
    /// Of an update with replacements.
    pub there: Vec<String>,
    /// Of the update back.
    pub back: Vec<String>,
    /// Of a destroy.
    pub destroy: Vec<String>,
}

impl Points {
    /// Lives that life.
    pub fn record(world: &World, update: TortureUpdate) -> Result<Self> {
        let variant = Variant::of(world, update)?;
        let deploy = points(world, DEPLOY)?;
        variant.write()?;
        let there = points(world, DEPLOY)?;
        variant.write_back()?;
        let back = points(world, DEPLOY)?;
        Ok(Self { deploy, there, back, destroy: points(world, DESTROY)? })
    }
}
