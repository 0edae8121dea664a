//! `torture`: kills commands at every point, breaks calls, runs two at once, and looks whether anything was lost.

mod crash;
mod faults;
mod inventory;
mod tally;
mod together;
mod variant;
mod world;

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Instant;

use serde_json::json;

use crate::app::App;
use crate::cli::{CloudName, TortureArgs, TortureCommand, TortureKind};
use crate::display::words::{count, duration};
use crate::display::{data, json as print_json, talk};
use crate::error::{Error, Result};
use crash::{Points, Worker};
use tally::Tally;
use world::World;

/// What all workers share.
pub struct Torture<'a> {
    app: &'a App,
    name: String,
    args: &'a TortureArgs,
    interrupted: &'a AtomicBool,
    began: Instant,
    tried: AtomicUsize,
    planned: AtomicUsize,
}

/// Tortures.
pub async fn run(app: &App, args: &TortureArgs) -> Result<()> {
    if app.global.cloud != CloudName::Local {
        return Err(Error::told("this is for the local cloud only"));
    }
    let interrupted = std::sync::Arc::new(AtomicBool::new(false));
    let flag = interrupted.clone();
    let mut interrupts = crate::interrupt::listen();
    tokio::spawn(async move {
        if interrupts.changed().await.is_ok() {
            talk(format_args!("Interrupted: what is under way is finished, and the local clouds are stopped."));
            flag.store(true, Ordering::Relaxed);
        }
    });
    let torture = Torture {
        name: app.environment()?,
        app,
        args,
        interrupted: &interrupted,
        began: Instant::now(),
        tried: AtomicUsize::new(0),
        planned: AtomicUsize::new(0),
    };
    let tallies = tokio::task::block_in_place(|| torture.all())?;
    torture.report(&tallies)
}

impl Torture<'_> {
    fn all(&self) -> Result<Vec<Tally>> {
        let mut tallies = Vec::new();
        if self.wants(TortureKind::Crash) || self.wants(TortureKind::Recovery) {
            self.say("recording the points of a deploy, an update and a destroy");
            let points = Points::record(&World::new(self.app, &self.name, 0.0)?, self.args.update)?;
            if self.wants(TortureKind::Crash) {
                tallies.extend(self.crashes(&points)?);
            }
            if self.wants(TortureKind::Recovery) {
                tallies.extend(self.recoveries(&points)?);
            }
        }
        if self.wants(TortureKind::Waiting) {
            tallies.push(self.waiting()?);
        }
        if self.wants(TortureKind::Faults) {
            tallies.extend(self.fault_classes()?);
        }
        if self.wants(TortureKind::Together) {
            tallies.extend(self.pairs()?);
        }
        Ok(tallies)
    }

    fn wants(&self, kind: TortureKind) -> bool {
        !self.is_interrupted() && (self.args.only.is_empty() || self.args.only.contains(&kind))
    }

    /// Killed at each point. Where all are tried, several in one life, far apart; what those did not come to, fewer in
    /// one life, and at last alone.
    fn crashes(&self, points: &Points) -> Result<Vec<Tally>> {
        let wanted = |command, points: &[String], salt| -> Vec<String> {
            let only = &self.args.command;
            let is_wanted = only.is_empty() || only.contains(&command);
            let points = if is_wanted { self.sample(points, salt) } else { Vec::new() };
            points.into_iter().map(|point| format!("at:{point}")).collect()
        };
        let mut left = [
            wanted(TortureCommand::Deploy, &points.deploy, 1),
            wanted(TortureCommand::Update, &points.there, 2),
            wanted(TortureCommand::Update, &points.back, 3),
            wanted(TortureCommand::Destroy, &points.destroy, 4),
        ];
        let mut tallies = none();
        let in_one_life: &[usize] = if self.args.all { &[8, 4, 2, 1] } else { &[1] };
        for &many in in_one_life {
            let tried = self.lives(&left.each_ref().map(|orders| far_apart(orders, many)))?;
            for ((tally, tried), left) in tallies.iter_mut().zip(tried).zip(&mut left) {
                left.retain(|order| tried.missed.contains(order));
                tally.add(Tally { missed: Vec::new(), ..tried });
            }
            // They were planned, and not come to: the next round plans them again.
            self.planned.fetch_sub(left.iter().map(Vec::len).sum(), Ordering::Relaxed);
            if self.is_interrupted() || left.iter().all(Vec::is_empty) {
                break;
            }
        }
        let counts = [&points.deploy, &points.there, &points.back, &points.destroy].map(Vec::len);
        for ((tally, count), left) in tallies.iter_mut().zip(counts).zip(left) {
            tally.points = count;
            tally.missed = left;
        }
        let [deploy, mut update, back, destroy] = tallies;
        update.points += back.points;
        update.add(back);
        Ok(vec![deploy, update, destroy])
    }

    /// Killed at a point, then killed again while that is being recovered.
    fn recoveries(&self, points: &Points) -> Result<Vec<Tally>> {
        let orders = |points: &[String], salt: u64| -> Vec<Vec<String>> {
            let many = if self.args.all { 100 } else { self.args.sample.div_ceil(8) };
            let chosen = shuffled(points, self.args.seed ^ salt).into_iter().take(many).enumerate();
            let twice = |(index, point): (usize, String)| {
                // The second run is killed early, where it recovers, as often as later on.
                let random = splitmix(self.args.seed ^ salt ^ index as u64);
                let within = if index % 2 == 0 { 30 } else { points.len() as u64 / 2 + 1 };
                vec![format!("at:{point}"), format!("nth:{}", random % within + 1)]
            };
            chosen.map(twice).collect()
        };
        let tallies = self.lives(&[
            orders(&points.deploy, 11),
            orders(&points.there, 12),
            orders(&points.back, 13),
            orders(&points.destroy, 14),
        ])?;
        let mut all = Tally::new("killed again in recovery", 0);
        tallies.into_iter().for_each(|tally| all.add(tally));
        all.points = all.tried;
        Ok(vec![all])
    }

    /// Killed while a resource becomes ready, where that takes time.
    fn waiting(&self) -> Result<Tally> {
        const TIME_SCALE: f64 = 0.01;
        let mut worker = Worker::new(self, TIME_SCALE)?;
        let (deploy, destroy) = worker.waiting_points()?;
        let many = if self.args.all { usize::MAX } else { 3 };
        let orders = |points: Vec<String>, salt| -> Vec<Vec<String>> {
            let chosen = shuffled(&points, self.args.seed ^ salt).into_iter().take(many);
            chosen.map(|point| vec![format!("at:{point}")]).collect()
        };
        let all = deploy.len() + destroy.len();
        let (deploys, destroys) = (orders(deploy, 21), orders(destroy, 22));
        self.planned(deploys.len() + destroys.len());
        let [mut tally, destroyed] = worker.deploy_and_destroy(&deploys, &destroys)?;
        tally.what = "killed while waiting".to_owned();
        tally.add(destroyed);
        tally.points = all;
        Ok(tally)
    }

    /// Lives of the environment on several worlds at once, each killed at its part of the orders: of the first deploy, the
    /// update there and back, and the destroy.
    fn lives(&self, orders: &[Vec<Life>; 4]) -> Result<[Tally; 4]> {
        self.planned(orders.iter().flatten().map(Vec::len).sum());
        let jobs = self.args.jobs.max(1);
        let parts = std::thread::scope(|scope| {
            let workers: Vec<_> = (0..jobs)
                .map(|job| {
                    let part = |orders: &Vec<Life>| orders.iter().skip(job).step_by(jobs).cloned().collect();
                    let [deploys, there, back, destroys]: [Vec<Life>; 4] = orders.each_ref().map(part);
                    scope.spawn(move || -> Result<[Tally; 4]> {
                        let mut worker = Worker::new(self, 0.0)?;
                        let [deploy, destroy] = worker.deploy_and_destroy(&deploys, &destroys)?;
                        let [there, back] = worker.update(&there, &back)?;
                        Ok([deploy, there, back, destroy])
                    })
                })
                .collect();
            let gone = |_| Error::told("a worker broke off");
            workers.into_iter().map(|worker| worker.join().map_err(gone)?).collect::<Result<Vec<_>>>()
        })?;
        let mut tallies = none();
        for part in parts {
            tallies.iter_mut().zip(part).for_each(|(tally, part)| tally.add(part));
        }
        Ok(tallies)
    }

    /// The points to try: all, or a sample by the seed.
    fn sample(&self, points: &[String], salt: u64) -> Vec<String> {
        match self.args.all {
            true => points.to_vec(),
            false => shuffled(points, self.args.seed ^ salt).into_iter().take(self.args.sample.div_ceil(4)).collect(),
        }
    }

    /// So many more tries are to come.
    fn planned(&self, tries: usize) {
        self.planned.fetch_add(tries, Ordering::Relaxed);
    }

    fn is_interrupted(&self) -> bool {
        self.interrupted.load(Ordering::Relaxed)
    }

    fn say(&self, what: &str) {
        talk(format_args!("{what}"));
    }

    /// So many more tries are done.
    fn tick(&self, tries: usize) {
        let before = self.tried.fetch_add(tries, Ordering::Relaxed);
        let tried = before + tries;
        let planned = self.planned.load(Ordering::Relaxed).max(tried);
        if before / 25 != tried / 25 || tried == planned {
            let seconds = self.began.elapsed().as_secs_f64();
            let left = seconds / tried as f64 * (planned - tried) as f64;
            self.say(&format!("{tried} of {planned} tries in {}, about {} left", duration(seconds), duration(left)));
        }
    }

    fn report(&self, tallies: &[Tally]) -> Result<()> {
        let lost: usize = tallies.iter().map(|tally| tally.lost).sum();
        let seconds = self.began.elapsed().as_secs_f64();
        if self.app.global.json {
            print_json(&json!({
                "environment": self.name, "seed": self.args.seed, "seconds": seconds, "lost": lost, "tries": tallies
            }));
        } else {
            for failure in tallies.iter().flat_map(|tally| &tally.failures) {
                talk(format_args!("{failure}\n"));
            }
            let missed: Vec<&str> = tallies.iter().flat_map(|tally| &tally.missed).map(String::as_str).collect();
            if !missed.is_empty() {
                talk(format_args!(
                    "{} not come to again, they depend on how long things took:",
                    count(missed.len(), "point")
                ));
                missed.iter().for_each(|point| talk(format_args!("    {}", point.trim_start_matches("at:"))));
            }
            data(tally::table(tallies));
            data(format_args!("{} in {}, seed {}", self.name, duration(seconds), self.args.seed));
        }
        if self.is_interrupted() {
            return Err(Error::Exit(crate::error::status::INTERRUPTED));
        }
        match lost {
            0 => Ok(()),
            _ => Err(Error::told(format!("{lost} tries did not come to what they should"))
                .hint(format!("the same again: cargo xtask torture --seed {}", self.args.seed))),
        }
    }
}

/// The points at which the runs of one life of the environment are killed, one after the other.
type Life = Vec<String>;

/// So many points in one life, as far from each other as can be.
fn far_apart(points: &[String], in_one_life: usize) -> Vec<Life> {
    let lives = points.len().div_ceil(in_one_life);
    (0..lives).map(|life| points.iter().skip(life).step_by(lives).cloned().collect()).collect()
}

/// No tries yet: of the first deploy, the update there and back, and the destroy.
fn none() -> [Tally; 4] {
    [crash::FIRST_DEPLOY, crash::UPDATE, crash::UPDATE, crash::LAST].map(|what| Tally::new(what, 0))
}

/// The splitmix64 generator: a number that looks random, always the same for the same input.
fn splitmix(input: u64) -> u64 {
    let mut z = input.wrapping_add(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

fn shuffled(points: &[String], seed: u64) -> Vec<String> {
    let mut keyed: Vec<(u64, &String)> =
        points.iter().enumerate().map(|(index, point)| (splitmix(seed ^ ((index as u64) << 20)), point)).collect();
    keyed.sort();
    keyed.into_iter().map(|(_, point)| point.clone()).collect()
}
